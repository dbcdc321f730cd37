"""The OpenTelemetry SDK's metric exporter interface; its own module, so that a program without metrics does not load the SDK's."""

from __future__ import annotations

import logging
import os
import weakref
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics import Counter, Histogram, ObservableCounter, ObservableGauge, ObservableUpDownCounter, UpDownCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricExporter, MetricExportResult

from . import counted_spans
from .convert import counters, legacy_spans, metrics, standard
from .counts import METRICS
from .delivery.results import Result
from .exporters import BringsEnvelopes, ExporterBase
from .foreign import failure
from .reasons import METRIC_NOT_CONVERTED, NOT_FINITE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from opentelemetry.sdk.metrics.export import DataPointT, Metric, MetricsData
    from opentelemetry.sdk.metrics.view import Aggregation
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from .convert.head import Item
    from .delivery.results import Delivers
    from .settings import Settings

TEMPORALITY: dict[type, AggregationTemporality] = {
    Counter: AggregationTemporality.DELTA,
    Histogram: AggregationTemporality.DELTA,
    ObservableCounter: AggregationTemporality.DELTA,
    UpDownCounter: AggregationTemporality.CUMULATIVE,
    ObservableUpDownCounter: AggregationTemporality.CUMULATIVE,
    ObservableGauge: AggregationTemporality.CUMULATIVE,
}
"""Instrument to what its points hold: the portal adds up what arrives, so what is counted arrives once. Source: specification section 6.1."""

FACADE_NAMES: dict[str, str] = {}
"""OpenTelemetry's name of a facade instrument to the name that OpenCensus code gave it; the facade fills it."""

_MAX_SERIES = 1024
_chosen: weakref.WeakValueDictionary[tuple[str, str], ApplicationInsightsMetricExporter] = weakref.WeakValueDictionary()
"""Instrumentation key and endpoint to the exporter that sends the facade's metrics there."""

_logger = logging.getLogger(__name__)


class _Source:
    """One metric of one resource, as its points need it."""

    __slots__ = ("cumulative", "name", "namespace", "resource_id", "rule", "standard", "tags")

    def __init__(
        self,
        name: str,
        *,
        namespace: str,
        tags: dict[str, str],
        rule: counters.Counter | None,
        standard: bool,
        cumulative: bool,
        resource_id: int,
    ) -> None:
        self.name = name
        self.namespace = namespace
        self.tags = tags
        self.rule = rule
        """How it is shown if it is a performance counter."""
        self.standard = standard
        """Whether it is a standard metric."""
        self.cumulative = cumulative
        self.resource_id = resource_id


_Piece = tuple[_Source, "DataPointT"] | BringsEnvelopes


class ApplicationInsightsMetricExporter(ExporterBase[_Piece], MetricExporter):
    """Sends OpenTelemetry metrics to Application Insights, one item for each point.

    Use it with the SDK's ``PeriodicExportingMetricReader``. Items that the service does not accept now are stored on disk and sent later,
    by this process or the next; all exporters of one resource share one connection and one store. Counters and histograms arrive as deltas:
    what was added since the last export. Other instruments arrive with their current value; ``OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`` is for other
    exporters and changes nothing here. The SDK writes names in lower case. :mod:`.performance_counters` and :mod:`.standard_metrics` arrive
    in the portal's own tables and charts.

    Args:
        connection_string: As the portal shows it; None reads ``APPLICATIONINSIGHTS_CONNECTION_STRING``.
        credential: Object with ``get_token``; it is checked here. None reads ``APPLICATIONINSIGHTS_AUTHENTICATION_STRING``.
        settings: Resolved settings instead of the two above.
        legacy_context_tags: Tags for facade metrics instead of those of their resource. Read again for each batch, so it may be changed at
            any time.
        delivery: Where items go; None takes a share of the delivery to the settings' destination, which :meth:`shutdown` gives back. One
            that is given here is closed by its owner.
        preferred_temporality: Instrument class of ``opentelemetry.sdk.metrics`` to temporality, instead of :data:`TEMPORALITY`.
        preferred_aggregation: Instrument class to aggregation.
        facade_metrics: Called at each export, brings the items of OpenCensus metrics in the retired exporter's shape, to be sent in the same
            call. Points of the facade's instruments are then left out, because these items replace them. Not called when the settings
            say ``otel``: the points are then sent like all others.
        facade_names: OpenTelemetry's name of a facade instrument to the name that OpenCensus code gave it. Read at each export; None
            means :data:`FACADE_NAMES`.

    Raises:
        ConfigurationError: No or bad connection string, bad credential, contradicting arguments.
    Loses: unit, description, buckets and exemplars, for which the service has no place; values that are not finite, which are counted.
    """

    _signal = METRICS
    _not_converted = METRIC_NOT_CONVERTED

    def __init__(
        self,
        connection_string: str | None = None,
        *,
        credential: object | None = None,
        settings: Settings | None = None,
        legacy_context_tags: Mapping[str, object] | None = None,
        delivery: Delivers | None = None,
        preferred_temporality: dict[type, AggregationTemporality] | None = None,
        preferred_aggregation: dict[type, Aggregation] | None = None,
        facade_metrics: Callable[[], Iterable[BringsEnvelopes]] | None = None,
        facade_names: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(
            connection_string, credential=credential, settings=settings, legacy_context_tags=legacy_context_tags, delivery=delivery
        )
        MetricExporter.__init__(
            self,
            preferred_temporality=dict(TEMPORALITY if preferred_temporality is None else preferred_temporality),
            preferred_aggregation=preferred_aggregation,
        )
        self._facade_metrics = facade_metrics if self._legacy_shape else None
        self._facade_names: Mapping[str, str] = FACADE_NAMES if facade_names is None else facade_names
        self._sends_facade: Callable[[str], bool] = frozenset[str]().__contains__
        self._intervals = _Intervals()
        self._registered: set[int] = set()
        """Numbers of the standard metrics' processors that this exporter is registered for."""

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: object) -> MetricExportResult:
        """Send the points, and return SUCCESS only if all of them were accepted by the service or are on disk to be sent later.

        Never raises. A point that cannot be converted or encoded is counted and loses no other.

        Args:
            metrics_data: As the reader collected it.
            timeout_millis: Not used: connecting, waiting for the reply and the end of the process have their own limits.
            **kwargs: Not used; the SDK may add some.
        """
        extra: Iterable[BringsEnvelopes] = ()
        if self._facade_metrics is not None and not self._is_shut_down:
            try:
                extra = list(self._facade_metrics())
            except failure():  # It runs code of the program's own; the other metrics still go.
                if self._log_limit.due("facade metrics"):
                    _logger.warning("The metrics of OpenCensus code could not be read.", exc_info=True)
        return MetricExportResult.SUCCESS if self.deliver(metrics_data, extra) >= Result.STORED else MetricExportResult.FAILURE

    def deliver(self, telemetry: MetricsData | None, extra: Iterable[BringsEnvelopes] = ()) -> Result:  # type: ignore[override]  # a reader collects one object
        """Send points as :meth:`export` does, and whatever else brings finished items, and return what became of them.

        Args:
            telemetry: As a reader collected it; None when there is none.
            extra: Sent after the points, in the same requests.
        """
        lost: list[BaseException] = []
        result = super().deliver([*self._pieces(telemetry, lost), *extra])
        return Result.LOST if lost else result

    def envelopes(self, one: MetricsData) -> list[Mapping[str, Any]]:  # type: ignore[override]  # likewise
        """Return the items of all points as :meth:`export` sends them, before telemetry processors see them. The rates of counters go on from here.

        Raises:
            ConversionError: A point lacks something without which no item can be made.
        """
        legacy_tags = self._legacy_tags()
        return [item for piece in self._pieces(one, []) for item in self._envelopes(piece, legacy_tags)]

    def shutdown(self, *_: object, **__: object) -> None:
        """Refuse further metrics. Waits up to ``grace_period_s`` for an export under way, and gives its share of the delivery back."""
        for number in self._registered:
            counted_spans.unregister_destination(number, self._settings)
        super().shutdown()

    def _pieces(self, metrics_data: MetricsData | None, lost: list[BaseException]) -> Iterator[_Piece]:
        """Yield each point with what is known of its metric; note in the list why a metric was lost."""
        if metrics_data is None:
            return
        legacy_tags = self._legacy_tags()
        for of_resource in metrics_data.resource_metrics:
            for of_scope in of_resource.scope_metrics:
                for metric in of_scope.metrics:
                    try:
                        source = self._source(metric, of_scope.scope, of_resource.resource, legacy_tags)
                        if source is None:
                            continue
                        points: list[DataPointT] = list(metric.data.data_points)
                    except failure() as error:  # One metric must not lose the others, whatever is wrong with it.
                        self._lost(self._not_converted, error, lost)
                        continue
                    for point in points:
                        yield source, point

    def _source(
        self, metric: Metric, scope: InstrumentationScope, resource: Resource, legacy_tags: dict[str, str] | None
    ) -> _Source | None:
        """Return what a metric's points need, or None for one that the facade sends itself."""
        name = metric.name
        facade = scope.name == legacy_spans.SCOPE
        if facade:
            name = self._facade_names.get(name, name)
            if self._facade_metrics is not None or self._is_sent_by_another(name):
                return None
        return _Source(
            name,
            namespace=scope.name if self._settings.scope_as_namespace else "",
            tags=self._tags(resource, legacy_tags, facade),
            rule=counters.COUNTERS.get(name) if scope.name == counters.SCOPE else None,
            standard=scope.name == counted_spans.SCOPE,
            cumulative=getattr(metric.data, "aggregation_temporality", None) is AggregationTemporality.CUMULATIVE,
            resource_id=id(resource),
        )

    def _is_sent_by_another(self, name: str) -> bool:
        """Return whether another exporter of this resource sends a metric of OpenCensus code: it would arrive twice."""
        chosen = _chosen.get(counted_spans.destination_of(self._settings))
        return chosen is not None and chosen is not self and chosen._sends_facade(name)

    def _envelopes(self, one: _Piece, legacy_tags: dict[str, str] | None) -> Iterable[Mapping[str, object]]:
        if not isinstance(one, tuple):
            brought = self._with_key(one.to_envelopes())
            return [*brought] if getattr(one, "are_finite", False) else brought
        source, point = one
        try:
            if source.rule is not None:
                made = self._counter(source, source.rule, point)
            elif source.standard:
                made = self._standard(source, point)
            else:
                made = metrics.envelope(
                    point, source.name, instrumentation_key=self._key, context_tags=source.tags, namespace=source.namespace
                )
                if point.attributes and metrics.OVERFLOW in point.attributes and self._log_limit.due("overflow"):
                    _logger.warning("%s has too many attribute sets; the SDK sums the rest under %s.", source.name, metrics.OVERFLOW)
        except metrics.NotFiniteError as error:
            # No failure of the export: trying again would not help, and nothing could have been sent.
            self.counts.dropped(NOT_FINITE, detail=source.name, signal=METRICS)
            _logger.debug("%s: %s", source.name, error)
            return ()
        return () if made is None else [made]

    def _counter(self, source: _Source, rule: counters.Counter, point: DataPointT) -> Item | None:
        values: dict[str, object] | None
        if rule.per_second or rule.per:
            # Loaded already, where the instruments were made in this process.
            from .performance_counters import counting_since_ns

            key = source.resource_id, source.name
            total = metrics.number(getattr(point, "value", None))
            is_first = not self._intervals.knows(key)
            growth, elapsed_s = self._intervals.since_last(
                key, point.time_unix_nano, total, counting_since_ns(), cumulative=source.cumulative
            )
            if rule.per:
                values = self._intervals.mean(key, growth, (source.resource_id, rule.per))
            else:
                values = counters.rate(rule, 0.0 if is_first and rule.begins_with_zero else growth, elapsed_s)
        else:
            values = counters.level(point)
        if values is None:
            return None
        return metrics.item(
            rule.name, values, point.attributes, point.time_unix_nano, instrumentation_key=self._key, context_tags=source.tags
        )

    def _standard(self, source: _Source, point: DataPointT) -> Item | None:
        if source.name == standard.ORIGIN:
            number = int(metrics.number(getattr(point, "value", None)))
            self._registered.add(number)
            counted_spans.register_destination(number, self._settings)
            return None
        values = metrics.aggregate(point)
        if values is None:
            return None
        return metrics.item(
            source.name,
            values,
            standard.properties(source.name, point.attributes or {}, source.tags),
            point.time_unix_nano,
            instrumentation_key=self._key,
            context_tags=source.tags,
        )


def leave_facade_metrics_to(exporter: ApplicationInsightsMetricExporter, sends: Callable[[str], bool]) -> None:
    """Have other exporters of the same resource leave out the facade's metrics that this one sends: they would arrive twice.

    Args:
        exporter: The one that sends them, until it is shut down.
        sends: Tells by the name that OpenCensus code gave whether it sends a metric.
    """
    exporter._sends_facade = sends
    _chosen[counted_spans.destination_of(exporter.settings)] = exporter


class _Intervals:
    """How much time has passed since one reader last saw a total, and how much came to it.

    The SDK's own start of the first interval is the moment at which it first looked, which would make the first rate absurd.
    """

    def __init__(self) -> None:
        self._last: dict[object, tuple[int, int, float]] = {}
        """Key of a series to the process that saw it last, when, and its value."""
        self._growths: dict[object, float] = {}
        """Key of a series to what had come to it when it was seen last."""
        self._means: dict[object, float] = {}

    def knows(self, key: object) -> bool:
        """Return whether a series was seen before."""
        return key in self._last

    def since_last(self, key: object, time_ns: int, value: float, first_ns: int, *, cumulative: bool) -> tuple[float, float]:
        """Return the growth of a total and the seconds since the last call with this key in this process, and remember both.

        Args:
            key: Of the series.
            time_ns: Now, nanoseconds since the epoch.
            value: The total, or what came to it.
            first_ns: When counting began in this process, same unit as the time.
            cumulative: Whether the value is the total.
        """
        here = os.getpid()
        process, last_ns, last_value = self._last.get(key, (here, first_ns, 0.0))
        if len(self._last) >= _MAX_SERIES:
            self._last.clear()
            self._growths.clear()
            self._means.clear()
        self._last[key] = (here, time_ns, value)
        elapsed_ns = time_ns - (last_ns if process == here else first_ns)
        growth = self._growths[key] = value - last_value if cumulative else value
        return growth, elapsed_ns / 1e9

    def mean(self, key: object, growth: float, of: object) -> dict[str, object]:
        """Return what the service stores of a mean: of what came to a total, for each that came to another one. Without any, the last mean.

        Args:
            key: Of the series.
            growth: Of the total.
            of: Key of the other one, which was seen before in this collection.
        """
        if number := self._growths.get(of):
            self._means[key] = growth / number
        return {"value": self._means.get(key, 0.0), "count": 1}
