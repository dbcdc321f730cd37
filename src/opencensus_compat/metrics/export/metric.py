"""A metric with the points of one moment, as exporters receive it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opencensus_compat.metrics.export import metric_descriptor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opencensus_compat.metrics.export.metric_descriptor import MetricDescriptor
    from opencensus_compat.metrics.export.time_series import TimeSeries


class Metric:
    """A descriptor, and a time series for each set of label values.

    Args:
        descriptor: What the metric is.
        time_series: Its time series, at least one.

    Raises:
        ValueError: There are none, there is no descriptor, or a point's value is not of the descriptor's kind.
    """

    def __init__(self, descriptor: MetricDescriptor, time_series: Sequence[TimeSeries]) -> None:
        if not time_series:
            raise ValueError(f"time_series must not be empty or null, got {time_series!r}")
        if descriptor is None:
            raise ValueError("descriptor must not be null: expected a MetricDescriptor")
        self._time_series = time_series
        self._descriptor = descriptor
        self._check_type()

    def __repr__(self) -> str:
        return f'{type(self).__name__}(time_series=<{len(self.time_series)} TimeSeries>, descriptor.name="{self.descriptor.name}")'

    @property
    def time_series(self) -> Sequence[TimeSeries]:
        """The time series, at least one."""
        return self._time_series

    @property
    def descriptor(self) -> MetricDescriptor:
        """What the metric is."""
        return self._descriptor

    def _check_type(self) -> None:
        expected = metric_descriptor.MetricDescriptorType.to_type_class(self._descriptor.type)
        for series in self._time_series:
            if not series.check_points_type(expected):
                raise ValueError(
                    f"Invalid point value type of metric {self._descriptor.name!r}: expected {expected.__name__}, got {series!r}"
                )

    def _check_start_timestamp(self) -> None:
        """Check that a cumulative metric says since when it adds up.

        Raises:
            ValueError: A time series does not.
        """
        kinds = metric_descriptor.MetricDescriptorType
        if self.descriptor.type not in (kinds.CUMULATIVE_INT64, kinds.CUMULATIVE_DOUBLE, kinds.CUMULATIVE_DISTRIBUTION):
            return
        for series in self.time_series:
            if series.start_timestamp is None:
                raise ValueError(
                    f"time_series.start_timestamp must exist for cumulative metrics: metric {self.descriptor.name!r}, got {series!r}"
                )
