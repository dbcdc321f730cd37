"""Delivery of encoded items to one destination: split, send, judge, follow redirects, count.

Items that could go another time (no connection, a busy or throttling service) are lost and counted as such: this class keeps nothing.
Where they would be kept is one method, ``_not_delivered``.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Protocol

from ..counts import Counts, RateLimit
from ..settings import READ_TIMEOUT_S, Settings
from . import encode
from .classify import Accepted, Outcome, PartlyAccepted, Redirect, Rejected, Retry, TooLarge, classify, redirect_target
from .encode import Batch
from .transport import HttpTransport, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MAX_REDIRECTS = 10
"""Most redirects followed for one batch."""

HEADERS = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

_logger = logging.getLogger(__name__)


class Delivers(Protocol):
    """What an exporter hands its items to."""

    counts: Counts

    def deliver(self, items: Iterable[bytes]) -> bool:
        """Take the items as they come, encoded, and return whether every one is safe: accepted by the service."""
        ...

    def set_deadline(self, timeout_s: float) -> None:
        """Let nothing take longer than so many seconds from now."""
        ...

    def shutdown(self, timeout_s: float) -> None:
        """Refuse further items, wait for those under way at most so long, and close."""
        ...


class Delivery:
    """Sends items to one destination; may be shared by exporters and used from several threads.

    Args:
        transport: Makes one exchange.
        timeout_s: Longest time for one exchange, seconds.
        clock: Monotonic clock, seconds.
        wall_clock: Seconds since the epoch, for dates in replies.
        counts: Where to count; None makes new ones.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        timeout_s: float = READ_TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        counts: Counts | None = None,
    ) -> None:
        self.counts = Counts(clock) if counts is None else counts
        self._transport = transport
        self._timeout_s = timeout_s
        self._clock = clock
        self._wall_clock = wall_clock
        self._log_limit = RateLimit(clock=clock)
        self._moved: tuple[str, float] | None = None
        self._paused_until_s = 0.0
        self._deadline_s: float | None = None
        self._stopping = threading.Event()
        self._under_way: set[tuple[int, object]] = set()

    def deliver(self, items: Iterable[bytes]) -> bool:
        """Send the items; see :class:`Delivers`. Never raises and never sleeps."""
        # A set of tokens needs no lock that a fork could leave held, and the process id tells the parent's tokens apart in a child.
        token = (os.getpid(), object())
        self._under_way.add(token)
        try:
            return self._deliver_items(items)
        finally:
            self._under_way.discard(token)

    def set_deadline(self, timeout_s: float) -> None:
        """Let nothing take longer than so many seconds from now: the process is about to end."""
        self._deadline_s = self._clock() + timeout_s

    def shutdown(self, timeout_s: float) -> None:
        """Refuse further items, wait for those under way at most so many seconds, and close the connection."""
        self.set_deadline(timeout_s)
        self._stopping.set()
        waiting = threading.Event()
        while self._any_under_way() and self._remaining_s() > 0:
            waiting.wait(0.01)
        self._transport.close()

    def _any_under_way(self) -> bool:
        pid = os.getpid()
        return any(token[0] == pid for token in tuple(self._under_way))

    def _deliver_items(self, items: Iterable[bytes]) -> bool:
        complete = True
        for batch in encode.batches(items):
            complete = self._deliver_batch(batch) and complete
        return complete

    def _deliver_batch(self, batch: Batch) -> bool:
        if self._stopping.is_set():
            self.counts.dropped("offered after shutdown", len(batch))
            return False
        if self._clock() < self._paused_until_s:
            self.counts.dropped("paused: quota exceeded", len(batch))
            return False
        outcome = self._send(batch)
        match outcome:
            case Accepted():
                self.counts.sent(len(batch))
                return True
            case PartlyAccepted(retry=retry, rejected=rejected):
                self.counts.sent(len(batch) - len(retry) - len(rejected))
                for refusal in rejected:
                    self.counts.dropped(f"refused by the service: item status {refusal.status}", detail=refusal.message)
                items = batch.items()
                for again in encode.batches(items[index] for index in retry):
                    self._not_delivered("some items refused for now", again)
                return False
            case TooLarge(reason=reason):
                if len(batch) == 1:
                    self.counts.dropped(reason)
                    return False
                items = batch.items()
                middle = len(items) // 2
                first, second = self._deliver_items(items[:middle]), self._deliver_items(items[middle:])
                return first and second
            case Retry(reason=reason):
                self._not_delivered(reason, batch)
                return False
            case Rejected(reason=reason, message=message, pause_s=pause_s):
                if pause_s is not None:
                    self._paused_until_s = self._clock() + pause_s
                self.counts.dropped(f"refused by the service: {reason}", len(batch), detail=message)
                return False
            case Redirect():
                self.counts.dropped("redirected too often", len(batch))
                return False

    def _send(self, batch: Batch) -> Outcome:
        """Send one batch, following trusted redirects; return the last outcome, a redirect only when there were too many."""
        url = self._known_url()
        for _ in range(MAX_REDIRECTS + 1):
            timeout_s = self._remaining_s()
            if timeout_s <= 0:
                return Retry("no time left before exit")
            outcome = classify(self._transport.send(batch.body, HEADERS, timeout_s, url=url), len(batch), self._wall_clock())
            if not isinstance(outcome, Redirect):
                if url is not None and isinstance(outcome, (Retry, Rejected)):
                    # The place may be gone; the next batch asks the configured one again.
                    self._moved = None
                return outcome
            target = redirect_target(url or self._transport.url, outcome.location)
            if target is None:
                self._moved = None
                if self._log_limit.due("redirect"):
                    _logger.warning("A redirect of the ingestion endpoint was not followed: it leads to a host that is not trusted.")
                return Rejected("redirect not trusted")
            url = target
            self._moved = (url, self._clock() + outcome.remember_s)
        self._moved = None
        return outcome

    def _not_delivered(self, reason: str, batch: Batch) -> None:
        """Say that items which another try might deliver are lost."""
        self.counts.dropped(f"not delivered: {reason}", len(batch))

    def _known_url(self) -> str | None:
        moved = self._moved
        return moved[0] if moved is not None and self._clock() < moved[1] else None

    def _remaining_s(self) -> float:
        deadline_s = self._deadline_s
        return self._timeout_s if deadline_s is None else min(self._timeout_s, deadline_s - self._clock())


def to(settings: Settings) -> Delivery:
    """Return a delivery to the destination that the settings name. Connects to nothing yet."""
    transport = HttpTransport(
        settings.track_url,
        connect_timeout_s=settings.connect_timeout_s,
        read_timeout_s=settings.read_timeout_s,
        proxies=settings.proxies,
    )
    return Delivery(transport, timeout_s=max(settings.connect_timeout_s, settings.read_timeout_s))
