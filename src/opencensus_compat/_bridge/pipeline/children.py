"""The end of processes that pools made: they end without the interpreter's exit hooks, and would lose what is queued.

Children of multiprocessing run finalizers and then leave at once; so do those of `concurrent.futures`, which are the same. Celery's
prefork workers run nothing but a signal of Celery's. RQ makes a process for each job, which ends by `os._exit`: in processes where it may do
that, `os._exit` makes the call first. None of them is imported here: where a library is not loaded, there are no such children.

Limits: a child that is ended by SIGTERM (`Pool.terminate`, and so the end of `with Pool()`) exports what is queued only where the program chooses
that, see `pipeline/sigterm.py`. One that is killed, or that calls `os._exit` itself and is none of RQ's, loses what it made since the last export,
as it always did.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn, cast

from opencensus_compat import _alias
from opencensus_compat._bridge.process import before_fork, on_reset, restart_in_child

__all__ = ["at_end"]

_RQ, _RQ_JOB_VARIABLE = "rq.worker", "RQ_JOB_ID"
"""The module of RQ's workers, and the variable that they set in the process of a job."""
_LATE = -100
"""Priority among finalizers: those of programs, which may still make telemetry, have at least 0."""


class _Watch:
    """What is to be called, and where that is arranged already."""

    def __init__(self) -> None:
        self.call: Callable[[], object] | None = None
        self.sees_multiprocessing = False
        self.celery_signal: Any = None
        self.exit: Callable[[int], Any] | None = None
        """`os._exit`, where it was replaced."""
        self.finalizer_pid = 0

    def arrange(self) -> None:
        """Arrange the call, if there is one, wherever the libraries that are loaded by now offer it. Cheap: it runs before every fork."""
        if self.call is None:
            return
        util = sys.modules.get("multiprocessing.util")
        if util is not None and not self.sees_multiprocessing:
            self.sees_multiprocessing = True
            # A new child forgets its parent's finalizers, and then calls this.
            util.register_after_fork(self, _Watch.finalize)
        signals = sys.modules.get("celery.signals")
        signal = getattr(signals, "worker_process_shutdown", None)
        if signal is not None and signal is not self.celery_signal:
            self.celery_signal = signal
            signal.connect(self.end, weak=False)

    def restart(self) -> None:
        """Look in a child made by fork whether it is that of a job."""
        if self.call is not None:
            self.see_exit()

    def forget(self) -> None:
        """Call nothing."""
        self.call = None

    def see_exit(self) -> None:
        """Arrange the call before `os._exit` in a process that may be that of a job of RQ's."""
        if _RQ not in sys.modules or self.exit is not None:
            return
        if os.getpid() != _alias.started_in or _RQ_JOB_VARIABLE in os.environ:
            self.exit = os._exit
            os._exit = self.leave

    def leave(self, status: int) -> NoReturn:
        """Make the call if this process is that of a job, and end it in any case."""
        try:
            # RQ sets it in the child after the fork.
            if _RQ_JOB_VARIABLE in os.environ:
                self.end()
        finally:
            cast("Callable[[int], NoReturn]", self.exit)(status)

    def finalize(self) -> None:
        """Arrange the call at the end of this process, if multiprocessing made it."""
        process = sys.modules.get("multiprocessing.process")
        util = sys.modules.get("multiprocessing.util")
        if process is not None and util is not None and process.parent_process() is not None and self.finalizer_pid != os.getpid():
            self.finalizer_pid = os.getpid()
            util.Finalize(None, self.end, exitpriority=_LATE)

    def end(self, *_: object, **__: object) -> None:
        """Make the call."""
        if self.call is not None:
            self.call()


_watch = _Watch()
on_reset(_watch.forget)
before_fork(_watch.arrange)
restart_in_child(_watch)


def at_end(call: Callable[[], object]) -> None:
    """Call a function at the end of this process, if a pool made it, and of every process that a pool makes by fork from now on.

    The main process needs no such call: it has the interpreter's exit hooks.

    Args:
        call: What to do; it replaces what an earlier call of this function gave.
    """
    _watch.call = call
    _watch.arrange()
    _watch.finalize()
    _watch.see_exit()
