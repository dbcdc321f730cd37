"""The queue of log records: each record leaves the thread that logs it here, and one thread of the process converts and emits it.

To put a record in takes a microsecond; to make an OpenTelemetry record of it and to emit that takes fifty. The thread starts with the first
record. It pauses before it works, so that a burst wakes it once.

A child made by fork begins with an empty queue: the parent exports what was queued. Where no thread can be started, as at the end of the
interpreter, the thread that flushes makes the calls; `logging.shutdown` flushes, last of all exit hooks.

Loses: the newest records while the queue is full, as in OpenCensus. They are counted for their destination.
"""

from __future__ import annotations

import contextlib
import contextvars
import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from itertools import repeat
from typing import Any, TypeAlias

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.handles import pipeline_of
from opencensus_compat._bridge.process import report, restart_in_child

__all__ = ["HANDED_OVER_FULL", "HandOver", "call_of"]

LEAST_CAPACITY = 8192
"""Records in the queue at most, unless a handler needs more: the legacy `queue_capacity`."""
WIDTH = 10
"""Values of a call: the function and its arguments."""
PAUSE_S = 0.02
"""How long the thread pauses before it works, so that more records come, seconds."""
_THREAD_AGAIN_S = 1.0
"""How long to wait after no thread could be started until the next try, seconds."""
HANDED_OVER_FULL = _exporter.Reason("too many records at a time: the newest dropped")
"""Reason for losses while the queue is full."""

Call: TypeAlias = tuple[Any, ...]
"""A function and its arguments: `WIDTH` values."""

_next = deque.popleft


class HandOver:
    """A bounded queue of calls, and the thread that makes them, in order.

    Args:
        prepare: Called before the thread starts, on the thread that puts the first call in.
    """

    def __init__(self, prepare: Callable[[], object]) -> None:
        self._prepare = prepare
        self.capacity = LEAST_CAPACITY
        self.restart()
        restart_in_child(self)
        _exporter.end_with_interpreter(self)

    def restart(self) -> None:
        """Begin without calls and without a thread, also in a child made by fork."""
        # The values of one call after those of the other: a tuple for each would be one more object for the garbage collector, at the cost
        # of the thread that logs. Neither threads nor signal handlers come between the values of a call: no Python code runs there.
        self.waiting: deque[Any] = deque()
        """The values of the queued calls."""
        # Held by the thread that makes calls, so that they are made in order.
        self._working = threading.RLock()
        # Guards starting the thread, and the losses. Signal handlers and finalizers may log while their thread holds it.
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._next_try_s = -math.inf
        # Locked while the queue is empty: the thread waits for it.
        self._gate = threading.Lock()
        self._gate.acquire()
        self._hurry = threading.Event()
        self.is_awake = False
        """Whether the thread is going to look into the queue."""
        self._dropped: Counter[Callable[[int], object]] = Counter()
        self._again = 0
        self._running: Callable[..., object] | None = None
        """The function of the call that runs."""

    @property
    def capacity(self) -> int:
        """Calls in the queue at most."""
        return self._capacity

    @capacity.setter
    def capacity(self, calls: int) -> None:
        self._capacity = calls
        self.max_values = calls * WIDTH
        """Values in the queue at most."""

    def ensure_capacity(self, capacity: int) -> None:
        """Have room for at least so many calls."""
        if capacity > self._capacity:
            self.capacity = capacity

    def put(self, call: Call) -> bool:
        """Queue a call for the thread, and return whether there was room."""
        waiting = self.waiting
        if len(waiting) >= self.max_values:
            return False
        waiting.extend(call)
        if not self.is_awake:
            self.wake()
        return True

    def put_again(self, call: Call) -> bool:
        """Queue a call that a running call makes later: `flush` waits for it, too. Return whether there was room."""
        self._again += 1
        return self.put(call)

    def count_dropped(self, log_dropped: Callable[[int], object]) -> None:
        """Count a call that had no room; `log_dropped` is called on the thread with how many there were."""
        with self._lock:
            self._dropped[log_dropped] += 1

    def flush(self, timeout_s: float) -> bool:
        """Wait until the calls that are queued now have been made.

        Args:
            timeout_s: Seconds to wait at most.
        Returns: Whether they were, in time. True at once on the thread itself, which cannot wait for itself.
        """
        if self._thread is threading.current_thread() or (self._thread is None and not self.waiting):
            return True
        until_s = time.monotonic() + timeout_s
        again = self._again
        # One of these calls may have queued another.
        return self._flush(timeout_s) and (self._again == again or self._flush(max(0.0, until_s - time.monotonic())))

    def _flush(self, timeout_s: float) -> bool:
        done = threading.Event()
        self.waiting.extend(call_of(_set, done))
        self._hurry.set()
        self.wake()
        if self._thread is None:
            with _context.as_exporter(_context.Exporting.OURS):
                self._work(time.monotonic() + timeout_s)
        return done.wait(0.0 if self._thread is None else timeout_s)

    def give_up(self) -> None:
        """Drop the queued calls as the process ends, and count them: they run code of programs, which takes too long."""
        running, self._running = self._running, None
        if running is not None:
            _count_dropped(running)
        while self.waiting:
            try:
                call = [*map(_next, repeat(self.waiting, WIDTH))]
            except IndexError:
                return
            if call[0] is _set:
                _call(*call)
            else:
                _count_dropped(call[0])

    def end_threads(self) -> None:
        """Let the thread end when the queue is empty."""
        self._hurry.set()
        with contextlib.suppress(RuntimeError):
            self._gate.release()

    def is_empty(self) -> bool:
        """Return whether the queue is empty."""
        return not self.waiting

    def unmade(self) -> int:
        """Return how many calls are queued or running, but those of a flush."""
        running = self._running
        return len(self.waiting) // WIDTH + (running is not None and running is not _set)

    def clear(self) -> None:
        """Drop the queued calls, and have room for as many as at first."""
        self.waiting.clear()
        self.capacity = LEAST_CAPACITY

    def wake(self) -> None:
        """Have the thread make the queued calls."""
        self.is_awake = True
        if self._thread is None:
            _call(self._prepare)
            with self._lock:
                if self._thread is None and time.monotonic() >= self._next_try_s:
                    self._thread = _started(self._run)
                    if self._thread is None:
                        # A limit of threads, or a test of the program that replaces them; a record that comes later tries again.
                        self._next_try_s = time.monotonic() + _THREAD_AGAIN_S
            if self._thread is None:
                self.is_awake = False
        # A bare lock: an event takes five times as long to set. Another thread may have opened it just now.
        with contextlib.suppress(RuntimeError):
            self._gate.release()

    def _run(self) -> None:
        _context.exporting.set(_context.Exporting.OURS)
        while True:
            self._gate.acquire()
            self._hurry.wait(PAUSE_S)
            self._hurry.clear()
            # From here on, `put` wakes the thread; what was put in before is seen now.
            self.is_awake = False
            self._work()
            if _exporter.interpreter_is_over():
                # From here on, the thread that flushes makes the calls.
                self._thread = None
                return

    def _work(self, until_s: float = math.inf) -> None:
        """Make the queued calls, and begin none after a time on the monotonic clock."""
        waiting = self.waiting
        with self._working:
            while waiting:
                if until_s != math.inf and time.monotonic() >= until_s:
                    break
                try:
                    arguments = [*map(_next, repeat(waiting, WIDTH))]
                except IndexError:
                    break
                work = self._running = arguments.pop(0)
                # As `_call`, without the call.
                try:
                    work(*arguments)
                except _exporter.failure() as error:
                    _report_lost(error)
                # It must not hold its arguments until the next one comes.
                del work, arguments
                self._running = None
            if self._dropped:
                with self._lock:
                    dropped, self._dropped = self._dropped, Counter()
                for log_dropped, calls in dropped.items():
                    _call(log_dropped, calls)


def call_of(function: Callable[..., object], *args: object) -> Call:
    """Return a call for the queue; the function gets some more arguments, which are None."""
    return (function, *args, *(None,) * (WIDTH - 1 - len(args)))


def _count_dropped(work: Any) -> None:
    """Count a dropped call for the handler whose method it would have called."""
    part = pipeline_of(getattr(work, "__self__", None))
    if part is not None:
        part.exporter.no_time(1)


def _set(event: threading.Event, *_: None) -> None:
    event.set()


def _call(work: Callable[..., object], *args: object) -> None:
    try:
        work(*args)
    except _exporter.failure() as error:  # One record must not cost others, whatever is in it
        _report_lost(error)


def _report_lost(error: BaseException) -> None:
    report("a log record was lost: %s", type(error).__name__)


def _started(run: Callable[[], object]) -> threading.Thread | None:
    """Return a daemon thread that runs in a context of its own; None where none can be started any more."""
    if _exporter.interpreter_is_over():
        return None
    thread = threading.Thread(target=run, name="opencensus-hand-over", daemon=True)
    _exporter.wait_for_at_end(thread)
    try:
        contextvars.Context().run(thread.start)
    except RuntimeError:
        return None
    return thread if type(thread.ident) is int else None
