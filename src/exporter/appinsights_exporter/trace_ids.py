"""Ids of the current span on log records, under the names that formats written for OpenCensus have."""

from __future__ import annotations

import functools
import logging
from typing import Any

from opentelemetry import trace

__all__ = ["FILLED", "trace_ids_in_records"]

FILLED = "_trace_ids"
"""Attribute of a record: the names that were put on it here, which are no ``extra`` of the program's."""


def trace_ids_in_records() -> None:
    """Put ``traceId``, ``spanId`` and ``traceSampled`` on every log record from now on, for formats such as ``%(traceId)s %(message)s``.

    They are those of the span that is current where the record is made, as 32 and 16 hexadecimal digits; zeros and False outside of spans.
    What ``extra`` has under these names stays. Calling it again changes nothing.
    """
    make = logging.Logger.makeRecord
    if getattr(make, FILLED, False):
        return

    # A record factory cannot do it: logging refuses `extra={"traceId": ...}` where the factory has set the attribute already.
    @functools.wraps(make)
    def make_record(self: logging.Logger, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(self, *args, **kwargs)
        _fill(record)
        return record

    setattr(make_record, FILLED, True)
    logging.Logger.makeRecord = make_record  # type: ignore[method-assign] # there is no hook for it


def _fill(record: logging.LogRecord) -> None:
    context = trace.get_current_span().get_span_context()
    values: dict[str, object] = {
        "traceId": trace.format_trace_id(context.trace_id),
        "spanId": trace.format_span_id(context.span_id),
        "traceSampled": context.trace_flags.sampled,
    }
    fields = vars(record)
    filled = [name for name in values if name not in fields]
    fields.update((name, values[name]) for name in filled)
    fields[FILLED] = filled
