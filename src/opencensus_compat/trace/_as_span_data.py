"""Spans as the SpanData that exporters of OpenCensus receive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from opencensus_compat._bridge import handles as _handles
from opencensus_compat._bridge.convert import oc_to_otel
from opencensus_compat.trace import _otel_to_oc as otel_to_oc
from opencensus_compat.trace import span_data as span_data_module
from opencensus_compat.trace._kept import each
from opencensus_compat.trace.span_context import SpanContext, _checked
from opencensus_compat.trace.stack_trace import StackTrace
from opencensus_compat.trace.trace_options import TraceOptions

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_MARKS = "census.", "_MS."
"""How attributes begin that this package sets for itself."""

_CensusSpan, _OtelSpan = _handles.CensusSpan, _handles.OtelSpan


def span_data_of(span: Any, tracer: Any) -> span_data_module.SpanData:
    """Return what exporters receive of a span: what the facade keeps, and what OpenTelemetry code has put on the same span.

    Args:
        span: The span, of any kind that a program may have put among the children of one.
        tracer: The ContextTracer that exports it.
    """
    name, attributes, annotations, links, status = span.name, span.attributes, span.annotations, span.links, span.status
    # As `is_own`, without the calls.
    is_own = issubclass(type(span), _CensusSpan)
    otel: Any = span._otel if is_own else None
    is_facades = issubclass(type(otel), _OtelSpan)
    # What is no text stays the object that it is: OpenTelemetry's span has the text of it.
    if is_facades and name is span._otel_name and type(name) is str:
        name = otel.name
    # Few spans have what OpenTelemetry code gave them; the SDK's containers are made for these.
    if is_facades and otel._census_is_whole:
        events = otel_to_oc.annotations_of(filter(otel_to_oc.is_foreign, otel.events))
        own = {(oc_to_otel.text(getattr(link, "trace_id", "")), oc_to_otel.text(getattr(link, "span_id", ""))) for link in each(links)}
        linked = [link for link in otel_to_oc.links_of(otel.links) if (link.trace_id, link.span_id) not in own]
        annotations = [*each(annotations), *events] if events else annotations
        links = [*each(links), *linked] if linked else links
        status = status if span._status_is_set else otel_to_oc.status(otel.status)
    if is_own and (not is_facades or otel._census_is_whole):
        attributes = _all_attributes(attributes, otel)
    parent_span = span.parent_span
    parent_span_id = parent_span.span_id if parent_span else None
    return span_data_module.SpanData(
        name,
        _context_of(span, otel, parent_span_id, tracer) if is_own else tracer._base,
        span.span_id,
        parent_span_id,
        attributes,
        span.start_time,
        span.end_time,
        len(span.children),
        span.stack_trace,
        annotations,
        span.message_events,
        links,
        status,
        span.same_process_as_parent_span,
        span.span_kind,
    )


def _context_of(span: Any, otel: Any, parent_span_id: Any, tracer: Any) -> Any:
    """Return the trace's context with the parent's id, which is where OpenCensus's own stood when a span was exported.

    Source: https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/trace/tracers/context_tracer.py#L110-L121.
    """
    owner = tracer._owner
    # None where nobody has asked for that of a Tracer's trace, which is not made for this then.
    own = tracer._span_context if owner is None else owner._own_context
    if own is not None and not issubclass(type(own), SpanContext):
        return own
    rate = None
    if issubclass(type(otel), _OtelSpan):
        # As below, without the calls: they are most of what this takes.
        trace_id, rate = f"{otel.context.trace_id:032x}", otel.census_rate
    else:
        found = None if otel is None else otel.get_span_context()
        trace_id = f"{found.trace_id:032x}" if found is not None and found.is_valid else tracer._base.trace_id
    if own is None:
        context = _checked(trace_id, parent_span_id, TraceOptions("1"), None, False)
    else:
        context = _checked(trace_id, parent_span_id, own.trace_options, own.tracestate, own.from_header)
    # SpanData has no place for these, and exporters with steps of their own need them: counts are wrong without.
    context._sample_rate = rate  # type: ignore[attr-defined]  # of this one alone
    if span._ended is not None:
        context._ended = span._ended  # type: ignore[attr-defined]  # of this one alone
    return context


def _all_attributes(own: Any, span: Any) -> Any:
    """Return a span's attributes, with those that OpenTelemetry code set on the OpenTelemetry span."""
    otel = cast("dict[str, Any]", getattr(span, "attributes", None) or {})
    if not isinstance(own, Mapping):
        return own
    added = {key: value for key, value in otel.items() if key not in own and not key.startswith(_MARKS)}
    return {**own, **added} if added else own


def span_data_of_readable(span: ReadableSpan) -> span_data_module.SpanData:
    """Return what exporters receive of an ended span of OpenTelemetry code.

    An exception that the span noted becomes the stack trace that OpenCensus has of it, and an event with the attributes of a message
    a message; all other events become annotations.

    Args:
        span: The SDK's, with a context.
    Loses: which kind it is of those that OpenCensus has not; all noted exceptions but the last, and what they say beside stack and text;
        the times of exceptions; flags of the trace other than sampled.
    """
    of_exceptions = [event for event in span.events if event.name == "exception"]
    messages = [event for event in span.events if _is_message(event)]
    events = [event for event in span.events if event not in of_exceptions and event not in messages]
    raised: dict[str, Any] = dict(of_exceptions[-1].attributes or {}) if of_exceptions else {}
    status = otel_to_oc.status(span.status)
    if raised and status.message == f"{str(raised.get('exception.type')).rpartition('.')[2]}: {raised.get('exception.message')}":
        # As OpenTelemetry describes the status that an exception gives its span; OpenCensus has its text alone.
        status.message = str(raised["exception.message"])
    parent_span_id = None if span.parent is None else f"{span.parent.span_id:016x}"
    context = otel_to_oc.span_context(cast(Any, span.context))
    return span_data_module.SpanData(
        span.name,
        _checked(context.trace_id, parent_span_id, context.trace_options, context.tracestate, False),
        cast(str, context.span_id),
        parent_span_id,
        {key: value for key, value in (span.attributes or {}).items() if not key.startswith(_MARKS)},
        otel_to_oc.iso_time(span.start_time or 0),
        otel_to_oc.iso_time(span.end_time or 0),
        0,
        StackTrace._from_text(str(raised.get("exception.stacktrace", ""))) if raised else None,
        [otel_to_oc.annotation(event) for event in events],
        [otel_to_oc.message_event(event) for event in messages],
        otel_to_oc.links_of(span.links),
        status,
        None,
        otel_to_oc.kind(span.kind),
    )


def _is_message(event: Any) -> bool:
    return event.name == "message" and {"message.type", "message.id"} <= set(event.attributes or ())
