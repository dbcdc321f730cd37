"""OpenCensus SpanData as ended OpenTelemetry spans, for programs that convert SpanData to envelopes themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from opencensus_compat._bridge.convert.oc_to_otel import (
    PARENT_SPAN_ID,
    SAMPLE_RATE,
    SPAN_ID,
    STATUS_CODE,
    id_number,
    link,
    nanoseconds,
    span_kind,
    status,
    status_code,
)

_NO_RESOURCE = Resource({})
_UNSET = Status(StatusCode.UNSET)
_scope = lru_cache(maxsize=4)(InstrumentationScope)
_ONLY_TEXTS = {str}


class _Ids:
    """The ids of a span, without what no conversion of a facade span reads of a context."""

    __slots__ = ("span_id", "trace_id")

    def __init__(self, trace_id: int, span_id: int) -> None:
        self.trace_id = trace_id
        self.span_id = span_id


class EndedSpan:
    """What the conversions to envelopes read of an ended span. To make one of the SDK's, and read that, takes three times as long."""

    __slots__ = ("attributes", "context", "end_time", "instrumentation_scope", "kind", "links", "name", "parent", "start_time", "status")

    attributes: dict[str, Any]
    context: _Ids | None
    end_time: int | None
    instrumentation_scope: InstrumentationScope
    kind: SpanKind
    links: Sequence[Link]
    name: str
    parent: _Ids | None
    start_time: int | None
    status: Status

    events = ()
    resource = _NO_RESOURCE


def ended_span(span_data: object, scope: str, attributes: Mapping[Any, Any] | None) -> EndedSpan:
    """Return an OpenCensus SpanData as an ended OpenTelemetry span, for conversion to envelopes.

    Attribute values stay as they are, whatever their type: the envelopes of OpenCensus carried them so.

    Args:
        span_data: What OpenCensus exporters receive.
        scope: Name of the instrumentation scope.
        attributes: Its attributes; copied.
    Loses: annotations, message events and stack trace, which no envelope carries.
    """
    data: Any = span_data
    values: dict[str, Any]
    if type(attributes) is dict and _ONLY_TEXTS.issuperset(map(type, attributes)):
        values = attributes.copy()
    else:
        values = {str(key): value for key, value in (attributes or {}).items()}
    code = 0 if data.status is None else status_code(data.status.code)
    if code != 0:
        values[STATUS_CODE] = code
    rate = getattr(data.context, "_sample_rate", None)
    if type(rate) is float:
        values[SAMPLE_RATE] = rate
    trace_id = id_number(data.context.trace_id, 32)
    own, parent = None, None
    if trace_id is not None:
        span_id = id_number(data.span_id, 16)
        if span_id is None:
            values[SPAN_ID] = str(data.span_id)
        own = _Ids(trace_id, span_id or _NO_SPAN_ID)
    else:
        values[SPAN_ID] = str(data.span_id)
    if data.parent_span_id:
        parent_id = None if trace_id is None else id_number(data.parent_span_id, 16)
        if trace_id is None or parent_id is None:
            values[PARENT_SPAN_ID] = str(data.parent_span_id)
        else:
            parent = _Ids(trace_id, parent_id)
    start_ns = nanoseconds(data.start_time)
    made = EndedSpan()
    made.name = str(data.name)
    made.context = own
    made.parent = parent
    made.attributes = values
    links = data.links
    made.links = [found for item in links if (found := link(item.trace_id, item.span_id, item.type, item.attributes))] if links else ()
    made.kind = span_kind(data.span_kind)
    made.status = status(code, None) if code else _UNSET
    made.start_time = start_ns
    made.end_time = nanoseconds(data.end_time) or start_ns
    made.instrumentation_scope = _scope(scope)
    return made


_NO_SPAN_ID = 0xFFFF_FFFF_FFFF_FFFF
"""Stands for an id that is no number, which is sent as it is."""
