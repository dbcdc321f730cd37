"""Counting of what was sent and what was lost, and the one log line that tells of losses."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_logger = logging.getLogger(__name__)

LOG_INTERVAL_S = 60.0
"""Shortest time, in seconds, between two log lines about losses."""


@dataclass(frozen=True, slots=True)
class CountsSnapshot:
    """Counts at one moment. All numbers are telemetry items (envelopes), or spans that became none."""

    sent: int = 0
    """Accepted by the service."""
    filtered: int = 0
    """Dropped because a telemetry processor said so."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Reason to number lost."""


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


class Counts:
    """Thread-safe counters of one destination. A child process made by fork starts at zero.

    A loss is logged at once as a warning, and then at most once a minute with the sum since the last line.

    Args:
        clock: Monotonic clock, seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._log_limit = RateLimit(clock=clock)
        self.restart()
        _live.add(self)

    def restart(self) -> None:
        """Set all counters to zero."""
        # Guards the four below. A child made by fork gets a new one: the parent's may be held by a thread that the child lacks.
        self._lock = threading.Lock()
        self._sent = 0
        self._filtered = 0
        self._dropped: Counter[str] = Counter()
        self._unsaid: Counter[str] = Counter()

    def sent(self, items: int) -> None:
        """Count items that the service accepted."""
        with self._lock:
            self._sent += items

    def filtered(self, items: int) -> None:
        """Count items that a telemetry processor dropped; the user asked for it, so nothing is logged."""
        with self._lock:
            self._filtered += items

    def dropped(self, reason: str, items: int = 1, *, detail: str = "") -> None:
        """Count lost items, and log when a line is due.

        Args:
            reason: Short and from a fixed set: it is a key of the counters.
            items: How many.
            detail: Of this one case, for the log only; must hold no secret.
        """
        if items <= 0:
            return
        with self._lock:
            self._dropped[reason] += items
            self._unsaid[reason] += items
            if not self._log_limit.due("dropped"):
                return
            unsaid, self._unsaid = self._unsaid, Counter()
        # Outside the lock: a log handler may export, and come back here.
        reasons = ", ".join(f"{count} x {why}" for why, count in unsaid.items())
        suffix = f" (the last: {detail})" if detail else ""
        _logger.warning("Telemetry was lost: %s%s. More losses are reported at most once a minute.", reasons, suffix)

    def snapshot(self) -> CountsSnapshot:
        """Return the counts at this moment."""
        with self._lock:
            return CountsSnapshot(self._sent, self._filtered, dict(self._dropped))


_live: weakref.WeakSet[Counts] = weakref.WeakSet()


def _restart_in_child() -> None:
    for counts in list(_live):
        counts.restart()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_restart_in_child)
