"""How queued telemetry is flushed, and the end of the process: within one `grace_period`, whichever way it ends.

Telemetry is queued in two places, one after the other: log records in the hand-over, everything in the batch processors of the parts. Both
register here, and so do the routers that feed them from a provider. The lowest module of the pipeline: it knows them by what they answer to.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from opencensus_compat import _alias
from opencensus_compat._bridge.process import LOGS, on_reset, restart_in_child

if TYPE_CHECKING:
    from typing import Protocol

    class Part(Protocol):
        """One signal of a destination."""

        @property
        def signal(self) -> str:
            """Which one it is."""

        def set_deadline(self, timeout_s: float | None = None) -> None:
            """Let no export take longer than so many seconds from now, nor longer than its `grace_period`."""

        def force_flush(self, timeout_millis: int) -> bool:
            """Export what is queued, and return whether all of it was delivered in time."""

        def shutdown(self) -> bool:
            """Export what is queued and stop, and return whether all of it was delivered."""

    class Queue(Protocol):
        """What log records are in before they reach a provider."""

        def flush(self, timeout_s: float) -> bool:
            """Hand what is queued to a provider's processors, and return whether that was done in time."""

        def give_up(self) -> None:
            """Drop and count what is queued."""

    class Router(Protocol):
        """A processor of this package's in a provider."""

        def stop(self) -> None:
            """Take nothing more from the provider."""


__all__ = [
    "add_grace_period",
    "add_part",
    "add_router",
    "end_logs",
    "end_of_child",
    "ending_process",
    "flush",
    "flush_at_shutdown",
    "flush_logs",
    "flush_parts",
    "flush_queue",
    "flush_queue_at_exit",
    "grace_period_s",
    "is_ending",
    "is_worker",
    "set_queue",
    "shut_down_parts",
    "stop",
]

_DEFAULT_GRACE_PERIOD_S = 5.0


class _Members:
    """What takes part in the end of the process, and how long that may take."""

    queue: Queue | None = None
    """Never forgotten: handlers hold it."""

    def __init__(self) -> None:
        self.forget()
        restart_in_child(self)

    def forget(self) -> None:
        """Know of no part and of no router."""
        self.parts: list[Part] = []
        self.routers: list[weakref.ref[Router]] = []
        self.grace_periods_s: list[float] = []
        """The option of each handle, seconds."""
        self.restart()

    def restart(self) -> None:
        """Begin as a process of its own in a child made by fork, whose end is not that of the parent."""
        self.ends_at_s: float | None = None
        """When the time is over that the end of the process may take, on the monotonic clock."""


_members = _Members()
on_reset(_members.forget)


def set_queue(queue: Queue) -> None:
    """Register the queue of log records."""
    _members.queue = queue


def add_part(part: Part) -> None:
    """Register a part: it is flushed after those before it."""
    _members.parts.append(part)


def add_router(router: Router) -> None:
    """Register a router. It is held weakly: its provider holds it."""
    _members.routers.append(weakref.ref(router))


def add_grace_period(seconds: float) -> None:
    """Let the end of the process take so long, or longer where another handle's option is longer."""
    _members.grace_periods_s.append(seconds)


def is_ending() -> bool:
    """Return whether the process is ending: exit hooks run after the main thread has ended."""
    return not threading.main_thread().is_alive()


def is_worker() -> bool:
    """Return whether this process is one of several: made by fork since the interpreter started, or by multiprocessing."""
    if os.getpid() != _alias.started_in:
        return True
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


def ending_process() -> float:
    """Let nothing take longer than one `grace_period` from now, in all destinations and signals together.

    Returns: When that is over, on the monotonic clock, seconds; the same at each call.
    """
    ends_at_s = _members.ends_at_s
    if ends_at_s is None:
        ends_at_s = _members.ends_at_s = time.monotonic() + grace_period_s()
    left_s = max(0.0, ends_at_s - time.monotonic())
    for part in _parts(None):
        part.set_deadline(left_s)
    return ends_at_s


def grace_period_s() -> float:
    """Return how long the end of the process may take, seconds: the longest option of the first handles."""
    return max(_members.grace_periods_s, default=_DEFAULT_GRACE_PERIOD_S)


def _parts(signal: str | None) -> list[Part]:
    return [part for part in _members.parts if signal is None or part.signal == signal]


def flush_queue(until_s: float) -> bool:
    """Hand what was logged to the provider's processors, and return whether that was done in time, seconds on the monotonic clock."""
    return _members.queue is None or _members.queue.flush(max(0.0, until_s - time.monotonic()))


def _flush_queue_or_give_up(until_s: float) -> None:
    """Hand what was logged to the provider's processors, and drop what does not get there in half of the time that is left."""
    now_s = time.monotonic()
    if not flush_queue(now_s + max(0.0, until_s - now_s) / 2) and _members.queue is not None:
        _members.queue.give_up()


def flush_logs(part: Callable[[], Part | None], timeout_s: float) -> bool:
    """Export what was logged for a destination, and return whether all of it was delivered in time.

    Args:
        part: Returns the log part of the destination; None if it has none. Asked after the queue, which brings the first record to it.
        timeout_s: Seconds to wait at most. At the end of the process, what is left of its time counts.
    """
    if is_ending():
        until_s = ending_process()
        _flush_queue_or_give_up(until_s)
        handed_over = True
    else:
        until_s = time.monotonic() + timeout_s
        handed_over = flush_queue(until_s)
    made = part()
    return (made is None or made.force_flush(max(0, int((until_s - time.monotonic()) * 1000)))) and handed_over


def flush(timeout_s: float, signal: str | None = None) -> bool:
    """Export what is queued anywhere, and return whether all of it was delivered in time.

    Args:
        timeout_s: Seconds for all of it together.
        signal: Of which parts; None for all.
    """
    until_s = time.monotonic() + timeout_s
    handed_over = flush_queue(until_s)
    return flush_parts(signal, max(0.0, until_s - time.monotonic())) and handed_over


def flush_parts(signal: str | None, timeout_s: float) -> bool:
    """Export what is queued in the batch processors, and return whether all of it was delivered in time.

    Args:
        signal: Of which parts; None for all.
        timeout_s: Seconds for all of them together.
    """
    until_s = time.monotonic() + timeout_s
    # All of them are flushed, whatever the first one says, and with no time left beside us.
    delivered = [part.force_flush(max(0, int((until_s - time.monotonic()) * 1000))) for part in _parts(signal)]
    return all(delivered)


def flush_at_shutdown(signal: str) -> None:
    """Export what is queued of a signal, within one `grace_period`, because a provider is shut down: the application may end after that."""
    until_s = time.monotonic() + grace_period_s()
    if signal == LOGS:
        flush_queue(until_s)
    flush_parts(signal, max(0.0, until_s - time.monotonic()))


def shut_down_parts(signal: str | None, timeout_s: float | None = None) -> bool:
    """Export what is queued and stop, within one `grace_period` for all destinations together; what has no time is stored.

    Args:
        signal: Of which parts; None for all.
        timeout_s: A shorter time than that, seconds.
    Returns: Whether all of it was delivered.
    """
    if is_ending():
        ending_process()
    stopped = _parts(signal)
    for part in stopped:
        part.set_deadline(timeout_s)
    # All of them, whatever the first one says.
    delivered = [part.shutdown() for part in stopped]
    return all(delivered)


def stop(timeout_s: float | None = None) -> bool:
    """Take nothing more from the providers, export what is queued and stop; see `shut_down_parts`."""
    for reference in _members.routers:
        router = reference()
        if router is not None:
            router.stop()
    return shut_down_parts(None, timeout_s)


def end_of_child() -> None:
    """Export what is queued at the end of a process that runs no exit hooks, within one `grace_period`."""
    _flush_queue_or_give_up(ending_process())
    stop()


def flush_queue_at_exit() -> None:
    """Hand what was logged to the provider's processors, before they are shut down at the end of the process.

    The time that the end may take begins with the providers' own exit hooks: programs have some in between. Only where much is queued, maybe
    for a service that does not answer, has it begun before.
    """
    began_s, grace_s = time.monotonic(), grace_period_s()
    if flush_queue(began_s + grace_s / 10):
        return
    _members.ends_at_s = _members.ends_at_s or began_s + grace_s
    ending_process()
    flush_queue(time.monotonic() + grace_s / 2)


def end_logs() -> None:
    """Export what was logged and stop, as the logger provider is shut down at the end of the process.

    Exit hooks that run later still log; `logging.shutdown`, the last one, flushes.
    """
    until_s = ending_process()
    _flush_queue_or_give_up(until_s)
    shut_down_parts(LOGS, max(0.0, until_s - time.monotonic()))


def _end_at_exit() -> None:
    """Export what no exit hook of a provider has exported: the application has shut its provider down before, or has switched the hook off."""
    if _members.grace_periods_s:
        _flush_queue_or_give_up(ending_process())
        shut_down_parts(None)


# With the import: hooks run in the reverse order, and this one is to run after those of programs and providers that come later.
atexit.register(_end_at_exit)
