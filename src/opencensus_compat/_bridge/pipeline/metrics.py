"""From metrics to their destination: its metric part.

At each interval the destination's reader hands it what it collected. The part then exports what the tasks of its legacy exporters return, in
the legacy shape. That of the destination that came first also exports what OpenTelemetry code measures, where the application has no meter
provider.
"""

from __future__ import annotations

import logging
import math
import threading
import weakref
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.sdk.metrics.export import MetricExportResult, MetricReader, MetricsData

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.pipeline.ending import is_ending
from opencensus_compat._bridge.pipeline.metric_points import points_to_send
from opencensus_compat._bridge.pipeline.metric_readers import AdoptedReader, Reader, TakesReaders
from opencensus_compat._bridge.pipeline.part import MIN_EXPORT_INTERVAL_S, Batching, Part
from opencensus_compat._bridge.process import METRICS

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.resources import Resource

    from opencensus_compat._bridge.others import Others

__all__ = ["MetricPart", "Task"]

Envelope = Mapping[str, object]
"""An item on its way, in the form that telemetry processors take."""

_logger = logging.getLogger("opencensus_compat")


class Exporter(Protocol):
    """A legacy exporter of a task."""

    _telemetry_processors: list[Callable[[Any], Any]]

    def _is_changed(self) -> bool:
        """Return whether a program replaced a step of its export."""

    def apply_telemetry_processors(self, envelopes: Iterable[Envelope]) -> list[Envelope]:
        """Return the envelopes that no telemetry processor dropped."""


_PIECE = 16
"""Envelopes that are encoded at a time: the memory of their bytes serves the next ones. An export with 512 at a time took a fifth longer."""


class Task(Protocol):
    """What producers have for a legacy exporter, at each interval."""

    interval: float
    """Seconds."""
    is_attached: bool
    """Whether the destination's reader exports it; else a thread of its own does."""

    @property
    def exporter(self) -> Exporter:
        """The exporter."""

    def has_metric(self, name: str) -> bool:
        """Return whether it exports a metric of this name."""

    def is_added_to(self, name: str) -> bool:
        """Return whether the program adds to a metric of this name that it exports, rather than having it read."""

    def look(self, collecting: object, seen: set[int]) -> None:
        """See to it that what its producers have by now has instruments.

        Args:
            collecting: The meter provider that is collected next; None for none.
            seen: The ids of producers for which another task has done so; added to.
        """

    def what(self) -> Hashable:
        """Return what the tasks have in common of which one does for all; None for one that does what no other does."""

    def stand_in(self) -> Task | None:
        """Return another task that exports the same, for one that has ended; None where there is nothing to export any more."""

    def export(self, sent: set[Hashable]) -> Iterable[Sequence[Envelope]]:
        """Return the envelopes of what the producers have now, batch by batch; none where the exporter, being changed, sends by itself.

        Args:
            sent: What this export has sent already, so that it is sent once however many exporters a destination has; added to.
        """


class ProvideMeters(Protocol):
    """Makes a meter provider for a reader."""

    def __call__(self, reader: MetricReader, *, is_otel_shape: bool) -> MeterProvider:
        """Return the provider; `is_otel_shape` says whether the reader's destination gets the points of instruments."""


class _Further(weakref.ref[Task]):
    """A reference to a task, without more objects for the garbage collector than that.

    Args:
        task: The task.
        part: Its part, which is called when the task is gone.
        what: What it has in common with the one that is held.
    """

    __slots__ = ("number", "part", "what")

    number: int
    part: MetricPart
    what: Hashable

    def __new__(cls, task: Task, part: MetricPart, what: Hashable) -> _Further:
        """Make the reference."""
        made = super().__new__(cls, task, _gone)
        made.number, made.part, made.what = id(task), part, what
        return made

    def __init__(self, task: Task, part: MetricPart, what: Hashable) -> None:
        super().__init__(task, _gone)  # type: ignore[call-arg]  # of `weakref.ref`, not of `object`


def _gone(reference: Any) -> None:
    reference.part.drop(reference)


class MetricPart(Part[MetricsData]):
    """The metrics of a destination.

    Args:
        settings: The exporter's Settings.
        context_tags: The tags that facade telemetry carries.
        batching: How to batch.
        provide_meters: Makes the meter provider of the part's reader.
        adopt_meters: Called when the part has begun: it may have the part `adopt` meter providers of the application's.
    """

    signal = METRICS
    results = (MetricExportResult.SUCCESS, MetricExportResult.FAILURE)

    def __init__(
        self,
        settings: _exporter.Settings,
        context_tags: Mapping[str, object],
        batching: Batching,
        *,
        provide_meters: ProvideMeters,
        adopt_meters: Callable[[MetricPart], None],
    ) -> None:
        self._provide_meters = provide_meters
        self._adopt_meters = adopt_meters
        self._tasks: dict[Task, None] = {}
        self._further: dict[int, _Further] = {}
        """Id of a task of which another one does the same -> a reference to it: programs make one for each request."""
        self._first: dict[Hashable, tuple[Hashable, Task]] = {}
        """What tasks have in common -> the same, and the one of them that is held."""
        self._dropped: set[Hashable] = set()
        """Which of these have one that is gone without having ended, so that they go on for ever, as in OpenCensus."""
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
        self._resource: Resource | None = None
        """That of the meter provider, once it has been collected."""
        self._names = _exporter.instrument_names()
        self._exporting = threading.RLock()

    def restart(self) -> None:
        """Begin with free locks in a child made by fork; the SDK starts the reader's thread anew."""
        super().restart()
        self._exporting = threading.RLock()

    def _new_exporter(self) -> _exporter.MetricExporter:
        self._metric_exporter = _exporter.metric_exporter(self.settings, self._context_tags, self._sends)
        return self._metric_exporter

    def by_instruments(self) -> bool:
        """Return whether the points of instruments are sent, rather than what the tasks make of OpenCensus metrics.

        An exporter that was changed sends its own envelopes in any shape, and the others of the resource then do, too.
        """
        return self.is_otel_shape and not any(task.exporter._is_changed() for task in self.tasks())

    def _sends(self, name: str) -> bool:
        """Return whether it sends a metric of this name, in whichever shape: others of the resource then leave its instrument out.

        What it sent as the process ends is sent: the reader of another exporter may collect for the last time after that.
        """
        return (not self.is_shut_down or self._ended_with_process) and self._has_metric(name)

    def _stop(self) -> None:
        self._ended_with_process = is_ending()
        super()._stop()
        adopted, self.adopted = self.adopted, []
        for reader in adopted:
            reader.leave()

    def as_points(self, batches: Iterable[Sequence[Envelope]]) -> Iterator[Sequence[Envelope]]:
        """Yield envelopes of metrics without instruments as those of points are: with the tags of their resource, in no namespace.

        Args:
            batches: In OpenCensus's shape; changed.
        """
        tags = None if self._resource is None else self._metric_exporter.context_tags(self._resource)
        for batch in batches:
            for envelope in batch:
                item: Any = envelope
                item["data"]["baseData"]["metrics"][0].pop("ns", None)
                if tags is not None:
                    item["tags"] = dict(tags)
            yield batch

    def _has_metric(self, name: str) -> bool:
        return any(task.has_metric(name) for task in self.tasks())

    def _is_exported(self, name: str) -> bool:
        """Return whether the metric of an instrument is one that a task exports."""
        return self._has_metric(self._names.get(name, name))

    def _is_added_to(self, name: str) -> bool:
        """Return whether the metric of an instrument is one that a program adds to."""
        given = self._names.get(name, name)
        return any(task.is_added_to(given) for task in self.tasks())

    def _new_processor(self, export: object) -> Reader:
        reader = Reader(self, self._metric_exporter, self.interval_s)
        self.meter_provider = self._provide_meters(reader, is_otel_shape=self.is_otel_shape)
        reader.is_registered = True
        self._adopt_meters(self)
        return reader

    def adopt(self, provider: TakesReaders, others: Others) -> None:
        """Send what OpenTelemetry code measures with a meter provider of the application's.

        Args:
            provider: It.
            others: Its own readers.
        """
        if not any(reader.provider is provider for reader in self.adopted):
            self.adopted.append(AdoptedReader(self, provider, others))

    def _start(self) -> Reader:
        try:
            return self._new_processor(None)
        except RuntimeError:
            if not is_ending():
                raise
            # From Python 3.12 on, no thread starts any more while exit hooks run.
            self.interval_s = math.inf
            return self._new_processor(None)

    def add(self, task: Task) -> bool:
        """Export a task at each interval, and return whether the reader does that: its interval is that of the first task.

        One with another interval needs a thread of its own. When the process ends, the reader exports it, too, for the last time.
        """
        if not is_ending():
            # A program that has shut down, and measures again.
            self.reopen()
        with self._lock:
            if self._processor is None:
                self.interval_s = max(MIN_EXPORT_INTERVAL_S, task.interval)
            fits = max(MIN_EXPORT_INTERVAL_S, task.interval) == self.interval_s
            # One with its own thread starts again after a fork, when it is there already.
            if task not in self._tasks and id(task) not in self._further:
                self._add(task, task.what() if fits else None)
        self._started()
        return fits

    def _add(self, task: Task, what: Hashable) -> None:
        if what is not None:
            what, first = self._first.setdefault(what, (what, task))
            if first is not task:
                self._further[id(task)] = _Further(task, self, what)
                return
        self._tasks[task] = None

    def drop(self, reference: _Further) -> None:
        """Note that a task is gone. Without a lock: the garbage collector calls it anywhere."""
        if self._further.get(reference.number) is reference:
            del self._further[reference.number]
            self._dropped.add(reference.what)

    def tasks(self) -> list[Task]:
        """Return the tasks that there are."""
        return [*self._tasks, *(task for reference in list(self._further.values()) if (task := reference()) is not None)]

    def hold(self, task: Task) -> None:
        """Keep a task even if the program drops it, since it does now what no other does."""
        with self._lock:
            if self._further.pop(id(task), None) is not None:
                self._tasks[task] = None

    def remove(self, task: Task) -> None:
        """Export a task no more."""
        with self._lock:
            self._further.pop(id(task), None)
            if self._tasks.pop(task, self) is self:
                return
            what = next((what for what, (_, first) in self._first.items() if first is task), None)
            if what is None:
                return
            del self._first[what]
            alive = (other for reference in list(self._further.values()) if (other := reference()) is not None and other.what() == what)
            next_one = next(alive, None) or (task.stand_in() if what in self._dropped else None)
            if next_one is not None:
                self._further.pop(id(next_one), None)
                self._first[what] = what, next_one
                self._tasks[next_one] = None

    def convert(self, telemetry: MetricsData) -> list[_exporter.Envelope]:
        """Return the envelopes of OpenTelemetry's points; see `Part.convert`. The items share tags, and the objects do not."""
        return [_exporter.from_wire(envelope) for envelope in self.exporter.envelopes(telemetry)]

    def send(self, envelopes: Sequence[Envelope], *, are_finite: bool = False) -> int:
        """Send envelopes at once and return what became of them; see `_exporter.delivered`, `_exporter.stored` and `_exporter.Prepared`."""
        if not are_finite:
            return self._export.deliver(None, [_exporter.Prepared(lambda: envelopes, None)])
        pieces = [envelopes[start : start + _PIECE] for start in range(0, len(envelopes), _PIECE)]
        return self._export.deliver(None, [_exporter.Prepared(partial(iter, piece), None, are_finite=True) for piece in pieces])

    def send_each(self, envelopes: Sequence[Envelope], handle: Exporter) -> int:
        """Send envelopes as the telemetry processors of an exporter leave them, one by one, as far as the end of the process allows."""
        apply = handle.apply_telemetry_processors
        return self._export.deliver(None, [_exporter.Prepared(partial(apply, [envelope]), None) for envelope in envelopes])

    def export_of(self, task: Task, sent: set[Hashable]) -> None:
        """Send what a task has to send now; see `Task.export`."""
        exporter = task.exporter
        for batch in task.export(sent):
            if exporter._telemetry_processors:
                self.send_each(batch, exporter)
            else:
                self.send(batch, are_finite=True)

    def export(self, collected: MetricsData, *, last: bool) -> None:
        """Send what the reader collected, and what the tasks have of OpenCensus code.

        Args:
            collected: From the instruments of the reader's meter provider.
            last: Whether also tasks with threads of their own are exported, since the process ends or a program flushes.
        """
        with self._exporting:
            self._resource = next((each.resource for each in collected.resource_metrics), self._resource)
            tasks = [task for task in self.tasks() if last or task.is_attached]
            is_exported = self._is_exported if self.by_instruments() else None
            points = points_to_send(collected, is_exported, self._is_added_to, only_facade=self.is_alone)
            if points is not None:
                self._send_points(points, self._processing_exporter())
            sent: set[Hashable] = set()
            # Those that a program changed first: what they send is what it wants to be sent.
            for task in sorted(tasks, key=lambda task: not _has_own_way(task.exporter)):
                try:
                    self.export_of(task, sent)
                except _exporter.failure():
                    _logger.exception("OpenCensus metrics could not be exported; it is tried again in %s seconds", self.interval_s)
            if not last:
                self.look(collects_next=False)
            for reader in list(self.adopted):
                try:
                    reader.collect()
                except Exception:
                    _logger.exception("OpenTelemetry metrics could not be read")

    def look(self, *, collects_next: bool) -> None:
        """See to it that all that the producers of tasks have by now has instruments, where these are what is sent."""
        if self.by_instruments():
            seen: set[int] = set()
            for task in self.tasks():
                task.look(self.meter_provider if collects_next else None, seen)

    def export_points(self, collected: MetricsData) -> None:
        """Send what a meter provider of the application's brought of OpenTelemetry code's instruments."""
        points = points_to_send(collected, None, only_facade=False)
        if points is not None:
            self._send_points(points, self._processing_exporter())

    def _processing_exporter(self) -> Exporter | None:
        return next((task.exporter for task in self.tasks() if task.exporter._telemetry_processors), None)

    def _send_points(self, points: MetricsData, handle: Exporter | None) -> None:
        """Send points of OpenTelemetry instruments, as the telemetry processors of an exporter leave them if there is one."""
        if handle is None:
            self._export.deliver(points)
            return
        try:
            envelopes = self.convert(points)
        except _exporter.failure():
            _logger.exception("OpenTelemetry metrics could not be converted")
            return
        self.send_each(envelopes, handle)


def _has_own_way(handle: Exporter) -> bool:
    return handle._is_changed() or bool(handle._telemetry_processors)
