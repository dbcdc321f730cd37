"""The trace and span that a log record belongs to: those on the record, else the current ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.trace import TraceFlags

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge.convert import log_records, oc_to_otel
from opencensus_compat.log import _TracesId

if TYPE_CHECKING:
    from logging import LogRecord

    from opentelemetry.context import Context

__all__ = ["Ids", "ids_of", "set_ids"]


class Ids:
    """The trace and span that a record belongs to, as numbers for OpenTelemetry and as the texts that programs gave."""

    __slots__ = ("flags", "is_current", "span_id", "span_text", "trace_id", "trace_text")

    def __init__(self, trace_id: int, span_id: int, flags: TraceFlags, trace_text: str, span_text: str, *, is_current: bool) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.flags = flags
        self.trace_text = trace_text
        self.span_text = span_text
        self.is_current = is_current
        """Whether they are those of the current span."""

    @property
    def attributes(self) -> dict[str, str]:
        """Attributes for the exporter, with the ids that OpenTelemetry cannot hold."""
        found = {}
        if self.trace_text and not self.trace_id:
            found["census.trace_id"] = self.trace_text
        if self.span_text and not self.span_id:
            found["census.span_id"] = self.span_text
        return found


_NO_IDS = Ids(0, 0, TraceFlags(0), "", "", is_current=False)


def ids_of(record: LogRecord, context: Context, *, as_otel: bool = False) -> Ids:
    """Return the ids of a record that was logged in a context: those on the record, else those of the current span.

    Args:
        record: The record.
        context: Where it was logged.
        as_otel: Whether a trace without a current span counts for nothing, as it does for OpenTelemetry.
    """
    own_trace, own_span = getattr(record, "traceId", None), getattr(record, "spanId", None)
    span = _context.otel_span(context) if context else None
    if span is None and own_trace is None:
        return _NO_IDS
    trace_text = log_records.own_id(own_trace)
    span_text = log_records.own_id(own_span)
    current = None if span is None else span.get_span_context()
    if current is not None and current.is_valid and trace_text in (None, f"{current.trace_id:032x}"):
        span_id = (trace_text and oc_to_otel.id_number(span_text, 16)) or current.span_id
        return Ids(current.trace_id, span_id, current.trace_flags, f"{current.trace_id:032x}", f"{span_id:016x}", is_current=True)
    if trace_text is None or (as_otel and type(own_trace) is _TracesId):
        return _NO_IDS
    trace_id = oc_to_otel.id_number(trace_text, 32) or 0
    span_id = oc_to_otel.id_number(span_text, 16) or 0
    sampled = getattr(record, "traceSampled", True) is not False
    return Ids(trace_id, span_id, TraceFlags(int(sampled)), trace_text, span_text or "", is_current=False)


def set_ids(fields: dict[str, Any], ids: Ids) -> None:
    """Set a record's ids among its fields, where a program's formatter or conversion reads them."""
    fields["traceId"] = ids.trace_text
    if ids.span_text:
        fields["spanId"] = ids.span_text
