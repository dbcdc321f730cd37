"""A finished span as exporters receive it, and the JSON form that file and logging exporters write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from opencensus_compat.common import utils
from opencensus_compat.trace import attributes as attributes_module

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opencensus_compat.trace.link import Link
    from opencensus_compat.trace.span_context import SpanContext
    from opencensus_compat.trace.stack_trace import StackTrace
    from opencensus_compat.trace.status import Status
    from opencensus_compat.trace.time_event import Annotation, MessageEvent


class _SpanData(NamedTuple):
    name: str
    context: SpanContext | None
    span_id: str
    parent_span_id: str | None
    attributes: Mapping[str, Any] | None
    start_time: str | None
    end_time: str | None
    child_span_count: int
    stack_trace: StackTrace | None
    annotations: Sequence[Annotation] | None
    message_events: Sequence[MessageEvent] | None
    links: Sequence[Link] | None
    status: Status | None
    same_process_as_parent_span: bool | None
    span_kind: int | None


class SpanData(_SpanData):
    """A finished span.

    The tuple cannot be changed; attributes, time events, links and status are those of the span itself, not copies. Times are text
    in the form of `to_iso_str`, ids are hex digits.
    """

    __slots__ = ()


def format_legacy_trace_json(span_datas: Sequence[SpanData]) -> dict[str, Any]:
    """Return spans of one trace as a dict of JSON values, empty when there are none.

    Args:
        span_datas: The spans; the trace id is taken from the first.

    Raises:
        AssertionError: The first span is no `SpanData` or has no trace id.

    Loses:
        What exceeds 128 bytes of a text, and attributes that are not bool, int, str or float.
    """
    if not span_datas:
        return {}
    first = span_datas[0]
    assert isinstance(first, SpanData), f"spans must be SpanData, got {type(first).__name__}"
    assert first.context is not None, f"span {first.span_id} has no context"
    assert first.context.trace_id is not None, f"span {first.span_id} has no trace id"
    return {"traceId": first.context.trace_id, "spans": [_format_legacy_span_json(span) for span in span_datas]}


def _format_legacy_span_json(span_data: SpanData) -> dict[str, Any]:
    """Return one span as a dict of JSON values; what is empty or None is left out, except times, child count and kind."""
    return _format_common_json(span_data, span_data.child_span_count, span_data.parent_span_id, kind=span_data.span_kind)


def _format_common_json(span: Any, child_span_count: int, parent_span_id: Any, **more: Any) -> dict[str, Any]:
    """Return what a span and its SpanData have in common as a dict of JSON values, with `more` where OpenCensus wrote it."""
    formatted: dict[str, Any] = {
        "displayName": utils.get_truncatable_str(span.name),
        "spanId": span.span_id,
        "startTime": span.start_time,
        "endTime": span.end_time,
        "childSpanCount": child_span_count,
        **more,
    }
    if parent_span_id is not None:
        formatted["parentSpanId"] = parent_span_id
    if span.attributes:
        formatted["attributes"] = attributes_module.Attributes(dict(span.attributes)).format_attributes_json()
    if span.stack_trace is not None:
        formatted["stackTrace"] = span.stack_trace.format_stack_trace_json()
    if time_events := _format_time_events(span):
        formatted["timeEvents"] = {"timeEvent": time_events}
    if span.links:
        formatted["links"] = {"link": [link.format_link_json() for link in span.links]}
    if span.status is not None:
        formatted["status"] = span.status.format_status_json()
    if span.same_process_as_parent_span is not None:
        formatted["sameProcessAsParentSpan"] = span.same_process_as_parent_span
    return formatted


def _format_time_events(span: Any) -> list[dict[str, Any]]:
    """Return the annotations, then the messages, each with its time."""
    annotations = [
        {"time": annotation.timestamp, "annotation": annotation.format_annotation_json()} for annotation in span.annotations or ()
    ]
    messages = [{"time": message.timestamp, "message_event": message.format_message_event_json()} for message in span.message_events or ()]
    return annotations + messages
