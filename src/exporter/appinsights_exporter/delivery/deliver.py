"""Delivery of encoded items to one destination: split, send, judge, keep what could go another time, count.

A destination has one state for all signals and exporters of the process: whether its endpoint is to be left alone, where it moved to,
what is kept. Nothing here sleeps in an export: while the endpoint is to be left alone, batches go straight to the store, and what is
kept is sent by :mod:`.drain`, oldest first.

Loses: items that the service refuses for good; items offered while its quota is used up; what the store has no room for or keeps too
long. All of it is counted and said.
"""

from __future__ import annotations

import atexit
import contextlib
import enum
import logging
import math
import os
import sys
import tempfile
import threading
import time
import weakref
from dataclasses import replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from ..counts import KEPT, TRACES, Counts
from ..forks import restart_in_child
from ..settings import READ_TIMEOUT_S, Settings, asked_in_vain
from . import encode
from .auth import NoToken, TokenSource
from .backoff import Backoff
from .classify import UNEXPLAINED, Accepted, PartlyAccepted, Redirect, Rejected, Retry, TooLarge, classify, redirect_target
from .drain import BUSY_S, PAUSE_S, Drain
from .encode import Batch
from .folder import current_user
from .legacy_store import LegacyStore
from .memory import MemoryLease, MemoryStore
from .outages import Outage
from .store import Store, default_folder
from .transport import HttpTransport, Transport, post_is_replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .store import Lease

MAX_REDIRECTS = 10
"""Most redirects followed for one batch."""
EXIT_RESERVE_S = 0.5
"""What is kept of the time before exit for storing, seconds; a quarter of it where it is short."""
LOOK_S = 60.0
"""How often to look, beside exports, for what other processes left, seconds."""
LEGACY_LOOK_S = 61.0
"""When to look again for what the retired exporter left, seconds: its leases last for 60 s, also after its process has ended."""
LEGACY_LOOKS = 3
"""How often to look for it, beside exports."""

HEADERS = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

NO_TIME = "no time left before exit"
WAITING = "the endpoint is left alone for now"
STOPPED = "offered after shutdown"
PAUSED = "paused: quota exceeded"

MAX_UNEXPLAINED = 10_000
"""Of how many items that were not accepted without a reason it is remembered that they have had another try."""

_NEVER = math.inf

Judged = Accepted | PartlyAccepted | Retry | TooLarge | Rejected
"""What comes of a batch once redirects have been followed."""

_logger = logging.getLogger(__name__)


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

    def deliver(self, items: Iterable[bytes], signal: str = TRACES) -> Result:
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
        self.settings: Settings | None = None
        """What it was made from, where it is shared."""
        self._transport = transport
        self._make_store = store
        self._may_store = store is not None
        self._store: Store | None = None
        self._store_user: int | None = None
        """The user whose folder the store is in."""
        self._memory = MemoryStore(clock=clock) if memory is None else memory
        self._tokens = tokens
        self._backoff = Backoff(_jitter(), clock) if backoff is None else backoff
        self.legacy = legacy
        """Finds what the retired exporter left; None leaves it alone."""
        self._background = background
        self._timeout_s = timeout_s
        self._clock = clock
        self._wall_clock = wall_clock
        self._outage = Outage(transport.url, clock)
        self._drain = Drain(self.drain_step)
        self.users: weakref.WeakSet[Share] = weakref.WeakSet()
        """The shares that are open."""
        self._restart()
        _live.add(self)
        restart_in_child(self)

    def _restart(self) -> None:
        """Know nothing of the endpoint and have nothing under way: for a new delivery, and for a child made by fork."""
        self._moved: tuple[str, float] | None = None
        self._paused_until_s = 0.0
        self._looked_s: float | None = None
        self._deadline_s = math.inf
        self.is_ending = False
        """Whether there is a time after which nothing is sent."""
        self._stopping = threading.Event()
        self._under_way: set[object] = set()
        self._legacy_looks = 0
        self._unexplained: dict[int, None] = {}
        self._outage.restart()

    def restart(self) -> None:
        """Begin anew in a child made by fork: what waits in memory, and is being sent, is the parent's; the store is for both."""
        self._restart()
        self._backoff.restart()
        self._memory.restart()
        self._drain.restart()

    def deliver(self, items: Iterable[bytes], signal: str = TRACES, *, deadline: Deadline | None = None) -> Result:
        """Send the items, or keep them; see :class:`Delivers`.

        Args:
            items: Encoded.
            signal: Who offers them, for the counters.
            deadline: After which nothing more is sent.
        """
        if _at_the_end():
            self.set_deadline(self.grace_s)
        under_way = object()
        self._under_way.add(under_way)
        try:
            result = Result.DELIVERED
            for batch in encode.batches(items):
                result = min(result, self._deliver_batch(batch, signal, deadline))
            return result
        finally:
            self._under_way.discard(under_way)
            self._look()

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
        self.counts.say_rest()

    @property
    def may_store(self) -> bool:
        """Whether something may be stored on disk."""
        return self._may_store

    def now_s(self) -> float:
        """Return the reading of the clock that deadlines are on, seconds."""
        return self._clock()

    def wait_idle(self, timeout_s: float) -> None:
        """Wait until nothing is under way, at most so many seconds."""
        until_s = self._clock() + timeout_s
        waiting = threading.Event()
        while self._under_way and self._clock() < until_s:
            waiting.wait(0.01)

    def keep_off_disk(self) -> None:
        """Store nothing more. What is stored already is still sent, and then it is gone."""
        if not self._may_store:
            return
        self._may_store = False
        self.legacy = None
        if self.settings is not None:
            self.settings = replace(self.settings, storage_enabled=False)
        _logger.warning(
            "An exporter asks for no storage on disk: nothing more is stored for its resource, by other exporters either. What is stored is "
            "sent as before."
        )

    def kept(self) -> int:
        """Return about how many items wait to be sent, in the store and in memory."""
        store = self._store
        return self._memory.count() + (0 if store is None else store.count())

    def drain_step(self) -> float | None:
        """Send one group of what is kept, the oldest; return the seconds until the next, or None when nothing is left."""
        if self._stopping.is_set():
            return None
        again_s = self._take_over()
        wait_s = max(self._backoff.wait_s(), self._paused_until_s - self._clock())
        lease: Lease | MemoryLease | None = None
        if wait_s <= 0:
            lease = self._memory.lease() or self._disk_lease()
        if lease is None:
            if not self._has_kept():
                return again_s
            # Shut, or others hold what is there.
            return wait_s if wait_s > 0 else BUSY_S
        with lease:
            self._count_lost(lease.lost)
            return self._send_kept(lease)

    def _disk_lease(self) -> Lease | None:
        store = self._disk()
        return None if store is None else store.lease()

    def _send_kept(self, lease: Lease | MemoryLease) -> float:
        items = lease.items
        rest: list[bytes] = []
        for batch in encode.batches(items):
            rest += self._offer(batch, KEPT, None)
        if len(rest) == len(items) and items:
            lease.give_back()
        else:
            self._count_lost(lease.done(rest).lost)
        if not rest:
            return PAUSE_S
        self._tell_outage(Result.HELD if isinstance(lease, MemoryLease) else Result.STORED)
        # Where the endpoint takes other items, one that it refuses for now must not be offered in a loop.
        return max(self._backoff.wait_s(), self._backoff.minimum_s)

    def _take_over(self) -> float | None:
        """Move what the retired exporter left into the store; return when to look again."""
        find = self.legacy
        if find is None:
            return None
        legacy, store = find(), self._disk()
        if legacy is None or store is None:
            return None
        moved = legacy.move_to(store)
        self._count_lost(moved.lost)
        if moved.items:
            self.counts.stored(moved.items, KEPT)
        self._legacy_looks += 1
        if not moved.finished:
            return PAUSE_S
        return LEGACY_LOOK_S if self._legacy_looks < LEGACY_LOOKS else None

    def _deliver_batch(self, batch: Batch, signal: str, deadline: Deadline | None) -> Result:
        # What a test puts in the place of the endpoint knows nothing of what another test's said.
        may_wait = not post_is_replaced()
        if may_wait and self._clock() < self._paused_until_s:
            self._drop(PAUSED, batch, signal)
            return Result.LOST
        if self._stopping.is_set():
            return self._keep(batch.items(), STOPPED, signal)
        if may_wait and self._backoff.wait_s() > 0:
            return self._keep(batch.items(), WAITING, signal)
        lost: list[int] = []
        rest = self._offer(batch, signal, deadline, lost)
        result = Result.LOST if lost else Result.DELIVERED
        if not rest:
            return result
        kept = self._keep(rest, WAITING, signal)
        self._tell_outage(kept)
        return min(result, kept)

    def _offer(self, batch: Batch, signal: str, deadline: Deadline | None, lost: list[int] | None = None) -> list[bytes]:
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
        outcome = self._send(batch, deadline)
        match outcome:
            case Accepted():
                self._outage.over()
                self._succeeded()
                self.counts.sent(len(batch), signal, self._types(batch))
                return []
            case PartlyAccepted():
                return self._judged(batch, outcome, signal, noted)
            case TooLarge(reason=reason):
                self._succeeded()
                if len(batch) == 1:
                    self._drop(reason, batch, signal)
                    noted.append(1)
                    return []
                items = batch.items()
                middle = len(items) // 2
                halves = [*encode.batches(items[:middle]), *encode.batches(items[middle:])]
                return [item for half in halves for item in self._offer(half, signal, deadline, noted)]
            case Retry():
                return self._again(batch, outcome, signal, noted)
            case Rejected(reason=reason, message=message, pause_s=pause_s):
                if pause_s is not None:
                    self._paused_until_s = self._clock() + pause_s
                self._drop(f"refused by the service: {reason}", batch, signal, message)
                noted.append(len(batch))
                return []

    def _again(self, batch: Batch, outcome: Retry, signal: str, noted: list[int]) -> list[bytes]:
        """Count the items of a batch of which nothing is known to be in, and return those that are to be sent another time."""
        if outcome.reason != NO_TIME:
            self._backoff.failed(outcome.after_s)
        items = batch.items()
        if outcome.once:
            items, known = self._first_tries(items)
            if known:
                self.counts.dropped(outcome.reason, len(known), signal=signal, types=self.counts.types(known))
                noted.append(len(known))
        if items:
            if outcome.reason != NO_TIME:
                self._outage.failed(outcome, len(items))
            self.counts.retried(outcome.reason, len(items), signal, self.counts.types(items))
            if outcome.may_have_arrived:
                self.counts.possibly_duplicated(len(items), signal)
        return items

    def _first_tries(self, items: list[bytes]) -> tuple[list[bytes], list[bytes]]:
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

    def _judged(self, batch: Batch, outcome: PartlyAccepted, signal: str, noted: list[int]) -> list[bytes]:
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
            reason = f"refused by the service: item status {rejection.status}"
            self.counts.dropped(reason, detail=rejection.message, signal=signal, types=types)
            noted.append(1)
        rest = [items[index] for index in outcome.retry]
        if rest:
            self.counts.retried("some items refused for now", len(rest), signal, self.counts.types(rest))
        return rest

    def _send(self, batch: Batch, deadline: Deadline | None) -> Judged:
        """Send one batch, following trusted redirects, and return what came of it."""
        url = self._known_url()
        for _ in range(MAX_REDIRECTS + 1):
            headers = HEADERS
            token: str | None = None
            if self._tokens is not None:
                timeout_s = self._remaining_s(deadline)
                found = self._tokens.header_for(url or self._transport.url, timeout_s) if timeout_s > 0 else None
                if isinstance(found, NoToken):
                    return Retry(found.reason, found.after_s, quiet=True)
                token = found
                headers = HEADERS if token is None else {**HEADERS, "Authorization": token}
            timeout_s = self._remaining_s(deadline)
            if timeout_s <= 0:
                return Retry(NO_TIME)
            outcome = classify(self._transport.send(batch.body, headers, timeout_s, url=url), len(batch), self._wall_clock())
            if token is not None and self._tokens is not None and isinstance(outcome, Retry) and outcome.unauthorized:
                self._tokens.invalidate(token)
            if not isinstance(outcome, Redirect):
                if url is not None and isinstance(outcome, (Retry, Rejected)):
                    # The place may be gone; the next batch asks the configured one again.
                    self._moved = None
                return outcome
            target = redirect_target(url or self._transport.url, outcome.location)
            if target is None:
                self._moved = None
                return Retry("redirect not trusted", cause="it leads to another host")
            url = target
            self._moved = (url, self._clock() + outcome.remember_s)
        self._moved = None
        return Retry("redirected too often")

    def _succeeded(self) -> None:
        if self._backoff.succeeded() and self._background and self._has_kept():
            self._drain.wake(now=True)

    def _keep(self, items: Sequence[bytes], reason: str, signal: str) -> Result:
        """Keep items for later: on disk, or else in memory."""
        store = self._disk() if self._may_store else None
        if store is not None:
            stored = store.put(items)
            self._count_lost(stored.dropped)
            if stored.kept:
                self.counts.stored(stored.kept, signal)
                self._count_lost(stored.refused, signal)
                self._wake()
                return Result.LOST if stored.refused else Result.STORED
        if self._stopping.is_set():
            # Nobody would send it from memory.
            self.counts.dropped(f"not delivered: {reason}", len(items), signal=signal, types=self.counts.types(items))
            return Result.LOST
        held = self._memory.put(items)
        self.counts.held(held.kept, signal)
        self._count_lost(held.dropped)
        self._count_lost(held.refused, signal)
        self._wake()
        return Result.LOST if held.lost else Result.HELD

    def _empty_memory(self) -> None:
        """Try once more to send what is held in memory, then give it up: the process ends, or nobody sends here any more."""
        while (lease := self._memory.lease()) is not None:
            self._count_lost(lease.lost)
            rest = [item for batch in encode.batches(lease.items) for item in self._offer(batch, KEPT, None)]
            lease.done()
            if rest:
                self.counts.dropped("not delivered before exit", len(rest), signal=KEPT, types=self.counts.types(rest))

    def _wake(self) -> None:
        if self._background:
            self._drain.wake()

    def _look(self) -> None:
        """See, at the first export and then at most once a minute, whether other processes left something."""
        now_s = self._clock()
        may_look = self._may_store or self._store is not None
        if self._background and may_look and (self._looked_s is None or now_s - self._looked_s >= LOOK_S):
            self._looked_s = now_s
            self._drain.wake()

    def _disk(self) -> Store | None:
        if self._store is not None and self._store_user != current_user():
            # A server that drops root: the folder is root's, and so is what is in it.
            left, self._store = self._store, None
            _logger.warning(
                "The process runs as another user now: telemetry is stored in a folder of that user's. What was stored in %s before is sent by "
                "a process of the user that it belongs to.",
                left.folder,
            )
        if self._store is None and self._may_store and self._make_store is not None:
            # Two threads may both make one; both know the same folder, and one of them stays.
            self._store_user = current_user()
            self._store = self._make_store()
        return self._store

    def _tell_outage(self, kept: Result) -> None:
        store = self._store
        place = {Result.HELD: "in memory", Result.STORED: "on disk" if store is None else f"in {store.folder}"}.get(kept)
        ends = self._deadline_s < math.inf and kept is Result.STORED
        self._outage.tell(place, None if ends else self._backoff.wait_s())

    def _has_kept(self) -> bool:
        return self.kept() > 0

    def _count_lost(self, lost: dict[str, int], signal: str = KEPT) -> None:
        for reason, items in lost.items():
            self.counts.dropped(reason, items, signal=signal)

    def _drop(self, reason: str, batch: Batch, signal: str, detail: str = "") -> None:
        self.counts.dropped(reason, len(batch), detail=detail, signal=signal, types=self._types(batch))

    def _types(self, batch: Batch) -> dict[str, int] | None:
        return self.counts.types(batch.items()) if self.counts.watched else None

    def _known_url(self) -> str | None:
        moved = self._moved
        return moved[0] if moved is not None and self._clock() < moved[1] else None

    def _remaining_s(self, deadline: Deadline | None) -> float:
        return min(self._timeout_s, self.remaining_s() if deadline is None else self.remaining_s(deadline.at_s))


class Deadline:
    """A time after which nothing is sent; may be set while a delivery is under way."""

    at_s: float = math.inf
    """On the monotonic clock, seconds."""


class Share:
    """One exporter's share of a delivery. The delivery closes when its last share is shut down or forgotten."""

    def __init__(self, delivery: Delivery) -> None:
        self.counts = delivery.counts
        self._delivery = delivery
        self._deadline = Deadline()
        self._is_shut_down = False

    @property
    def delivery(self) -> Delivery:
        """What is shared."""
        return self._delivery

    def deliver(self, items: Iterable[bytes], signal: str = TRACES) -> Result:
        """Send or keep the items; see :class:`Delivers`."""
        return self._delivery.deliver(items, signal, deadline=self._deadline)

    def set_deadline(self, timeout_s: float) -> None:
        """Let nothing of this share take longer than so many seconds from now."""
        self._deadline.at_s = min(self._deadline.at_s, self._delivery.now_s() + sending_s(timeout_s))
        self._delivery.hurry(timeout_s)

    def hurry(self, timeout_s: float) -> None:
        """Let what is under way, and only that, take no longer than so many seconds from now."""
        self._delivery.hurry(timeout_s)

    def remaining_s(self) -> float:
        """Return the seconds that are left for sending; see :class:`Delivers`."""
        # Asked for each item: while nothing ends, one call is all that it takes.
        if self._deadline.at_s == _NEVER and not self._delivery.is_ending:
            return _NEVER
        return self._delivery.remaining_s(self._deadline.at_s)

    def shutdown(self, timeout_s: float) -> None:
        """Refuse further items and wait for those under way; the last share closes the delivery."""
        if self._is_shut_down:
            return
        self._is_shut_down = True
        self.set_deadline(timeout_s)
        # Where several destinations end one after another, the deadline that all of them were given counts, and not one for each.
        left_s = max(0.0, min(timeout_s, self._deadline.at_s - self._delivery.now_s()))
        if _leave(self):
            self._delivery.shutdown(left_s)
        else:
            self._delivery.wait_idle(left_s)


def sending_s(timeout_s: float) -> float:
    """Return how much of the time before exit may go into sending; the rest is for storing."""
    return timeout_s - min(EXIT_RESERVE_S, timeout_s / 4)


def shared(settings: Settings) -> Share:
    """Return a share of the delivery to the destination that the settings name: one per process, key, endpoint and credential.

    Connects to nothing, touches no disk and starts no thread. The first share's settings count for all.

    Raises:
        ConfigurationError: A credential that cannot work, or an endpoint that no token may be sent to.
    """
    key = _key_of(settings)
    with _registry.lock:
        found = _registry.deliveries.get(key)
        if found is None:
            found = _registry.deliveries[key] = _made(settings)
        elif found.settings is not None:
            in_vain = asked_in_vain(settings, found.settings)
            if in_vain:
                _logger.warning(
                    "A further exporter for the same resource asks for other settings (%s); the first one's stay.", ", ".join(in_vain)
                )
        if not settings.storage_enabled:
            found.keep_off_disk()
        elif settings.take_legacy and found.legacy is None and found.may_store:
            found.legacy = _Legacy(settings)
        share = Share(found)
        found.users.add(share)
        return share


def keep_off_disk(settings: Settings) -> None:
    """Store nothing more for the destination that the settings name, if it has a delivery; see :meth:`Delivery.keep_off_disk`."""
    with _registry.lock:
        found = _registry.deliveries.get(_key_of(settings))
        if found is not None:
            found.keep_off_disk()


def _key_of(settings: Settings) -> tuple[object, ...]:
    return (settings.instrumentation_key, settings.ingestion_endpoint, None if settings.credential is None else id(settings.credential))


def _leave(share: Share) -> bool:
    """Take a share from its delivery; return whether it was the last, and then give the delivery to nobody any more."""
    delivery = share.delivery
    with _registry.lock:
        delivery.users.discard(share)
        if delivery.users:
            return False
        for key, known in list(_registry.deliveries.items()):
            if known is delivery:
                del _registry.deliveries[key]
        return True


def _made(settings: Settings) -> Delivery:
    credential: Any = settings.credential
    tokens = None if credential is None else TokenSource(credential, settings.ingestion_endpoint, audience=settings.aad_audience)
    transport = HttpTransport(
        settings.track_url,
        connect_timeout_s=settings.connect_timeout_s,
        read_timeout_s=settings.read_timeout_s,
        proxies=settings.proxies,
    )
    made = Delivery(
        transport,
        store=partial(_store_of, settings) if settings.storage_enabled else None,
        memory=MemoryStore(max_age_s=settings.storage_max_age_s),
        tokens=tokens,
        backoff=Backoff(_jitter(), time.monotonic, minimum_s=settings.min_backoff_s, maximum_s=settings.max_backoff_s),
        timeout_s=max(settings.connect_timeout_s, settings.read_timeout_s),
        grace_s=settings.grace_period_s,
    )
    made.settings = settings
    return made


def _jitter() -> Random:
    return Random()  # noqa: S311 - it spreads retries, and keeps no secret.


def _store_of(settings: Settings) -> Store:
    folder = default_folder(settings.instrumentation_key, settings.ingestion_endpoint, settings.storage_folder)
    return Store(folder, max_bytes=settings.storage_max_bytes, max_age_s=settings.storage_max_age_s)


class _Legacy:
    """Finds what the retired exporter left for one destination."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._found: LegacyStore | None = None

    def __call__(self) -> LegacyStore | None:
        """Return it, or None when there is no such folder."""
        key, given = self._settings.instrumentation_key, self._settings.legacy_folder
        try:
            folder = os.path.join(tempfile.gettempdir(), f"opencensus-python-{key}") if given is None else given
        except OSError:
            return None
        if not os.path.isdir(folder):
            return None
        if self._found is None:
            self._found = LegacyStore(key, given)
        return self._found


class _Registry:
    """The deliveries of this process by destination, kept alive by their shares."""

    def __init__(self) -> None:
        self.restart()
        self.deliveries: weakref.WeakValueDictionary[tuple[object, ...], Delivery] = weakref.WeakValueDictionary()
        self.exit_pid = 0

    def restart(self) -> None:
        """Have a free lock: for a child made by fork."""
        self.lock = threading.Lock()


_registry = _Registry()
restart_in_child(_registry)
_live: weakref.WeakSet[Delivery] = weakref.WeakSet()


def _at_the_end() -> bool:
    """Have this process's deliveries told when it ends; return whether it is ending already.

    The SDK's providers and processors export what they hold when the process ends, but give exporters no time limit. Exit hooks run in
    the reverse order of their registration, so ours, which comes with the first export, runs before theirs. An export that is the first
    one comes too late for a hook: by then the main thread has ended, as exit hooks run after that.
    """
    if not threading.main_thread().is_alive():
        return True
    pid = os.getpid()
    if _registry.exit_pid != pid:
        _registry.exit_pid = pid
        atexit.register(_process_ends)
    return False


def _process_ends() -> None:
    for delivery in list(_live):
        delivery.set_deadline(delivery.grace_s)


def _remind_of_interrupt() -> None:
    """Let a Ctrl+C that nobody caught end the process as it does without this package: by the signal, which shells and supervisors see.

    The interpreter knows of it until it next executes a text, as it does for modules that make classes from one: those that the first
    export imports, if that is at the end. A text that raises the same again reminds it.
    """
    if getattr(sys, "last_type", None) is KeyboardInterrupt and not hasattr(sys, "ps1"):
        with contextlib.suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")  # noqa: S102 - the text is this one


# With the import: hooks run in the reverse order, and this one is to run after those of providers, which export.
atexit.register(_remind_of_interrupt)
