"""The end of this package's threads with their interpreter.

They are daemons, and so end with the process. An interpreter that is one of several in a process, as applications under mod_wsgi are,
cannot end while one of its threads runs: the whole process would die of it. There an exit hook ends them, and what comes later is done
without threads. It is registered early, and so runs after the hooks of providers, which export.

Limits: what holds a thread for longer than ten seconds, such as a telemetry processor, is waited for no longer.
"""

from __future__ import annotations

import atexit
import importlib
import threading
import time
import weakref
from typing import Protocol

WAIT_S = 10.0
"""For how long the threads are waited for, seconds: longer than a request may take by then."""

_MODULES = ("_interpreters", "_xxsubinterpreters")
"""Those that know of interpreters: of Python 3.13, and before."""


class HasThreads(Protocol):
    """What has threads that wait for work."""

    def end_threads(self) -> None:
        """Let the threads end as soon as they have done what they are doing. Does not wait for that."""
        ...


class _State:
    is_over = False


_state = _State()
_owners: weakref.WeakSet[HasThreads] = weakref.WeakSet()
_threads: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


def is_over() -> bool:
    """Return whether the interpreter is ending, so that no thread may be started any more."""
    return _state.is_over


def end_with(owner: HasThreads) -> None:
    """Let an owner of threads know when the interpreter ends."""
    _owners.add(owner)


def wait_for(thread: threading.Thread) -> None:
    """Wait for a thread when the interpreter ends."""
    _threads.add(thread)


def end_threads() -> None:
    """End all threads of this interpreter, unless it is the process's only one or the first of several."""
    if not _is_one_of_several():
        return
    _state.is_over = True
    for owner in list(_owners):
        owner.end_threads()
    until_s = time.monotonic() + WAIT_S
    for thread in list(_threads):
        if thread is not threading.current_thread() and thread.is_alive():
            thread.join(max(0.0, until_s - time.monotonic()))


def _is_one_of_several() -> bool:
    for name in _MODULES:
        try:
            module = importlib.import_module(name)
            return bool(module.get_current() != module.get_main())
        except (ImportError, AttributeError):
            continue
    return False


atexit.register(end_threads)
