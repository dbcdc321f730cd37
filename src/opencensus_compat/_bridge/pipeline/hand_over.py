"""The one queue of ours: log records leave the thread that logs them through it, and are worked on by one thread of this process.

Putting a record in costs a microsecond; making an OpenTelemetry record of it, and the SDK's own emit, cost fifty. The thread starts with
the first record. It waits a little before it works, so that a burst wakes it once.

A child made by fork begins with an empty queue: what waits is the parent's. Where no thread can be started, as at the end of the
interpreter, the work is done by whoever flushes; `logging.shutdown` does, last of all exit hooks.

Loses: what comes while the queue is full: the newest, as in OpenCensus. It is counted for the destination.
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
from typing import Any

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.handles import pipeline_of
from opencensus_compat._bridge.process import report, restart_in_child

__all__ = ["HANDED_OVER_FULL", "HandOver", "call_of"]

LEAST_CAPACITY = 8192
"""Records that may wait, where no handler asks for more: the legacy `queue_capacity`."""
WIDTH = 10
"""Values that a call is made of: the function, and its arguments."""
PAUSE_S = 0.02
"""How long the thread lets records gather before it works on them, seconds."""
HANDED_OVER_FULL = _exporter.Reason("too many records at a time: the newest dropped")
"""Reason for which records are counted as lost that came while the queue was full."""


_next = deque.popleft


class HandOver:
    """A bounded queue of calls, and the thread that makes them, in order.

    Args:
        prepare: Called before the thread starts, by whoever puts the first call in.
    """

    def __init__(self, prepare: Callable[[], object]) -> None:
        self._prepare = prepare
        self.capacity = LEAST_CAPACITY
        self.restart()
        restart_in_child(self)
        _exporter.end_with_interpreter(self)

    def restart(self) -> None:
        """Begin anew, also in a child made by fork: without calls, without a thread."""
        # The values of one call after those of the other: a tuple for each would be one more object for the garbage collector, at the cost
        # of the thread that logs. Neither threads nor signal handlers come between the values of a call: no Python code runs there.
        self.waiting: deque[Any] = deque()
        """The values that wait."""
        # Lets one thread work at a time, so that the calls are made in order.
        self._working = threading.RLock()
        # Guards starting the thread, and the losses. Signal handlers and finalizers may log while their thread holds it.
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        # Closed while the thread has nothing to do.
        self._gate = threading.Lock()
        self._gate.acquire()
        self._hurry = threading.Event()
        self.is_awake = False
        """Whether the thread will look at what waits."""
        self._lost: Counter[Callable[[int], object]] = Counter()
        self._again = 0
        self._call: list[Any] | None = None
        """The call that is being made."""

    @property
    def capacity(self) -> int:
        """Calls that wait at most."""
        return self._capacity

    @capacity.setter
    def capacity(self, calls: int) -> None:
        self._capacity = calls
        self.most = calls * WIDTH
        """Values that wait at most."""

    def ask(self, capacity: int) -> None:
        """Have room for at least so many."""
        self.capacity = max(self.capacity, capacity)

    def put(self, call: tuple[Any, ...]) -> bool:
        """Have a function called on the thread, and return whether there was room.

        Args:
            call: The function and its arguments: `WIDTH` values.
        """
        waiting = self.waiting
        if len(waiting) >= self.most:
            return False
        waiting.extend(call)
        if not self.is_awake:
            self.rouse()
        return True

    def put_again(self, call: tuple[Any, ...]) -> bool:
        """Have a function called when all that waits now has been called, and return whether there was room; for calls on the thread."""
        self._again += 1
        return self.put(call)

    def lose(self, tell: Callable[[int], object]) -> None:
        """Count one that had no room; `tell` will be called on the thread with how many that were."""
        with self._lock:
            self._lost[tell] += 1

    def flush(self, timeout_s: float) -> bool:
        """Wait until what was put before has been called.

        Args:
            timeout_s: Seconds to wait at most.
        Returns: Whether it was, in time. True at once on the thread itself, which cannot wait for itself.
        """
        if self._thread is threading.current_thread() or (self._thread is None and not self.waiting):
            return True
        until_s = time.monotonic() + timeout_s
        again = self._again
        # What was put before may have had to put something again.
        return self._flush(timeout_s) and (self._again == again or self._flush(max(0.0, until_s - time.monotonic())))

    def _flush(self, timeout_s: float) -> bool:
        done = threading.Event()
        self.waiting.extend(call_of(_set, done))
        self._hurry.set()
        self.rouse()
        if self._thread is None:
            with _context.as_exporter(_context.Exporting.OURS):
                self._work(time.monotonic() + timeout_s)
        return done.wait(0.0 if self._thread is None else timeout_s)

    def give_up(self) -> None:
        """Drop what waits, as the process ends, and count it: what is done with it is code of programs, and takes too long."""
        call, self._call = self._call, None
        if call is not None:
            _count_dropped(call[0])
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
        """Let the thread end when nothing waits."""
        self._hurry.set()
        with contextlib.suppress(RuntimeError):
            self._gate.release()

    def is_empty(self) -> bool:
        """Return whether nothing waits."""
        return not self.waiting

    def clear(self) -> None:
        """Forget what waits, and ask for no more room than at first."""
        self.waiting.clear()
        self.capacity = LEAST_CAPACITY

    def rouse(self) -> None:
        """Have the thread work on what waits."""
        self.is_awake = True
        if self._thread is None:
            _call(self._prepare)
            with self._lock:
                if self._thread is None:
                    self._thread = _started(self._run)
        # A bare lock: an event takes five times as long to set. Another thread may have opened it just now.
        with contextlib.suppress(RuntimeError):
            self._gate.release()

    def _run(self) -> None:
        _context.exporting.set(_context.Exporting.OURS)
        while True:
            self._gate.acquire()
            self._hurry.wait(PAUSE_S)
            self._hurry.clear()
            # Whoever puts something in from here on rouses the thread; what was put in before is seen now.
            self.is_awake = False
            self._work()
            if _exporter.interpreter_is_over():
                # From here on, whoever flushes does the work.
                self._thread = None
                return

    def _work(self, until_s: float = math.inf) -> None:
        """Make the calls that wait, and begin none after a time on the monotonic clock."""
        waiting = self.waiting
        with self._working:
            while waiting:
                if until_s != math.inf and time.monotonic() >= until_s:
                    break
                try:
                    call = self._call = [*map(_next, repeat(waiting, WIDTH))]
                except IndexError:
                    break
                _call(*call)
                # What it holds must not stay until the next one comes.
                del call
                self._call = None
            if self._lost:
                with self._lock:
                    lost, self._lost = self._lost, Counter()
                for tell, times in lost.items():
                    _call(tell, times)


def call_of(function: Callable[..., object], *args: Any) -> tuple[Any, ...]:
    """Return a call as the queue takes it; the function gets some more arguments, which are None."""
    return (function, *args, *(None,) * (WIDTH - 1 - len(args)))


def _count_dropped(work: Any) -> None:
    """Count a record that could not be handed over, for the handler that took it."""
    part = pipeline_of(getattr(work, "__self__", None))
    if part is not None:
        part.exporter.no_time(1)


def _set(event: threading.Event, *_: None) -> None:
    event.set()


def _call(work: Callable[..., object], *args: Any) -> None:
    try:
        work(*args)
    except _exporter.failure() as error:  # One record must not lose the others, whatever is in it
        report("a log record was lost: %s", type(error).__name__)


def _started(run: Callable[[], object]) -> threading.Thread | None:
    """Return a daemon thread that runs, in a context of its own; None where none can be started any more."""
    if _exporter.interpreter_is_over():
        return None
    thread = threading.Thread(target=run, name="opencensus-hand-over", daemon=True)
    _exporter.wait_for_at_end(thread)
    try:
        contextvars.Context().run(thread.start)
    except RuntimeError:
        return None
    return thread
