"""OpenTelemetry values as OpenCensus values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

from opentelemetry import trace as trace_api
from opentelemetry.trace import SpanKind as OtelSpanKind

from opencensus_compat._bridge.convert.oc_to_otel import EVENT, LINK_TYPE
from opencensus_compat.trace.attributes import Attributes
from opencensus_compat.trace.link import Link
from opencensus_compat.trace.span_context import SpanContext
from opencensus_compat.trace.status import Status
from opencensus_compat.trace.time_event import Annotation, MessageEvent
from opencensus_compat.trace.trace_options import TraceOptions
from opencensus_compat.trace.tracestate import Tracestate

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

# By the name that `oc_to_otel.message_event` gives the type.
_MESSAGE_TYPES = {"TYPE_UNSPECIFIED": 0, "SENT": 1, "RECEIVED": 2}

_KINDS = {OtelSpanKind.SERVER: 1, OtelSpanKind.CLIENT: 2}
"""By OpenTelemetry's kind, in OpenCensus's numbers; all others are 0, unspecified."""

_UNKNOWN = 2
"""gRPC code of an error that OpenTelemetry does not tell more about."""


def iso_time(time_ns: int) -> str:
    """Return an OpenCensus time.

    Args:
        time_ns: Nanoseconds since the epoch.
    Returns: UTC text, shape `2020-01-31T10:20:30.123456Z`, always six fraction digits.
    Loses: anything below one microsecond (cut off).
    """
    global _second
    seconds, rest_ns = divmod(time_ns, 1_000_000_000)
    known = _second
    if known[0] != seconds:
        _second = known = seconds, (_EPOCH + timedelta(seconds=seconds)).isoformat("T", "seconds")[:19]
    return f"{known[1]}.{rest_ns // 1_000:06d}Z"


_second = 0, "1970-01-01T00:00:00"
"""The second that was asked for last, and its text: spans start and end in that or the next, and to make it is 80 percent of the cost."""


def span_context(context: trace_api.SpanContext) -> SpanContext:
    """Return the OpenCensus context of an OpenTelemetry span.

    Loses: trace state entries that OpenCensus's grammar refuses; trace flags other than sampled.
    """
    return SpanContext(
        trace_id=f"{context.trace_id:032x}",
        span_id=f"{context.span_id:016x}",
        trace_options=TraceOptions("1" if context.trace_flags.sampled else "0"),
        tracestate=_tracestate(context.trace_state),
    )


def _tracestate(state: Any) -> Tracestate | None:
    if not state:
        return None
    kept = Tracestate()
    for key, value in state.items():
        try:
            kept[key] = value
        except ValueError:
            continue
    return kept or None


def kind(of: Any) -> int:
    """Return the OpenCensus kind of an OpenTelemetry one: 1 for a server, 2 for a client, 0 for anything else."""
    return _KINDS.get(of, 0)


def status(of: Any) -> Status:
    """Return the OpenCensus status of an OpenTelemetry one, or of None: an error is UNKNOWN with its description, all else is OK."""
    if of is None or of.is_ok:
        return Status.as_ok()
    return Status(_UNKNOWN, of.description)


def annotations_of(events: Iterable[Any]) -> list[Annotation]:
    """Return the events of an OpenTelemetry span as annotations, without those that were messages or stack traces in OpenCensus."""
    return [annotation(event) for event in events if _mark(event) in (None, "annotation")]


def annotation(event: Any) -> Annotation:
    """Return an event of an OpenTelemetry span as an annotation."""
    return Annotation(_utc(event.timestamp), event.name, Attributes(_without_marks(event.attributes)))


def message_events_of(events: Iterable[Any]) -> list[MessageEvent]:
    """Return those events of an OpenTelemetry span that were messages in OpenCensus."""
    return [message_event(event) for event in events if _mark(event) == "message"]


def message_event(event: Any) -> MessageEvent:
    """Return an event with the attributes of a message as one."""
    values = event.attributes
    sizes = values.get("message.uncompressed_size"), values.get("message.compressed_size")
    return MessageEvent(_utc(event.timestamp), values.get("message.id"), _MESSAGE_TYPES.get(values.get("message.type")), *sizes)


def links_of(links: Iterable[Any]) -> list[Link]:
    """Return the links of an OpenTelemetry span.

    Loses: trace state and flags of the linked spans.
    """
    made = []
    for link in links:
        values = dict(link.attributes or {})
        kind = values.pop(LINK_TYPE, None)
        made.append(Link(f"{link.context.trace_id:032x}", f"{link.context.span_id:016x}", kind, values or None))
    return made


def is_foreign(event: Any) -> bool:
    """Return whether an event was made by OpenTelemetry code."""
    return _mark(event) is None


def _mark(event: Any) -> Any:
    return (event.attributes or {}).get(EVENT)


def _without_marks(values: Any) -> dict[str, Any]:
    return {key: value for key, value in (values or {}).items() if key != EVENT}


def _utc(time_ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_ns // 1_000)
