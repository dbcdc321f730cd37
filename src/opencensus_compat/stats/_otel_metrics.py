"""Points of OpenTelemetry's instruments as OpenCensus's metrics."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import Gauge, Histogram, HistogramDataPoint, Sum

from opencensus_compat._bridge.process import SCOPE, report
from opencensus_compat.common import utils
from opencensus_compat.metrics import _lock
from opencensus_compat.metrics.export import metric, point, time_series, value
from opencensus_compat.metrics.export.metric_descriptor import MetricDescriptor, MetricDescriptorType
from opencensus_compat.metrics.label_key import LabelKey
from opencensus_compat.metrics.label_value import LabelValue
from opencensus_compat.stats.aggregation_data import DistributionAggregationData

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from opentelemetry.sdk.metrics.export import Metric as OtelMetric
    from opentelemetry.sdk.metrics.export import MetricsData

__all__ = ["Described", "Distribution"]

_KINDS = MetricDescriptorType


class Distribution:
    """The values of one series of a histogram, as OpenCensus adds them up.

    Args:
        bounds: Its boundaries; those up to 0 are left out, as OpenCensus does.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._data = DistributionAggregationData(0, 0, 0, None, _above_0(bounds))

    def add(self, number: float) -> None:
        """Add a value."""
        with _lock.recording:
            self._data.add_sample(number, None, None)

    def to_point(self, timestamp: datetime) -> point.Point:
        """Return what was added so far as a point of that time."""
        with _lock.recording:
            return self._data.to_point(timestamp)


class Described:
    """What is known of the metrics of a meter provider, from one reading to the next.

    Args:
        columns: Name of a metric to its label keys.
        floats: Names of those with floating-point numbers.
    """

    def __init__(self, columns: Mapping[str, Sequence[str]], floats: Iterable[str]) -> None:
        self._columns = {name.lower(): (name, tuple(keys)) for name, keys in columns.items()}
        self._floats = {name.lower() for name in floats}
        self._seen: dict[str, dict[str, None]] = {}
        """Name of a metric without columns to the attributes that its points had, in their order."""

    def metrics(self, data: MetricsData | None, timestamp: datetime) -> Iterator[metric.Metric]:
        """Yield metrics as OpenCensus has them, without those of views: `stats.stats` has these.

        Args:
            data: What a reader got, cumulative.
            timestamp: The time of the points.
        """
        for of_resource in data.resource_metrics if data is not None else ():
            for of_scope in of_resource.scope_metrics:
                for each in of_scope.metrics if of_scope.scope.name != SCOPE else ():
                    made = self._metric(each, timestamp)
                    if made is not None:
                        yield made

    def _metric(self, read: OtelMetric, timestamp: datetime) -> metric.Metric | None:
        points: list[Any] = list(read.data.data_points)
        if not points:
            return None
        kind = self._kind(read, points)
        if kind is None:
            report("OpenCensus has no metric for an exponential histogram: its exporters do not get %r", read.name)
            return None
        name, keys = self._columns.get(read.name.lower()) or (read.name, self._keys(read.name, points))
        descriptor = MetricDescriptor(name, read.description, read.unit, kind, [LabelKey(key, "") for key in keys])
        return metric.Metric(descriptor, [_series(each, kind, keys, timestamp) for each in points])

    def _kind(self, read: OtelMetric, points: Sequence[Any]) -> int | None:
        if isinstance(read.data, Histogram):
            return _KINDS.CUMULATIVE_DISTRIBUTION
        if not isinstance(read.data, (Sum, Gauge)):
            return None
        name = read.name.lower()
        if name not in self._columns and any(isinstance(each.value, float) for each in points):
            self._floats.add(name)
        if isinstance(read.data, Sum) and read.data.is_monotonic:
            return _KINDS.CUMULATIVE_DOUBLE if name in self._floats else _KINDS.CUMULATIVE_INT64
        return _KINDS.GAUGE_DOUBLE if name in self._floats else _KINDS.GAUGE_INT64

    def _keys(self, name: str, points: Sequence[Any]) -> tuple[str, ...]:
        seen = self._seen.setdefault(name, {})
        for each in points:
            seen.update(dict.fromkeys(each.attributes or ()))
        return tuple(seen)


def _series(read: Any, kind: int, keys: Sequence[str], timestamp: datetime) -> time_series.TimeSeries:
    attributes = read.attributes or {}
    values = [attributes.get(key) for key in keys]
    labels = [LabelValue(None if each is None else str(each)) for each in values]
    is_gauge = kind in {_KINDS.GAUGE_INT64, _KINDS.GAUGE_DOUBLE}
    start = None if is_gauge else utils.to_iso_str(datetime.fromtimestamp(read.start_time_unix_nano / 1e9, timezone.utc))
    return time_series.TimeSeries(labels, [_point(read, kind, timestamp)], start)


def _point(read: Any, kind: int, timestamp: datetime) -> point.Point:
    if kind == _KINDS.CUMULATIVE_DISTRIBUTION:
        kept = getattr(read, "values", None)
        return kept.to_point(timestamp) if isinstance(kept, Distribution) else point.Point(_distribution(read), timestamp)
    return point.Point(_KINDS.to_type_class(kind)(read.value), timestamp)


def _distribution(read: HistogramDataPoint) -> value.ValueDistribution:
    """Return a distribution of which only the buckets are known."""
    bounds = _above_0(read.explicit_bounds)
    left_out = len(read.explicit_bounds) - len(bounds)
    counts = [sum(read.bucket_counts[: left_out + 1]), *read.bucket_counts[left_out + 1 :]]
    options = value.BucketOptions(value.Explicit(bounds) if bounds else None)
    return value.ValueDistribution(read.count, read.sum, 0, options, [value.Bucket(each) for each in counts] if bounds else None)


def _above_0(bounds: Sequence[float]) -> list[float]:
    return [each for each in bounds if each > 0]
