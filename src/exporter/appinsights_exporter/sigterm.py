"""SIGTERM, for programs that choose so: what is queued is sent, then the signal ends the process by its default action.

Orchestrators end containers by it, and Python runs no exit hooks then. A handler that a program or a server has set itself is left alone, and
one that it sets later takes the place of this one.
"""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ["Sigterm"]

_FIRST_PROCESS = 1
"""Process id of a container's command. The system ignores signals to it that have their default action, also those that it sends itself."""


class Sigterm:
    """The handler of the signal.

    Args:
        end: Sends what is queued, within its own time limit; runs in another thread than the one that the signal interrupts.
        is_ending: Returns whether exit hooks send it already.
    """

    def __init__(self, end: Callable[[], object], is_ending: Callable[[], bool] = lambda: False) -> None:
        self._end = end
        self._is_ending = is_ending

    def watch(self, *, handles: bool = True) -> bool:
        """Handle the signal where the program does not, or no more, and return whether that could be done: by the main thread alone."""
        if threading.current_thread() is not threading.main_thread():
            return False
        if signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, self.on_signal):
            return False
        signal.signal(signal.SIGTERM, self.on_signal if handles else signal.SIG_DFL)
        return True

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """Send, and end."""
        # One more signal ends the process at once.
        signal.signal(number, signal.SIG_DFL)
        if self._is_ending():
            # Exit hooks send what is queued, in no more time.
            return
        try:
            # In a thread, while the main thread goes on: it may hold what sending needs. Should that end by itself, the interpreter waits for it.
            threading.Thread(target=self._send_and_end, args=(number,), name="appinsights-sigterm", daemon=False).start()
        except RuntimeError:
            _end_process(number)

    def _send_and_end(self, number: int) -> None:
        try:
            self._end()
        finally:
            _end_process(number)


def _end_process(number: int) -> None:
    """End the process by the default action of a signal, or with the exit code that a shell has for it."""
    os.kill(os.getpid(), number)
    if os.getpid() == _FIRST_PROCESS:
        os._exit(128 + number)
