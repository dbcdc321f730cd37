"""Log records that several handlers of one resource take: one of them sends each.

A handler that cannot drop a record takes it where it is logged. One whose telemetry processors may drop it decides when
it is exported; meanwhile any other handler may send it. Handlers of OpenCensus take part: they always decide then.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import logging

    from .settings import Settings

__all__ = ["CLAIM", "OPENCENSUS", "Claim", "Sharers", "sharers"]

CLAIM = "claim"
"""Attribute of an OpenTelemetry record: the claim to be settled before it is sent."""
OPENCENSUS = "OpenCensus"
"""Stands for all handlers of OpenCensus, which agree among themselves."""
_WAIT_S = 5.0
"""How long a handler waits for another one's telemetry processors at most, seconds: to send a record twice is better than never."""

_T = TypeVar("_T")


class Claim:
    """Which handler sends a record."""

    __slots__ = ("_lock", "sender")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.sender: object = None
        """Who has sent it, or is certain to; None for nobody yet."""

    def is_open_to(self, sender: object) -> bool:
        """Return whether a sender may send the record: nobody else does."""
        return self.sender is None or self.sender is sender

    def take(self, sender: object) -> bool | None:
        """Take the record, and return whether it is the sender's; None while another sender's code decides about it."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            is_open = self.is_open_to(sender)
            if is_open:
                self.sender = sender
            return is_open
        finally:
            self._lock.release()

    def settle(self, sender: object, make: Callable[[], list[_T]]) -> list[_T]:
        """Return what a sender makes of the record, which it then sends; nothing where another one has sent it.

        Args:
            sender: Who asks.
            make: Makes the items. Where it makes none, or raises, others may send the record.
        """
        is_held = self._lock.acquire(timeout=_WAIT_S)
        try:
            made = make() if self.is_open_to(sender) else []
            if made:
                self.sender = sender
            return made
        finally:
            if is_held:
                self._lock.release()


class Sharers:
    """The handlers that send records of one kind to one resource."""

    def __init__(self) -> None:
        self.are_several = False
        """Whether there is, or was, more than one of this package's, or one of OpenCensus's besides."""
        self.has_native = False
        """Whether there is, or was, one of this package's."""
        self._has_other = False
        # Several threads may make handlers at once.
        self._natives = itertools.count(1)
        self._claims: dict[int, tuple[weakref.ref[logging.LogRecord], Claim]] = {}

    def add_native(self) -> None:
        """Note that a handler of this package's was made."""
        self.has_native = True
        if next(self._natives) > 1 or self._has_other:
            self.are_several = True

    def add_other(self) -> None:
        """Note that a handler of OpenCensus was made."""
        self._has_other = True
        if self.has_native:
            self.are_several = True

    def claim(self, record: logging.LogRecord) -> Claim | None:
        """Return the claim to a record, the same one as long as the record exists; None where nothing can be noted about it."""
        key = id(record)
        known = self._claims.get(key)
        if known is None or known[0]() is not record:
            try:
                made = weakref.ref(record, lambda _: self._claims.pop(key, None)), Claim()
            except TypeError:  # A class with slots alone
                return None
            if known is not None:
                self._claims.pop(key, None)
            # Of two threads, one makes it.
            known = self._claims.setdefault(key, made)
        return known[1]


_known: dict[tuple[str, str, bool], Sharers] = {}


def sharers(settings: Settings, *, is_event: bool) -> Sharers:
    """Return the handlers that send records to a resource.

    Args:
        settings: Name the resource. Another credential makes no other resource.
        is_event: Whether they send events.
    """
    return _known.setdefault((settings.instrumentation_key, settings.ingestion_endpoint, is_event), Sharers())
