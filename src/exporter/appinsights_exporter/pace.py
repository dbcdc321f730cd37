"""Whether there is time to convert one more piece of telemetry before the process ends."""

from __future__ import annotations

_LITTLE_S = 0.2
"""What conversion may take at the end of the process in any case, seconds: unhindered it takes less for a whole queue."""


class Pace:
    """How long conversion takes as the process ends: processors and conversions are code of programs, and may be slow.

    Args:
        reserve_s: What is left for sending after the last item, seconds.
    """

    def __init__(self, reserve_s: float) -> None:
        self._reserve_s = reserve_s
        self._spent_s = 0.0
        self.usual_s = 0.0
        """What one piece of telemetry took lately, seconds."""

    def has_time(self, left_s: float) -> bool:
        """Return whether one more can be converted, with so many seconds left for sending."""
        return (self._spent_s < _LITTLE_S and self.usual_s < _LITTLE_S) or left_s >= self.usual_s + self._reserve_s

    def took(self, spent_s: float) -> None:
        """Note how many seconds one took as the process ends."""
        self._spent_s += spent_s
        self.usual_s = spent_s
