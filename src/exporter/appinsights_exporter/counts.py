"""Counting of what was sent and what became of the rest, and the one log line that tells of losses."""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from .forks import restart_in_child
from .notices import say
from .reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_logger = logging.getLogger(__name__)

LOG_INTERVAL_S = 60.0
"""Shortest time, in seconds, between two log lines about losses."""

TRACES, LOGS, METRICS = "traces", "logs", "metrics"
"""Signals: what an exporter hands over."""
KEPT = "kept"
"""Signal of items that were kept for later, of whatever signal: they are sent, and lost, under this name."""

SENT, DROPPED, RETRIED = "sent", "dropped", "retried"
"""The events that a :class:`Point` counts."""
FILTERED, STORED, HELD, POSSIBLY_DUPLICATED = "filtered", "stored", "held", "possibly_duplicated"
"""Further events, which are reported to a :class:`Listener`."""

_TYPES = {
    b"RequestData": "REQUEST",
    b"RemoteDependencyData": "DEPENDENCY",
    b"MessageData": "TRACE",
    b"ExceptionData": "EXCEPTION",
    b"EventData": "CUSTOM_EVENT",
    b"MetricData": "CUSTOM_METRIC",
    b"AvailabilityData": "AVAILABILITY",
    b"PageViewData": "PAGE_VIEW",
}
_UNKNOWN_TYPE = "UNKNOWN"
_MARK = b'"baseType":"'


class Listener(Protocol):
    """Gets everything that is counted, at once."""

    def counted(self, event: str, items: int, reason: Reason | None, detail: str) -> None:
        """Take note of it. Is called without a lock, by any thread, and never raises.

        Args:
            event: One of the constants above.
            items: How many.
            reason: Why they were dropped or are tried again; None for all else.
            detail: Of this one case; holds no secret.
        """
        ...

    def settled(self) -> None:
        """Take note that nothing more is counted for now: who counts is shut down, or the process ends."""
        ...


@dataclass(frozen=True, slots=True)
class CountsSnapshot:
    """Counts at one moment. All numbers are telemetry items (envelopes), or spans that became none.

    In one process, what was offered = ``sent`` + ``filtered`` + the sum of ``dropped`` + what is still kept.
    """

    sent: int = 0
    """Accepted by the service, at the first try or later."""
    filtered: int = 0
    """Dropped because a telemetry processor said so."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Reason to number lost."""
    stored: int = 0
    """Put on disk because they could not be sent then. What became of them is counted again."""
    held: int = 0
    """Held in memory because they could be neither sent nor stored. What became of them is counted again."""
    retried: dict[str, int] = field(default_factory=dict)
    """Reason to number of items whose sending failed in a way that is tried again; an item counts each time."""
    possibly_duplicated: int = 0
    """Sent again, or kept for it, although they may have arrived: the reply was lost."""


@dataclass(frozen=True, slots=True)
class Point:
    """What the self-metrics tell of items of one type and one fate."""

    event: str
    """:data:`SENT`, :data:`DROPPED` or :data:`RETRIED`."""
    telemetry_type: str
    """As in the portal's tables: ``REQUEST``, ``DEPENDENCY`` …"""
    reason: Reason | None
    """Why they were dropped or are tried again; None for those sent."""


class RateLimit:
    """Says yes at most once per interval for each key.

    Args:
        interval_s: Seconds between two yeses.
        clock: Monotonic clock, seconds.
    """

    def __init__(self, interval_s: float = LOG_INTERVAL_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval_s = interval_s
        self._clock = clock
        self._last: dict[str, float] = {}

    def due(self, key: str) -> bool:
        """Return whether it is time again for this key, and note that it was taken."""
        now = self._clock()
        last = self._last.get(key)
        if last is not None and now - last < self._interval_s:
            return False
        self._last[key] = now
        return True


class _Numbers:
    """The counters of one signal."""

    def __init__(self) -> None:
        self.sent = self.filtered = self.stored = self.held = self.possibly_duplicated = 0
        self.dropped: Counter[Reason] = Counter()
        self.retried: Counter[Reason] = Counter()


class Counts:
    """Thread-safe counters of one destination. A child process made by fork starts at zero.

    The first loss for a reason is logged at once as a warning, further ones at most once a minute with the sum since the last line. At
    the end each reason has a line with its sum of all the time, unless the last line said that.

    Args:
        clock: Monotonic clock, seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._log_limit = RateLimit(clock=clock)
        self.watched = _watch_new
        """Whether somebody reads :meth:`points`; then types are counted too, which takes looking into the items."""
        self.listener: Listener | None = None
        """Gets everything that is counted."""
        self.restart()
        _live.add(self)
        restart_in_child(self)

    def restart(self) -> None:
        """Set all counters to zero."""
        # Guards what is below. A child made by fork gets a new one: the parent's may be held by a thread that the child lacks.
        self._lock = threading.Lock()
        self._signals: dict[str, _Numbers] = {}
        self._unsaid: Counter[Reason] = Counter()
        self._said: dict[Reason, int] = {}
        self._points: Counter[Point] = Counter()

    def sent(self, items: int, signal: str = TRACES, types: Mapping[str, int] | None = None) -> None:
        """Count items that the service accepted.

        Args:
            items: How many.
            signal: ``traces``, ``logs`` or ``metrics``.
            types: Telemetry type to number, when that is known.
        """
        with self._lock:
            self._of(signal).sent += items
            self._note(SENT, None, items, types)
        self._tell(SENT, items)

    def filtered(self, items: int, signal: str = TRACES) -> None:
        """Count items that a telemetry processor dropped; the user asked for it, so nothing is logged.

        Args:
            items: How many.
            signal: ``traces``, ``logs`` or ``metrics``.
        """
        with self._lock:
            self._of(signal).filtered += items
        self._tell(FILTERED, items)

    def stored(self, items: int, signal: str = TRACES) -> None:
        """Count items that were put on disk.

        Args:
            items: How many.
            signal: ``traces``, ``logs`` or ``metrics``.
        """
        with self._lock:
            self._of(signal).stored += items
        self._tell(STORED, items)

    def held(self, items: int, signal: str = TRACES) -> None:
        """Count items that are held in memory.

        Args:
            items: How many.
            signal: ``traces``, ``logs`` or ``metrics``.
        """
        with self._lock:
            self._of(signal).held += items
        self._tell(HELD, items)

    def retried(
        self, reason: Reason, items: int, signal: str = TRACES, types: Mapping[str, int] | None = None, *, detail: str = ""
    ) -> None:
        """Count items whose sending failed and is tried again.

        Args:
            reason: Its text is a key of the counters.
            items: How many.
            signal: ``traces``, ``logs`` or ``metrics``.
            types: Telemetry type to number, when that is known.
            detail: Of this one case, for the listener only; must hold no secret.
        """
        with self._lock:
            self._of(signal).retried[reason] += items
            self._note(RETRIED, reason, items, types)
        self._tell(RETRIED, items, reason, detail)

    def possibly_duplicated(self, items: int, signal: str = TRACES) -> None:
        """Count items that are tried again although they may have arrived.

        Args:
            items: How many.
            signal: ``traces``, ``logs`` or ``metrics``.
        """
        with self._lock:
            self._of(signal).possibly_duplicated += items
        self._tell(POSSIBLY_DUPLICATED, items)

    def dropped(
        self, reason: Reason, items: int = 1, *, detail: str = "", signal: str = TRACES, types: Mapping[str, int] | None = None
    ) -> None:
        """Count lost items, and log when a line is due.

        Args:
            reason: Its text is a key of the counters.
            items: How many.
            detail: Of this one case, for the log only; must hold no secret.
            signal: ``traces``, ``logs`` or ``metrics``.
            types: Telemetry type to number, when that is known.
        """
        if items <= 0:
            return
        with self._lock:
            self._of(signal).dropped[reason] += items
            self._note(DROPPED, reason, items, types)
            self._unsaid[reason] += items
            unsaid: Counter[Reason] = Counter()
            if self._log_limit.due(reason.text):
                unsaid, self._unsaid = self._unsaid, unsaid
                self._said.update(unsaid)
        # Outside the lock: a log handler may export, and come back here.
        self._tell(DROPPED, items, reason, detail)
        if not unsaid:
            return
        suffix = f" (the last: {detail})" if detail else ""
        message = "Telemetry was lost: %s%s. More losses are reported at most once a minute."
        say(_logger, logging.WARNING, message, _listed(unsaid), suffix)

    def log_totals(self) -> None:
        """Log the total of each reason, unless its last line was the total. Nothing is logged after that."""
        with self._lock:
            self._unsaid.clear()
            dropped = sum((numbers.dropped for numbers in self._signals.values()), Counter[Reason]())
            totals = {reason: items for reason, items in dropped.items() if self._said.get(reason) != items}
            self._said.update(totals)
        if totals:
            say(_logger, logging.WARNING, "Telemetry was lost: %s. These are the totals of this process.", _listed(totals))
        if self.listener is not None:
            self.listener.settled()

    def types(self, items: Iterable[bytes]) -> dict[str, int] | None:
        """Return the number of encoded items by telemetry type; None while nobody observes them."""
        return dict(Counter(map(telemetry_type, items))) if self.watched else None

    def snapshot(self, signal: str | None = None) -> CountsSnapshot:
        """Return the counts at this moment: of one signal, or of all together."""
        with self._lock:
            chosen = [numbers for name, numbers in self._signals.items() if signal in (None, name)]
            return CountsSnapshot(
                sent=sum(numbers.sent for numbers in chosen),
                filtered=sum(numbers.filtered for numbers in chosen),
                dropped=_by_text(numbers.dropped for numbers in chosen),
                stored=sum(numbers.stored for numbers in chosen),
                held=sum(numbers.held for numbers in chosen),
                retried=_by_text(numbers.retried for numbers in chosen),
                possibly_duplicated=sum(numbers.possibly_duplicated for numbers in chosen),
            )

    def points(self) -> dict[Point, int]:
        """Return the counts by telemetry type since they are watched."""
        with self._lock:
            return dict(self._points)

    def _tell(self, event: str, items: int, reason: Reason | None = None, detail: str = "") -> None:
        listener = self.listener
        if listener is not None:
            listener.counted(event, items, reason, detail)

    def _of(self, signal: str) -> _Numbers:
        return self._signals.get(signal) or self._signals.setdefault(signal, _Numbers())

    def _note(self, event: str, reason: Reason | None, items: int, types: Mapping[str, int] | None) -> None:
        if self.watched:
            for kind, number in (types or {_UNKNOWN_TYPE: items}).items():
                self._points[Point(event, kind, reason)] += number


def _listed(reasons: Mapping[Reason, int]) -> str:
    return ", ".join(f"{count} x {reason.text}" for reason, count in reasons.items())


def _by_text(counted: Iterable[Mapping[Reason, int]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for numbers in counted:
        for reason, items in numbers.items():
            found[reason.text] += items
    return dict(found)


def telemetry_type(item: bytes) -> str:
    """Return the telemetry type of an encoded item, by the name of its data; ``UNKNOWN`` for none that the service has a table for."""
    start = item.find(_MARK) + len(_MARK)
    return _TYPES.get(item[start : item.find(b'"', start)], _UNKNOWN_TYPE) if start >= len(_MARK) else _UNKNOWN_TYPE


_live: weakref.WeakSet[Counts] = weakref.WeakSet()
_watch_new = False
"""Whether new counters are watched."""


def watch() -> None:
    """Count by telemetry type from now on, in all counters of this process."""
    global _watch_new
    _watch_new = True
    for known in list(_live):
        known.watched = True


def all_counts() -> list[Counts]:
    """Return the counters that are alive in this process."""
    return list(_live)


at_end: list[Callable[[], object]] = []
"""What is called as the process ends, when nothing is counted any more."""


def _log_totals() -> None:
    for counts in list(_live):
        counts.log_totals()
    for call in at_end:
        call()


# With the import: hooks run in the reverse order, and this one is to run after those of providers, which export.
atexit.register(_log_totals)
