"""What the parts of a destination have in common: a batch processor of the SDK's in front of an exporter, its queue, and its end.

A *part* is one signal of a destination. Nothing here imports the OpenTelemetry SDK; the parts' own modules do (`spans`, `logs` and `metrics`).
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, Protocol, TypeAlias, TypedDict, TypeVar

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge import otel_private as _private
from opencensus_compat._bridge.pipeline.ending import ending_process, is_ending
from opencensus_compat._bridge.process import process, report, restart_in_child

if TYPE_CHECKING:
    from opencensus_compat._bridge.exporter import Counts, Envelope, Settings, WireItem
    from opencensus_compat._bridge.handles import Owner

__all__ = ["MIN_EXPORT_INTERVAL_S", "QUEUE_FULL", "AnyPart", "Batching", "Part"]

MIN_EXPORT_INTERVAL_S = 0.1
"""Floor of the legacy `export_interval`: an interval of 0 kept a processor core busy."""
UNLIMITED_CAPACITY = 1_000_000
"""What the legacy `queue_capacity=0`, which meant no limit, means now."""
DEFAULT_BATCH_SIZE = 512
"""Items per request where `max_batch_size` was left alone: five times the legacy default, since a request costs what 50 items cost."""
LEAST_CUT_S = 2.0
"""Shortest time of a flush, seconds, at whose end a request without a reply is given up and stored; half a `grace_period` if that is less."""
_STORING_S = 0.5
"""What is kept of a flush's time for storing, seconds; a quarter of it where it is short."""
_THREAD_AGAIN_S = 1.0
"""How long to wait after no thread could be started until the next try, seconds."""
_EXPORT_TIMEOUT_MS = 30_000
"""What the SDK's batch processors have for it where nothing is said; exports of ours keep a time of their own."""
QUEUE_FULL = _exporter.Reason("queue full: the oldest dropped")
"""Reason for which items are counted as lost that came while `queue_capacity` others were waiting."""


_T = TypeVar("_T")
_T_contra = TypeVar("_T_contra", contravariant=True)


if TYPE_CHECKING:

    class SignalExporter(Protocol[_T_contra]):
        """An exporter of one signal, as its part uses it."""

        @property
        def counts(self) -> Counts:
            """What was sent and lost."""

        @property
        def deliver(self) -> Callable[..., int]:
            """Sends a batch, and returns what became of it; what it takes depends on the signal."""

        def envelopes(self, one: _T_contra, /) -> Sequence[WireItem]:
            """Return the items of one piece of telemetry, before telemetry processors see them."""

        def set_deadline(self, timeout_s: float) -> None:
            """Let no export take longer than so many seconds from now; what is left then is stored."""

        def hurry(self, timeout_s: float) -> None:
            """Let an export that is under way take no longer than so many seconds from now; what has no reply then is stored."""

        def has_time(self) -> bool:
            """Return whether the caller can convert one more piece by itself before the process ends."""

        def took(self, spent_s: float) -> None:
            """Note how many seconds the caller's conversion of one piece took."""

        def no_time(self, number: int) -> None:
            """Count telemetry as lost for which there was no time."""

        def give_up(self) -> None:
            """Count what is being converted as lost."""

        def shutdown(self) -> None:
            """Refuse further telemetry."""

    class Processor(Protocol):
        """What is in front of an exporter: a batch processor of the SDK's, or a metric reader."""

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            """Export what is queued, and return whether that was done in time."""

        def shutdown(self) -> None:
            """Export what is queued and stop."""

    class _SdkBatching(TypedDict):
        """Arguments of the SDK's batch processors."""

        max_queue_size: int
        schedule_delay_millis: float
        max_export_batch_size: int
        export_timeout_millis: float


class Batching(NamedTuple):
    """How a part batches, from the legacy options."""

    export_interval_s: float
    """Seconds between exports while batches are not full."""
    max_batch_size: int
    """Items per export."""
    queue_capacity: int
    """Items that wait at most; the oldest is dropped when one more comes."""
    grace_period_s: float
    """Seconds that the end of the process may take."""

    def for_sdk(self) -> _SdkBatching:
        """Return the same as the SDK's batch processors take it."""
        return {
            "max_queue_size": self.queue_capacity,
            "schedule_delay_millis": self.export_interval_s * 1000,
            "max_export_batch_size": min(self.max_batch_size, self.queue_capacity),
            # Given, so that the SDK reads no variable for it.
            "export_timeout_millis": _EXPORT_TIMEOUT_MS,
        }

    @classmethod
    def of(cls, options: _exporter.BaseObject) -> Batching:
        """Return the batching that legacy options ask for."""
        return cls(
            export_interval_s=max(MIN_EXPORT_INTERVAL_S, options.export_interval),
            max_batch_size=int(options.max_batch_size) if "max_batch_size" in options else DEFAULT_BATCH_SIZE,
            queue_capacity=int(options.queue_capacity) or UNLIMITED_CAPACITY,
            grace_period_s=options.grace_period,
        )


class Part(ABC, Generic[_T]):
    """One signal of a destination: an exporter, and the SDK's batch processor in front of it once there is something to send.

    Args:
        settings: The exporter's Settings.
        context_tags: The tags that facade telemetry carries.
        batching: How to batch.
    """

    signal: ClassVar[str]
    """Which one it is."""
    results: ClassVar[tuple[Enum, Enum]]
    """What the SDK's exporters return when nothing was lost, and otherwise."""

    destination: Owner
    """What it is a part of."""
    is_direct = True
    """Whether it sends what it is given, or nothing; see `Destination`."""

    def __init__(self, settings: Settings, context_tags: Mapping[str, object], batching: Batching) -> None:
        self.settings = settings
        self.batching = batching
        self._context_tags = context_tags
        self.exporter: SignalExporter[_T] = self._new_exporter()
        self._queue = _Queue(batching.queue_capacity, self.exporter.counts, self.signal, self._made_room)
        self._export = _Export(self.exporter, self._queue, self.results)
        self._processor: Any = None
        # A `Processor`, with the method by which the signal comes: `on_end`, `on_emit` or none.
        self.is_shut_down = False
        """Whether `shutdown` was called."""
        self._ends_at_s = math.inf
        """When the end of the process, or a shutdown, may take no longer, on the monotonic clock."""
        self._lock = threading.Lock()
        self._stopping = threading.RLock()
        restart_in_child(self)

    def restart(self) -> None:
        """Begin with an empty queue in a child made by fork: the SDK has emptied the processor's."""
        self._lock = threading.Lock()
        self._stopping = threading.RLock()
        self._ends_at_s = math.inf
        self._queue.restart()
        self._export.restart()

    @abstractmethod
    def _new_exporter(self) -> SignalExporter[_T]:
        """Return the exporter."""

    @abstractmethod
    def _new_processor(self, export: _Export[_T]) -> Processor:
        """Return the SDK's batch processor in front of an exporter."""

    def _made_room(self) -> None:
        """Do nothing; called when a batch has left the processor's queue."""

    def _started(self) -> Any:  # see `_processor`
        """Return the processor, made at the first call."""
        processor = self._processor
        if processor is None or (self.is_shut_down and is_ending()):
            with self._lock:
                if self.is_shut_down and is_ending():
                    self._reopen()
                processor = self._processor = self._processor or _context.in_empty_context(self._start)
            if type(processor) is _WithoutThread and not is_ending():
                report("no thread can be started to export %s: they wait for one, for a flush or for the end of the process", self.signal)
        return processor

    def reopen(self) -> None:
        """Restart after `shutdown`; without that, do nothing."""
        with self._lock:
            if self.is_shut_down:
                self._begin()

    def _begin(self) -> None:
        self.is_shut_down = False
        self._ends_at_s = math.inf
        self.exporter = self._new_exporter()
        self._queue = _Queue(self.batching.queue_capacity, self.exporter.counts, self.signal, self._made_room)
        self._export = _Export(self.exporter, self._queue, self.results)
        self._processor = None

    def _reopen(self) -> None:
        """Take what is logged by exit hooks that run after the provider's."""
        self._begin()
        self._processor = self._without_thread()
        self.exporter.set_deadline(max(0.0, ending_process() - time.monotonic()))

    def _start(self) -> Processor:
        """Return the processor, or what stands for it where its thread cannot be started.

        From Python 3.12 on, no thread starts any more while exit hooks run; there is a limit of threads; and tests of programs replace them.
        """
        try:
            processor = self._new_processor(self._export)
            if _private.has_thread(processor):
                return processor
        except RuntimeError:
            pass
        return self._without_thread()

    def _without_thread(self) -> _WithoutThread[_T]:
        return _WithoutThread(self._export, self.batching.queue_capacity, self._start_again)

    def _start_again(self, instead_of: _WithoutThread[_T]) -> None:
        """Try once more to have a processor with a thread, and give it what has waited."""
        with self._lock:
            if self._processor is not instead_of or self.is_shut_down or is_ending():
                return
            started: Any = _context.in_empty_context(self._start)
            if type(started) is _WithoutThread:
                return
            self._processor = started
        instead_of.give_way(_private.entrance(started) or getattr(started, "on_end", None) or started.on_emit)

    def waiting(self) -> int:
        """Return how many pieces of telemetry wait for an export now."""
        return self._queue.waiting()

    def convert(self, telemetry: _T) -> list[Envelope]:
        """Return the envelopes of a piece of telemetry as the exporter would send them, in the form that telemetry processors take."""
        return [_exporter.owned(envelope) for envelope in self.exporter.envelopes(telemetry)]

    def send(self, envelopes: Sequence[WireItem]) -> int:
        """Send envelopes at once and return what became of them; see `_exporter.delivered` and `_exporter.stored`."""
        return self._export.deliver([_exporter.Prepared(lambda: envelopes, None)])

    def force_flush(self, timeout_millis: int) -> bool:
        """Export what is queued and return whether all of it was delivered in time: what was stored was not.

        A request without a reply shortly before the time is over is stored, so that the caller may kill the process then. A flush with a
        short timeout stores nothing: an endpoint that is merely slow would get everything twice.
        """
        processor = self._processor
        if processor is None:
            return True
        before = self._export.undelivered
        timeout_s = timeout_millis / 1000
        is_cut = timeout_s >= min(LEAST_CUT_S, self.batching.grace_period_s / 2)
        reserve_s = min(_STORING_S, timeout_s / 4) if is_cut else 0.0
        flushed = threading.Event()

        def flush() -> bool:
            try:
                # The SDK's own force_flush takes as long as an export takes.
                return bool(processor.force_flush(timeout_millis))
            finally:
                flushed.set()

        finished = _exporter.run_with_timeout(flush, timeout_s - reserve_s)
        if is_cut and not flushed.is_set():
            self.exporter.hurry(0.0)
            flushed.wait(reserve_s)
        return finished and self._export.undelivered == before

    def set_deadline(self, timeout_s: float | None = None) -> None:
        """Let no export take longer than so many seconds from now, nor longer than the `grace_period`, because the process ends."""
        grace_s = self.batching.grace_period_s
        left_s = grace_s if timeout_s is None else min(grace_s, timeout_s)
        self._ends_at_s = min(self._ends_at_s, time.monotonic() + left_s)
        self.exporter.set_deadline(left_s)

    def shutdown(self) -> bool:
        """Export what is queued and stop; return whether all of it was delivered: what was stored was not.

        A second thread waits for the first one: the SDK's processor would return at once, and the process end too soon.
        """
        with self._stopping:
            if self.is_shut_down:
                return True
            before = self._export.undelivered
            self._stop()
            return self._export.undelivered == before

    def _stop(self) -> None:
        self.is_shut_down = True
        if self._processor is not None:
            self._shut_processor_down()
            self.exporter.give_up()
            self._queue.emptied(QUEUE_FULL if self._export.is_idle else _exporter.reasons.NO_TIME_TO_CONVERT)
        else:
            self.exporter.shutdown()

    def _shut_processor_down(self) -> None:
        """Shut the processor down, and wait for its export no longer than the end may take: conversion is code of programs."""
        inner = _private.batch_processor(self._processor)
        if inner is None or self._ends_at_s == math.inf:
            self._processor.shutdown()
            return
        # What has no time to be sent is stored.
        left_s = max(_STORING_S, self._ends_at_s - time.monotonic())
        try:
            inner.shutdown(timeout_millis=left_s * 1000)
        except TypeError:
            self._processor.shutdown()


class _WithoutThread(Generic[_T]):
    """Stands for the batch processor where its thread cannot be started: a flush exports, in the caller's thread.

    Args:
        export: The exporter.
        capacity: Pieces of telemetry that wait at most; the oldest is dropped when one more comes.
        start_again: Called with this from time to time, when a piece of telemetry has come: a thread may be started by now.
    """

    def __init__(self, export: _Export[_T], capacity: int, start_again: Callable[[_WithoutThread[_T]], object]) -> None:
        self._export = export
        self._waiting: deque[_T] = deque(maxlen=capacity)
        self._start_again = start_again
        self._next_try_s = time.monotonic() + _THREAD_AGAIN_S
        self._successor: Callable[[Any], object] | None = None

    def on_end(self, telemetry: _T) -> None:
        """Keep a piece of telemetry for the next flush."""
        self._waiting.append(telemetry)
        if self._successor is not None:
            # Another thread has just started one.
            self.hand_to(self._successor)
        elif (now_s := time.monotonic()) >= self._next_try_s:
            self._next_try_s = now_s + _THREAD_AGAIN_S
            self._start_again(self)

    on_emit = on_end

    def give_way(self, take: Callable[[Any], object]) -> None:
        """Give what was kept, and what may still come, to what puts it into the queue of a processor with a thread."""
        self._successor = take
        self.hand_to(take)

    def hand_to(self, take: Callable[[Any], object]) -> None:
        """Give away what was kept."""
        with contextlib.suppress(IndexError):
            while True:
                take(self._waiting.popleft())

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export what was kept."""
        while self._waiting:
            batch: list[_T] = []
            self.hand_to(batch.append)
            self._export.export(batch)
        return True

    def shutdown(self) -> None:
        """Export what was kept and stop."""
        self.force_flush()
        self._export.shutdown()


class _Queue:
    """Counts what the batch processor's queue loses: the SDK drops the oldest item when it is full, and counts none.

    Args:
        capacity: Items that wait at most.
        counts: Where losses are counted.
        signal: Of what.
        made_room: Called when a batch has left.
    """

    def __init__(self, capacity: int, counts: Counts, signal: str, made_room: Callable[[], object]) -> None:
        self._made_room = made_room
        self._capacity = capacity
        self._counts = counts
        self._signal = signal
        self.restart()

    def restart(self) -> None:
        """Count from zero: for a child made by fork, whose queue the SDK has emptied."""
        # Taking the next number is one step, and so needs no lock in a thread that ends a span.
        self.entered = count().__next__
        """Counts one that was put in, and returns how many were before."""
        self._looks = 0
        self._left = 0
        self._lost = 0
        self.gone = 0
        """How many are known to have left, to the exporter or nowhere."""

    def waiting(self) -> int:
        """Return how many are in the queue now."""
        entered = self.entered() - self._looks
        self._looks += 1
        return max(0, entered - self.gone)

    def left(self, items: int) -> None:
        """Count those that are taken out to be exported, and whatever more is missing than can be waiting."""
        self._left += items
        self.gone = self._left + self._lost
        self._count(self._capacity)
        self._made_room()

    def emptied(self, reason: _exporter.Reason = QUEUE_FULL) -> None:
        """Count all that are missing: the queue is empty."""
        self._count(0, reason)

    def _count(self, waiting: int, reason: _exporter.Reason = QUEUE_FULL) -> None:
        entered = self.entered() - self._looks
        self._looks += 1
        lost = entered - self._left - waiting - self._lost
        if lost > 0:
            self._lost += lost
            self.gone = self._left + self._lost
            self._counts.dropped(reason, lost, signal=self._signal)


class _Export(Generic[_T]):
    """The exporter as the batch processor sees it: legacy code that runs inside knows that it runs in an exporter."""

    def __init__(self, exporter: SignalExporter[_T], queue: _Queue, results: tuple[Enum, Enum]) -> None:
        self._exporter = exporter
        self._queue = queue
        self._success, self._failure = results
        self.undelivered = 0
        """How many exports ended with something not delivered."""
        self.restart()

    def restart(self) -> None:
        """Forget the exports of the parent: for a child made by fork."""
        self._under_way: set[object] = set()

    @property
    def is_idle(self) -> bool:
        """Whether no export is under way."""
        return not self._under_way

    def export(self, batch: Sequence[_T]) -> Enum:
        self._queue.left(len(batch))
        return self._success if _exporter.stored(self.deliver(_exporter.joined(batch))) else self._failure

    def deliver(self, *telemetry: object) -> int:
        """Deliver telemetry by the exporter; what it takes depends on the signal."""
        with process.loading:
            _exporter.load_transport()
        under_way = object()
        self._under_way.add(under_way)
        try:
            with _context.as_exporter(_context.Exporting.OURS):
                result = self._exporter.deliver(*telemetry)
        finally:
            self._under_way.discard(under_way)
        if not _exporter.delivered(result):
            self.undelivered += 1
        return result

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Return True: an export is complete when it returns."""
        return True

    def shutdown(self) -> None:
        self._exporter.shutdown()


AnyPart: TypeAlias = Part[Any]
"""A part of any signal."""
