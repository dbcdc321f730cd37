"""What the facade does with a running OpenTelemetry span: its kind, its sample rate, whose request it is, its end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from opentelemetry import trace as trace_api
from opentelemetry.context import Context
from opentelemetry.trace import Span as OtelSpan
from opentelemetry.trace import SpanContext, SpanKind

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import handles as _handles
from opencensus_compat._bridge import otel_private as _private
from opencensus_compat._bridge.convert.oc_to_otel import SAMPLE_RATE
from opencensus_compat._bridge.others import Others, report_duplicate
from opencensus_compat._bridge.process import SPANS

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

__all__ = ["be_request", "end_span", "ending_span", "ends_in_pipeline", "parent_handle", "rate_of", "sample_rate", "set_kind"]


class _Ending(threading.local):
    """The facade span that is ending on this thread and its ContextTracer, for the router, which the SDK calls from `Span.end`."""

    now: tuple[_handles.CensusSpan, _handles.CensusTracer] | None = None


ending_span = _Ending()


def end_span(otel: OtelSpan, span: _handles.CensusSpan, tracer: _handles.CensusTracer, end_ns: int | None) -> None:
    """End an OpenTelemetry span, letting the router know which facade span and tracer it is from.

    Args:
        otel: The SDK span.
        span: The facade span, complete.
        tracer: The ContextTracer that exports it.
        end_ns: End in nanoseconds since the epoch; None means now.
    """
    ending_span.now = (span, tracer)
    try:
        otel.end(end_ns)
    finally:
        ending_span.now = None


def ends_in_pipeline(others: Others) -> bool:
    """Return whether the facade span that is ending on this thread goes to a destination by way of its tracer's exporter.

    Args:
        others: Who else sends to Application Insights from its provider.
    """
    now = ending_span.now
    part = None if now is None else _handles.span_part_of(now[1].exporter)
    if part is None or not part.is_direct:
        return False
    report_duplicate(others, part.settings, SPANS)
    return True


def set_kind(span: object, kind: SpanKind) -> bool:
    """Set the kind of a running span and return whether that worked.

    OpenTelemetry has no way to do that, and OpenCensus integrations all set the kind after the start. The facade's own spans can.
    """
    if not _handles.is_own(span, _handles.OtelSpan):
        return _private.set_kind(span, kind)
    span.kind = kind
    return True


def be_request(span: object, parent: SpanContext | None) -> bool:
    """Make a running OpenTelemetry span that of a request with the given parent, and return whether that worked.

    An instrumentation makes an inner span of a request where another span is current.
    """
    return set_kind(span, trace_api.SpanKind.SERVER) and _private.set_parent(span, parent)


def sample_rate(rate: object) -> dict[str, AttributeValue] | None:
    """Return the attributes by which the exporter knows a sampling rate (0.0 to 1.0), None for the rate 1."""
    if not isinstance(rate, (int, float)) or not 0 < rate < 1:
        return None
    return {SAMPLE_RATE: rate * 100.0}


def rate_of(span: object) -> float:
    """Return the share of traces that a span's trace was kept at, above 0.0 and at most 1.0."""
    rate = span.census_rate if _handles.is_own(span, _handles.OtelSpan) else None
    if rate is None:
        attributes = getattr(span, "attributes", None)
        rate = attributes.get(SAMPLE_RATE) if attributes else None
    return rate / 100.0 if isinstance(rate, (int, float)) and 0 < rate < 100 else 1.0


def parent_handle(context: Context | None) -> object | None:
    """Return the exporter of the OpenCensus span that a context lies in, None outside any."""
    innermost = _context.active(_context.current() if context is None else context)
    if innermost is None:
        return None
    span = innermost[0]
    if not _handles.is_own(span, _handles.CensusSpan) or span._is_left_out:
        return None
    return getattr(span.context_tracer, "exporter", None)
