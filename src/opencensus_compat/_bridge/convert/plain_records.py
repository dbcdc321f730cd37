"""What OpenTelemetry's own log handler takes of a record: with OpenTelemetry's envelopes, a handler of OpenCensus's takes the same.

Source: OpenTelemetry SDK `LoggingHandler`.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from opencensus_compat._bridge.convert import log_records

_FIELDS = frozenset(
    [
        "args",
        "asctime",
        "created",
        "exc_info",
        "exc_text",
        "filename",
        "funcName",
        "getMessage",
        "levelname",
        "levelno",
        "lineno",
        "message",
        "module",
        "msecs",
        "msg",
        "name",
        "pathname",
        "process",
        "processName",
        "relativeCreated",
        "stack_info",
        "taskName",
        "thread",
        "threadName",
    ]
)
"""What every record has."""
_OWN = frozenset({"custom_dimensions", "custom_measurements", "spanId", "traceId", "traceSampled"})
"""What OpenCensus gives a meaning: ids are the trace of the record, and no properties."""
_BODIES = (bool, bytes, int, float, Sequence, Mapping, type(None))


def extras(record: log_records.Record) -> log_records.Attributes:
    """Return what a program gave as ``extra``, as attributes, but for what OpenCensus gives a meaning."""
    given: dict[object, object] = {
        name: value for name, value in vars(record).items() if name not in _FIELDS and name not in _OWN and name[:8] != "_census_"
    }
    return log_records.dimensions(given, compact=True) if given else {}


def exception(record: log_records.Record) -> log_records.Attributes:
    """Return the attributes of a record's exception; of its values the first is the message."""
    kind, error, frames = log_records.exc_info_of(record)
    found: log_records.Attributes = {}
    if kind is not None:
        found["exception.type"] = kind.__name__
    if error is not None and error.args:
        found["exception.message"] = log_records.text(error.args[0])
    if frames is not None:
        found["exception.stacktrace"] = "".join(traceback.format_exception(kind, error, frames))
    return found


def body(record: Any) -> Any:
    """Return the body of a record that no formatter formats: the message, or what a program logged in its place.

    Args:
        record: A `logging.LogRecord`.

    Raises:
        Exception: The arguments do not fit, or an object has no text.
    """
    if record.args or isinstance(record.msg, str):
        return record.getMessage()
    return record.msg if isinstance(record.msg, _BODIES) else str(record.msg)
