"""What the conversion reads of OpenCensus's metric classes. They are not imported: the exporter stays when OpenCensus's tree is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime


class LabelKey(Protocol):
    """``opencensus.metrics.label_key.LabelKey``."""

    @property
    def key(self) -> str:
        """Name of the label."""


class LabelValue(Protocol):
    """``opencensus.metrics.label_value.LabelValue``; programs give it numbers, too."""

    @property
    def value(self) -> object:
        """None where the series has no value for its key."""


class Point(Protocol):
    """``opencensus.metrics.export.point.Point``."""

    @property
    def value(self) -> object:
        """A :class:`Value` or a :class:`Distribution`; None where the function that returns it is gone."""

    @property
    def timestamp(self) -> datetime:
        """In UTC, without a zone."""


class Value(Protocol):
    """``ValueDouble``, ``ValueLong`` or ``ValueSummary`` of ``opencensus.metrics.export.value``."""

    @property
    def value(self) -> object:
        """A number, or a :class:`Summary`."""


class Distribution(Protocol):
    """``opencensus.metrics.export.value.ValueDistribution``."""

    @property
    def count(self) -> int:
        """How many numbers."""

    @property
    def sum(self) -> float:
        """Of the numbers."""

    @property
    def sum_of_squared_deviation(self) -> float:
        """From their mean."""


class Summary(Protocol):
    """``opencensus.metrics.export.summary.Summary``."""

    @property
    def count(self) -> int | None:
        """How many numbers; None where that is not known."""

    @property
    def sum_data(self) -> float | None:
        """Sum of the numbers; None where that is not known."""


class TimeSeries(Protocol):
    """``opencensus.metrics.export.time_series.TimeSeries``."""

    @property
    def label_values(self) -> Sequence[LabelValue | None]:
        """In the order of the metric's keys."""

    @property
    def points(self) -> Iterable[Point]:
        """The values."""


class Descriptor(Protocol):
    """``opencensus.metrics.export.metric_descriptor.MetricDescriptor``."""

    @property
    def name(self) -> str:
        """Of the metric."""

    @property
    def label_keys(self) -> Iterable[LabelKey]:
        """Of the metric's labels."""


class Metric(Protocol):
    """``opencensus.metrics.export.metric.Metric``. Values stay cumulative."""

    @property
    def descriptor(self) -> Descriptor:
        """What the metric is."""

    @property
    def time_series(self) -> Iterable[TimeSeries]:
        """One for each set of label values."""
