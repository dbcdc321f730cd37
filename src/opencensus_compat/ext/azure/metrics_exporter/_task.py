"""The thread of a metrics exporter as programs know it. The reader of its resource gets from it what to send."""

from __future__ import annotations

import itertools
import logging
import sys
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge import handles as _handles
from opencensus_compat._bridge.pipeline.part import MIN_EXPORT_INTERVAL_S
from opencensus_compat._bridge.process import hold_while_forking
from opencensus_compat._bridge.providers.metrics import expect_meter_provider
from opencensus_compat._bridge.providers.spans import look_for_tracer_provider
from opencensus_compat.common.utils import get_weakref
from opencensus_compat.metrics import _feed, transport
from opencensus_compat.stats import stats as stats_module

if TYPE_CHECKING:
    from typing import Protocol

    from opencensus_compat._bridge.pipeline import metrics as pipeline_metrics
    from opencensus_compat.metrics.export.gauge import Registry
    from opencensus_compat.metrics.export.metric import Metric
    from opencensus_compat.metrics.export.metric_producer import MetricProducer

    # For the type checker only: making a Protocol takes as long as importing a small module.
    class Exporter(pipeline_metrics.Exporter, Protocol):
        """A `MetricsExporter`."""

        _is_direct: bool
        max_batch_size: float

        def _is_stats_exporter(self) -> bool:
            """Return whether it exports statistics of the old SDK's about itself."""

        @property
        def _pipeline(self) -> pipeline_metrics.MetricPart:
            """The part of its destination."""

        def _batches(self, metrics: Iterable[Metric | None]) -> Iterator[list[pipeline_metrics.Envelope]]:
            """Return the envelopes of metrics, batch by batch."""

        def export_metrics(self, metrics: Iterable[Metric | None]) -> None:
            """Convert metrics and send."""


__all__ = ["ExportTask"]

_GAUGE = "opencensus_compat.metrics.export.gauge"

_logger = logging.getLogger("opencensus.ext.azure.metrics_exporter")

_FLUSH_MILLIS = 30_000
_making = threading.RLock()
hold_while_forking(_making)


class ExportTask(transport.PeriodicMetricTask):
    """The thread of an exporter as programs know it: `cancel` and `close` it, read its `interval`.

    The reader of the exporter's resource exports it, as long as that has the same interval; else it is a thread of its own. The exporter is
    kept, for nothing else may hold it: of several that do the same, one. Producers are held weakly, as in OpenCensus:
    https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/metrics/transport.py#L122-L131

    Args:
        producers: What is read, in this order.
        exporter: The exporter.
        interval: Seconds between two exports, at least 0.1; None means `transport.DEFAULT_INTERVAL`.
    """

    # Of a thread that has not begun, which is what it is for those who ask; see `__getattr__`.
    _initialized = True
    is_attached = False
    _seen: frozenset[str] = frozenset()

    def __init__(self, producers: Sequence[MetricProducer], exporter: Exporter, interval: float | None) -> None:
        self.exporter = exporter
        # The method of this moment; one that takes its place later is for other callers. As in OpenCensus:
        # https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/metrics/transport.py#L124
        self._export_metrics = exporter.export_metrics
        self._exports_itself = exporter._is_changed()
        self._gets = _weak_gets(producers)
        self.interval = transport.DEFAULT_INTERVAL if interval is None else max(MIN_EXPORT_INTERVAL_S, interval)

    def __getattr__(self, name: str) -> Any:
        # What it has as a thread costs more than all the rest, and few of these ever start: it is made when it is first looked for.
        own = self.__dict__
        if "interval" in own and "finished" not in own:
            with _making:
                if "finished" not in own:
                    before = dict(own)
                    super().__init__(self.interval, self._export_all, name=type(self.exporter).__name__)
                    own.update(before)
            return getattr(self, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def what(self) -> Hashable:
        """Return what it has in common with tasks that do the same; None for one that a program changed."""
        exporter = self.exporter
        if self._exports_itself or exporter._telemetry_processors or exporter._is_changed():
            return None
        what = (exporter.max_batch_size, exporter._is_stats_exporter(), self._gets)
        try:
            hash(what)
        except TypeError:
            # A producer of the program's that refuses.
            return None
        return what

    def stand_in(self) -> ExportTask | None:
        """Return another one that exports the same; None where a producer is gone."""
        gets = [get for reference in self._gets if (get := reference()) is not None]
        if len(gets) < len(self._gets):
            return None
        task = ExportTask((), self.exporter, self.interval)
        task._gets, task._seen, task.is_attached = self._gets, self._seen, True
        return task

    def _export_all(self) -> None:
        self.exporter._pipeline.export_of(self, set())

    def start(self) -> None:
        """Begin to export."""
        # Where nothing is sent, the thread reads the producers, so that their metrics get instruments.
        self.is_attached = self.exporter._is_direct and self.exporter._pipeline.add(self)
        if not self.is_attached:
            _context.in_empty_context(super().start)

    def is_alive(self) -> bool:
        """Return whether it goes on exporting."""
        return not self.finished.is_set() if self.is_attached else super().is_alive()

    def join(self, timeout: float | None = None) -> None:
        """Wait until it is cancelled."""
        if self.is_attached:
            self.finished.wait(timeout)
        else:
            super().join(timeout)

    def close(self) -> None:
        """Export once more, and then no more."""
        if self.is_attached and self.exporter._pipeline.by_instruments():
            self.exporter._pipeline.force_flush(_FLUSH_MILLIS)
        if not self.exporter._is_direct:
            self.look(_feed.ALL, set())
        super().close()

    def cancel(self) -> None:
        """Make no further export; one that is running is not interrupted."""
        self.exporter._pipeline.remove(self)
        super().cancel()

    def export(self, sent: set[Hashable]) -> Iterable[Sequence[pipeline_metrics.Envelope]]:
        """Return the envelopes of what the producers have now, batch by batch; each is made when it is read.

        An exporter of which a program changed a step exports by itself: nothing is returned then.

        Args:
            sent: Producers whose metrics this export has sent already; added to. They are sent once however many exporters a resource has,
                unless a program changed one: what that sends may be something else.
        """
        gets = []
        for reference in self._gets:
            get = reference()
            if get is None:
                _logger.warning("%s stops: a metric producer is gone", self.name)
                self.cancel()
                return ()
            gets.append(get)
        exporter = self.exporter
        if not exporter._is_direct:
            self.look(None, set())
            expect_meter_provider()
            return ()
        look_for_tracer_provider()
        is_changed = exporter._is_changed()
        by_instruments = not is_changed and exporter._pipeline.by_instruments()
        if not is_changed:
            # What instruments measure is sent as they measure it.
            gets = [get for get in gets if get not in sent and not (by_instruments and _has_instruments(get))]
        sent.update(gets)
        if not gets:
            return ()
        metrics = itertools.chain.from_iterable(self._read(get) for get in gets)
        if is_changed or self._exports_itself:
            self._export_metrics(metrics)
            return ()
        batches = exporter._batches(metrics)
        return exporter._pipeline.as_points(batches) if by_instruments else batches

    def look(self, collecting: object, seen: set[int]) -> None:
        """See to it that what the producers have by now has instruments, but for those that were seen; see `_feed.Producers.look`."""
        for reference in self._gets:
            producer = getattr(reference(), "__self__", None)
            if producer is not None and id(producer) not in seen and not _handles.is_own(producer, _handles.WithoutInstruments):
                seen.add(id(producer))
                _feed.producers.look(producer, collecting)

    def has_metric(self, name: str) -> bool:
        """Return whether it exports a metric of this name."""
        producers = self._producers()
        return (
            name in self._seen
            or any(name in registry.gauges for registry in _registries(producers))
            or any(_feed.producers.has_metric(producer, name) for producer in producers if producer is not None)
            or _has_view(producers, name)
        )

    def is_added_to(self, name: str) -> bool:
        """Return whether it exports a view of this name, or a gauge or cumulative whose values no function of the program returns."""
        producers = self._producers()
        return _has_view(producers, name) or any(
            # Not one of those whose numbers a function of the program returns.
            isinstance(registry.gauges.get(name), sys.modules[_GAUGE].Gauge)
            for registry in _registries(producers)
        )

    def _producers(self) -> list[Any]:
        return [getattr(get, "__self__", None) for reference in self._gets if (get := reference()) is not None]

    def _read(self, get: Callable[[], Iterable[Metric | None]]) -> Iterator[Metric | None]:
        """Yield the metrics of a producer, which OpenTelemetry's readers see, too; one that raises costs its own only."""
        read: list[Metric | None] = []
        try:
            metrics = get()
            producer = getattr(get, "__self__", None)
            if producer is not None and not _handles.is_own(producer, _handles.WithoutInstruments):
                present = [metric for metric in metrics if metric is not None]
                self._seen |= {str(metric.descriptor.name) for metric in present}
                _feed.producers.metrics_read(producer, present)
                metrics = present
            read.extend(metrics)
        except _exporter.failure():
            _logger.exception("The metrics of a producer could not be read")
        yield from read


def _registries(producers: Sequence[Any]) -> list[Registry]:
    """Return those producers that keep gauges; a program without gauges has not loaded their module, 0.1 MiB."""
    module = sys.modules.get(_GAUGE)
    return [] if module is None else [producer for producer in producers if _handles.is_own(producer, module.Registry)]


def _has_view(producers: Sequence[Any], name: str) -> bool:
    views = stats_module.stats.view_manager.measure_to_view_map._registered_views
    return name in views and any(producer is stats_module.stats for producer in producers)


_last_gets: tuple[Any, ...] = ()


def _weak_gets(producers: Sequence[MetricProducer]) -> tuple[Any, ...]:
    """Return weak references to what producers are read by: for the same producers the same ones, as nearly all tasks have.

    Instruments that a `LegacyStatsReader` brings have an exporter of OpenTelemetry's, which sends them.
    """
    global _last_gets
    stats = stats_module.stats
    gets = [stats._of_views if producer is stats else producer.get_metrics for producer in producers]
    last = _last_gets
    if [reference() for reference in last] != gets:
        last = _last_gets = tuple(map(get_weakref, gets))
    return last


def _has_instruments(get: Callable[..., object]) -> bool:
    producer = getattr(get, "__self__", None)
    return producer is stats_module.stats or not _handles.is_own(producer, _handles.WithoutInstruments)
