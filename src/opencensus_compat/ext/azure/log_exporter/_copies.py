"""Copies of log records as they were when they were logged."""

from __future__ import annotations

import functools
import logging
from types import MemberDescriptorType
from typing import Any, TypeAlias

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.convert import log_records
from opencensus_compat._bridge.process import report

__all__ = ["copy_as_logged", "frozen_message", "is_plain", "message_of", "set_as_logged", "twin_of"]

_PLAIN = logging.LogRecord

Frozen: TypeAlias = str | dict[Any, Any] | tuple[object, ...] | None
"""What could change of a record's message after it was logged, as it was then: the message, its only argument if that is a dict, or the
items of its only argument if that is a list. None where nothing could."""


def is_plain(record: logging.LogRecord) -> bool:
    """Return whether a record makes its message as those of the standard library do."""
    return getattr(type(record), "getMessage", None) is logging.LogRecord.getMessage


def message_of(record: logging.LogRecord) -> str:
    """Return the message of a record; its parts where they do not fit."""
    try:
        return str(record.getMessage())
    except _exporter.failure() as error:  # Arguments that do not fit, or an object without a text
        report("a log message could not be formatted (%s): it is sent unformatted, followed by its arguments", type(error).__name__)
        return " ".join(log_records.text(part) for part in (record.msg, record.args))


def frozen_message(record: logging.LogRecord, form: str, arguments: Any) -> Frozen:
    """Return what may change of a record's message; see `Frozen`.

    Args:
        record: The record.
        form: Its message without the arguments.
        arguments: Its arguments, of which one at least is not of an immutable type.
    Returns: A copy of a dict that is the only argument, if nothing in it can change; else the text. Nothing else is copied: the copy of a
        set may have another order.
    """
    if type(arguments) is dict:
        values = arguments.copy()
        for key in values:
            if type(key) not in log_records.IMMUTABLE or type(values[key]) not in log_records.IMMUTABLE:
                break
        else:
            return values
    try:
        message: str = form % arguments
    except _exporter.failure():  # Arguments that do not fit, or an object without a text
        return message_of(record)
    return message


def set_as_logged(fields: dict[str, Any], changing: Frozen) -> None:
    """Set the arguments of a record as they were when it was logged, if they can change and are not in its text; see `Frozen`."""
    if type(changing) is tuple:
        fields["args"] = ([*changing],)
    elif type(changing) is dict:
        fields["args"] = changing


def copy_as_logged(taken: logging.LogRecord, fields: dict[str, Any], changing: Frozen) -> logging.LogRecord:
    """Return a copy of a record: formatters of other handlers, on other threads, change the record itself.

    Args:
        taken: The record.
        fields: Its fields, but for those in slots of its class; they become the copy's own. A property of the class comes before them, as on the record.
        changing: What could have changed since it was logged; see `Frozen`.
    """
    message = changing if type(changing) is str else None
    kind: Any = type(taken)
    try:
        if message is not None:
            kind = _class_with_message(kind)
        found = kind.__new__(kind)
        found.__dict__ = fields
        if type(taken) is not _PLAIN:
            _copy_slots(taken, found)
        if message is not None:
            found._census_said = (message, fields["msg"], fields["args"])
    except (AttributeError, TypeError):
        found = logging.makeLogRecord(fields)
        if message is not None:
            found.msg, found.args = message, ()
    copied: logging.LogRecord = found
    return copied


@functools.lru_cache(maxsize=128)
def _class_with_message(kind: Any) -> type:
    """Return a class of records whose message is the text that it was when it was logged.

    `msg` and `args` stay for formatters and conversions that read them; where one sets others, the message is made of those. The text is in
    a slot: formatters show what they find in a record's `__dict__`.
    """

    def get_message(self: Any) -> str:
        said, msg, args = getattr(self, "_census_said", (None, None, None))
        text: str = said if said is not None and self.msg is msg and self.args is args else kind.getMessage(self)
        return text

    fields = {"__slots__": ("_census_said",), "getMessage": get_message, "__module__": kind.__module__, "__doc__": kind.__doc__}
    return type(kind.__name__, (kind,), fields)


def twin_of(record: logging.LogRecord) -> logging.LogRecord:
    """Return a record of the same class with the same fields."""
    kind = type(record)
    made = kind.__new__(kind)
    made.__dict__.update(record.__dict__)
    _copy_slots(record, made)
    return made


def _copy_slots(like: logging.LogRecord, made: logging.LogRecord) -> None:
    """Copy to a record what the slots of another one hold."""
    kind: type = type(like)
    for slot in _slots(kind):
        try:
            value = slot.__get__(like)
        except AttributeError:  # nothing is in it
            continue
        slot.__set__(made, value)


@functools.lru_cache(maxsize=128)
def _slots(kind: type) -> tuple[MemberDescriptorType, ...]:
    return tuple(each for base in kind.__mro__ for each in vars(base).values() if isinstance(each, MemberDescriptorType))
