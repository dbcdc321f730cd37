"""The process: its locks and what a fork does to them, what `reset` forgets, and messages to the user. The ground: it imports nothing of ours.

State is kept by the module that it is about. What such a module has to forget, it registers here by `on_reset`; what a child made by fork has
to restart, by `restart_in_child`.
"""

from __future__ import annotations

import contextlib
import contextvars
import itertools
import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict

__all__ = [
    "LOGS",
    "METRICS",
    "SCOPE",
    "SPANS",
    "before_fork",
    "complete",
    "forget_all",
    "hold_while_forking",
    "log_once",
    "log_when_unlocked",
    "on_note",
    "on_reset",
    "pool_numbers_kept",
    "process",
    "report",
    "report_with",
    "restart_in_child",
]

SCOPE = "opencensus_compat"
"""Instrumentation scope of facade spans; the exporter recognizes them by it."""
SPANS = "traces"
LOGS = "logs"
METRICS = "metrics"
"""The signals, as the exporter's counters name them."""

_logger = logging.getLogger("opencensus_compat")
_FORK_WAIT_S = 5.0


class _Lock:
    """A lock that its holder may take again. What its holder logs by `log_when_unlocked` is logged when it is free.

    Logging takes locks of its own, and configuring logging makes handlers while it holds them: the two would wait for each other.
    """

    def __init__(self) -> None:
        self._inner = threading.RLock()
        self._holder = 0
        self._depth = 0
        self.pending: list[tuple[Callable[..., object], tuple[Any, ...]]] = []

    def is_mine(self) -> bool:
        """Return whether this thread holds it."""
        return self._holder == threading.get_ident()

    def acquire(self, timeout: float = -1) -> bool:
        """Take it, waiting for so many seconds at most, and return whether that worked."""
        if not self._inner.acquire(timeout=timeout):
            return False
        self._holder = threading.get_ident()
        self._depth += 1
        return True

    def release(self) -> None:
        """Give it back."""
        pending: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        self._depth -= 1
        if not self._depth:
            self._holder = 0
            pending, self.pending = self.pending, pending
        self._inner.release()
        for log, args in pending:
            log_when_unlocked(log, *args)

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class _HeldLocks(threading.local):
    """The locks that this thread holds while it forks."""

    locks: Sequence[Any] = ()


class _Process:
    """What each process has of its own: a child made by fork begins with free locks."""

    has_unsampled = False
    """Whether a sampler has decided against a trace."""

    def __init__(self) -> None:
        self._held = _HeldLocks()
        self.renew()

    def renew(self) -> None:
        """Begin a process."""
        self.mark = object()
        """Tells it from its parent and its children."""
        self.lock = _Lock()
        """Guards which providers are used, while they are found or made."""
        self.registry = threading.RLock()
        """Guards which destinations there are, and the hand-over. Handlers are made while others wait for them: nothing is logged,
        imported or waited for while it is held."""
        self.loading = threading.RLock()
        """Held by threads of ours while they import: a child made by fork meanwhile could never import the same."""

    def before_fork(self) -> None:
        """Hold the locks. A thread that is making a provider, or importing, would never finish in the child, nor give its locks back."""
        for call in _before_fork:
            call()
        self._held.locks = [lock for lock in (self.loading, self.lock, self.registry) if lock.acquire(timeout=_FORK_WAIT_S)]

    def after_fork_in_parent(self) -> None:
        """Go on."""
        held, self._held.locks = self._held.locks, ()
        for lock in reversed(held):
            lock.release()

    def after_fork_in_child(self) -> None:
        """Begin as a process of its own, whose end is not that of the parent."""
        self._held.locks = ()
        self.renew()
        _restart_registered()


_numbers = itertools.count()
_restarting: dict[int, weakref.ref[Restarts]] = {}
"""What restarts in a child, in the order in which it was registered."""
_restarting_last: dict[int, weakref.ref[Restarts]] = {}
"""The same of what needs the others to have restarted."""
_before_fork: list[Callable[[], object]] = []
"""What is called before each fork."""
_forgetting: list[Callable[[], object]] = []
"""What `forget_all` calls."""
_reported: set[str] = set()
"""The messages that `log_once` has logged."""


def restart_in_child(obj: Restarts, *, last: bool = False) -> None:
    """Call an object's `restart()` in each child made by fork, as long as the object is alive. It is held weakly.

    Args:
        obj: The object.
        last: Whether it restarts after those that were registered without this.
    """
    known, number = _restarting_last if last else _restarting, next(_numbers)
    known[number] = weakref.ref(obj, lambda _: known.pop(number, None))


def hold_while_forking(lock: threading.RLock) -> None:
    """Fork only while no other thread holds a lock; the lock is free in the parent and the child afterwards."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)


def before_fork(call: Callable[[], object]) -> None:
    """Register what is called in the parent before each fork."""
    _before_fork.append(call)


def _restart_registered() -> None:
    for reference in [*_restarting.values(), *_restarting_last.values()]:
        obj = reference()
        if obj is not None:
            obj.restart()


def on_reset(forget: Callable[[], object]) -> None:
    """Register what `reset` calls to have a module's state as it was when the module was loaded."""
    _forgetting.append(forget)


def forget_all() -> None:
    """Call all that `on_reset` has registered, last registered first: the user of a state forgets before its owner."""
    for forget in reversed(_forgetting):
        forget()


if TYPE_CHECKING:
    from typing import Protocol

    class Note(TypedDict, total=False):
        """What a process below `census-compat local` notes: a line of JSON."""

        event: str
        """`start` or `end` of the process, or `calls` while it runs."""
        python: str
        """Its interpreter."""
        opencensus: bool
        """Whether it has imported OpenCensus."""
        unsampled: bool
        """Whether a sampler has decided against a trace."""
        endpoints: list[str]
        """Where the program would have sent."""
        switches: dict[str, str]
        """What keeps telemetry back, by the name of its environment variable."""
        sampler: str
        """What the sampler of the application's tracer provider says of itself."""
        sites: list[list[object]]
        """Places that call OpenCensus; see `call_sites`."""

    class Restarts(Protocol):
        """Has something that a child made by fork must not take over."""

        def restart(self) -> None:
            """Make locks anew, and forget what belongs to the parent's threads."""


_noting: list[Callable[[Note], object]] = []
"""What adds to the note that a process below `census-compat local` writes at its end."""


def on_note(add: Callable[[Note], object]) -> None:
    """Register a function that adds to the note of this process; see `notes`."""
    _noting.append(add)


def complete(note: Note) -> None:
    """Add to the note of this process what is known of it."""
    note["unsampled"] = process.has_unsampled
    for add in _noting:
        add(note)


process = _Process()
on_reset(_reported.clear)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=process.before_fork, after_in_parent=process.after_fork_in_parent, after_in_child=process.after_fork_in_child
    )


_log: Callable[..., object] = logging.Logger.log


def report_with(log: Callable[..., object]) -> None:
    """Log what `report` says by a function that takes logger, level, message and arguments; without one, the logger does."""
    global _log
    _log = log


def report(message: str, *args: object, level: int = logging.WARNING) -> None:
    """Log what could not be done, once per kind of problem and process."""
    log_once(partial(_log, _logger, level), f"{message} (said once)", *args)


def log_once(log: Callable[..., object], message: str, *args: object) -> None:
    """Log something once per process, whatever its arguments; see `log_when_unlocked`."""
    if message not in _reported:
        _reported.add(message)
        log_when_unlocked(log, message, *args)


def log_when_unlocked(log: Callable[..., object], *args: object) -> None:
    """Log something, now or when the lock that this thread holds is free.

    The line belongs to no request, nor to what a handler may be in the midst of: OpenTelemetry's refuses what is logged while it emits, and
    marks that in the context.
    """
    lock = process.lock
    if lock.is_mine():
        lock.pending.append((log, args))
    else:
        contextvars.Context().run(log, *args)


_pool_counter: list[Any] = []


@contextlib.contextmanager
def pool_numbers_kept() -> Iterator[None]:
    """Let the thread pools that OpenTelemetry's SDK makes in here take no number from the program's.

    Threads of a pool are named after its number, such as `ThreadPoolExecutor-0_0`, and `opencensus.ext.threading` names spans after threads.
    Where the standard library has no counter under this private name, the SDK's pools count as well.
    """
    pools: Any = None
    with contextlib.suppress(RuntimeError):  # What an import of pools raises as the interpreter ends
        from concurrent.futures import ThreadPoolExecutor

        pools = ThreadPoolExecutor
    if not hasattr(pools, "_counter"):
        yield
        return
    if not _pool_counter:
        _pool_counter.append(pools._counter)
    pools._counter = itertools.count().__next__
    try:
        yield
    finally:
        pools._counter = _pool_counter[0]
