"""Until when something is sent, and how much of a time limit is left for storing."""

from __future__ import annotations

import math

EXIT_RESERVE_S = 0.5
"""What is kept of the time before exit for storing, seconds; a quarter of it where it is short."""


class Deadline:
    """A time after which nothing is sent; may be set while a delivery is under way."""

    at_s: float = math.inf
    """On the monotonic clock, seconds."""


def sending_s(timeout_s: float) -> float:
    """Return how much of the time before exit may go into sending; the rest is for storing."""
    return timeout_s - min(EXIT_RESERVE_S, timeout_s / 4)
