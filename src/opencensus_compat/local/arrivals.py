"""What has arrived so far, under one lock: the requests, their counts, the order of the items; and waiting for more.

Requests are kept without their bodies; items are in the store, numbered in the order in which they were accepted.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .store import Accepted, StoreError
from .tables import row

if TYPE_CHECKING:
    import http.client
    from collections.abc import Callable, Sequence

    from .bodies import Item, JsonObject
    from .schema import FieldWarning
    from .store import Refused, Store
    from .tables import Row

MAX_REQUESTS_KEPT = 100_000
"""``Arrivals.requests`` holds the latest this many."""


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One telemetry request that arrived, whether it was answered or not."""

    path: str
    """Request target as sent."""
    headers: http.client.HTTPMessage
    """Request headers; look-up ignores case."""
    raw_bytes: int
    """Size of the body as sent (as far as it was read)."""
    decoded_bytes: int
    """Size of the body after decompression; 0 when it could not be decoded or was not looked at."""
    items: int
    """Telemetry items in it; 0 when it could not be read."""
    accepted: int
    """Items kept."""
    status: int | None
    """Status of the reply; ``None`` when the rules send no reply."""
    client_port: int
    """The client's TCP port: equal ports mean one kept-alive connection."""
    rules: tuple[str, ...]
    """Names of the misbehaviour rules that applied."""
    time_s: float
    """When the body had been read, seconds since the Unix epoch."""
    origin: str | None = None
    """The endpoint that the exporter would have sent to, had it not been redirected here; ``None`` when it names this one."""


@dataclass(frozen=True, slots=True)
class Totals:
    """The counters at one moment."""

    requests: int
    received: int
    """Items in readable requests."""
    accepted: int
    store_error: str | None
    """The latest one."""


class Arrivals:
    """The requests and items of one endpoint. Safe to share between threads."""

    def __init__(self, store: Store) -> None:
        """Continue what the store holds; that does not count as arrived."""
        self._store = store
        # Guards what is below, and makes arrival order one order; notified at every request.
        self._changed = threading.Condition()
        self._requests: deque[RecordedRequest] = deque(maxlen=MAX_REQUESTS_KEPT)
        self._request_count = 0
        self._received = 0
        self._accepted = 0
        self._origins: dict[str, int] = {}
        self._store_error: str | None = None
        self._last_number = store.last_number()
        self._number_before = self._last_number  # of the items that an existing database brought

    @property
    def requests(self) -> list[RecordedRequest]:
        """Telemetry requests in the order in which they were judged, the latest ``MAX_REQUESTS_KEPT`` of them."""
        with self._changed:
            return list(self._requests)

    @property
    def totals(self) -> Totals:
        """The counters now."""
        with self._changed:
            return Totals(self._request_count, self._received, self._accepted, self._store_error)

    @property
    def origins(self) -> dict[str, int]:
        """Endpoints that redirected exporters would have sent to, with the number of items received."""
        with self._changed:
            return dict(self._origins)

    def count(self, received: int, accepted: int) -> None:
        """Count the items of a request that are not kept."""
        with self._changed:
            self._received += received
            self._accepted += accepted
            self._changed.notify_all()

    def keep(
        self, received: int, checked: Sequence[tuple[Item, Sequence[FieldWarning]]], refused: Sequence[Refused], user_agent: str
    ) -> list[Row]:
        """Number the accepted items of a request, keep them, and return their rows.

        Args:
            received: Items in the request.
            checked: Those that were accepted, with their warnings.
            refused: Those that the check refused.
            user_agent: Header of the request.

        Raises:
            StoreError: None could be kept.

        """
        with self._changed:
            self._received += received
            kept = [
                Accepted(number, row(item.value, number, user_agent), item.text, tuple(warnings))
                for number, (item, warnings) in enumerate(checked, self._last_number + 1)
            ]
            try:
                self._store.add(kept, refused)
            except StoreError as error:
                self._store_error = str(error)
                raise
            self._last_number += len(kept)
            self._accepted += len(kept)
            self._changed.notify_all()
        return [item.row for item in kept]

    def record(self, request: RecordedRequest) -> None:
        """Record a request when its answer is known."""
        with self._changed:
            if request.origin is not None:
                self._origins[request.origin] = self._origins.get(request.origin, 0) + request.items
            self._requests.append(request)
            self._request_count += 1
            self._changed.notify_all()

    def clear(self) -> None:
        """Forget all items and requests."""
        with self._changed:
            self._store.clear()
            self._last_number = self._number_before = 0
            self._received = self._accepted = self._request_count = 0
            self._requests.clear()
            self._origins.clear()

    def envelopes(self) -> list[JsonObject]:
        """Return the envelopes that have arrived, in order; not those that a continued database held before."""
        return self._store.envelopes(after=self._number_before)

    def wait_for_items(self, wanted: int, timeout_s: float) -> None:
        """Wait until this many items were accepted.

        Raises:
            TimeoutError: It did not happen; the message says what did.

        """
        self._wait(lambda: self._accepted >= wanted, timeout_s, f"{wanted} accepted items")

    def wait_for_envelopes(self, predicate: Callable[[list[JsonObject]], bool], timeout_s: float) -> None:
        """Wait until the predicate holds of the accepted envelopes in arrival order; it is called again when some arrive.

        Raises:
            TimeoutError: It did not happen; the message says what did.

        """
        # Kept between evaluations so that each envelope is parsed once; cleared stores start over.
        seen: list[JsonObject] = []

        def holds() -> bool:
            if self._accepted < len(seen):
                seen.clear()
            seen.extend(self._store.envelopes(after=self._number_before + len(seen)))
            return predicate(seen)

        self._wait(holds, timeout_s, "envelopes that satisfy the predicate")

    def wait_for_requests(self, wanted: int | Callable[[list[RecordedRequest]], bool], timeout_s: float) -> None:
        """Wait until this many requests have arrived, answered or not, or until the predicate holds.

        Raises:
            TimeoutError: It did not happen; the message says what did.

        """
        if isinstance(wanted, int):
            count = wanted
            self._wait(lambda: self._request_count >= count, timeout_s, f"{count} requests")
        else:
            predicate = wanted
            self._wait(lambda: predicate(list(self._requests)), timeout_s, "requests that satisfy the predicate")

    def sent_from(self, client_port: int) -> str:
        """Return what a connection has sent so far, for a message."""
        with self._changed:
            sent = [request for request in self._requests if request.client_port == client_port]
        if not sent:
            return "no whole telemetry request"
        status = sent[-1].status
        return f"telemetry requests: {len(sent)}, the latest one {'without a reply' if status is None else f'answered with {status}'}"

    def _wait(self, holds: Callable[[], bool], timeout_s: float, wanted: str) -> None:
        with self._changed:
            if self._changed.wait_for(holds, timeout_s):
                return
            latest = [
                f"{request.status if request.status is not None else 'no reply'} to {request.items} items" for request in self._requests
            ]
            raise TimeoutError(
                f"no {wanted} within {timeout_s} s: {self._received} items received, {self._accepted} accepted, "
                f"{self._request_count} requests{' (latest: ' + ', '.join(latest[-5:]) + ')' if latest else ''}"
            )
