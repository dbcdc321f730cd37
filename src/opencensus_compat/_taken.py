"""What is known of log records between the handlers that took them and the exporter: which items they become, and their text.

Items are sent once: several handlers of one resource may take the same record, and the first that has an envelope of it sends it. What a
handler's telemetry processor refuses, or its conversion fails at, is then left to the next one.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from typing import Any

__all__ = ["Formatted", "Item", "Items", "formatted_before", "while_formatted", "with_fields"]


class Item:
    """One item that a record becomes: the same one for all handlers of a resource that convert records alike."""

    __slots__ = ("_conversion", "_handlers", "_where", "is_certain", "is_sent")

    def __init__(self, handler: Any, where: Any, conversion: Any) -> None:
        self._handlers = [handler]
        self._where = where
        self._conversion = conversion
        self.is_certain = False
        """Whether a handler sends it that has nothing which may refuse it."""
        self.is_sent = False
        """Whether a handler has sent it."""

    def is_of(self, handler: Any, where: Any, conversion: Any) -> bool:
        """Return whether a further handler would send it, too. One that has taken the record before means another item."""
        return self._where is where and self._conversion is conversion and all(each is not handler for each in self._handlers)

    @property
    def is_shared(self) -> bool:
        """Whether several handlers may send it."""
        return len(self._handlers) > 1

    def join(self, handler: Any) -> None:
        """Note that a further handler may send it."""
        self._handlers.append(handler)


class Items:
    """The items of all records that handlers took, for as long as the records are there. One thread at a time may use it."""

    def __init__(self) -> None:
        # On the record itself, other handlers would send it, too.
        self._known: dict[int, tuple[weakref.ref[Any], list[Item]]] = {}

    def of(self, record: Any, handler: Any, where: Any, conversion: Any) -> tuple[Item, bool]:
        """Return the item that a handler makes of a record, and whether it is the first handler that does.

        Args:
            record: The record itself, no copy.
            handler: The handler.
            where: Its destination.
            conversion: What makes its envelopes.
        """
        key = id(record)
        known = self._known.get(key)
        if known is None or known[0]() is not record:
            known = self._known[key] = (weakref.ref(record, lambda _: self._known.pop(key, None)), [])
        for item in reversed(known[1]):
            if item.is_of(handler, where, conversion):
                item.join(handler)
                return item, False
        made = Item(handler, where, conversion)
        known[1].append(made)
        return made, True


class Formatted:
    """A record and its text, which a formatter made of a copy: it may change what it is given.

    Args:
        record: The record; the formatter is to be given the `twin`.
    """

    def __init__(self, record: Any) -> None:
        self._record = record
        self._before = record.__dict__.copy()
        self.twin = with_fields(type(record), record)
        self.text: Any = None
        """The text, once it is there."""

    def again(self, record: Any) -> Any:
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
    """The records that this thread converts, of those that have been formatted."""

    done: Sequence[Formatted] = ()


_formatting = _Formatting()


def while_formatted(done: Sequence[Formatted]) -> Sequence[Formatted]:
    """Have `formatted_before` know of records on this thread, and return of which ones it knew until now."""
    before, _formatting.done = _formatting.done, done
    return before


def formatted_before(record: Any) -> Any:
    """Return the text of a record if its formatter has run already, None if not; see `Formatted.again`."""
    return next((text for done in _formatting.done if (text := done.again(record)) is not None), None)


def with_fields(kind: Any, like: Any) -> Any:
    """Return a record of a class with the fields of another one."""
    made = kind.__new__(kind)
    made.__dict__.update(like.__dict__)
    for name in getattr(kind, "__slots__", ()):
        if name.startswith("_census"):
            setattr(made, name, getattr(like, name))
    return made
