"""SIGTERM, for programs that ask: what waits is sent, and then it ends the process as where nobody handles it.

Containers are ended by it all day, and Python runs no exit hooks then. A handler that a program or a server has set itself is left alone, and
one that it sets later takes the place of this one.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.pipeline.ending import end_of_child, grace_period_s, is_ending
from opencensus_compat._bridge.process import on_reset, report
from opencensus_compat._bridge.settings import FLUSH_ON_SIGTERM_VARIABLE, flag

__all__ = ["decide", "watch", "watch_if_asked"]


class _Wish:
    """Whether SIGTERM is to wait until what is queued was sent."""

    is_on: bool | None = None
    """None until somebody asks."""

    def forget(self) -> None:
        """Handle it no more."""
        if self.is_on:
            watch(handles=False)
        self.is_on = None


_wish = _Wish()
on_reset(_wish.forget)


def watch_if_asked() -> None:
    """Handle SIGTERM if the environment variable says so, unless that was decided before."""
    if _wish.is_on is None:
        _wish.is_on = flag(FLUSH_ON_SIGTERM_VARIABLE)
        if _wish.is_on and not watch():
            report(
                "%s has no effect: the first exporter is made in another thread than the main one, or SIGTERM has a handler",
                FLUSH_ON_SIGTERM_VARIABLE,
            )


def decide(*, handles: bool) -> bool:
    """Handle SIGTERM or not, whatever the environment variable says, and return whether that could be done."""
    if not watch(handles=handles):
        return False
    _wish.is_on = handles
    return True


def watch(*, handles: bool = True) -> bool:
    """Handle SIGTERM where nobody else does, or no more, and return whether that could be done."""
    if threading.current_thread() is not threading.main_thread():
        return False
    if signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, _on_sigterm):
        return False
    signal.signal(signal.SIGTERM, _on_sigterm if handles else signal.SIG_DFL)
    return True


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    # One more signal ends the process at once.
    signal.signal(number, signal.SIG_DFL)
    if is_ending():
        # Exit hooks send what waits, in no more time.
        return
    try:
        # In a thread, while the main thread goes on: it may hold what sending needs. Should that end by itself, the interpreter waits for it.
        threading.Thread(target=_send_and_end, args=(number,), name="opencensus-sigterm", daemon=False).start()
    except RuntimeError:
        os.kill(os.getpid(), number)


def _send_and_end(number: int) -> None:
    try:
        # It keeps its time by itself, unless what a program has put into the export does not.
        _exporter.run_with_timeout(_end, grace_period_s() + 1.0)
    finally:
        os.kill(os.getpid(), number)


def _end() -> bool:
    end_of_child()
    return True
