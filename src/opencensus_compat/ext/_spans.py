"""The spans of integrations, of this package's tracers and of a program's own, such as the mocks of its tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opencensus_compat._bridge.handles import is_own
from opencensus_compat.trace.base_span import BaseSpan


def is_foreign(span: Any) -> bool:
    """Return whether a span is none of this package's: its tracer gets the calls that OpenCensus made, and no others."""
    return not is_own(span, BaseSpan)


def adder(tracer: Any, span: Any) -> Callable[[str, Any], Any]:
    """Return the function that sets an attribute of a span by key and value.

    Args:
        tracer: What has started the span, which is the current one if it is foreign.
        span: The span.
    """
    return tracer.add_attribute_to_current_span if is_foreign(span) else span.add_attribute  # type: ignore[no-any-return] # of any class


def context_of(tracer: Any, span: Any) -> Any:
    """Return the context of a span for propagators: that of the tracer, and of the span's where a program's own tracer has none."""
    try:
        return tracer.span_context
    except AttributeError:
        return span.context_tracer.span_context
