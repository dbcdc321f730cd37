"""What exporters see of delivery: the calls that they make, and what became of their items."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Protocol

from ..counts import TRACES, Counts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .encode import Together


class Result(enum.IntEnum):
    """What became of items, from the worst to the best; of several batches, the worst counts."""

    LOST = 0
    """At least one was lost; that is counted."""
    HELD = 1
    """They will be sent if the process lives long enough."""
    STORED = 2
    """They are on disk, and will be sent by this process or another."""
    DELIVERED = 3
    """The service took them."""


class Delivers(Protocol):
    """What an exporter hands its items to."""

    counts: Counts

    def deliver(self, items: Iterable[bytes | Together], signal: str = TRACES) -> Result:
        """Take the items as they come, encoded, and return what became of them. Never raises and never sleeps."""
        ...

    def set_deadline(self, timeout_s: float) -> None:
        """Let nothing take longer than so many seconds from now, since the process is about to end; what has no time is stored."""
        ...

    def hurry(self, timeout_s: float) -> None:
        """Let what is under way take no longer than so many seconds from now; what has no reply then is stored, and may arrive twice."""
        ...

    def remaining_s(self) -> float:
        """Return the seconds that are left for sending before the process ends; infinite while it does not."""
        ...

    def shutdown(self, timeout_s: float) -> None:
        """Refuse further items, wait for those under way at most so long, and close."""
        ...
