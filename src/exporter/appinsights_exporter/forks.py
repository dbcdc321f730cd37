"""What a child made by fork restarts: the one place where this package asks Python to be called when the process forks.

A child has copies of all objects and only the thread that forked. A lock that another thread held stays locked in it, and the work that the
parent's threads have under way is the parent's.
"""

from __future__ import annotations

import itertools
import os
import weakref
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from threading import RLock


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


def hold_while_forking(lock: RLock) -> None:
    """Fork only while no other thread holds a lock; the lock is free in the parent and the child afterwards."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_registry.restart)
