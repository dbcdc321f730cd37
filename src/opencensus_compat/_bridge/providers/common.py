"""What the signals share about providers: check one, put a router in it, log that one was made, delegate to one that is set later."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from opencensus_compat._bridge.pipeline.destinations import parts
from opencensus_compat._bridge.pipeline.ending import add_router
from opencensus_compat._bridge.process import LOGS, METRICS, SPANS, log_when_unlocked, report
from opencensus_compat._bridge.providers import late as _late_providers
from opencensus_compat._bridge.settings import default_role
from opencensus_compat._bridge.whose import note_made

__all__ = ["Feed", "adopt_late_provider", "check", "delegate", "log_created", "put_router"]

_logger = logging.getLogger("opencensus_compat")

_MAKES = {SPANS: "tracer", LOGS: "logger", METRICS: "meter"}
"""Signal -> what its providers make."""
_ADD_PROCESSOR = {SPANS: "add_span_processor", LOGS: "add_log_record_processor"}
"""Signal -> the method by which its providers take a processor."""
_TAKEN = (
    "a {} provider was set after this package had made one for OpenCensus code. OpenTelemetry accepts one only, so the one made here delegates "
    "to yours from now on. Set yours before the first OpenCensus exporter is made, so that earlier telemetry goes through it, too"
)


_P = TypeVar("_P")
_P_contra = TypeVar("_P_contra", contravariant=True)


class _Router(Protocol[_P_contra]):
    """A processor of this package's."""

    is_stopped: bool
    """Whether it takes nothing any more; see `stop`."""

    def enter(self, provider: _P_contra, /) -> None:
        """Become a processor of a provider."""

    def stop(self) -> None:
        """Take nothing more from the provider."""


_R = TypeVar("_R", bound="_Router[Any]")


class Feed(Generic[_R, _P]):
    """How a signal's telemetry reaches destinations: by a provider, and by the router in it."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Know of no provider."""
        self.provider: _P | None = None
        self.router: _R | None = None
        self.found: object = None
        """The global provider when it was looked for last."""
        self.is_configured = False
        """Whether the program has named the provider, so that no global one counts."""
        self.routers: list[tuple[Callable[[], object], _R]] = []
        """The routers that have been put in providers, each with a reference to its provider."""

    def routers_of(self, provider: _P) -> list[_R]:
        """Return the routers that a provider has, the newest last."""
        self.routers = [(reference, router) for reference, router in self.routers if reference() is not None]
        return [router for reference, router in self.routers if reference() is provider]

    def put(self, provider: _P, router: _R) -> None:
        """Note that a provider has a router."""
        try:
            self.routers.append((weakref.ref(provider), router))
        except TypeError:
            self.routers.append((lambda: provider, router))


def check(signal: str, provider: object, example: str) -> None:
    """Raise TypeError for what is no provider of a signal; `example` names a class that is one."""
    if not _is_provider(signal, provider):
        name = example.rpartition(".")[2]
        raise TypeError(
            f"{_MAKES[signal]}_provider: expected an OpenTelemetry {name}, got {type(provider).__name__}; pass for example {example}()"
        )


def _is_provider(signal: str, provider: object) -> bool:
    return callable(getattr(provider, f"get_{_MAKES[signal]}", None))


def put_router(
    signal: str, feed: Feed[_R, _P], provider: _P, *, new_router: Callable[[], _R], new_provider: Callable[[str], _P]
) -> tuple[_P, _R]:
    """Put a router in a provider that is to feed a signal's destinations from now on, and restart those that were shut down.

    Args:
        signal: Which one.
        feed: The present provider and router. A provider that has a router keeps that, unless it has stopped.
        provider: The provider.
        new_router: Makes a router.
        new_provider: Makes a provider for a role; one that takes no processors is not used.
    Returns: The provider that is used, and the router in it.
    """
    if not callable(getattr(provider, _ADD_PROCESSOR[signal], None)):
        report(
            f"the global {_MAKES[signal]} provider %s takes no processors: OpenCensus {signal} use a provider of their own", type(provider)
        )
        provider = new_provider(default_role())
        note_made(provider)
    router: _R | None = next((router for router in reversed(feed.routers_of(provider)) if not router.is_stopped), None)
    if router is None:
        router = new_router()
        router.enter(provider)
        add_router(router)
        feed.put(provider, router)
    if router is not feed.router:
        for part in parts(signal):
            part.reopen()
    return provider, router


def log_created(signal: str) -> None:
    """Note that a global provider was made."""
    message = "no OpenTelemetry %s provider was set: made one for the role %r and set it as the global provider"
    log_when_unlocked(_logger.debug, message, _MAKES[signal], default_role())


def adopt_late_provider(signal: str, made: object, current: Callable[[], object], take: Callable[[_P], object], *, but: str = "") -> None:
    """Take over a provider that the application sets while one of this package's is the global one, instead of refusing it.

    Args:
        signal: Of the provider.
        made: The one that this package has made.
        current: Returns the global one.
        take: Lets `made` delegate to another one, and sends telemetry there.
        but: What the report says besides.
    """

    def set_later(provider: _P) -> bool:
        if provider is made or current() is not made or not _is_provider(signal, provider):
            return False
        take(provider)
        # Files that are rewritten one by one call `configure` in any order; it is a step on the way, and nothing is to be done.
        if not getattr(provider, "is_of_configure", False):
            report(_TAKEN.format(_MAKES[signal]) + but)
        return True

    _late_providers.watch(signal, made, set_later)


def delegate(made: object, provider: object, *names: str) -> None:
    """Let methods of a provider of this package's be those of another one, as far as that has them."""
    for name in names:
        if hasattr(provider, name):
            setattr(made, name, getattr(provider, name))
