"""Calls that may block for longer than their caller can wait, on threads of their own.

Nothing ends a thread that looks up a host name, connects, or reads from a silent socket; all one can do is to stop waiting for it. So
the call runs on a daemon thread, which is used again for the next call, and which does not keep the process alive.

Why no ``concurrent.futures``: the end of the interpreter waits for the threads of its pool, however long they hang, and takes no new calls,
of which the last export is one; a child made by fork has a pool without threads, whose calls never run; and a call that hangs takes one of
the pool's places.
"""

from __future__ import annotations

import contextvars
import queue
import threading
import time
import weakref
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from opentelemetry.context import Context, attach

from ..forks import restart_in_child
from . import interpreter
from .own_work import own_context

if TYPE_CHECKING:
    from collections.abc import Callable

IDLE_S = 60.0
"""A thread without work ends after so many seconds."""

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)


class LateError(TimeoutError):
    """The call has not ended in time. It may still be running, and nobody will learn what it returned."""


class _Call(Generic[_T_co]):
    """One call, its result, and until when its maker waits."""

    def __init__(self, function: Callable[[], _T_co], until_s: float) -> None:
        # What the caller set for itself (that it is exporting) counts for the call too.
        self._context = contextvars.copy_context()
        self._function = function
        self._result: _T_co | None = None
        self._error: BaseException | None = None
        self.until_s = until_s
        self.changed = threading.Event()
        self.ended = False

    def run(self, then: Callable[[], None] | None = None) -> None:
        """Make the call, and do something else before its maker hears of its end."""
        try:
            self._result = self._context.run(self._function)
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller, whatever it is.
            self._error = error
        if then is not None:
            then()
        self.ended = True
        self.changed.set()

    def result(self) -> _T_co:
        if self._error is not None:
            raise self._error
        # It is set where there is no error.
        return cast("_T_co", self._result)


class CallThreads:
    """Threads that run calls, as many as there are calls at one time.

    Args:
        name: Of the threads.
        clock: Monotonic clock, seconds.
    """

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self.restart()
        restart_in_child(self)
        interpreter.end_with(self)

    def restart(self) -> None:
        """Have no thread and no call: for a child made by fork."""
        # Guards the two below.
        self._lock = threading.Lock()
        self._idle: list[queue.SimpleQueue[_Call[object] | None]] = []
        self._calls: set[_Call[object]] = set()

    def run(self, function: Callable[[], _T], timeout_s: float) -> _T:
        """Return what the function returns, or raise what it raises.

        Where no thread can be started, as at the end of the interpreter, the function runs in the calling thread and takes its time.

        Raises:
            LateError: It did not end in time.
        """
        call: _Call[_T] = _Call(function, self._clock() + timeout_s)
        with self._lock:
            self._calls.add(call)
            inbox = self._idle.pop() if self._idle else None
        try:
            if inbox is not None:
                inbox.put(call)
            elif not self._start(call):
                call.run()
            while True:
                call.changed.clear()
                left_s = call.until_s - self._clock()
                if call.ended:
                    return call.result()
                if left_s <= 0:
                    raise LateError("it did not end in time")
                call.changed.wait(left_s)
        finally:
            with self._lock:
                self._calls.discard(call)

    def hurry(self, timeout_s: float) -> None:
        """Let the calls under way be waited for no longer than so many seconds from now."""
        until_s = self._clock() + timeout_s
        with self._lock:
            calls = list(self._calls)
        for call in calls:
            call.until_s = min(call.until_s, until_s)
            call.changed.set()

    def end_threads(self) -> None:
        """Let the threads end, those that work after their work; see :mod:`.interpreter`."""
        with self._lock:
            idle, self._idle = self._idle, []
        for inbox in idle:
            inbox.put(None)

    def _start(self, call: _Call[_T]) -> bool:
        inbox: queue.SimpleQueue[_Call[object] | None] = queue.SimpleQueue()
        inbox.put(call)
        # The thread must keep neither this object nor its owner alive.
        return start_thread(_Work(weakref.ref(self), inbox), self._name)

    def _rest(self, inbox: queue.SimpleQueue[_Call[object] | None]) -> None:
        with self._lock:
            self._idle.append(inbox)

    def _leave(self, inbox: queue.SimpleQueue[_Call[object] | None]) -> bool:
        """Return whether the thread of this inbox may end: False when a call is on its way to it."""
        with self._lock:
            if inbox in self._idle:
                self._idle.remove(inbox)
                return True
            return False


class _Work:
    """What a thread does."""

    def __init__(self, owner: weakref.ref[CallThreads], inbox: queue.SimpleQueue[_Call[object] | None]) -> None:
        self._owner = owner
        self._inbox = inbox

    def __call__(self) -> None:
        while True:
            try:
                call = self._inbox.get(timeout=IDLE_S)
            except queue.Empty:
                owner = self._owner()
                if owner is None or owner._leave(self._inbox):
                    return
                continue
            if call is None:
                return
            # Before the caller hears of the end, so that its next call finds this thread.
            call.run(self._rest)
            del call
            if interpreter.is_over():
                return

    def _rest(self) -> None:
        owner = self._owner()
        if owner is not None:
            owner._rest(self._inbox)


def start_thread(target: Callable[[], object], name: str) -> bool:
    """Start a daemon thread and return whether one could be started.

    It runs with what the caller's context holds, among it that this is an export, but without the current span:
    a thread, and instrumentations that follow it, would keep an application's span for as long as it lives.
    """
    return contextvars.copy_context().run(_start_in_own_context, target, name)


def _start_in_own_context(target: Callable[[], object], name: str) -> bool:
    if interpreter.is_over():
        return False
    attach(own_context(Context()))
    thread = threading.Thread(target=contextvars.copy_context().run, args=(target,), name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError:
        return False
    if type(thread.ident) is not int:
        # A test of a program has replaced threads.
        return False
    interpreter.wait_for(thread)
    return True
