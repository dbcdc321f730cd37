"""The text of log records: the formatter of a handler runs once for each."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.process import report
from opencensus_compat.ext.azure.log_exporter._copies import message_of, twin_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Formatted", "formats_plainly", "formatted_before", "text_of", "while_formatted"]


class Formatted:
    """A record and its text, which a formatter made of the record's twin: formatters may change what they format.

    Args:
        record: The record.
    """

    def __init__(self, record: logging.LogRecord) -> None:
        self._record = record
        self._before = record.__dict__.copy()
        self.twin = twin_of(record)
        """The record to format."""
        self.text: Any = None
        """The text, once the twin was formatted; formatters of programs return anything."""

    def again(self, record: logging.LogRecord) -> Any:
        """Return the text of the record and leave it as the formatter would; None for another record, or one that has been changed."""
        fields = record.__dict__
        if record is not self._record or len(fields) != len(self._before):
            return None
        if any(fields.get(name, self) is not value for name, value in self._before.items()):
            return None
        fields.clear()
        fields.update(self.twin.__dict__)
        self._before = fields.copy()
        return self.text


class _Formatting(threading.local):
    """The formatted records that this thread converts."""

    done: Sequence[Formatted] = ()


_formatting = _Formatting()


def while_formatted(done: Sequence[Formatted]) -> Sequence[Formatted]:
    """Let `formatted_before` know the given records on this thread, and return those that it knew before."""
    before, _formatting.done = _formatting.done, done
    return before


def formatted_before(record: logging.LogRecord) -> Any:
    """Return the text of a record if its formatter has run already, None if not; see `Formatted.again`."""
    return next((text for done in _formatting.done if (text := done.again(record)) is not None), None)


def formats_plainly() -> bool:
    """Return whether the standard library makes a record's message its text, where a handler has no formatter."""
    formatter = logging.Formatter
    return (
        not _formatting.done
        and formatter.format is _FORMAT
        and formatter.formatMessage is _FORMAT_MESSAGE
        and getattr(logging, "_defaultFormatter", None) is _DEFAULT
    )


# What programs replace, as it is here.
_FORMAT, _FORMAT_MESSAGE = logging.Formatter.format, logging.Formatter.formatMessage
_DEFAULT = getattr(logging, "_defaultFormatter", None)


def text_of(handler: logging.Handler, record: logging.LogRecord) -> Any:
    """Return the text that a handler's formatter makes of a record; its message where the formatter fails."""
    known = formatted_before(record)
    if known is not None:
        return known
    before = record.__dict__.copy()
    try:
        return handler.format(record)
    except _exporter.failure() as error:  # A program's formatter may raise anything
        report("a log record could not be formatted (%s): its message is sent", type(error).__name__)
        # The formatter may have changed some fields before it failed.
        record.__dict__.clear()
        record.__dict__.update(before)
        return message_of(record)
