"""Delivery of encoded items to one destination: split, send, judge, keep what could go another time, count.

A destination has one state for all signals and exporters of the process: whether its endpoint is to be left alone, where it moved to,
what is kept. Nothing here sleeps in an export: while the endpoint is to be left alone, batches go straight to the store, and what is
kept is sent by :mod:`.drain`, oldest first.

Loses: items that the service refuses for good; items offered while its quota is used up; what the store has no room for or keeps too
long. All of it is counted and said.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from ..counts import KEPT, TRACES, Counts
from ..forks import restart_in_child
from ..reasons import (
    AFTER_SHUTDOWN,
    ENDPOINT_RESTS,
    NO_TIME_TO_SEND,
    NOT_BEFORE_EXIT,
    NOT_DELIVERED,
    QUOTA_PAUSE,
    REFUSED,
    SOME_REFUSED,
    UNEXPLAINED,
)
from ..settings import READ_TIMEOUT_S
from . import encode, process_end
from .backlog import Backlog
from .backoff import Backoff, jitter
from .classify import Accepted, PartlyAccepted, Rejected, Retry, TooLarge, item_reason
from .deadline import sending_s
from .drain import BUSY_S, Drain
from .drain_pace import DrainPace
from .memory import MemoryLease, MemoryStore
from .outages import Outage
from .results import Result
from .sender import Sender
from .transport import post_is_replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..reasons import Reason
    from .auth import TokenSource
    from .deadline import Deadline
    from .encode import Batch, Together
    from .legacy_store import LegacyStore
    from .store import Lease, Store
    from .transport import Transport

LOOK_S = 60.0
"""How often to look, beside exports, for what other processes left, seconds."""

MAX_UNEXPLAINED = 10_000
"""Of how many items that were not accepted without a reason it is remembered that they have had another try."""

RESTS_FROM_MOCKS_S = 60.0
"""For how long what was not taken is offered to nothing that a test has put in the place of the endpoint, seconds: as the retired exporter rested."""

_logger = logging.getLogger(__name__)


class Delivery:
    """Sends items to one destination; may be shared by exporters and used from several threads.

    Args:
        transport: Makes one exchange.
        store: Makes the place for what cannot be sent; called when there is something. None keeps nothing on disk.
        memory: Holds what can be neither sent nor stored; None makes one.
        tokens: Gives the token for each request; None sends none.
        backoff: When to leave the endpoint alone; None makes one.
        legacy: Finds what the retired exporter left, to be moved into the store; None leaves it alone.
        background: Whether a thread sends what is kept. Without it, :meth:`drain_step` is to be called.
        timeout_s: Longest time for one exchange, seconds.
        grace_s: Longest time that the end of the process may take, seconds.
        clock: Monotonic clock, seconds.
        wall_clock: Seconds since the epoch, for dates in replies.
        counts: Where to count; None makes new ones.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        store: Callable[[], Store] | None = None,
        memory: MemoryStore | None = None,
        tokens: TokenSource | None = None,
        backoff: Backoff | None = None,
        legacy: Callable[[], LegacyStore | None] | None = None,
        background: bool = True,
        timeout_s: float = READ_TIMEOUT_S,
        grace_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        counts: Counts | None = None,
    ) -> None:
        self.counts = Counts(clock) if counts is None else counts
        self.grace_s = grace_s
        """Longest time that the end of the process may take, seconds."""
        self.backlog = Backlog(
            store=store, memory=MemoryStore(clock=clock) if memory is None else memory, counts=self.counts, legacy=legacy
        )
        """What is to be sent another time."""
        self._transport = transport
        self._sender = Sender(transport, tokens, clock, wall_clock)
        self._backoff = Backoff(jitter(), clock) if backoff is None else backoff
        self._background = background
        self._timeout_s = timeout_s
        self._clock = clock
        self._outage = Outage(transport.url, clock)
        self._drain = Drain(self.drain_step)
        self._pace = DrainPace(clock)
        self._restart()
        process_end.register(self)
        restart_in_child(self)

    def _restart(self) -> None:
        """Know nothing of the endpoint and have nothing under way: for a new delivery, and for a child made by fork."""
        self._paused_until_s = 0.0
        self._kept_s = -math.inf
        self._looked_s: float | None = None
        self._deadline_s = math.inf
        self.is_ending = False
        """Whether there is a time after which nothing is sent."""
        self._stopping = threading.Event()
        self._under_way: set[object] = set()
        self._unexplained: dict[int, None] = {}
        self._outage.restart()

    def restart(self) -> None:
        """Reset to the initial state in a child made by fork: the parent sends what is in memory and under way; the store is for both."""
        self._restart()
        self._backoff.restart()
        self._sender.restart()
        self.backlog.restart()
        self._drain.restart()
        self._pace.restart()

    def deliver(self, items: Iterable[bytes | Together], signal: str = TRACES, *, deadline: Deadline | None = None) -> Result:
        """Send the items, or keep them; see :class:`Delivers`.

        Args:
            items: Encoded.
            signal: Who offers them, for the counters.
            deadline: After which nothing more is sent.
        """
        if process_end.has_begun():
            self.set_deadline(self.grace_s)
        else:
            process_end.register_hook()
        under_way = object()
        self._under_way.add(under_way)
        try:
            result = Result.DELIVERED
            for batch in encode.batches(items):
                result = min(result, self._deliver_batch(batch, signal, deadline))
            return result
        finally:
            self._under_way.discard(under_way)
            self._look_for_leftovers()

    def set_deadline(self, timeout_s: float) -> None:
        """Let nothing take longer than so many seconds from now; see :class:`Delivers`."""
        until_s = self._clock() + sending_s(timeout_s)
        if until_s < self._deadline_s:
            self._deadline_s = until_s
            self.is_ending = True
            self._transport.hurry(sending_s(timeout_s))

    def hurry(self, timeout_s: float) -> None:
        """Let what is under way, and only that, take no longer than so many seconds from now."""
        self._transport.hurry(sending_s(timeout_s))

    def remaining_s(self, until_s: float = math.inf) -> float:
        """Return the seconds that are left for sending, also until a time on the monotonic clock; see :class:`Delivers`."""
        until_s = min(self._deadline_s, until_s)
        return until_s if until_s == math.inf else until_s - self._clock()

    def shutdown(self, timeout_s: float) -> None:
        """Send nothing more of what is kept, wait for what is under way at most so many seconds, and close; see :class:`Delivers`."""
        until_s = self._clock() + timeout_s
        self.set_deadline(timeout_s)
        self.wait_idle(timeout_s)
        if self._stopping.is_set():
            return
        self._drain.stop(until_s - self._clock())
        if self._background and self._looked_s is not None:
            # A job that lives for a second at a time would never send what an earlier one had to leave.
            self.drain_step()
        self._stopping.set()
        self._empty_memory()
        self._transport.close()
        self.counts.log_totals()

    def now_s(self) -> float:
        """Return the reading of the clock that deadlines are on, seconds."""
        return self._clock()

    def wait_idle(self, timeout_s: float) -> None:
        """Wait until nothing is under way, at most so many seconds."""
        until_s = self._clock() + timeout_s
        waiting = threading.Event()
        while self._under_way and self._clock() < until_s:
            waiting.wait(0.01)

    def stop_storing(self) -> None:
        """Store nothing more. What is stored already is still sent, and then it is gone."""
        if not self.backlog.may_store:
            return
        self.backlog.stop_storing()
        _logger.warning(
            "An exporter was created without storage on disk: nothing more is stored for its resource, by other exporters either. What is "
            "stored already is still sent."
        )

    def kept(self) -> int:
        """Return about how many items wait to be sent, in the store and in memory."""
        return self.backlog.count()

    def drain_step(self) -> float | None:
        """Send one group of what is kept, the oldest; return the seconds until the next, or None when nothing is left.

        What is new goes first: see :mod:`.drain_pace`.
        """
        if self._stopping.is_set():
            return None
        again_s = self.backlog.take_over_legacy()
        wait_s = max(self._backoff.wait_s(), self._paused_until_s - self._clock())
        if post_is_replaced():
            # A test counts its own calls, and not those for what another test's mock has refused.
            wait_s = max(wait_s, self._kept_s + RESTS_FROM_MOCKS_S - self._clock())
        lease: Lease | MemoryLease | None = None
        if wait_s <= 0:
            if self._under_way and (behind_s := self._pace.behind_exports_s()) > 0:
                return behind_s
            lease = self.backlog.lease()
        if lease is None:
            if not self.backlog.count():
                self._pace.rest()
                return again_s
            # Shut, or others hold what is there.
            return wait_s if wait_s > 0 else BUSY_S
        with lease:
            self.backlog.count_lost(lease.lost)
            return self._send_kept(lease)

    def _send_kept(self, lease: Lease | MemoryLease) -> float:
        items = lease.items
        rest: list[bytes] = []
        self._pace.begins()
        for batch in encode.batches(items):
            rest += self._send(batch, KEPT, None)
        if len(rest) == len(items) and items:
            lease.give_back()
        else:
            self.backlog.count_lost(lease.done(rest).lost)
        if not rest:
            return self._pace.taken_s()
        self._pace.refused()
        self._log_outage(Result.HELD if isinstance(lease, MemoryLease) else Result.STORED)
        # Where the endpoint takes other items, one that it refuses for now must not be offered in a loop.
        return max(self._backoff.wait_s(), self._backoff.minimum_s)

    def _deliver_batch(self, batch: Batch, signal: str, deadline: Deadline | None) -> Result:
        # What a test puts in the place of the endpoint knows nothing of what another test's said.
        may_wait = not post_is_replaced()
        if may_wait and self._clock() < self._paused_until_s:
            self._drop(QUOTA_PAUSE, batch, signal)
            return Result.LOST
        if self._stopping.is_set():
            return self._keep(batch.items(), AFTER_SHUTDOWN, signal)
        if may_wait and self._backoff.wait_s() > 0:
            return self._keep(batch.items(), ENDPOINT_RESTS, signal)
        lost: list[int] = []
        rest = self._send(batch, signal, deadline, lost)
        result = Result.LOST if lost else Result.DELIVERED
        if not rest:
            return result
        kept = self._keep(rest, ENDPOINT_RESTS, signal)
        self._log_outage(kept)
        return min(result, kept)

    def _send(self, batch: Batch, signal: str, deadline: Deadline | None, lost: list[int] | None = None) -> list[bytes]:
        """Send a batch once, count what became of it, and return the items that are to be sent another time.

        Args:
            batch: What to send.
            signal: For the counters.
            deadline: After which nothing is sent.
            lost: Where to note how many items were refused for good.
        """
        noted: list[int] = [] if lost is None else lost
        if (self._backoff.wait_s() > 0 or self._clock() < self._paused_until_s) and not post_is_replaced():
            # A batch before this one, or another thread, has just learned that there is no point.
            return batch.items()
        outcome = self._sender.send(batch, partial(self._exchange_s, deadline))
        match outcome:
            case Accepted():
                self._outage.over()
                self._succeeded()
                self.counts.sent(len(batch), signal, self._types(batch))
                return []
            case PartlyAccepted():
                return self._partly_accepted(batch, outcome, signal, noted)
            case TooLarge(reason=reason):
                self._succeeded()
                if len(batch) == 1:
                    self._drop(reason, batch, signal)
                    noted.append(1)
                    return []
                items = batch.items()
                middle = len(items) // 2
                halves = [*encode.batches(items[:middle]), *encode.batches(items[middle:])]
                return [item for half in halves for item in self._send(half, signal, deadline, noted)]
            case Retry():
                return self._retried(batch, outcome, signal, noted)
            case Rejected(reason=reason, message=message, pause_s=pause_s):
                if pause_s is not None:
                    self._paused_until_s = self._clock() + pause_s
                self._drop(reason.after(REFUSED), batch, signal, message)
                noted.append(len(batch))
                return []

    def _retried(self, batch: Batch, outcome: Retry, signal: str, noted: list[int]) -> list[bytes]:
        """Count the items of a batch of which nothing is known to be in, and return those that are to be sent another time."""
        if outcome.reason != NO_TIME_TO_SEND:
            self._backoff.failed(outcome.after_s)
        items = batch.items()
        if outcome.once:
            items, known = self._split_by_tries(items)
            if known:
                self.counts.dropped(outcome.reason, len(known), signal=signal, types=self.counts.types(known))
                noted.append(len(known))
        if items:
            if outcome.reason != NO_TIME_TO_SEND:
                self._outage.failed(outcome, len(items))
            self.counts.retried(outcome.reason, len(items), signal, self.counts.types(items), detail=outcome.cause)
            if outcome.may_have_arrived:
                self.counts.possibly_duplicated(len(items), signal)
        return items

    def _split_by_tries(self, items: list[bytes]) -> tuple[list[bytes], list[bytes]]:
        """Return the items that are to have one more try, and those that have had it."""
        first: list[bytes] = []
        known: list[bytes] = []
        for item in items:
            number = hash(item)
            (known if number in self._unexplained else first).append(item)
            self._unexplained[number] = None
        if len(self._unexplained) > MAX_UNEXPLAINED:
            self._unexplained = dict.fromkeys(list(self._unexplained)[-MAX_UNEXPLAINED // 2 :])
        return first, known

    def _partly_accepted(self, batch: Batch, outcome: PartlyAccepted, signal: str, noted: list[int]) -> list[bytes]:
        """Count the items of a batch that was taken in part, and return those that are to be sent another time."""
        items = batch.items()
        refused = {rejection.index for rejection in outcome.rejected}
        again = set(outcome.retry)
        accepted = len(items) - len(refused) - len(again) - outcome.unexplained
        if outcome.after_s is not None and again:
            self._backoff.failed(outcome.after_s)
        elif accepted or not again:
            self._succeeded()
        else:
            self._backoff.failed()
        if accepted:
            self._outage.over()
            taken = [item for index, item in enumerate(items) if index not in refused and index not in again]
            # Of which types they are is not known where others are missing among them.
            self.counts.sent(accepted, signal, None if outcome.unexplained else self.counts.types(taken))
        if outcome.unexplained:
            self.counts.dropped(UNEXPLAINED, outcome.unexplained, signal=signal)
            noted.append(outcome.unexplained)
        for rejection in outcome.rejected:
            types = self.counts.types([items[rejection.index]])
            reason = item_reason(rejection.status).after(REFUSED)
            self.counts.dropped(reason, detail=rejection.message, signal=signal, types=types)
            noted.append(1)
        rest = [items[index] for index in outcome.retry]
        if rest:
            self.counts.retried(SOME_REFUSED, len(rest), signal, self.counts.types(rest))
        return rest

    def _succeeded(self) -> None:
        if self._backoff.succeeded() and self._background and self.backlog.count():
            self._drain.wake(now=True)

    def _keep(self, items: Sequence[bytes], reason: Reason, signal: str) -> Result:
        """Keep items for later: on disk, or else in memory."""
        if self._stopping.is_set():
            stored = self.backlog.store(items, signal)
            if stored is not None:
                return stored
            # Nobody would send it from memory.
            self.counts.dropped(reason.after(NOT_DELIVERED), len(items), signal=signal, types=self.counts.types(items))
            return Result.LOST
        result = self.backlog.put(items, signal)
        self._kept_s = self._clock()
        if self._background:
            self._drain.wake()
        return result

    def _empty_memory(self) -> None:
        """Try once more to send what is held in memory, then give it up: the process ends, or nobody sends here any more."""
        while (lease := self.backlog.lease_from_memory()) is not None:
            self.backlog.count_lost(lease.lost)
            rest = [item for batch in encode.batches(lease.items) for item in self._send(batch, KEPT, None)]
            lease.done()
            if rest:
                self.counts.dropped(NOT_BEFORE_EXIT, len(rest), signal=KEPT, types=self.counts.types(rest))

    def _look_for_leftovers(self) -> None:
        """See, at the first export and then at most once a minute, whether other processes left something."""
        now_s = self._clock()
        if self._background and self.backlog.uses_disk and (self._looked_s is None or now_s - self._looked_s >= LOOK_S):
            self._looked_s = now_s
            self._drain.wake()

    def _log_outage(self, kept: Result) -> None:
        ends = self._deadline_s < math.inf and kept is Result.STORED
        self._outage.log(self.backlog.place(kept), None if ends else self._backoff.wait_s())

    def _drop(self, reason: Reason, batch: Batch, signal: str, detail: str = "") -> None:
        self.counts.dropped(reason, len(batch), detail=detail, signal=signal, types=self._types(batch))

    def _types(self, batch: Batch) -> dict[str, int] | None:
        return self.counts.types(batch.items()) if self.counts.watched else None

    def _exchange_s(self, deadline: Deadline | None) -> float:
        """Return how long an exchange may take, seconds."""
        return min(self._timeout_s, self.remaining_s() if deadline is None else self.remaining_s(deadline.at_s))
