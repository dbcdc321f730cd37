"""Where the OpenCensus execution context lives inside the OpenTelemetry context.

There is one truth, the OpenTelemetry context. Beside the current OpenTelemetry span it carries, under one key of ours, the
innermost OpenCensus span together with the OpenTelemetry span it was made current with. The pair tells whether the OpenCensus
span is still the current one, or whether OpenTelemetry code has opened a span inside it since.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, cast

from opentelemetry import trace as trace_api
from opentelemetry.context import Context, attach, create_key, get_current

__all__ = [
    "CENSUS_KEY",
    "SPAN_KEY",
    "Active",
    "active",
    "attach",
    "chain_to",
    "enter",
    "exporting",
    "get_current",
    "leave",
    "otel_span",
    "with_span",
]

CENSUS_KEY = create_key("opencensus-span")
"""Context key of the innermost OpenCensus span, as an `Active` pair."""

# The API's own key for the current span is private; the context it builds shows it. Building contexts with both keys in one copy
# halves the cost of entering a span.
SPAN_KEY: str = next(iter(trace_api.set_span_in_context(trace_api.INVALID_SPAN, Context())))

exporting: ContextVar[bool] = ContextVar("opencensus-exporting", default=False)
"""Whether what runs belongs to an export, so that its log records are not the application's."""

Active = tuple[Any, "trace_api.Span | None"]
"""An OpenCensus span (or whatever a program made current in its place) and the OpenTelemetry span it was made current with."""


def active(context: Context) -> Active | None:
    """Return the innermost OpenCensus span of a context, whether or not OpenTelemetry has opened another inside it."""
    return cast("Active | None", context.get(CENSUS_KEY))


def otel_span(context: Context) -> trace_api.Span | None:
    """Return the current OpenTelemetry span of a context, or None when there is none."""
    return cast("trace_api.Span | None", context.get(SPAN_KEY))


def with_span(context: Context, span: Any, otel: trace_api.Span) -> Context:
    """Return a context in which both APIs see the given span as current."""
    return Context({**context, SPAN_KEY: otel, CENSUS_KEY: (span, otel)})


def enter(context: Context, span: Any, otel: trace_api.Span) -> None:
    """Make a span current for both APIs.

    The API's token is dropped on purpose: OpenCensus programs end spans in other tasks and threads than they started them in, where
    a token cannot be used. `leave` puts the outer context back instead.
    """
    attach(Context({**context, SPAN_KEY: otel, CENSUS_KEY: (span, otel)}))


def chain_to(span: Any) -> list[Any] | None:
    """Return the OpenCensus spans opened inside `span` in the current context, innermost first.

    Returns: None when `span` is not open in this context: it was started elsewhere, or has been left.
    """
    inside: list[Any] = []
    innermost = active(get_current())
    while innermost is not None:
        current = innermost[0]
        if current is span:
            return inside
        inside.append(current)
        outer = getattr(current, "_outer", None)
        if outer is None:
            return None
        innermost = active(outer)
    return None


def leave(span: Any, outer: Context) -> None:
    """Make `outer`, the context from before `enter`, current again, if `span` is open in the current one."""
    innermost: Any = get_current().get(CENSUS_KEY)
    if (innermost is not None and innermost[0] is span) or chain_to(span) is not None:
        attach(outer)
