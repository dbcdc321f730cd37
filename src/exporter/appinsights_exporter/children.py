"""The end of processes that multiprocessing made: they run no exit hooks, and would lose what is queued.

Limits: a child that is ended by a signal (``Pool.terminate``, and so the end of ``with Pool()``) loses what it made since the last export, and so
does one that calls ``os._exit``.
"""

from __future__ import annotations

import math
import os
import sys
import time
import weakref
from typing import Any, Protocol

from .foreign import failure
from .forks import before_fork

__all__ = ["flush_all", "flush_at_end"]

_LATE = -100
"""Priority among finalizers: those of programs, which may still make telemetry, have at least 0."""
_TIMEOUT_MILLIS = 10_000
"""Longest time that the end of a child takes for each provider."""


class Flushes(Protocol):
    """A provider or reader."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Export what is queued."""
        ...


class _Children:
    """What the end of a child flushes."""

    def __init__(self) -> None:
        self.owners: weakref.WeakSet[Flushes] = weakref.WeakSet()
        self.is_known = False
        self._pid = 0

    def prepare(self) -> None:
        """Let multiprocessing, where the program has loaded it, call `finalize` in its children."""
        util: Any = sys.modules.get("multiprocessing.util")
        if util is not None and not self.is_known:
            self.is_known = True
            # A new child forgets its parent's finalizers, and then calls this.
            util.register_after_fork(self, _Children.finalize)

    def finalize(self) -> None:
        """Flush at the end of this process, if multiprocessing made it."""
        process: Any = sys.modules.get("multiprocessing.process")
        util: Any = sys.modules.get("multiprocessing.util")
        if process is not None and util is not None and process.parent_process() is not None and self._pid != os.getpid():
            self._pid = os.getpid()
            util.Finalize(None, self.flush, exitpriority=_LATE)

    def flush(self, timeout_millis: float = math.inf) -> None:
        """Export what is queued, in so many milliseconds for all."""
        end_s = time.monotonic() + timeout_millis / 1000
        for owner in list(self.owners):
            try:
                owner.force_flush(int(min(_TIMEOUT_MILLIS, max(0.0, (end_s - time.monotonic()) * 1000))))
            except failure():  # processors of the program may do anything, and a release of the SDK raises when its time is over
                continue


_children = _Children()


def flush_at_end(owner: Flushes) -> None:
    """Flush a provider or reader at the end of this process and of its children, where multiprocessing makes them. It is held weakly."""
    if not _children.owners:
        before_fork(_children)
    _children.owners.add(owner)
    _children.prepare()
    _children.finalize()


def flush_all(timeout_millis: float) -> None:
    """Export what is queued anywhere in this process, in so many milliseconds."""
    _children.flush(timeout_millis)
