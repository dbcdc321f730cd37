"""Spans as the SpanData that exporters of OpenCensus receive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from opencensus_compat._bridge import handles as _handles
from opencensus_compat._bridge.convert import oc_to_otel
from opencensus_compat.trace import _otel_to_oc as otel_to_oc
from opencensus_compat.trace import span_data as span_data_module
from opencensus_compat.trace._kept import each
from opencensus_compat.trace.span_context import SpanContext


def span_data_of(span: Any, trace: Any) -> span_data_module.SpanData:
    """Return what exporters receive of a span: what the facade keeps, and what OpenTelemetry code has put on the same span.

    Args:
        span: The span, of any kind that a program may have put among the children of one.
        trace: The context of its trace, as its tracer has it.
    """
    name, annotations, links, status = span.name, span.annotations, span.links, span.status
    is_own = _handles.is_own(span, _handles.CensusSpan)
    otel: Any = span._otel if is_own else None
    is_facades = _handles.is_own(otel, _handles.OtelSpan)
    if is_facades and name is span._otel_name:
        name = otel.name if otel._census_is_whole else otel._census_name
    # Few spans have what OpenTelemetry code gave them; the SDK's containers are made for these.
    if is_facades and otel._census_is_whole:
        events = otel_to_oc.annotations_of(filter(otel_to_oc.is_foreign, otel.events))
        own = {(oc_to_otel.text(getattr(link, "trace_id", "")), oc_to_otel.text(getattr(link, "span_id", ""))) for link in each(links)}
        linked = [link for link in otel_to_oc.links_of(otel.links) if (link.trace_id, link.span_id) not in own]
        annotations = [*each(annotations), *events] if events else annotations
        links = [*each(links), *linked] if linked else links
        status = status if span._status_is_set else otel_to_oc.status(otel.status)
    return span_data_module.SpanData(
        name=name,
        context=_context_of(span, trace) if is_own else trace,
        span_id=span.span_id,
        parent_span_id=span.parent_span.span_id if span.parent_span else None,
        attributes=_all_attributes(span) if is_own else span.attributes,
        start_time=span.start_time,
        end_time=span.end_time,
        child_span_count=len(span.children),
        stack_trace=span.stack_trace,
        annotations=annotations,
        message_events=span.message_events,
        links=links,
        status=status,
        same_process_as_parent_span=span.same_process_as_parent_span,
        span_kind=span.span_kind,
    )


def _context_of(span: Any, own: Any) -> Any:
    """Return the trace's context with the parent's id, which is where OpenCensus's own stood when a span was exported.

    Source: https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/trace/tracers/context_tracer.py#L110-L121.
    """
    if not _handles.is_own(own, SpanContext):
        return own
    otel = span._otel.get_span_context() if span._otel is not None else None
    context = SpanContext(
        trace_id=f"{otel.trace_id:032x}" if otel is not None and otel.is_valid else own.trace_id,
        trace_options=own.trace_options,
        tracestate=own.tracestate,
        from_header=own.from_header,
    )
    context.span_id = span.parent_span.span_id if span.parent_span else None
    # SpanData has no place for these, and exporters with steps of their own need them: counts are wrong without.
    rate = span._otel.census_rate if _handles.is_own(span._otel, _handles.OtelSpan) else None
    context._sample_rate = rate  # type: ignore[attr-defined]  # of this one alone
    if span._ended is not None:
        context._ended = span._ended  # type: ignore[attr-defined]  # of this one alone
    return context


def _all_attributes(span: Any) -> Any:
    """Return the span's attributes, with those that OpenTelemetry code set on the same span."""
    own = span.attributes
    otel = cast("dict[str, Any]", getattr(span._otel, "attributes", None) or {})
    if not isinstance(own, Mapping):
        return own
    added = {key: value for key, value in otel.items() if key not in own and not key.startswith(("census.", "_MS."))}
    return {**own, **added} if added else own
