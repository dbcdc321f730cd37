"""All that is remembered, the locks that guard it, what a fork does to them, and telling the user.

There are two objects, never replaced, so that every module may import them by name: `wired`, what programs have made so far, and
`process`, what each process has of its own.
"""

from __future__ import annotations

import contextvars
import logging
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from opencensus_compat._bridge.pipeline.destination import Destination
    from opencensus_compat._bridge.pipeline.hand_over import HandOver
    from opencensus_compat._bridge.pipeline.logs import LogRouter
    from opencensus_compat._bridge.pipeline.metrics import MetricPart
    from opencensus_compat._bridge.pipeline.spans import Router, SpanPart
    from opencensus_compat._bridge.spans import SpanFactory
    from opencensus_compat._instruments import Instruments

__all__ = ["LOGS", "METRICS", "SCOPE", "SPANS", "Feed", "process", "report", "tell", "tell_once", "wired"]

SCOPE = "opencensus_compat"
"""Instrumentation scope of facade spans; the exporter recognizes them by it."""
SPANS = "traces"
LOGS = "logs"
METRICS = "metrics"
"""The signals, as the exporter's counters name them."""

_logger = logging.getLogger("opencensus_compat")
_FORK_WAIT_S = 5.0

_R = TypeVar("_R")


class Feed(Generic[_R]):
    """Where a signal's telemetry comes by: a provider, and the router in it that hands it to destinations."""

    def __init__(self) -> None:
        self.provider: Any = None
        self.router: _R | None = None
        self.found: Any = None
        """The global provider when it was looked for last."""
        self.is_configured = False
        """Whether the program has named the provider, so that no global one counts."""
        self.routers: list[tuple[Callable[[], Any], _R]] = []
        """The routers that have been put in providers, each with a reference to its provider."""

    def routers_of(self, provider: Any) -> list[_R]:
        """Return the routers that a provider has, the newest last."""
        self.routers = [(reference, router) for reference, router in self.routers if reference() is not None]
        return [router for reference, router in self.routers if reference() is provider]

    def put(self, provider: Any, router: _R) -> None:
        """Note that a provider has a router."""
        try:
            self.routers.append((weakref.ref(provider), router))
        except TypeError:
            self.routers.append((lambda: provider, router))


class _State:
    """What programs have made so far."""

    def __init__(self) -> None:
        self.hand_over: HandOver | None = None
        """The one queue of log records; handlers keep it, so that it is never another."""
        self.made_providers: weakref.WeakSet[Any] = weakref.WeakSet()
        """The providers of all signals that this package has made; all others are the application's."""
        self.forget()

    def forget(self) -> None:
        """Begin anew, but for what others keep."""
        self.traces: Feed[Router] = Feed()
        self.spans: SpanFactory | None = None
        """What facade spans are started with; None while a provider has to be looked for."""
        self.default_spans: SpanPart | None = None
        self.tracer_provider_calls: list[Callable[[Any], object]] = []
        self.gave_way: list[Any] = []
        """Tracer providers of this package's that do what another one does."""

        self.logs: Feed[LogRouter] = Feed()
        self.logs_claimed = False
        """Whether a thread has begun to find or make the logger provider."""
        self.logs_made = threading.Event()
        self.default_logs: tuple[Destination, Callable[[], Any]] | None = None

        self.default_metrics: MetricPart | None = None
        """The part that brings what OpenTelemetry code measures with the application's meter providers."""
        self.meter_provider: Any = None
        """The one that the program has named."""
        self.instruments: dict[int, Instruments] = {}
        """Id of a meter provider -> what it is shown."""
        self.hidden_from: dict[int, Any] = {}
        """Id of a meter provider -> the provider, which is shown nothing."""
        self.producers: weakref.WeakSet[Any] = weakref.WeakSet()

        self.destinations: dict[Any, Destination] = {}
        self.ends_at_s: float | None = None
        """When the time is over that the end of the process may take, on the monotonic clock."""
        self.one_trace_per_tracer: bool | None = None
        self.send: str | None = None
        self.adopt_providers: bool | None = None
        """Whether this package sends what OpenTelemetry code makes with the application's providers; None leaves that to the rule."""
        self.adopt_is_read = False
        self.on_sigterm: bool | None = None
        """Whether SIGTERM is to wait for what is sent; None until somebody asks."""
        self.shim_installed = False
        """Whether a program has called `install_shim()` of OpenTelemetry's own shim for OpenCensus."""
        self.reported: set[str] = set()


class _Lock:
    """A lock that its holder may take again. What its holder `tell`s is logged when it is free.

    Logging takes locks of its own, and configuring logging makes handlers while it holds them: the two would wait for each other.
    """

    def __init__(self) -> None:
        self._inner = threading.RLock()
        self._holder = 0
        self._depth = 0
        self.told: list[tuple[Callable[..., object], tuple[Any, ...]]] = []

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
        told: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        self._depth -= 1
        if not self._depth:
            self._holder = 0
            told, self.told = self.told, told
        self._inner.release()
        for log, args in told:
            tell(log, *args)

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class _Held(threading.local):
    """The locks that this thread holds while it forks."""

    locks: Sequence[Any] = ()


class _Process:
    """What each process has of its own: a child made by fork begins with free locks."""

    has_unsampled = False
    """Whether a sampler has decided against a trace."""

    def __init__(self) -> None:
        self._held = _Held()
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
        wired.ends_at_s = None


wired = _State()
process = _Process()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=process.before_fork, after_in_parent=process.after_fork_in_parent, after_in_child=process.after_fork_in_child
    )


def report(message: str, *args: Any) -> None:
    """Log what could not be done, once per kind of problem and process."""
    from opencensus_compat._bridge import exporter as _exporter

    tell_once(partial(_exporter.say, _logger, logging.WARNING), f"{message} (said once)", *args)


def tell_once(log: Callable[..., object], message: str, *args: Any) -> None:
    """Log something once per process, whatever its arguments; see `tell`."""
    if message not in wired.reported:
        wired.reported.add(message)
        tell(log, message, *args)


def tell(log: Callable[..., object], *args: Any) -> None:
    """Log something, now or when the lock that this thread holds is free.

    It belongs to nobody's request, nor to what a handler may be in the midst of: OpenTelemetry's refuses what is logged while it emits, and
    marks that in the context.
    """
    lock = process.lock
    if lock.is_mine():
        lock.told.append((log, args))
    else:
        contextvars.Context().run(log, *args)
