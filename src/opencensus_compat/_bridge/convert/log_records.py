"""What an OpenTelemetry log record carries of a record of the standard library's logging.

The names are those that the exporter reads: see `appinsights_exporter.convert.legacy_logs`.
"""

from __future__ import annotations

import datetime
import json
import traceback
from collections.abc import Mapping
from typing import Any

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.convert.oc_to_otel import PROPERTIES, json_text, plain, set_aside, text

__all__ = [
    "EVENT_NAME",
    "IMMUTABLE",
    "NO_NAME",
    "attributes",
    "dimensions",
    "event_attributes",
    "exc_info_of",
    "frozen",
    "measurements",
    "own_id",
    "severity_number",
    "text",
]

IMMUTABLE = frozenset(
    {str, int, float, bool, type(None), bytes, complex, datetime.date, datetime.datetime, datetime.time, datetime.timedelta}
)
"""Types whose values are the same later; others are made text, or copied, when a record is logged."""

_UNKNOWN_TYPE = "N/A"
NO_NAME = "n/a"
"""Name of an event that has none."""
EVENT_NAME = "microsoft.custom_event.name"
"""Attribute with the name of an event."""
_RESERVED = frozenset(
    {
        "_MS.sampleRate",
        "ai.operation.name",
        "code.file.path",
        "code.function.name",
        "code.line.number",
        "exception.message",
        "exception.stacktrace",
        "exception.type",
        EVENT_NAME,
        "microsoft.custom_measurements",
        "thread.name",
        PROPERTIES,
    }
)
"""Attributes with a meaning of their own, besides those that start with `census.`."""
_FIRST_LEVEL, _LAST_LEVEL = 10, 59


def severity_number(level: int) -> int:
    """Return the OpenTelemetry severity of a level: 0 for none, 5 (DEBUG) to 24.

    Args:
        level: `levelno`; 10 is DEBUG, 50 is CRITICAL.
    Source: OpenTelemetry SDK `std_to_otel`.
    """
    if level < _FIRST_LEVEL:
        return 0
    tens, ones = divmod(min(level, _LAST_LEVEL), 10)
    return 4 * tens + 1 + min(ones, 3)


def frozen(value: Any) -> Any:
    """Return a value that stays as it is now: a copy of plain containers, the text of what is unknown.

    Loses: the type of unknown values; they would be sent as text anyhow.
    """
    kind = type(value)
    if kind in IMMUTABLE:
        return value
    if kind is dict and IMMUTABLE.issuperset(map(type, value.values())):
        return value.copy()
    try:
        if isinstance(value, (str, int, float)):
            return plain(value)
        if isinstance(value, Mapping):
            return {key: frozen(item) for key, item in dict(value).items()}
        if isinstance(value, (list, tuple)):
            return [frozen(item) for item in value]
    except _exporter.failure():  # A program's container may do anything, and one may hold itself
        return f"<{kind.__name__}>"
    return text(value)


def dimensions(values: Mapping[Any, Any]) -> dict[str, Any]:
    """Return custom dimensions as attributes: text, numbers, bools and lists of one of them as they are, all else as text.

    Loses: None, which no attribute can be, and empty keys.
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = key if type(key) is str else text(key)
        if name and value is not None:
            found[name] = _attribute(value)
    reserved = {name for name in found if name in _RESERVED or name.startswith("census.")}
    return set_aside(found, reserved) if reserved else found


def measurements(values: Mapping[Any, Any]) -> str:
    """Return custom measurements as the JSON text that the exporter takes; text that reads as a number, as a Decimal's does, is one."""
    return json.dumps({key if type(key) is str else text(key): _number(value) for key, value in values.items()}, default=text)


def _number(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def own_id(value: Any) -> str | None:
    """Return `traceId` or `spanId` as a program put it on a record: text that is no id of zeros, or None."""
    if value is None:
        return None
    found = value if type(value) is str else text(value)
    return found if found.strip("0") else None


def attributes(record: Any) -> dict[str, Any]:
    """Return the attributes of a message or an exception, without custom dimensions.

    Args:
        record: A LogRecord.
    """
    found: dict[str, Any] = {
        "census.level": record.levelno,
        "census.logger": record.name,
        "code.file.path": record.pathname,
        "code.line.number": record.lineno,
    }
    optional = {
        "census.module": record.module,
        "census.process_name": record.processName,
        "code.function.name": record.funcName,
        "thread.name": record.threadName,
    }
    found.update((name, value) for name, value in optional.items() if value is not None)
    if record.exc_info:
        found.update(_exception(*exc_info_of(record)))
    return found


def event_attributes(record: Any) -> dict[str, Any]:
    """Return the attributes of a custom event, without its name, custom dimensions and measurements."""
    return {"census.level": record.levelno, "census.logger": record.name}


def exc_info_of(record: Any) -> tuple[Any, Any, Any]:
    """Return class, exception and traceback of a record, whatever its `exc_info` is; None for each that it has not."""
    exc_info = record.exc_info
    if isinstance(exc_info, BaseException):
        return type(exc_info), exc_info, exc_info.__traceback__
    return exc_info if isinstance(exc_info, tuple) and len(exc_info) == 3 else (None, None, None)


def _exception(kind: Any, error: Any, frames: Any) -> dict[str, Any]:
    found = {"exception.type": getattr(kind, "__name__", None) or _UNKNOWN_TYPE}
    if error is not None:
        found["exception.message"] = text(error)
        chained = getattr(error, "__cause__", None) or getattr(error, "__context__", None)
        if frames is not None or chained is not None:
            found["exception.stacktrace"] = "".join(traceback.format_exception(kind, error, frames))
    return found


def _attribute(value: Any) -> Any:
    kind = type(value)
    if kind is str or kind is int or kind is float or kind is bool:
        return value
    if kind is list or kind is tuple:
        kinds = {type(item) for item in value}
        if len(kinds) == 1 and kinds <= {str, int, float, bool}:
            return list(value)
    if kind in (dict, list, tuple):
        try:
            return json_text(value, text, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError):
            pass
    return text(value)
