"""Where the OpenCensus execution context lives inside the OpenTelemetry context.

There is one truth, the OpenTelemetry context. Beside the current OpenTelemetry span it carries, under one key of ours, the
innermost OpenCensus span together with the OpenTelemetry span it was made current with. The pair tells whether the OpenCensus
span is still the current one, or whether OpenTelemetry code has opened a span inside it since.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context as Variables
from contextvars import ContextVar, copy_context
from typing import Any, cast

from opencensus_compat import _environment  # noqa: F401 - before anything of OpenTelemetry is imported

# isort: split
from opentelemetry import trace as trace_api
from opentelemetry.context import Context, attach, create_key, detach, get_current

__all__ = [
    "CENSUS_KEY",
    "SPAN_KEY",
    "Active",
    "active",
    "attach",
    "chain_to",
    "enter",
    "enter_foreign",
    "exporting",
    "get_current",
    "leave",
    "otel_span",
    "read_current",
    "with_span",
]

CENSUS_KEY = create_key("opencensus-span")
"""Context key of the innermost OpenCensus span, as an `Active` pair."""

# The API's own key for the current span is private; the context it builds shows it. Building contexts with both keys in one copy
# halves the cost of entering a span.
SPAN_KEY: str = next(iter(trace_api.set_span_in_context(trace_api.INVALID_SPAN, Context())))

exporting: ContextVar[bool] = ContextVar("opencensus-exporting", default=False)
"""Whether what runs belongs to an export, so that its log records are not the application's."""


def _reader() -> Callable[[], Context]:
    """Return what reads the current context: the variable that the API keeps it in, which a context made current shows.

    Where the program configured a runtime context of another kind, there is none, and the API's own function is returned.
    """
    probe = Context()
    token = attach(probe)
    try:
        variable = next((variable for variable, value in copy_context().items() if value is probe), None)
    finally:
        detach(token)
    try:
        return get_current if variable is None or Variables().run(variable.get) != Context() else variable.get
    except LookupError:
        return get_current


read_current = _reader()
"""Returns the current context, as `get_current` does, in a tenth of the time."""

Active = tuple[Any, ...]
"""An OpenCensus span and the OpenTelemetry span it was made current with; for what a program made current that no tracer started, that
object, the OpenTelemetry span that is current with it or None, and the context from before."""


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


def enter_foreign(context: Context, current: Any, otel: trace_api.Span | None) -> None:
    """Make current what no tracer started: a span that a program made or wrapped, or a mock.

    Args:
        context: The current context.
        current: The object.
        otel: The OpenTelemetry span that is current with it; None leaves none current.
    """
    innermost = active(context)
    # One that takes the place of another leads out past it: programs set one for each request, and never take it back.
    outer = innermost[2] if innermost is not None and len(innermost) > 2 else context
    values = {key: value for key, value in context.items() if key != SPAN_KEY}
    attach(Context({**values, **({} if otel is None else {SPAN_KEY: otel}), CENSUS_KEY: (current, otel, outer)}))


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
        outer = innermost[2] if len(innermost) > 2 else current._outer
        if outer is None:
            return None
        innermost = active(outer)
    return None


def leave(span: Any, outer: Context) -> None:
    """Make `outer`, the context from before `enter`, current again, if `span` is open in the current one."""
    innermost: Any = get_current().get(CENSUS_KEY)
    if (innermost is not None and innermost[0] is span) or chain_to(span) is not None:
        attach(outer)
