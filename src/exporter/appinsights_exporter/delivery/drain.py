"""The thread that sends what was kept, beside the exports. What a step is, and when the next one is due, is decided elsewhere."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from ..foreign import failure
from . import interpreter
from .bounded_calls import start_thread

if TYPE_CHECKING:
    from collections.abc import Callable

BUSY_S = 10.0
"""How often to look for what other processes hold, seconds."""
AFTER_ERROR_S = 60.0
"""How long to rest after a step that failed in a way that nobody thought of, seconds."""

_logger = logging.getLogger(__name__)


class Drain:
    """Makes steps until one says that nothing is left. A daemon thread, which lives only so long, and does not keep the process alive.

    Args:
        step: Sends one group and returns the seconds until the next step; None when nothing is left.
        name: Of the thread.
    """

    def __init__(self, step: Callable[[], float | None], name: str = "appinsights-drain") -> None:
        self._step = step
        self._name = name
        self.restart()
        interpreter.end_with(self)

    def restart(self) -> None:
        """Have no thread: for a child made by fork."""
        self._lock = threading.Lock()
        self._running = False
        self._again = False
        self._stopping = False
        self._interrupt = threading.Event()
        self._ended = threading.Event()
        self._ended.set()

    @property
    def running(self) -> bool:
        """Whether there is a thread."""
        return self._running

    def wake(self, *, now: bool = False) -> None:
        """See to it that what is kept gets sent.

        Args:
            now: Whether a wait that is under way has become pointless.
        """
        with self._lock:
            self._again = True
            if self._stopping:
                return
            if self._running:
                if now:
                    self._interrupt.set()
                return
            self._running = True
            self._ended.clear()
        # At the end of the interpreter there is no thread, and the next process sends it.
        if not start_thread(self._run, self._name):
            self._leave()

    def stop(self, timeout_s: float) -> bool:
        """Make no further step, and wait for the one under way at most so many seconds; return whether it has ended."""
        with self._lock:
            self._stopping = True
        self._interrupt.set()
        return self._ended.wait(max(0.0, timeout_s))

    def end_threads(self) -> None:
        """Make no further step; see :mod:`.interpreter`."""
        self.stop(0.0)

    def _run(self) -> None:
        try:
            while self._turn():
                pass
        finally:
            self._leave()

    def _turn(self) -> bool:
        """Make one step and wait for the next; return False when there is none."""
        self._again = False
        try:
            wait_s = self._step()
        except failure():
            # Not expected; but a thread that died of it would leave everything kept until the next process.
            _logger.exception("Stored telemetry could not be sent.")
            wait_s = AFTER_ERROR_S
        with self._lock:
            if self._stopping or (wait_s is None and not self._again):
                self._running = False
                return False
        if wait_s:
            self._interrupt.wait(wait_s)
            self._interrupt.clear()
        return not self._stopping

    def _leave(self) -> None:
        with self._lock:
            self._running = False
        self._ended.set()
