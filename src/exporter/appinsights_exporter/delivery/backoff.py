"""How long to leave an endpoint alone after a failure.

Source: specification section 8.5 (DO, and the schedule of its .NET column).
"""

from __future__ import annotations

import threading
from random import Random
from typing import TYPE_CHECKING

from ..settings import MAX_BACKOFF_S, MIN_BACKOFF_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BURST_S = 20.0
"""Failures within so many seconds are one failure: requests that were under way together fail together."""
MIN_RETRY_AFTER_S = 1.0
"""A service that asks for less is not asked again at once all the same."""

_MAX_DOUBLINGS = 30


def jitter() -> Random:
    """Return what spreads retries, so that clients of one endpoint do not come back together."""
    return Random()  # noqa: S311 - it keeps no secret.


def intervals_s(random: Random, *, minimum_s: float = MIN_BACKOFF_S, maximum_s: float = MAX_BACKOFF_S) -> Iterator[float]:
    """Yield the waits after the first, second, third … failure in a row, seconds: random, in a range that doubles, within the limits.

    Args:
        random: Gives the jitter.
        minimum_s: No wait is shorter.
        maximum_s: No wait is longer, unless that is shorter than the minimum.
    """
    failures = 0
    while True:
        failures = min(failures + 1, _MAX_DOUBLINGS)
        range_s = (2**failures - 1) / 2 * minimum_s
        yield max(min(random.uniform(0, range_s), maximum_s), minimum_s)


class Backoff:
    """Whether one endpoint may be asked now; shared by everything that sends to it, from any thread.

    Args:
        random: Gives the jitter.
        clock: Monotonic clock, seconds.
        minimum_s: Shortest wait of our own schedule, seconds.
        maximum_s: Longest wait of our own schedule, seconds.
    """

    def __init__(
        self,
        random: Random,
        clock: Callable[[], float],
        *,
        minimum_s: float = MIN_BACKOFF_S,
        maximum_s: float = MAX_BACKOFF_S,
    ) -> None:
        self.minimum_s = minimum_s
        """Shortest wait of our own schedule, seconds."""
        self._random = random
        self._clock = clock
        self._maximum_s = maximum_s
        self.restart()

    def restart(self) -> None:
        """Know of no failure: for a child made by fork, whose parent may have held the lock."""
        self._lock = threading.Lock()
        self._intervals: Iterator[float] | None = None
        self._interval_s = 0.0
        self._counted_s = 0.0
        self._until_s: float | None = None

    def wait_s(self) -> float:
        """Return for how many seconds the endpoint is to be left alone; 0 when it may be asked."""
        # Read without the lock: it is asked for every batch, and an old answer is as good.
        until_s = self._until_s
        return 0.0 if until_s is None else max(0.0, until_s - self._clock())

    def failed(self, after_s: float | None = None) -> None:
        """Note a failure.

        Args:
            after_s: Wait that the service asks for, seconds; None leaves it to the schedule.
        """
        now_s = self._clock()
        with self._lock:
            if after_s is None:
                if self._intervals is None:
                    self._intervals = intervals_s(self._random, minimum_s=self.minimum_s, maximum_s=self._maximum_s)
                    self._interval_s, self._counted_s = next(self._intervals), now_s
                elif now_s - self._counted_s >= min(BURST_S, 2 * self.minimum_s):
                    self._interval_s, self._counted_s = next(self._intervals), now_s
                after_s = self._interval_s
            until_s = now_s + max(after_s, min(MIN_RETRY_AFTER_S, self.minimum_s))
            self._until_s = until_s if self._until_s is None else max(self._until_s, until_s)

    def succeeded(self) -> bool:
        """Note that the endpoint takes telemetry; return whether that is news."""
        if self._until_s is None:
            return False
        with self._lock:
            self._until_s = self._intervals = None
        return True
