"""What an OpenTelemetry log record carries of a record of the standard library's logging.

The names are those that the exporter reads: see `appinsights_exporter.convert.legacy_logs`.
"""

from __future__ import annotations

import datetime
import json
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.convert.oc_to_otel import PROPERTIES, json_text, plain, set_aside, text

if TYPE_CHECKING:
    from types import TracebackType

__all__ = [
    "EVENT_NAME",
    "IMMUTABLE",
    "NO_NAME",
    "Attributes",
    "ExcInfo",
    "Record",
    "attribute",
    "attributes",
    "dimensions",
    "event_attributes",
    "exc_info_of",
    "exception",
    "exception_name",
    "frozen",
    "measurements",
    "own_id",
    "stack_text",
    "text",
]

Attributes: TypeAlias = dict[str, Any]
"""Attributes of an OpenTelemetry log record."""
ExcInfo: TypeAlias = "tuple[type[BaseException] | None, BaseException | None, TracebackType | None]"
"""Class, exception and traceback; None for each that there is not."""

IMMUTABLE = frozenset(
    {str, int, float, bool, type(None), bytes, complex, datetime.date, datetime.datetime, datetime.time, datetime.timedelta}
)
"""Types whose values cannot change; values of other types become text, or are copied, when a record is logged."""

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
        PROPERTIES,
    }
)
"""Attributes with a meaning of their own, besides those that start with `census.`."""


class Record(Protocol):
    """The fields of a `logging.LogRecord` that are read here."""

    @property
    def created(self) -> float:
        """When it was made, seconds since the Unix epoch."""

    @property
    def levelname(self) -> str:
        """Name of its level."""

    @property
    def levelno(self) -> int:
        """Level; 10 is DEBUG, 50 is CRITICAL."""

    @property
    def name(self) -> str:
        """Name of the logger."""

    @property
    def pathname(self) -> str:
        """Path of the file that logged."""

    @property
    def lineno(self) -> int:
        """Line that logged."""

    @property
    def module(self) -> str:
        """Name of the file without its suffix."""

    @property
    def funcName(self) -> str | None:  # noqa: N802 - the standard library's name
        """Function that logged."""

    @property
    def processName(self) -> str | None:  # noqa: N802 - the standard library's name
        """Name of the process."""

    @property
    def exc_info(self) -> object:
        """A tuple as `sys.exc_info` returns it; programs set it to an exception, too."""


def frozen(value: Any) -> object:
    """Return an immutable value itself, a copy of a plain container, and the text of any other value.

    Loses: the type of unknown values; they would be sent as text anyhow.
    """
    kind = type(value)
    if kind in IMMUTABLE:
        return value
    try:
        # Without the look for abstract classes, which is two thirds of the cost of a list among custom dimensions.
        if kind is dict:
            copied = value.copy()
            for key, item in copied.items():
                if type(item) not in IMMUTABLE:
                    copied[key] = frozen(item)
            return copied
        if kind is list or kind is tuple:
            return [item if type(item) in IMMUTABLE else frozen(item) for item in value]
        if isinstance(value, (str, int, float)):
            return plain(value)
        if isinstance(value, Mapping):
            return {key: frozen(item) for key, item in dict(value).items()}
        if isinstance(value, (list, tuple)):
            return [frozen(item) for item in value]
    except _exporter.failure():  # A program's container may do anything, and one may hold itself
        return f"<{kind.__name__}>"
    return text(value)


def dimensions(values: Mapping[object, object], *, compact: bool = False) -> Attributes:
    """Return custom dimensions as attributes: text, numbers, bools and lists of one of these unchanged, other values as text.

    Args:
        values: The dimensions.
        compact: Whether JSON has no spaces, as the exporter writes it.
    Loses: None, which no attribute can be, and empty keys.
    """
    found: Attributes = {}
    for key, value in values.items():
        name = key if type(key) is str else text(key)
        if name and value is not None:
            found[name] = attribute(value, (",", ":") if compact else None)
    reserved = {name for name in found if name in _RESERVED or name.startswith("census.")}
    return set_aside(found, reserved) if reserved else found


def measurements(values: Mapping[object, object]) -> str:
    """Return custom measurements as the JSON text that the exporter takes; text that reads as a number, as a Decimal's does, is one."""
    return json.dumps({key if type(key) is str else text(key): _number(value) for key, value in values.items()}, default=text)


def _number(value: object) -> object:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def own_id(value: object) -> str | None:
    """Return the text of `traceId` or `spanId` on a record; None where there is none, and for an id of zeros."""
    if value is None:
        return None
    found = value if type(value) is str else text(value)
    return found if found.strip("0") else None


def attributes(record: Record) -> Attributes:
    """Return the attributes of a message or an exception, without custom dimensions and what is raised."""
    found: Attributes = {
        "census.level": record.levelno,
        "census.logger": record.name,
        "code.file.path": record.pathname,
        "code.line.number": record.lineno,
    }
    optional = {
        "census.module": record.module,
        "census.process_name": record.processName,
        "code.function.name": record.funcName,
    }
    found.update((name, value) for name, value in optional.items() if value is not None)
    return found


def event_attributes(record: Record) -> Attributes:
    """Return the attributes of a custom event, without its name, custom dimensions and measurements."""
    found: Attributes = {
        "census.level": record.levelno,
        "census.logger": record.name,
        "code.file.path": record.pathname,
        "code.line.number": record.lineno,
    }
    if record.funcName is not None:
        found["code.function.name"] = record.funcName
    return found


def exc_info_of(record: Record) -> ExcInfo:
    """Return the exception of a record, whatever type its `exc_info` has."""
    return _exporter.exc_info_of(record.exc_info) or (None, None, None)


def exception(record: Record) -> Attributes:
    """Return the attributes of a record's exception."""
    kind, error, frames = exc_info_of(record)
    found: Attributes = {"exception.type": exception_name(kind)}
    if error is not None:
        found["exception.message"] = text(error)
        if stack := stack_text(kind, error, frames):
            found["exception.stacktrace"] = stack
    return found


def exception_name(kind: object) -> str:
    """Return the name of an exception's class, `N/A` for none."""
    name: str = getattr(kind, "__name__", None) or _UNKNOWN_TYPE
    return name


def stack_text(kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None) -> str:
    """Return the traceback of an exception as Python prints it, empty where it has none and nothing led to it."""
    chained = getattr(error, "__cause__", None) or getattr(error, "__context__", None)
    if error is None or (frames is None and chained is None):
        return ""
    return "".join(traceback.format_exception(kind, error, frames))


def attribute(value: Any, separators: tuple[str, str] | None = None) -> object:
    """Return the attribute that a custom dimension becomes; see `dimensions`.

    Args:
        value: Not None.
        separators: Of JSON; None for those of Python's own.
    """
    kind = type(value)
    if kind is str or kind is int or kind is float or kind is bool:
        return value
    if kind is list or kind is tuple:
        kinds = {type(item) for item in value}
        if len(kinds) == 1 and kinds <= {str, int, float, bool}:
            return list(value)
    if kind in (dict, list, tuple):
        try:
            return json_text(value, text, ensure_ascii=False, separators=separators)
        except (TypeError, ValueError, RecursionError):
            pass
    return text(value)
