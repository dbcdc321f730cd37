"""How integrations put themselves into the libraries that they trace."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from opentelemetry import trace as trace_api

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge.process import report

_MARK = "_opencensus_original"


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
