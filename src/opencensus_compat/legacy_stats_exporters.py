"""Exporters of stats of OpenCensus that OpenTelemetry's instruments go on coming to.

A service whose metrics go to a maker of whom this package has no exporter (Stackdriver, OpenCensus's agent), or to an exporter of its own, moves
to OpenTelemetry all the same: one line keeps the exporter::

    exporter = stats_exporter.new_stats_exporter()
    metrics.set_meter_provider(MeterProvider(metric_readers=[LegacyStatsReader()]))

What the exporter's thread reads of OpenCensus's `stats.stats` are the instruments then, beside views of code that is still OpenCensus's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk import metrics
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader

from opencensus_compat._bridge.otel_private import histogram_with_values
from opencensus_compat.stats import _otel_metrics
from opencensus_compat.stats.stats import stats

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from opencensus_compat.metrics.export.metric import Metric

__all__ = ["LegacyStatsReader"]

_KINDS = (
    metrics.Counter,
    metrics.Histogram,
    metrics.ObservableCounter,
    metrics.ObservableGauge,
    metrics.ObservableUpDownCounter,
    metrics.UpDownCounter,
)


class LegacyStatsReader(InMemoryMetricReader):
    """Hands the instruments of a meter provider to all that reads OpenCensus's `stats.stats`: as `Metric`, whenever it is read.

    The exporter keeps its thread and its interval. Exporters to Application Insights do not get the instruments by it: they have an exporter
    of OpenTelemetry's, `configure`.

    Counters and histograms become cumulative metrics, other instruments gauges. Distributions are those of OpenCensus: a value on a
    boundary counts in the bucket above it, and the squares of the deviations are summed up.

    Args:
        columns: Name of a metric to its label keys, in their order; a point without one of them has no value there. The keys of a metric
            that is not named are those that its points had so far. Names are found in whatever case, for OpenTelemetry writes them in
            lower case, and are exported as they stand here.
        floats: Names of those in `columns` whose numbers are floating-point ones; those of the others are integers. A metric that is not
            named is what its first points are.

    Limitations: an exporter that is called at each record, with `ViewData` (the method `export` or `emit` of a `StatsExporter`), gets none of
    it. Exponential histograms have no counterpart. Before OpenTelemetry 1.45 a `Gauge` is read only after it was set.
    """

    def __init__(self, columns: Mapping[str, Sequence[str]] | None = None, floats: Iterable[str] = ()) -> None:
        super().__init__(
            preferred_temporality=dict.fromkeys(_KINDS, AggregationTemporality.CUMULATIVE),
            preferred_aggregation={metrics.Histogram: histogram_with_values(_otel_metrics.Distribution)},
        )
        self._described = _otel_metrics.Described(columns or {}, floats)
        stats._readers.add(self)

    def get_metrics(self, timestamp: datetime) -> Iterator[Metric]:
        """Return what the instruments have by now.

        Args:
            timestamp: The time of the points, UTC without a zone.
        """
        return self._described.metrics(self.get_metrics_data(), timestamp)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: object) -> None:
        """Hand nothing more over."""
        stats._readers.discard(self)
        super().shutdown(timeout_millis, **kwargs)
