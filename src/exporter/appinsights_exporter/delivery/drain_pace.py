"""How fast kept items are sent: faster for each group that the service takes, slowly again once it refuses one, and after what is new.

What a service takes is known only by trying. A group that is refused makes the whole endpoint rest, for new items, too; so a speed at
which that happened is not tried again for ten minutes. New items go first: between two groups a drain waits for exports that are under way,
but not for longer than the slowest pace, so that a program that exports all the time loses nothing that is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SLOWEST_S = 0.2
"""From the beginning of a group to that of the next, seconds: with 512 items in a group, 2,560 items/s."""
FASTEST_S = 0.04
"""The same where the service takes all: 12,800 items/s. It takes 32,000/s from all processes of a resource together."""
REMEMBERED_S = 600.0
"""For how long a speed is not tried again that was too fast, seconds."""
LOOK_AGAIN_S = 0.01
"""When to look again whether an export is still under way, seconds."""


class DrainPace:
    """When the next group of kept items may go.

    Args:
        clock: Monotonic clock, seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.restart()

    def restart(self) -> None:
        """Know nothing: for a child made by fork."""
        self._interval_s = self._fastest_s = SLOWEST_S
        self._fastest_until_s: float | None = None
        self._begun_s: float | None = None

    def rest(self) -> None:
        """Note that nothing is left: the next drain begins slowly."""
        self._interval_s = SLOWEST_S
        self._begun_s = None

    def behind_exports_s(self) -> float:
        """Return for how long to wait for an export that is under way; 0 where it is time for a group all the same."""
        now_s = self._clock()
        if self._begun_s is None:
            self._begun_s = now_s
        return LOOK_AGAIN_S if now_s - self._begun_s < SLOWEST_S else 0.0

    def begins(self) -> None:
        """Note that a group is sent."""
        self._begun_s = self._clock()

    def taken_s(self) -> float:
        """Note that the service took a group; return for how long to wait before the next."""
        now_s = self._clock()
        may_try = self._fastest_until_s is None or now_s >= self._fastest_until_s
        self._interval_s = max(self._interval_s / 2, FASTEST_S if may_try else self._fastest_s)
        return max(0.0, self._interval_s - (now_s - (now_s if self._begun_s is None else self._begun_s)))

    def refused(self) -> None:
        """Note that the service did not take a group, or not all of it."""
        if self._interval_s < SLOWEST_S:
            self._fastest_s = min(2 * self._interval_s, SLOWEST_S)
            self._fastest_until_s = self._clock() + REMEMBERED_S
        self._interval_s = SLOWEST_S
