"""From metrics to their destination: the parts of the wiring that need the OpenTelemetry SDK's metrics.

One reader of the SDK's for each destination asks, at each interval, the tasks of its legacy exporters, which send in the legacy shape. The
reader of the destination that came first also brings the metrics of OpenTelemetry code, where the application has no meter provider.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider, MetricsTimeoutError
from opentelemetry.sdk.metrics.export import (
    MetricExportResult,
    MetricReader,
    MetricsData,
    PeriodicExportingMetricReader,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.metrics.view import DropAggregation, View

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge import frameworks as _frameworks
from opencensus_compat._bridge.context import in_empty_context
from opencensus_compat._bridge.pipeline.ending import ending_process, flush_at_shutdown, is_ending
from opencensus_compat._bridge.pipeline.part import MIN_EXPORT_INTERVAL_S, Batching, Part
from opencensus_compat._bridge.process import METRICS, SCOPE
from opencensus_compat._bridge.providers.metrics import adopt_meters, provide_meters
from opencensus_compat._bridge.resource import resource_of_role
from opencensus_compat._bridge.whose import is_ours

if TYPE_CHECKING:
    from opencensus_compat._bridge.others import Others

__all__ = ["MetricPart", "Task", "new_provider"]

_logger = logging.getLogger("opencensus_compat")

TICK = "opencensus_compat.tick"
"""Scope and name of the instrument without which a reader that has nothing else to read would not call anybody."""


class Task(Protocol):
    """What a destination's reader asks at each interval: it reads producers and sends through a legacy exporter."""

    interval: float
    """Seconds."""
    exporter: Any
    """The handle."""

    def tells(self, name: str) -> bool:
        """Return whether it exports a metric of this name."""

    def export(self, told: set[Any]) -> None:
        """Send what the producers tell now.

        Args:
            told: What this export has sent already, so that it is sent once however many exporters a destination has; added to.
        """


class MetricPart(Part):
    """The metrics of a destination."""

    signal = METRICS
    results = (MetricExportResult.SUCCESS, MetricExportResult.FAILURE)

    def __init__(self, settings: Any, context_tags: Mapping[str, Any], batching: Batching) -> None:
        self._tasks: list[Task] = []
        self._ended_with_process = False
        super().__init__(settings, context_tags, batching)
        self.is_otel_shape = settings.envelope_shape == "otel"
        self.interval_s = batching.export_interval_s
        self.meter_provider: MeterProvider | None = None
        """That of the reader; the global one where there was none."""
        self.is_alone = False
        """Whether that provider has been shut down, so that only what OpenCensus code measures is sent."""
        self.adopted: list[AdoptedReader] = []
        """Those in meter providers of the application's."""
        self._names = _exporter.instrument_names()
        self._exporting = threading.RLock()

    def restart(self) -> None:
        """Begin with free locks in a child made by fork; the SDK starts the reader's thread anew."""
        super().restart()
        self._exporting = threading.RLock()

    def _new_exporter(self) -> Any:
        return _exporter.metric_exporter(self.settings, self._context_tags, self._sends)

    def by_instruments(self) -> bool:
        """Return whether the points of instruments are sent, rather than what the tasks make of OpenCensus metrics.

        A handle that was changed sends its own envelopes in any shape, and the others of the resource then do, too.
        """
        return self.is_otel_shape and not any(task.exporter._is_changed() for task in self._tasks)

    def _sends(self, name: str) -> bool:
        """Return whether it sends a metric of this name, in whichever shape: others of the resource then leave its instrument out.

        What it sent as the process ends is sent: the reader of another exporter may collect for the last time after that.
        """
        return (not self.is_shut_down or self._ended_with_process) and self._tells(name)

    def _stop(self) -> None:
        self._ended_with_process = is_ending()
        super()._stop()
        adopted, self.adopted = self.adopted, []
        for reader in adopted:
            reader.leave()

    def _tells(self, name: str) -> bool:
        return any(task.tells(name) for task in self._tasks)

    def _is_told(self, name: str) -> bool:
        """Return whether the metric of an instrument is one that a task tells."""
        return self._tells(self._names.get(name, name))

    def _new_processor(self, export: Any) -> Any:
        reader = _Reader(self, self.exporter, self.interval_s)
        self.meter_provider = provide_meters(reader, is_otel_shape=self.is_otel_shape)
        adopt_meters(self)
        return reader

    def adopt(self, provider: Any, others: Others) -> None:
        """Send what OpenTelemetry code measures with a meter provider of the application's.

        Args:
            provider: It.
            others: Its own readers.
        """
        if not any(reader.provider is provider for reader in self.adopted):
            self.adopted.append(AdoptedReader(self, provider, others))

    def _start(self) -> Any:
        try:
            return self._new_processor(None)
        except RuntimeError:
            if not is_ending():
                raise
            # From Python 3.12 on, no thread starts any more while exit hooks run.
            self.interval_s = math.inf
            return self._new_processor(None)

    def add(self, task: Task) -> bool:
        """Have a task asked at each interval, and return whether the reader does that: its interval is that of the first one.

        One with another interval has to go by itself. It is asked for the last time here, too, when the process ends.
        """
        if not is_ending():
            # A program that has shut down, and measures again.
            self.reopen()
        with self._lock:
            if self._processor is None:
                self.interval_s = max(MIN_EXPORT_INTERVAL_S, task.interval)
            fits = max(MIN_EXPORT_INTERVAL_S, task.interval) == self.interval_s
            if task not in self._tasks:
                # Replaced as a whole, so that it can be read without the lock. One that goes by itself starts again after a fork.
                self._tasks = [*self._tasks, task]
        self._started()
        return fits

    def remove(self, task: Task) -> None:
        """Have a task asked no more."""
        with self._lock:
            self._tasks = [other for other in self._tasks if other is not task]

    def send(self, envelopes: Sequence[Any]) -> int:
        """Send envelopes at once and return what became of them; see `_exporter.delivered` and `_exporter.stored`."""
        return self._export.deliver(None, [_exporter.Prepared(lambda: envelopes, None)])

    def send_each(self, envelopes: Sequence[Any], handle: Any) -> int:
        """Send envelopes as the telemetry processors of a handle leave them, one by one, as far as the end of the process allows."""
        apply = handle.apply_telemetry_processors
        return self._export.deliver(None, [_exporter.Prepared(partial(apply, [envelope]), None) for envelope in envelopes])

    def export(self, collected: MetricsData, *, last: bool) -> None:
        """Send what the reader collected, and have the tasks send what OpenCensus code made.

        Args:
            collected: From the instruments of the reader's meter provider.
            last: Whether also tasks that go by themselves are asked, since the process ends or somebody flushes.
        """
        with self._exporting:
            tasks = [task for task in self._tasks if last or getattr(task, "is_attached", True)]
            points = _points(collected, self._is_told if self.by_instruments() else None, only_facade=self.is_alone)
            if points is not None:
                self._send_points(points, self._processing_handle())
            told: set[Any] = set()
            # Those that a program changed first: what they send is what it wants to be sent.
            for task in sorted(tasks, key=lambda task: not _has_own_way(task.exporter)):
                try:
                    task.export(told)
                except _exporter.failure():
                    _logger.exception("OpenCensus metrics could not be exported; it is tried again in %s seconds", self.interval_s)
            for reader in list(self.adopted):
                try:
                    reader.collect()
                except Exception:
                    _logger.exception("OpenTelemetry metrics could not be read")

    def export_points(self, collected: MetricsData) -> None:
        """Send what a meter provider of the application's brought of OpenTelemetry code's instruments."""
        points = _points(collected, None, only_facade=False)
        if points is not None:
            self._send_points(points, self._processing_handle())

    def _processing_handle(self) -> Any:
        return next((task.exporter for task in self._tasks if task.exporter._telemetry_processors), None)

    def _send_points(self, points: MetricsData, handle: Any) -> None:
        """Send points of OpenTelemetry instruments, as the telemetry processors of a handle leave them if there is one."""
        if handle is None:
            self._export.deliver(points)
            return
        try:
            envelopes = self.convert(points)
        except _exporter.failure():
            _logger.exception("OpenTelemetry metrics could not be converted")
            return
        self.send_each(envelopes, handle)


def _has_own_way(handle: Any) -> bool:
    return handle._is_changed() or bool(handle._telemetry_processors)


class _Reader(PeriodicExportingMetricReader):
    """The SDK's reader, whose collections go to a part.

    Args:
        part: The part.
        exporter: Its exporter: what it prefers decides how instruments are read.
        interval_s: Seconds between collections; infinite means at the end only.
    """

    def __init__(self, part: MetricPart, exporter: Any, interval_s: float) -> None:
        self._part = part
        self._is_stopped = False
        self._stopped_in = 0
        self._asked = threading.local()
        self._has_thread = interval_s != math.inf
        super().__init__(exporter, export_interval_millis=interval_s * 1000)

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> None:
        if self._is_stopped and self._stopped_in != os.getpid():
            # The SDK starts the thread of a reader anew in every child, and one that has been shut down collects once more: the same again.
            return
        # Not as the SDK does it, which holds a lock meanwhile: a child made by fork while something is being sent would wait for ever.
        last = self._is_stopped or getattr(self._asked, "to_flush", False)
        self._part.export(metrics_data, last=last)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Collect and send now, in the caller's thread, and return whether reading the metrics left time for that."""
        self._asked.to_flush = True
        try:
            return self._collected(timeout_millis)
        finally:
            self._asked.to_flush = False

    def _collected(self, timeout_millis: float) -> bool:
        """Collect and send, unless the SDK gives up because callbacks took longer than that; return whether that was done."""
        try:
            self.collect(timeout_millis=timeout_millis)
        except MetricsTimeoutError:
            return False
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Collect and send for the last time, within what is left of the process's time if it ends, and stop.

        Where the application shuts the provider down, what OpenCensus code measures goes on.
        """
        if self._is_stopped:
            return
        if not (self._part.is_shut_down or is_ending()):
            flush_at_shutdown(METRICS)
            self._part.is_alone = True
            return
        self._stopped_in = os.getpid()
        self._is_stopped = True
        if is_ending():
            timeout_millis = min(timeout_millis, max(0.0, ending_process() - time.monotonic()) * 1000)
        if not self._has_thread:
            self._collected(timeout_millis)
        super().shutdown(timeout_millis, **kwargs)
        # What a telemetry processor of the program has not let go by now.
        self._part.exporter.give_up()


class AdoptedReader(MetricReader):
    """A reader in a meter provider of the application's, which has been made before. It is asked by the part's own reader.

    Args:
        part: Where its points go, as long as they are this package's to send.
        provider: The provider.
        others: Its own readers.
    """

    def __init__(self, part: MetricPart, provider: Any, others: Others) -> None:
        self._part = part
        self.provider = provider
        self._others = others
        self._is_over = False
        super().__init__(preferred_temporality=_exporter.metric_temporality())
        provider.add_metric_reader(self)

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> None:
        if not self._is_over and is_ours(self._others, self._part.settings, METRICS, is_inside=False):
            # The SDK does not tell: what came before the application shut its provider down goes with the next collection, the last one.
            self._is_over = getattr(self.provider, "_shutdown", False) is True
            self._part.export_points(metrics_data)

    def leave(self) -> None:
        """Be in the provider no more."""
        self.provider.remove_metric_reader(self)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Do nothing: what it collects is sent at once."""


def new_provider(role: str, reader: Any) -> MeterProvider:
    """Return a meter provider for a reader, whose first instrument sees to it that the reader always has something to tell."""
    left_out = [View(meter_name=scope, aggregation=DropAggregation()) for scope in _frameworks.SCOPES]
    provider = in_empty_context(lambda: MeterProvider(metric_readers=[reader], resource=resource_of_role(role), views=left_out))
    provider.get_meter(TICK).create_observable_gauge(TICK, [_tick])
    return provider


def _tick(options: CallbackOptions) -> list[Observation]:
    return [Observation(1)]


def _points(collected: MetricsData, is_told: Callable[[str], bool] | None, *, only_facade: bool) -> MetricsData | None:
    """Return what is to be sent of a collection, None when that is nothing.

    Args:
        collected: As the reader collected it.
        is_told: Tells by its name in OpenTelemetry whether a facade instrument's metric is to be sent; None means none of them.
        only_facade: Whether others are not to be sent.
    """
    kept: list[ResourceMetrics] = []
    for of_resource in collected.resource_metrics:
        scopes: list[ScopeMetrics] = []
        for of_scope in of_resource.scope_metrics:
            if of_scope.scope.name == TICK or (only_facade and of_scope.scope.name != SCOPE):
                continue
            if of_scope.scope.name == SCOPE:
                told = [] if is_told is None else [metric for metric in of_scope.metrics if is_told(metric.name)]
                of_scope = ScopeMetrics(scope=of_scope.scope, metrics=told, schema_url=of_scope.schema_url)  # noqa: PLW2901 - its part
            if of_scope.metrics:
                scopes.append(of_scope)
        if scopes:
            kept.append(ResourceMetrics(resource=of_resource.resource, scope_metrics=scopes, schema_url=of_resource.schema_url))
    return MetricsData(resource_metrics=kept) if kept else None
