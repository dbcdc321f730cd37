"""What the service does with a telemetry request: the gates, the check of each item, what is kept, and the answer.

The rules of misbehaviour that decide about the answer apply here; those about the wire are for ``replies``.

Source: specification section 8.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from . import misbehave as rules
from .arrivals import RecordedRequest
from .bodies import BodyError, Item, ItemError, count, decode, reply, reply_body, split
from .exchange import Answer, Incoming
from .schema import check
from .store import Refused, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .arrivals import Arrivals
    from .misbehave import Behaviour
    from .script import Script
    from .tables import Row

_REASONS = {
    206: "Telemetry sampled out.",
    400: "Bad request",
    401: "Unauthorized",
    402: "Daily quota exceeded",
    403: "Forbidden",
    408: "Request timeout",
    413: "Payload too large",
    429: "Too many requests",
    439: "Daily quota exceeded",
    500: "Internal server error",
    502: "Bad gateway",
    503: "Service unavailable",
    504: "Gateway timeout",
}


class Ingestion:
    """Judges telemetry requests and keeps what it accepts."""

    def __init__(
        self,
        arrivals: Arrivals,
        script: Script,
        *,
        url: Callable[[], str],
        clock: Callable[[], float],
        accepted_keys: frozenset[str] | None,
        keep: bool,
        listener: Callable[[Sequence[Row]], None] | None,
    ) -> None:
        """Prepare to judge.

        Args:
            arrivals: Where requests and items are kept.
            script: The rules of misbehaviour in force.
            url: The endpoint's own address, with a trailing slash.
            clock: Seconds since the Unix epoch, for the time window.
            accepted_keys: Instrumentation keys, lower case, that exist; ``None`` accepts any.
            keep: False only counts items.
            listener: Called with the rows of each request that kept any.

        """
        self._arrivals = arrivals
        self._script = script
        self._url = url
        self._clock = clock
        self._accepted_keys = accepted_keys
        self._keep = keep
        self._listener = listener

    def next_behaviour(self) -> Behaviour:
        """Return the rules for one telemetry request, and count it."""
        return self._script.next()

    def track(self, incoming: Incoming, behaviour: Behaviour) -> Answer:
        """Judge, keep and record one telemetry request; return what to answer."""
        decoded_bytes, items, accepted = 0, 0, 0
        try:
            if incoming.error is not None:
                raise incoming.error
            body = decode(incoming.body, incoming.headers.get("Content-Encoding", ""))
            decoded_bytes = len(body)
            found = split(body) if self._keep else count(body)
            items = len(found)
            refusal = self._refusal(incoming, behaviour, decoded_bytes, items)
            if refusal is not None:
                answer = refusal
            else:
                answer, accepted = self._apply_outcome(incoming, behaviour, found)
        except BodyError as error:
            answer = Answer(error.status, reply_body(0, 0, [ItemError(0, error.status, error.message)]))
        except RecursionError:
            answer = Answer(400, reply_body(0, 0, [ItemError(0, 400, "Invalid JSON: nested too deeply")]))
        outcome = behaviour.outcome
        silent = isinstance(outcome, (rules.LoseReply, rules.Silence)) or (isinstance(outcome, rules.Garbage) and not outcome.valid_http)
        self._record(
            incoming,
            behaviour,
            raw_bytes=len(incoming.body),
            decoded_bytes=decoded_bytes,
            items=items,
            accepted=accepted,
            status=None if silent else answer.status,
        )
        return answer

    def unanswered(self, incoming: Incoming, behaviour: Behaviour, received_bytes: int) -> None:
        """Record a telemetry request that is cut off before it is judged."""
        self._record(incoming, behaviour, raw_bytes=received_bytes, decoded_bytes=0, items=0, accepted=0, status=None)

    def _refusal(self, incoming: Incoming, behaviour: Behaviour, decoded_bytes: int, items: int) -> Answer | None:
        """Return the refusal of a gate rule, or ``None`` to let the request through."""
        lock, limit, throttle = behaviour.authorization, behaviour.limit_body, behaviour.throttle
        if lock is not None:
            scheme, _, token = incoming.headers.get("Authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not token or (lock.token is not None and token != lock.token):
                return Answer(lock.code, _all_failed(items, lock.code), {"WWW-Authenticate": "Bearer"})
        if limit is not None and (decoded_bytes if limit.decoded else len(incoming.body)) > limit.max_bytes:
            return Answer(limit.code, _all_failed(items, limit.code))
        if throttle is not None:
            wait_s = self._script.wait_for_tokens(throttle, items)
            if wait_s > 0:
                return Answer(throttle.code, _all_failed(items, throttle.code), {"Retry-After": str(int(wait_s) + 1)})
        return None

    def _apply_outcome(self, incoming: Incoming, behaviour: Behaviour, items: list[Item]) -> tuple[Answer, int]:
        """Return the answer to readable items and how many were kept."""
        outcome = behaviour.outcome
        if isinstance(outcome, rules.Redirect):
            headers = {"Location": outcome.location if outcome.location is not None else self._url().rstrip("/") + incoming.path}
            if outcome.cache_control is not None:
                headers["Cache-Control"] = outcome.cache_control
            return Answer(outcome.code, b"", headers), 0
        if isinstance(outcome, rules.Status):
            headers = dict(outcome.headers)
            if outcome.retry_after is not None:
                headers["Retry-After"] = outcome.retry_after
            good = 200 <= outcome.code < 300
            accepted, body = 0, _all_failed(len(items), outcome.code)
            if outcome.accept if outcome.accept is not None else good:
                errors = self._accept(incoming, items)
                accepted = len(items) - len(errors)
                if good:
                    body = reply(len(items), errors)[1]
            return Answer(outcome.code, body if outcome.body is None else outcome.body.encode("utf-8"), headers), accepted
        if isinstance(outcome, rules.Silence) and not outcome.accept:
            return Answer(200, b""), 0
        if isinstance(outcome, rules.Garbage):
            if not outcome.valid_http:
                return Answer(200, b""), 0
            errors = self._accept(incoming, items)
            return Answer(200, b"<html>\x00\xff this is not JSON"), len(items) - len(errors)
        if isinstance(outcome, rules.Partial):
            errors = self._accept(incoming, items, outcome)
            status, body = reply(len(items), errors)
            accepted = len(items) - len(errors)
            return Answer(status if outcome.code is None else outcome.code, body, outcome.headers), accepted
        errors = self._accept(incoming, items)
        status, body = reply(len(items), errors)
        return Answer(status, body), len(items) - len(errors)

    def _accept(self, incoming: Incoming, items: list[Item], partial: rules.Partial | None = None) -> list[ItemError]:
        """Check the items, keep the good ones, and return the errors of the others by index."""
        good, errors = _left_to_check(items, partial)
        if not self._keep:
            self._arrivals.count(len(items), 0 if incoming.validate_only else len(good))
            return errors
        now_s = self._clock()
        refused = []
        checked = []
        for index, item in good:
            verdict = check(item.value, size_bytes=item.size_bytes, now_s=now_s, accepted_keys=self._accepted_keys)
            if verdict.status == 200:
                checked.append((item, verdict.warnings))
            else:
                errors.append(ItemError(index, verdict.status, verdict.message))
                refused.append(Refused(index, verdict.status, verdict.message, item.text))
        errors.sort(key=lambda error: error.index)
        if incoming.validate_only:
            self._arrivals.count(len(items), 0)
            return errors
        try:
            kept = self._arrivals.keep(len(items), checked, refused, incoming.headers.get("User-Agent", ""))
        except StoreError as error:
            return [ItemError(index, 500, f"Internal server error: {error}") for index in range(len(items))]
        if self._listener is not None and kept:
            self._listener(kept)
        return errors

    def _record(
        self, incoming: Incoming, behaviour: Behaviour, *, raw_bytes: int, decoded_bytes: int, items: int, accepted: int, status: int | None
    ) -> None:
        self._arrivals.record(
            RecordedRequest(
                incoming.path,
                incoming.headers,
                raw_bytes,
                decoded_bytes,
                items,
                accepted,
                status,
                incoming.client_port,
                behaviour.names,
                time.time(),
                incoming.origin,
            )
        )


def _left_to_check(items: list[Item], partial: rules.Partial | None) -> tuple[list[tuple[int, Item]], list[ItemError]]:
    """Return the items, with their index, that a rule leaves to the check, and the errors of the others."""
    if partial is None:
        return list(enumerate(items)), []
    left, errors = [], []
    for index, item in enumerate(items):
        code = partial.statuses[index % len(partial.statuses)]
        if code == 200:
            left.append((index, item))
        else:
            errors.append(ItemError(index, code, _reason(code) if partial.message is None else partial.message))
    return left, errors


def _all_failed(items: int, code: int) -> bytes:
    return reply_body(items, 0, [ItemError(index, code, _reason(code)) for index in range(items)])


def _reason(code: int) -> str:
    return _REASONS.get(code, f"Error {code}")
