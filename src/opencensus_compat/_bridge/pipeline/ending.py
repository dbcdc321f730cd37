"""How what waits is sent, and the end of the process: within one `grace_period`, whichever way it ends.

What waits is in two places, one after the other: log records in the hand-over, everything in the parts' batch processors.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from opencensus_compat import _alias
from opencensus_compat._bridge.pipeline.destinations import parts
from opencensus_compat._bridge.process import LOGS, wired

if TYPE_CHECKING:
    from opencensus_compat._bridge.pipeline.destination import Destination

__all__ = [
    "end_logs",
    "end_of_child",
    "ending_process",
    "flush_at_shutdown",
    "flush_logs",
    "flush_parts",
    "grace_period_s",
    "hand_logs_over",
    "hand_logs_over_at_exit",
    "is_ending",
    "is_worker",
    "shut_down_parts",
    "stop",
]


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
    if wired.ends_at_s is None:
        wired.ends_at_s = time.monotonic() + grace_period_s()
    left_s = max(0.0, wired.ends_at_s - time.monotonic())
    for part in parts(None):
        part.set_deadline(left_s)
    return wired.ends_at_s


def grace_period_s() -> float:
    """Return how long the end of the process may take, seconds: what the first exporters asked for, the longest of it."""
    asked = [asked for each in list(wired.destinations.values()) for asked in each.grace_periods_s()]
    return max(asked, default=5.0)


def hand_logs_over(until_s: float) -> bool:
    """Have the provider's processors get what was logged, and return whether they did in time, seconds on the monotonic clock."""
    return wired.hand_over is None or wired.hand_over.flush(max(0.0, until_s - time.monotonic()))


def _hand_logs_over_at_last(until_s: float) -> None:
    """Have the provider's processors get what was logged, and give up what does not get there in half of the time that is left."""
    now_s = time.monotonic()
    if not hand_logs_over(now_s + max(0.0, until_s - now_s) / 2) and wired.hand_over is not None:
        wired.hand_over.give_up(_no_time)


def _no_time(work: Any) -> None:
    """Count a record that could not be handed over, for the handler that took it."""
    pipeline = getattr(getattr(work, "__self__", None), "_pipeline", None)
    if pipeline is not None:
        pipeline.exporter.no_time(1)


def flush_logs(of: Destination, timeout_s: float) -> bool:
    """Send what was logged to a destination, and return whether all of it was delivered in time.

    Args:
        of: The destination.
        timeout_s: Seconds to wait at most. At the end of the process, what is left of its time counts.
    """
    if is_ending():
        until_s = ending_process()
        _hand_logs_over_at_last(until_s)
        handed_over = True
    else:
        until_s = time.monotonic() + timeout_s
        handed_over = hand_logs_over(until_s)
    part = of.made(LOGS)
    return (part is None or part.force_flush(max(0, int((until_s - time.monotonic()) * 1000)))) and handed_over


def flush_parts(signal: str | None, timeout_s: float) -> bool:
    """Export what waits in the batch processors, and return whether all of it was delivered in time.

    Args:
        signal: Of which parts; None for all.
        timeout_s: Seconds for all of them together.
    """
    until_s = time.monotonic() + timeout_s
    # All of them are flushed, whatever the first one says, and with no time left beside us.
    delivered = [part.force_flush(max(0, int((until_s - time.monotonic()) * 1000))) for part in parts(signal)]
    return all(delivered)


def flush_at_shutdown(signal: str) -> None:
    """Send what waits of a signal, within one `grace_period`, because a provider is shut down: the application may end after that."""
    until_s = time.monotonic() + grace_period_s()
    if signal == LOGS:
        hand_logs_over(until_s)
    flush_parts(signal, max(0.0, until_s - time.monotonic()))


def shut_down_parts(signal: str | None, timeout_s: float | None = None) -> bool:
    """Export what waits and stop, within one `grace_period` for all destinations together; what has no time is stored.

    Args:
        signal: Of which parts; None for all.
        timeout_s: A shorter time than that, seconds.
    Returns: Whether all of it was delivered.
    """
    if is_ending():
        ending_process()
    stopped = parts(signal)
    for part in stopped:
        part.set_deadline(timeout_s)
    # All of them, whatever the first one says.
    delivered = [part.shutdown() for part in stopped]
    return all(delivered)


def stop(timeout_s: float | None = None) -> bool:
    """Take nothing more from the providers, send what waits and stop; see `shut_down_parts`."""
    for _, of_spans in wired.traces.routers:
        of_spans.stop()
    for _, of_logs in wired.logs.routers:
        of_logs.stop()
    return shut_down_parts(None, timeout_s)


def end_of_child() -> None:
    """Send what waits at the end of a process that runs no exit hooks, within one `grace_period`."""
    _hand_logs_over_at_last(ending_process())
    stop()


def hand_logs_over_at_exit() -> None:
    """Have the provider's processors get what was logged, before they are shut down at the end of the process.

    The time that the end may take begins with the providers' own exit hooks: programs have some in between. Only where much waits, maybe
    for a service that does not answer, has it begun before.
    """
    began_s, grace_s = time.monotonic(), grace_period_s()
    if hand_logs_over(began_s + grace_s / 10):
        return
    wired.ends_at_s = wired.ends_at_s or began_s + grace_s
    ending_process()
    hand_logs_over(time.monotonic() + grace_s / 2)


def end_logs() -> None:
    """Send what was logged and stop, as the logger provider is shut down at the end of the process.

    Exit hooks that run later still log; `logging.shutdown`, the last one, flushes.
    """
    until_s = ending_process()
    _hand_logs_over_at_last(until_s)
    shut_down_parts(LOGS, max(0.0, until_s - time.monotonic()))


def _end_at_exit() -> None:
    """Send what no exit hook of a provider has sent: the application has shut its provider down before, or has switched the hook off."""
    if wired.destinations:
        _hand_logs_over_at_last(ending_process())
        shut_down_parts(None)


# With the import: hooks run in the reverse order, and this one is to run after those of programs and providers that come later.
atexit.register(_end_at_exit)
