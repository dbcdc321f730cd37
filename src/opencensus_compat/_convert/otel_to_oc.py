"""OpenTelemetry values as OpenCensus values."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from opentelemetry import trace as trace_api

from opencensus_compat.trace.span_context import SpanContext
from opencensus_compat.trace.trace_options import TraceOptions
from opencensus_compat.trace.tracestate import Tracestate

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def iso_time(time_ns: int) -> str:
    """Return an OpenCensus time.

    Args:
        time_ns: Nanoseconds since the epoch.
    Returns: UTC text, shape `2020-01-31T10:20:30.123456Z`, always six fraction digits.
    Loses: anything below one microsecond (cut off).
    """
    return (_EPOCH + timedelta(microseconds=time_ns // 1_000)).isoformat("T", "microseconds")[:26] + "Z"


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
