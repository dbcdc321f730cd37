"""How a measure is shown: put together in which way, and broken down by which tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opencensus_compat.metrics import label_key
from opencensus_compat.metrics.export import metric_descriptor
from opencensus_compat.stats.measure import BaseMeasure


class View:
    """How a measure is shown. Two views are the same when they are one object.

    Args:
        name: Its name, unlike that of other views; that of the metric.
        description: What it shows, for people.
        columns: Keys of the tags by which it is broken down.
        measure: What is measured.
        aggregation: How measurements are put together, one of `aggregation`.
    """

    def __init__(self, name: str, description: str | None, columns: Sequence[str], measure: BaseMeasure, aggregation: Any) -> None:
        self._name = name
        self._description = description
        self._columns = columns
        self._measure = measure
        self._aggregation = aggregation
        self._metric_descriptor: metric_descriptor.MetricDescriptor | None = None

    @property
    def name(self) -> str:
        """Its name, that of the metric."""
        return self._name

    @property
    def description(self) -> str | None:
        """What it shows, for people."""
        return self._description

    @property
    def columns(self) -> Sequence[str]:
        """Keys of the tags by which it is broken down."""
        return self._columns

    @property
    def measure(self) -> BaseMeasure:
        """What is measured."""
        return self._measure

    @property
    def aggregation(self) -> Any:
        """How measurements are put together."""
        return self._aggregation

    def new_aggregation_data(self) -> Any:
        """Return what holds the measurements of one set of tag values."""
        return self._aggregation.new_aggregation_data(self.measure)

    def get_metric_descriptor(self) -> metric_descriptor.MetricDescriptor:
        """Return the descriptor of the view's metric, made at the first call.

        Raises:
            ValueError: The measure is neither a `MeasureInt` nor a `MeasureFloat`, and the aggregation has to know.
        """
        if self._metric_descriptor is None:
            self._metric_descriptor = metric_descriptor.MetricDescriptor(
                self.name,
                self.description,
                self.measure.unit,
                self.aggregation.get_metric_type(self.measure),
                [label_key.LabelKey(column, "") for column in self.columns],
            )
        return self._metric_descriptor
