"""How deliveries learn that the process ends.

The SDK's providers and processors export what they hold when the process ends, but give exporters no time limit. Exit hooks run in the
reverse order of their registration, so ours, which comes with the first export, runs before theirs and sets the limit.
"""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from typing import Protocol


class Ending(Protocol):
    """What gets a deadline when the process ends."""

    grace_s: float
    """Longest time that the end of the process may take, seconds."""

    def set_deadline(self, timeout_s: float) -> None:
        """Let nothing take longer than so many seconds from now."""
        ...


class _State:
    """For which process the exit hook is registered."""

    pid = 0


_state = _State()
_known: weakref.WeakSet[Ending] = weakref.WeakSet()


def register(delivery: Ending) -> None:
    """Set the deadline of a delivery when the process ends. It is held weakly."""
    _known.add(delivery)


def has_begun() -> bool:
    """Return whether the process is ending: by then the main thread has ended, as exit hooks run after that."""
    return not threading.main_thread().is_alive()


def register_hook() -> None:
    """Register the exit hook of this process, once; it is too late for that when the end has begun."""
    pid = os.getpid()
    if _state.pid != pid:
        _state.pid = pid
        atexit.register(_set_deadlines)


def _set_deadlines() -> None:
    for delivery in list(_known):
        delivery.set_deadline(delivery.grace_s)
