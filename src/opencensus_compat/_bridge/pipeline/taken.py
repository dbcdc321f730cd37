"""Which items log records become, and which handler sends each.

An item is sent once: several handlers of one resource may take the same record, and the first one that makes an envelope of it sends that.
If a handler's telemetry processor drops it, or its conversion fails, the next handler may send it.
"""

from __future__ import annotations

import threading
import traceback
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.convert import log_records

if TYPE_CHECKING:
    from logging import LogRecord

    from opencensus_compat._bridge.exporter import Claim, Joinable
    from opencensus_compat._bridge.handles import LogHandle

__all__ = ["Exceptions", "Item", "Items", "Maker"]

Envelopes: TypeAlias = list[Any]
"""Envelopes that a program's conversion made: they are of the wire types, or of any other."""

_MOST_TRACES = 1000
_MOST_OF_A_TRACE = 20
_Place: TypeAlias = tuple[str, int]
"""File and line in which an exception was raised."""
_MAX_MESSAGE = 32768
"""Longest message of an exception on the wire, characters."""


class Item:
    """One item that a record becomes: the same one for all handlers of a resource that convert records in the same way.

    Args:
        handler: The first handler.
        destination: Its destination, by which its identity is known.
        conversion: The function that makes its envelopes, likewise.
    """

    __slots__ = ("_conversion", "_destination", "_handlers", "_prepared", "_share", "claim", "is_certain", "is_sent", "lock", "makers")

    def __init__(self, handler: LogHandle, destination: object, conversion: object) -> None:
        self._handlers = [handler]
        self._destination = destination
        self._conversion = conversion
        self._share = 0.0
        self._prepared: list[Joinable] = []
        self.claim: Claim | None = None
        """To the record, where a handler of the exporter package may send that, too."""
        self.is_certain = False
        """Whether it is sent by a handler that cannot drop it."""
        self.is_sent = False
        """Whether a handler has sent it, or is about to."""
        self.makers: list[Maker] = []
        """The makers of its envelopes, in the order of the handlers, unless the exporter makes them."""
        self.lock: threading.Lock | None = None
        """Lets one maker run at a time."""

    def is_of(self, handler: LogHandle, destination: object, conversion: object) -> bool:
        """Return whether another handler would send it, too. A handler that takes the same record again makes another item of it."""
        return self._destination is destination and self._conversion is conversion and all(each is not handler for each in self._handlers)

    @property
    def is_shared(self) -> bool:
        """Whether several handlers may send it."""
        return self.claim is not None or len(self._handlers) > 1

    def join(self, handler: LogHandle) -> None:
        """Note that another handler may send it."""
        self._handlers.append(handler)

    def add_share(self, share: float) -> None:
        """Note the share of records that a handler's filter lets pass. The largest share of all its handlers counts.

        Args:
            share: 0.0 to 1.0.
        """
        if share > self._share:
            self._share = share
            for each in self._prepared:
                each.resample(self.percent)

    @property
    def percent(self) -> float | None:
        """The sample rate, None for 100."""
        return None if self._share >= 1 else self._share * 100.0

    def attach(self, prepared: Joinable) -> None:
        """Let the sample rate of what makes its envelopes follow the item's from now on."""
        self._prepared.append(prepared)

    def will_be_sent(self) -> bool:
        """Return whether a handler sends it. Handlers that may drop it make its envelopes now rather than at their next export."""
        if self.is_certain or (self.claim is not None and self.claim.sender is not None):
            return True
        for maker in list(self.makers):
            maker.convert_once()
            if self.is_sent:
                return True
        return self.is_sent


class Maker:
    """Makes the envelopes that a handler sends of an item: once, and none if another handler has sent some.

    Args:
        item: The item.
        convert: Returns the envelopes.
    """

    def __init__(self, item: Item, convert: Callable[[], Envelopes]) -> None:
        self._convert: Callable[[], Envelopes] | None = convert
        self._envelopes: Envelopes = []
        self._error: BaseException | None = None
        item.lock = item.lock or threading.Lock()
        self._lock = item.lock
        item.makers.append(self)

    def envelopes(self) -> Envelopes:
        """Return the envelopes, or raise the error that the conversion raised. Called once, by the export."""
        self.convert_once()
        found, self._envelopes = self._envelopes, []
        error, self._error = self._error, None
        if error is not None:
            raise error
        return found

    def convert_once(self) -> None:
        """Make the envelopes if they have not been made."""
        with self._lock:
            convert, self._convert = self._convert, None
            if convert is None:
                return
            try:
                self._envelopes = convert()
            except _exporter.failure() as error:  # Raised where it is counted
                self._error = error


class Exceptions:
    """The exceptions that log records of one resource carry, by trace: a span that carries the same one need not send it again.

    An exception is the same if its class, its text and the place where it was raised are. The record is the one that is sent, since it
    has the frames, those of its causes, and what the program said about it.
    """

    def __init__(self) -> None:
        self._known: dict[str, list[tuple[str, str, _Place | None, Item]]] = {}

    def note(self, trace_id: str, exc_info: log_records.ExcInfo, item: Item) -> None:
        """Remember the exception of a record.

        Args:
            trace_id: Of the record, 32 hexadecimal digits.
            exc_info: Class, exception and traceback.
            item: What the record becomes.
        """
        kind, error, frames = exc_info
        if error is None:
            return
        found = self._known.get(trace_id)
        if found is None:
            if len(self._known) >= _MOST_TRACES:
                self._known.pop(next(iter(self._known)), None)
            found = self._known[trace_id] = []
        if len(found) < _MOST_OF_A_TRACE:
            last = list(traceback.walk_tb(frames))[-1:]
            place: _Place | None = (last[0][0].f_code.co_filename, last[0][1]) if last else None
            found.append((getattr(kind, "__name__", ""), log_records.text(error) or "Exception", place, item))

    def has(self, envelope: Mapping[str, Any]) -> bool:
        """Return whether a record has the exception of a span's item, and is sent."""
        known = self._known.get(envelope["tags"].get("ai.operation.id"))
        if not known:
            return False
        shown = envelope["data"]["baseData"]["exceptions"][0]
        name, message = str(shown["typeName"]).rpartition(".")[2], shown["message"]
        return any(
            kind == name and text[:_MAX_MESSAGE] == message and _is_at(place, shown) and item.will_be_sent()
            for kind, text, place, item in known
        )


def _is_at(place: _Place | None, shown: Mapping[str, Any]) -> bool:
    """Return whether an exception may have been raised at a place."""
    if place is None:
        return True
    frames = shown.get("parsedStack")
    if frames:
        return any((frame.get("fileName"), frame.get("line")) == place for frame in (frames[0], frames[-1]))
    stack = shown.get("stack")
    return not stack or f'File "{place[0]}", line {place[1]},' in stack


class Items:
    """The items of all records that handlers took, as long as the records exist. One thread at a time may use it."""

    def __init__(self) -> None:
        # On the record itself, other handlers would send it, too.
        self._known: dict[int, tuple[weakref.ref[LogRecord], list[Item]]] = {}

    def of(self, record: LogRecord, handler: LogHandle, destination: object, conversion: object) -> tuple[Item, bool]:
        """Return the item that a handler makes of a record, and whether it is the first handler that does.

        Args:
            record: The record itself, no copy.
            handler: The handler.
            destination: Its destination.
            conversion: The function that makes its envelopes.
        """
        key = id(record)
        known = self._known.get(key)
        if known is None or known[0]() is not record:
            known = self._known[key] = (weakref.ref(record, lambda _: self._known.pop(key, None)), [])
        for item in reversed(known[1]):
            if item.is_of(handler, destination, conversion):
                item.join(handler)
                return item, False
        made = Item(handler, destination, conversion)
        known[1].append(made)
        return made, True
