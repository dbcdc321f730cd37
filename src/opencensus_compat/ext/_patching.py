"""How integrations put themselves into the libraries that they trace."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

from opentelemetry import trace as trace_api

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge.process import report

_MARK = "_opencensus_original"
_INSTRUMENTATIONS = "opentelemetry.instrumentation"
_SERVERS = frozenset({"django", "fastapi", "flask", "pyramid"})
"""Legacy integrations that make a span for each request that comes in; see `_doubles`."""
_PEERS = {"dbapi": ("mysql", "mysqlclient", "pymysql"), "postgresql": ("psycopg2", "psycopg")}
"""Legacy integration -> OpenTelemetry's instrumentations of the same library, where their name is another."""


def wrap(owner: Any, name: str, wrapper: Callable[[Any], Any]) -> None:
    """Put ``wrapper(function)`` in a function's place, unless that has been done, so that what it does is never done twice.

    Args:
        owner: The class that has the function.
        name: The function's name.
        wrapper: Returns the new function for the old one.
    """
    current = getattr(owner, name)
    # What another tool has put around ours tells what it wraps, if it keeps to functools.wraps.
    if _is_marked(inspect.unwrap(current, stop=_is_marked)):
        return
    wrapped = wrapper(current)
    setattr(wrapped, _MARK, current)
    setattr(owner, name, wrapped)


def _is_marked(function: Any) -> bool:
    # A mock that stands in the function's place answers to any name.
    return _MARK in getattr(function, "__dict__", ())


def opentelemetry_traces(library: str, *, instrumented: bool = False) -> bool:
    """Return whether an OpenTelemetry instrumentation makes the span of the call at hand; the first time, say so.

    Either it has instrumented the same library, or the call is inside the client span of one: a library that is built on the one traced
    here.

    Args:
        library: Name of the integration, below ``opencensus.ext``.
        instrumented: OpenTelemetry's instrumentation of the same library is in place.
    """
    scope = f"opentelemetry.instrumentation.{library}"
    if not instrumented:
        span = _context.otel_span(_context.get_current())
        if span is None or getattr(span, "kind", None) is not trace_api.SpanKind.CLIENT:
            return False
        scope = getattr(getattr(span, "instrumentation_scope", None), "name", "")
        if not scope.startswith("opentelemetry.instrumentation."):
            return False
    report(f"both {scope} and opencensus.ext.{library} trace the same calls: the former makes the spans, the latter none")
    return True


def doubled() -> bool:
    """Return whether an OpenTelemetry instrumentation makes the span of the call that a legacy integration is asking for.

    The first time, say so. Legacy integrations that come from other distributions run as they are, so this looks at who calls. Spans of
    requests are matched by the request instead: see `_doubles`.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith("opencensus_compat."):
        frame = frame.f_back
    caller = str(frame.f_globals.get("__name__")).split(".")
    if caller[:2] != ["opencensus", "ext"] or len(caller) < 3 or caller[2] in _SERVERS:
        return False
    library = caller[2]
    found = next((name for peer in _PEERS.get(library, (library,)) if _is_instrumented(name := f"{_INSTRUMENTATIONS}.{peer}")), None)
    if found is None:
        return False
    report(f"both {found} and opencensus.ext.{library} trace the same calls: the former makes the spans, the latter none")
    return True


def _is_instrumented(module: str) -> bool:
    for kind in list(vars(sys.modules.get(module, _NOTHING)).values()):
        if inspect.isclass(kind) and kind.__module__ == module and hasattr(kind, "is_instrumented_by_opentelemetry"):
            # Instrumentors are singletons.
            instrumentor: Any = kind()
            return bool(instrumentor.is_instrumented_by_opentelemetry)
    return False


class _NOTHING:
    """Stands for a module that is not loaded."""
