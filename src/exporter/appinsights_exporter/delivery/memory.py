"""Items in memory until the service takes them, for where there is no disk to keep them on. Ends with the process.

Has the methods of :class:`~.store.Store` that delivery uses.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from typing import TYPE_CHECKING

from ..reasons import EVICTED, NO_ROOM, TOO_OLD
from .encode import MAX_BATCH_BYTES, MAX_BATCH_ITEMS
from .store import MAX_AGE_S, Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from ..reasons import Reason

MAX_BYTES = 4 * 1024 * 1024
"""Most bytes of JSON held. Some ten thousand items: enough for a short outage, little enough for a small container."""

_OVERHEAD_BYTES = 64


class MemoryLease:
    """Items taken, which nobody else is given meanwhile; see :class:`~.store.Lease`."""

    def __init__(self, owner: MemoryStore, items: list[bytes], times_s: list[float], lost: dict[Reason, int]) -> None:
        self.items = items
        """The JSON texts, oldest first."""
        self.lost = lost
        """Reason to number of items that were found too old."""
        self._owner = owner
        self._times_s: list[float] | None = times_s

    def __enter__(self) -> MemoryLease:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.give_back()

    def done(self, rest: Sequence[bytes] = ()) -> Stored:
        """Forget the items, except for the rest."""
        times_s, self._times_s = self._times_s, None
        if times_s is None or not rest:
            return Stored()
        return self._owner._return(list(rest), [times_s[0]] * len(rest))

    def give_back(self) -> None:
        """Keep the items. Does nothing after the lease has ended."""
        times_s, self._times_s = self._times_s, None
        if times_s:
            self._owner._return(self.items, times_s)


class MemoryStore:
    """The latest items that could neither be sent nor stored.

    Args:
        max_bytes: Most bytes of JSON; the oldest items go first. 0 keeps nothing.
        max_age_s: Seconds after which items are dropped.
        clock: Monotonic clock, seconds.
    """

    def __init__(self, *, max_bytes: int = MAX_BYTES, max_age_s: float = MAX_AGE_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._clock = clock
        self.restart()

    def restart(self) -> None:
        """Hold nothing: for a child made by fork, as its parent sends what is held."""
        self._lock = threading.Lock()
        self._items: deque[tuple[float, bytes]] = deque()
        self._bytes = 0

    def put(self, items: Sequence[bytes]) -> Stored:
        """Keep items, dropping the oldest when there is no room."""
        now_s = self._clock()
        dropped: Counter[Reason] = Counter()
        refused = 0
        with self._lock:
            for item in items:
                size = len(item) + _OVERHEAD_BYTES
                if size > self._max_bytes:
                    refused += 1
                    continue
                self._items.append((now_s, item))
                self._bytes += size
                while self._bytes > self._max_bytes:
                    self._bytes -= len(self._items.popleft()[1]) + _OVERHEAD_BYTES
                    dropped[EVICTED] += 1
        return Stored(len(items) - refused, {NO_ROOM: refused} if refused else {}, dict(dropped))

    def lease(self, max_items: int = MAX_BATCH_ITEMS, max_bytes: int = MAX_BATCH_BYTES) -> MemoryLease | None:
        """Return the oldest items, or None when there are none."""
        oldest_s = self._clock() - self._max_age_s
        items: list[bytes] = []
        times_s: list[float] = []
        size = too_old = 0
        with self._lock:
            while self._items and len(items) < max_items:
                time_s, item = self._items[0]
                if items and size + len(item) + 1 > max_bytes:
                    break
                self._items.popleft()
                self._bytes -= len(item) + _OVERHEAD_BYTES
                if time_s < oldest_s:
                    too_old += 1
                    continue
                items.append(item)
                times_s.append(time_s)
                size += len(item) + 1
        lost = {TOO_OLD: too_old} if too_old else {}
        return MemoryLease(self, items, times_s, lost) if items or lost else None

    def count(self) -> int:
        """Return how many items are held, leased ones not included."""
        return len(self._items)

    def _return(self, items: list[bytes], times_s: list[float]) -> Stored:
        """Put items back in front; what has no room any more goes."""
        evicted = 0
        with self._lock:
            for time_s, item in zip(reversed(times_s), reversed(items), strict=True):
                size = len(item) + _OVERHEAD_BYTES
                if self._bytes + size > self._max_bytes:
                    evicted += 1
                else:
                    self._items.appendleft((time_s, item))
                    self._bytes += size
        return Stored(len(items) - evicted, {}, {EVICTED: evicted} if evicted else {})
