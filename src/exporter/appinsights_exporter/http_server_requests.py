"""Requests that a program answers, as OpenCensus counted them: by handlers of ``http.server``, and by spans of servers.

Two things are requests: a call of a ``do_GET``, ``do_POST`` … method of an ``http.server`` handler, and a span of kind SERVER, which a span
processor reports as it ends. A span of a server in a handler's method is the same request as the method's call, and counts once; so does a
handler's method called by another one.

Limits: only recorded spans are reported, so requests that a sampler left out are not counted unless a handler counts them. A span that
ends in a thread to which its handler's context was not carried counts beside the handler.
Loading this loads ``http.server``.
"""

from __future__ import annotations

import contextvars
import functools
import threading
import time
import weakref
from http.server import HTTPServer
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.trace import SpanKind

from .forks import restart_in_child

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

ORIGINAL_CONSTRUCTOR: Callable[..., None] = HTTPServer.__init__
"""The constructor of ``HTTPServer`` without our patch."""

_METHODS = ("do_DELETE", "do_GET", "do_HEAD", "do_OPTIONS", "do_POST", "do_PUT")

_patched: weakref.WeakSet[type] = weakref.WeakSet()
"""Handler classes that have methods of ours."""

_watched: weakref.WeakSet[Any] = weakref.WeakSet()
"""Tracer providers that have a processor of ours: one cannot be taken out again."""

_handling: contextvars.ContextVar[bool] = contextvars.ContextVar("appinsights_handling", default=False)
"""Whether a handler's method, which counts as the request, is running."""


def _in_server_span() -> bool:
    return getattr(trace.get_current_span(), "kind", None) is SpanKind.SERVER


class RequestsSeen:
    """Counts requests, and how long they take; those that still run are not in it.

    Attributes:
        totals: What was counted: ``count``, and ``duration`` in seconds.
        lock: Guards the totals and the list of patched classes.
        spans_are_told: Whether somebody calls :meth:`span_ended`. A handler's method that runs inside a server's span then leaves counting
            to the span.
        in_server_span: Returns whether a server's span that a processor will be told of is open around the caller.
    """

    def __init__(self) -> None:
        self.totals: dict[str, Any] = {}
        self.lock = threading.RLock()
        self.spans_are_told = False
        self.in_server_span: Callable[[], bool] = _in_server_span
        self._told: tuple[float, float] | None = None
        """What :meth:`read` returned last, and None where nobody reads."""
        restart_in_child(self)

    def restart(self) -> None:
        """Have a free lock in a forked child, and continue from what was read last: the parent reports what came since then."""
        self.lock = threading.RLock()
        if self._told is not None:
            self.totals["count"], self.totals["duration"] = self._told

    def add(self, duration_s: float) -> None:
        """Count one request.

        Args:
            duration_s: How long it took, seconds.
        """
        with self.lock:
            self.totals["count"] = self.totals.get("count", 0) + 1
            self.totals["duration"] = self.totals.get("duration", 0) + duration_s

    def span_ended(self, span: ReadableSpan) -> None:
        """Count a span, if it is a server's that is no handler's request. For a span processor's ``on_end``.

        Args:
            span: The ended span. Call this where it ends: in the context of the code that ended it.
        """
        if span.kind is SpanKind.SERVER and not _handling.get():
            self.add(((span.end_time or 0) - (span.start_time or 0)) / 1e9)

    def read(self) -> tuple[float, float]:
        """Return how many requests there were, and how many seconds they took together."""
        with self.lock:
            self._told = self.totals.get("count", 0), self.totals.get("duration", 0.0)
            return self._told


seen = RequestsSeen()
"""The requests of this process."""


def _processor() -> SpanProcessor:
    # The SDK's span processors are loaded only where there are spans.
    from .processor_base import ProcessorWithoutQueue

    class SpanRequests(ProcessorWithoutQueue):
        """Counts spans of servers as they end."""

        def on_end(self, span: ReadableSpan) -> None:
            """Count a span, if it is a request."""
            if seen.spans_are_told:
                seen.span_ended(span)

        def shutdown(self) -> None:
            """Leave counting to the handlers of ``http.server`` again."""
            seen.spans_are_told = False

    return SpanRequests()


def watch(provider: object) -> None:
    """Have the spans of a tracer provider counted, if it takes span processors."""
    add_span_processor = getattr(provider, "add_span_processor", None)
    if add_span_processor is None:
        return
    seen.spans_are_told = True
    if provider not in _watched:
        _watched.add(provider)
        add_span_processor(_processor())


def request_patch(func: Callable[..., object]) -> Callable[..., object]:
    """Return a handler's method that counts its calls, also those that raise."""

    @functools.wraps(func)
    def wrapper(self: object = None) -> object:
        if _handling.get():
            return func(self)
        token = _handling.set(True)
        started = time.monotonic()
        try:
            return func(self)
        finally:
            took_s = time.monotonic() - started
            _handling.reset(token)
            if not (seen.spans_are_told and seen.in_server_span()):
                seen.add(took_s)

    wrapper.counts_requests = True  # type: ignore[attr-defined]  # marks it
    return wrapper


def server_patch(*args: object, **kwargs: object) -> None:
    """Have the methods of a server's handler class count their calls, and construct the server. Stands for ``HTTPServer.__init__``."""
    handler = args[2] if len(args) > 2 else kwargs.get("RequestHandlerClass")
    while isinstance(handler, functools.partial):
        handler = handler.func
    if isinstance(handler, type):
        _patch(handler)
    ORIGINAL_CONSTRUCTOR(*args, **kwargs)


def _patch(handler: type) -> None:
    with seen.lock:
        for name in _METHODS:
            method = getattr(handler, name, None)
            # It may have been patched for another server, or in a base class.
            if callable(method) and "counts_requests" not in getattr(method, "__dict__", ()):
                wrapper = request_patch(method)
                wrapper.was_inherited = name not in vars(handler)  # type: ignore[attr-defined] # a mark on a function
                setattr(handler, name, wrapper)
                _patched.add(handler)


def setup() -> None:
    """Count the requests of servers that are constructed from now on."""
    HTTPServer.__init__ = server_patch  # type: ignore[method-assign] # the patch


def teardown() -> None:
    """Leave ``http.server`` and the handlers' classes as they were, wherever nobody else has patched them since."""
    if HTTPServer.__init__ is server_patch:
        HTTPServer.__init__ = ORIGINAL_CONSTRUCTOR  # type: ignore[method-assign] # the patch taken back
    with seen.lock:
        for handler in list(_patched):
            for name in _METHODS:
                method = vars(handler).get(name)
                if "counts_requests" not in getattr(method, "__dict__", ()):
                    continue
                if method.was_inherited:  # type: ignore[union-attr] # it has the mark
                    delattr(handler, name)
                else:
                    setattr(handler, name, method.__wrapped__)  # type: ignore[union-attr] # it has the mark
        _patched.clear()
