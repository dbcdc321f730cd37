"""OpenCensus SpanData as ended OpenTelemetry spans, for programs that convert SpanData to envelopes themselves."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Status, StatusCode

from opencensus_compat._bridge.convert.oc_to_otel import (
    PARENT_SPAN_ID,
    SAMPLE_RATE,
    SPAN_ID,
    STATUS_CODE,
    link,
    nanoseconds,
    span_context,
    span_kind,
    status,
)

_NO_RESOURCE = Resource({})
_UNSET = Status(StatusCode.UNSET)
_scope = lru_cache(maxsize=4)(InstrumentationScope)


def readable_span(span_data: object, scope: str) -> ReadableSpan:
    """Return an OpenCensus SpanData as an ended OpenTelemetry span, for conversion to envelopes.

    Attribute values stay as they are, whatever their type: the envelopes of OpenCensus carried them so.

    Args:
        span_data: What OpenCensus exporters receive.
        scope: Name of the instrumentation scope.
    Loses: annotations, message events and stack trace, which no envelope carries.
    """
    data: Any = span_data
    values = {str(key): value for key, value in (data.attributes or {}).items()}
    code = 0 if data.status is None else data.status.code
    if code:
        values[STATUS_CODE] = code
    rate = getattr(data.context, "_sample_rate", None)
    if type(rate) is float:
        values[SAMPLE_RATE] = rate
    trace_id = data.context.trace_id
    own = span_context(trace_id, data.span_id, True)
    if own is None:
        own = span_context(trace_id, "f" * 16, True)
        values[SPAN_ID] = str(data.span_id)
    parent = None
    if data.parent_span_id:
        parent = span_context(trace_id, data.parent_span_id, True)
        if parent is None:
            values[PARENT_SPAN_ID] = str(data.parent_span_id)
    start_ns = nanoseconds(data.start_time)
    links = [link(item.trace_id, item.span_id, item.type, item.attributes) for item in data.links or ()]
    return ReadableSpan(
        name=str(data.name),
        context=own,
        parent=parent,
        attributes=values,
        links=[item for item in links if item is not None],
        kind=span_kind(data.span_kind),
        status=status(code, None) if code else _UNSET,
        start_time=start_ns,
        end_time=nanoseconds(data.end_time) or start_ns,
        resource=_NO_RESOURCE,
        instrumentation_scope=_scope(scope),
    )
