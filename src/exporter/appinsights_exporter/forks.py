"""What a child made by fork restarts: the one place where this package asks Python, and uWSGI, to be called when the process forks.

A child has copies of all objects and only the thread that forked. A lock that another thread held stays locked in it, and the work that the
parent's threads have under way is the parent's.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Restarts(Protocol):
    """Has something that a child made by fork must not take over."""

    def restart(self) -> None:
        """Make locks anew, and forget what only the parent's threads go on with. Runs in the child, before any other code of the program."""
        ...


class ForkRegistry:
    """The objects to restart, in the order in which they were registered. Holds them weakly."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._known: dict[int, weakref.ref[Restarts]] = {}
        self._last: dict[int, weakref.ref[Restarts]] = {}

    def add(self, obj: Restarts, *, last: bool = False) -> None:
        """Register an object; see :func:`restart_in_child`."""
        known, number = self._last if last else self._known, next(self._numbers)

        def forget(_: object) -> None:
            known.pop(number, None)

        known[number] = weakref.ref(obj, forget)

    def restart(self) -> None:
        """Restart every object that is alive."""
        for known in (self._known, self._last):
            for reference in list(known.values()):
                obj = reference()
                if obj is not None:
                    obj.restart()


_registry = ForkRegistry()


def restart_in_child(obj: Restarts, *, last: bool = False) -> None:
    """Call an object's ``restart()`` in each child made by fork, for as long as the object is alive.

    Args:
        obj: The object. It is held weakly.
        last: Whether it restarts after those that were registered without this. The table of open files does: a lease that is collected
            before it has forgotten its file would unlock the parent's.
    """
    _registry.add(obj, last=last)


def hold_while_forking(lock: threading.RLock) -> None:
    """Fork only while no other thread holds a lock; the lock is free in the parent and the child afterwards."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)


importing = threading.RLock()
"""Held while modules are imported on a thread, and while the process forks: a child would wait for ever for an import that its parent's
thread had begun."""
hold_while_forking(importing)


class Prepares(Protocol):
    """Has something to do before the process forks."""

    def prepare(self) -> None:
        """Run in the parent, on the thread that forks; raise nothing."""
        ...


_preparing: weakref.WeakSet[Prepares] = weakref.WeakSet()


def before_fork(obj: Prepares) -> None:
    """Call an object's ``prepare()`` before each fork, for as long as the object is alive, and before the locks of `hold_while_forking` are taken."""
    if hasattr(os, "register_at_fork") and not _state.prepares:
        _state.prepares = True
        # What is registered last runs first.
        os.register_at_fork(before=_prepare)
    _preparing.add(obj)


def _prepare() -> None:
    for obj in list(_preparing):
        obj.prepare()


class _State:
    prepares = False


_state = _State()


_UWSGI_TELLS = (b"lazy-apps", b"py-call-osafterfork", b"py-call-uwsgi-fork-hooks")
"""Options with which applications load after the fork, or Python hears of it."""
_after_uwsgi_forks: list[Callable[[], object]] = []


def on_uwsgi_fork(call: Callable[[], object]) -> None:
    """Call a function in each worker of uWSGI, before the application's own hook there.

    uWSGI forks in C. Only options of uWSGI have Python call what is registered for forks.
    """
    uwsgi: Any = sys.modules.get("uwsgi")
    options = getattr(uwsgi, "opt", {})
    if uwsgi is None or any(name in options for name in _UWSGI_TELLS):
        return
    _after_uwsgi_forks.append(call)
    if len(_after_uwsgi_forks) > 1:
        return
    own = getattr(uwsgi, "post_fork_hook", None)

    def forked() -> None:
        for after in _after_uwsgi_forks:
            after()
        if own is not None:
            own()

    uwsgi.post_fork_hook = forked


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_registry.restart)
    on_uwsgi_fork(_registry.restart)
