"""``LocalEndpoint``: an Application Insights ingestion endpoint on the loopback interface, for tests and for looking.

Use::

    with LocalEndpoint() as endpoint:
        run_program(APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string)
        [envelope] = endpoint.wait_for(1, timeout_s=5)
        assert not endpoint.warnings

It answers as the service does (``schema`` says what it refuses), keeps what it accepts under the portal's table names
(``tables``), and misbehaves when told to (``misbehave``). Only 127.0.0.1 is bound.

``next_behaviour``, ``track``, ``unanswered`` and ``control`` are what its HTTP server asks; programs have no use for them.

Limits: keys are not checked unless ``accepted_keys`` says which exist; it samples nothing; what it keeps in memory grows
with what it receives (a ``database`` file holds more; ``store=False`` holds nothing).

Source: specification section 8.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import uuid
from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from . import misbehave as rules
from . import transaction
from .bodies import BodyError, Item, ItemError, count, decode, reply, reply_body, split
from .misbehave import Behaviour, Rule, RuleError
from .rule_texts import describe
from .schema import check
from .script import Script
from .server import Answer, Incoming, TrackServer, held_port
from .store import Accepted, ItemWarning, Refused, Store, StoreError
from .tables import Row, row

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType

MAX_REQUESTS_KEPT = 100_000
"""``LocalEndpoint.requests`` holds the latest this many."""

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


class LocalEndpoint:
    """A local ingestion endpoint; a context manager that listens while it is entered."""

    def __init__(
        self,
        port: int = 0,
        database: str | os.PathLike[str] | None = None,
        *,
        misbehaviour: Iterable[Rule | str | Mapping[str, Any]] = (),
        instrumentation_key: str | None = None,
        accepted_keys: Iterable[str] | None = None,
        store: bool = True,
        clock: Callable[[], float] = time.time,
        listener: Callable[[Sequence[Row]], None] | None = None,
    ) -> None:
        """Prepare an endpoint; nothing listens before ``start``.

        Args:
            port: TCP port on 127.0.0.1; 0 takes a free one.
            database: SQLite file to keep items in, continued when it exists; ``None`` keeps them in memory.
            misbehaviour: First rules, as ``misbehave`` takes them.
            instrumentation_key: Key of ``connection_string``; a random UUID when not given.
            accepted_keys: Keys that exist; items for others are refused. ``None`` accepts any.
            store: False only counts items, for benchmarks: no checks, no rows, no envelopes.
            clock: Seconds since the Unix epoch, for the time window.
            listener: Called with the rows of each request that kept any, on the connection's thread.

        Raises:
            StoreError: The database cannot be used.
            RuleError: A rule cannot be understood.

        """
        self.instrumentation_key = instrumentation_key if instrumentation_key is not None else str(uuid.uuid4())
        self._accepted_keys = None if accepted_keys is None else frozenset(key.lower() for key in accepted_keys)
        self._script = Script(misbehaviour)
        self._keep = store
        self._clock = clock
        self._listener = listener
        self._port = port
        self._server: TrackServer | None = None
        self._held: socket.socket | None = None
        self._connections_before = 0
        # Guards the counters and lists below, and makes arrival order one order; notified at every request.
        self._changed = threading.Condition()
        self._requests: deque[RecordedRequest] = deque(maxlen=MAX_REQUESTS_KEPT)
        self._request_count = 0
        self._received = 0
        self._accepted = 0
        self._origins: dict[str, int] = {}
        self._broken: str | None = None
        self._store = Store(database)
        self._last_number = self._store.last_number()
        self._number_before = self._last_number  # of the items that an existing database brought

    def __enter__(self) -> LocalEndpoint:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def start(self) -> None:
        """Begin to listen; after ``stop`` on the same port as before, with everything kept.

        Raises:
            OSError: The port is taken.

        """
        if self._server is not None:
            return
        self._let_go()
        server = TrackServer(self._port, self)
        self._port = server.port
        self._server = server
        server.start()

    def stop(self) -> None:
        """Stop listening and cut every connection, as an endpoint that goes down; what arrived stays readable.

        Connections are refused from then on, and until ``close`` nobody else is given the port.
        """
        if self._cut():
            self._held = held_port(self._port)

    def close(self) -> None:
        """Stop, give the port back, and close the database."""
        self._cut()
        self._let_go()
        self._store.close()

    @property
    def url(self) -> str:
        """Base address, with a trailing slash as the portal writes it."""
        return f"http://127.0.0.1:{self._port}/"

    @property
    def connection_string(self) -> str:
        """What ``APPLICATIONINSIGHTS_CONNECTION_STRING`` should hold to send here."""
        return f"InstrumentationKey={self.instrumentation_key};IngestionEndpoint={self.url}"

    @property
    def connections(self) -> int:
        """TCP connections accepted since the first start."""
        return self._connections_before + (self._server.connections if self._server is not None else 0)

    @property
    def requests(self) -> list[RecordedRequest]:
        """Telemetry requests in the order in which they were judged, the latest ``MAX_REQUESTS_KEPT`` of them."""
        with self._changed:
            return list(self._requests)

    @property
    def received(self) -> int:
        """Items received in readable requests."""
        with self._changed:
            return self._received

    @property
    def accepted(self) -> int:
        """Items accepted since the start or the last ``clear``."""
        with self._changed:
            return self._accepted

    @property
    def redirected(self) -> dict[str, int]:
        """Endpoints that exporters would have sent to, had they not been redirected here, with the number of items received."""
        with self._changed:
            return dict(self._origins)

    @property
    def warnings(self) -> list[ItemWarning]:
        """Schema warnings about accepted items, in arrival order."""
        return self._store.warnings()

    @property
    def refused(self) -> list[Refused]:
        """Items that the check refused, in arrival order."""
        return self._store.refused()

    def envelopes(self) -> list[dict[str, Any]]:
        """Return the accepted envelopes in arrival order, freshly parsed at each call.

        Raises:
            RuntimeError: The endpoint was made with ``store=False``.

        """
        self._need_store()
        return self._store.envelopes()

    def rows(self, table: str, where: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """Return the rows of a portal table in arrival order, ``customDimensions`` and the like as dicts.

        Raises:
            KeyError: No such table or column.
            RuntimeError: The endpoint was made with ``store=False``.

        """
        self._need_store()
        return self._store.rows(table, where)

    def counts(self) -> dict[str, int]:
        """Return the number of rows by portal table."""
        return self._store.counts()

    def operation_ids(self) -> list[str]:
        """Return the operations that have a request or dependency, in order of start."""
        return self._store.operation_ids()

    def clear(self) -> None:
        """Forget all items, requests, warnings and refusals; misbehaviour stays."""
        with self._changed:
            self._store.clear()
            self._last_number = self._number_before = 0
            self._received = self._accepted = self._request_count = 0
            self._requests.clear()
            self._origins.clear()

    def misbehave(self, *new_rules: Rule | str | Mapping[str, Any]) -> None:
        """Add misbehaviour rules behind those in force.

        Raises:
            RuleError: A rule cannot be understood; none is added.

        """
        self._script.add(new_rules)

    def behave(self) -> None:
        """Drop all misbehaviour rules."""
        self._script.clear()

    def wait_for(self, wanted: int | Callable[[list[dict[str, Any]]], bool], timeout_s: float = 60.0) -> list[dict[str, Any]]:
        """Wait until this many envelopes were accepted, or until the predicate holds, and return those accepted.

        What a continued database held before does not count.

        Args:
            wanted: A count, or a function of the accepted envelopes in arrival order, called again when some arrive.
            timeout_s: How long to wait, seconds.
        Returns: The envelopes; an empty list with ``store=False``.

        Raises:
            TimeoutError: It did not happen; the message says what did.
            RuntimeError: A predicate was given to an endpoint with ``store=False``.

        """
        if isinstance(wanted, int):
            count = wanted
            self._wait(lambda: self._accepted >= count, timeout_s, f"{count} accepted items")
            return self._store.envelopes(after=self._number_before)
        predicate = wanted
        self._need_store()
        # Kept between evaluations so that each envelope is parsed once; cleared stores start over.
        seen: list[dict[str, Any]] = []

        def holds() -> bool:
            if self._accepted < len(seen):
                seen.clear()
            seen.extend(self._store.envelopes(after=self._number_before + len(seen)))
            return predicate(seen)

        self._wait(holds, timeout_s, "envelopes that satisfy the predicate")
        return self._store.envelopes(after=self._number_before)

    def wait_for_requests(self, wanted: int | Callable[[list[RecordedRequest]], bool], timeout_s: float = 60.0) -> list[RecordedRequest]:
        """Wait until this many telemetry requests have arrived, answered or not, or until the predicate holds.

        Raises:
            TimeoutError: It did not happen; the message says what did.

        """
        if isinstance(wanted, int):
            count = wanted
            self._wait(lambda: self._request_count >= count, timeout_s, f"{count} requests")
        else:
            predicate = wanted
            self._wait(lambda: predicate(list(self._requests)), timeout_s, "requests that satisfy the predicate")
        return self.requests

    def wait_idle(self, timeout_s: float = 60.0) -> None:
        """Wait until every connection made so far is served and closed.

        Use it after the sending processes have ended, to be sure that nothing is still on its way.

        Raises:
            TimeoutError: A connection is still open; the message names the client's port and what it has sent.

        """
        server = self._server
        open_ports = server.wait_idle(timeout_s) if server is not None else None
        if open_ports is None:
            return
        clients = "".join(f"; client port {port}: {self._sent_from(port)}" for port in open_ports)
        raise TimeoutError(f"not idle within {timeout_s} s; open connections: {len(open_ports)}{clients}")

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
            refusal = self._gate(incoming, behaviour, decoded_bytes, items)
            if refusal is not None:
                answer = refusal
            else:
                answer, accepted = self._judge(incoming, behaviour, found)
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

    def control(self, method: str, path: str, body: bytes) -> Answer:
        """Answer a control request, JSON in and JSON out.

        ``GET stats``, ``GET requests``, ``GET problems``, ``GET rows/<table>?<column>=<value>``, ``GET operations``,
        ``GET transaction/<operation id or latest>``, ``GET wait?items=<n>&timeout_s=<s>``,
        ``GET misbehave`` (rules in force), ``POST misbehave`` (a rule, a list of rules), ``POST behave``, ``POST clear``.
        A POST needs ``Content-Type: application/json``.
        """
        name, _, query = path.partition("?")
        name, _, rest = name.rstrip("/").partition("/")
        try:
            if method == "POST":
                return self._command(name, body)
            if method != "GET":
                return _json_answer(405, {"error": "control requests are GET or POST"})
            return self._look(name, rest, {key: values[-1] for key, values in parse_qs(query, keep_blank_values=True).items()})
        except (RuleError, KeyError, ValueError, RuntimeError) as error:
            return _json_answer(400, {"error": str(error.args[0]) if error.args else str(error)})
        except (StoreError, TimeoutError) as error:
            return _json_answer(500 if isinstance(error, StoreError) else 408, {"error": str(error)})

    def stats(self) -> dict[str, Any]:
        """Return the counters that ``/_control/stats`` shows."""
        with self._changed:
            numbers = {"requests": self._request_count, "itemsReceived": self._received, "itemsAccepted": self._accepted}
            broken = self._broken
        server = self._server
        refused, warnings = self._store.findings()
        return {
            "connectionString": self.connection_string,
            **numbers,
            "itemsRefused": refused,
            "warnings": warnings,
            "connections": self.connections,
            "openConnections": server.open_connections if server is not None else 0,
            "tables": self._store.counts(),
            "storeError": broken,
        }

    def _gate(self, incoming: Incoming, behaviour: Behaviour, decoded_bytes: int, items: int) -> Answer | None:
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

    def _judge(self, incoming: Incoming, behaviour: Behaviour, items: list[Item]) -> tuple[Answer, int]:
        """Return the answer to readable items and how many were kept."""
        outcome = behaviour.outcome
        if isinstance(outcome, rules.Redirect):
            headers = {"Location": outcome.location if outcome.location is not None else self.url.rstrip("/") + incoming.path}
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
                errors = self._take(incoming, items)
                accepted = len(items) - len(errors)
                if good:
                    body = reply(len(items), errors)[1]
            return Answer(outcome.code, body if outcome.body is None else outcome.body.encode("utf-8"), headers), accepted
        if isinstance(outcome, rules.Silence) and not outcome.accept:
            return Answer(200, b""), 0
        if isinstance(outcome, rules.Garbage):
            if not outcome.valid_http:
                return Answer(200, b""), 0
            errors = self._take(incoming, items)
            return Answer(200, b"<html>\x00\xff this is not JSON"), len(items) - len(errors)
        if isinstance(outcome, rules.Partial):
            errors = self._take(incoming, items, outcome)
            status, body = reply(len(items), errors)
            accepted = len(items) - len(errors)
            return Answer(status if outcome.code is None else outcome.code, body, outcome.headers), accepted
        errors = self._take(incoming, items)
        status, body = reply(len(items), errors)
        return Answer(status, body), len(items) - len(errors)

    def _take(self, incoming: Incoming, items: list[Item], partial: rules.Partial | None = None) -> list[ItemError]:
        """Check the items, keep the good ones, and return the errors of the others by index."""
        errors: list[ItemError] = []
        good = list(enumerate(items))
        if partial is not None:
            taken, good = good, []
            for index, item in taken:
                code = partial.statuses[index % len(partial.statuses)]
                if code == 200:
                    good.append((index, item))
                else:
                    errors.append(ItemError(index, code, _reason(code) if partial.message is None else partial.message))
        if not self._keep:
            with self._changed:
                self._received += len(items)
                self._accepted += 0 if incoming.validate_only else len(good)
                self._changed.notify_all()
            return errors
        now_s = self._clock()
        refused = []
        checked = []
        for index, item in good:
            verdict = check(item.value, size_bytes=item.size_bytes, now_s=now_s, accepted_keys=self._accepted_keys)
            if verdict.status == 200:
                checked.append((index, item, verdict.warnings))
            else:
                errors.append(ItemError(index, verdict.status, verdict.message))
                refused.append(Refused(index, verdict.status, verdict.message, item.text))
        errors.sort(key=lambda error: error.index)
        if incoming.validate_only:
            with self._changed:
                self._received += len(items)
            return errors
        agent = incoming.headers.get("User-Agent", "")
        with self._changed:
            self._received += len(items)
            first = self._last_number + 1
            kept = [
                Accepted(number, row(item.value, number, agent), item.text, warnings)
                for number, (_, item, warnings) in enumerate(checked, first)
            ]
            try:
                self._store.add(kept, refused)
            except StoreError as error:
                self._broken = str(error)
                return [ItemError(index, 500, f"Internal server error: {error}") for index in range(len(items))]
            self._last_number += len(kept)
            self._accepted += len(kept)
            self._changed.notify_all()
        if self._listener is not None and kept:
            self._listener([item.row for item in kept])
        return errors

    def _record(
        self, incoming: Incoming, behaviour: Behaviour, *, raw_bytes: int, decoded_bytes: int, items: int, accepted: int, status: int | None
    ) -> None:
        request = RecordedRequest(
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
        with self._changed:
            if incoming.origin is not None:
                self._origins[incoming.origin] = self._origins.get(incoming.origin, 0) + items
            self._requests.append(request)
            self._request_count += 1
            self._changed.notify_all()

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

    def _sent_from(self, client_port: int) -> str:
        """Return what a connection has sent so far, for a message."""
        with self._changed:
            sent = [request for request in self._requests if request.client_port == client_port]
        if not sent:
            return "no whole telemetry request"
        status = sent[-1].status
        return f"telemetry requests: {len(sent)}, the latest one {'without a reply' if status is None else f'answered with {status}'}"

    def _cut(self) -> bool:
        server, self._server = self._server, None
        if server is None:
            return False
        server.stop()
        self._connections_before += server.connections
        return True

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held.close()

    def _need_store(self) -> None:
        if not self._keep:
            raise RuntimeError("this endpoint only counts (store=False); make one that stores to read envelopes and rows")

    def _command(self, name: str, body: bytes) -> Answer:
        if name == "misbehave":
            given = json.loads(body or b"null")
            self.misbehave(*(given if isinstance(given, list) else [given] if given else []))
        elif name == "behave":
            self.behave()
        elif name == "clear":
            self.clear()
        else:
            return _json_answer(404, {"error": f"no control path POST {name}"})
        return _json_answer(200, {"rules": [describe(rule) for rule in self._script.rules()]})

    def _look(self, name: str, rest: str, query: dict[str, str]) -> Answer:
        if name == "stats":
            return _json_answer(200, self.stats())
        if name == "misbehave":
            return _json_answer(200, {"rules": [describe(rule) for rule in self._script.rules()]})
        if name == "requests":
            return _json_answer(200, {"requests": [_request_as_dict(request) for request in self.requests]})
        if name == "rows":
            return _json_answer(200, {"table": rest, "rows": self.rows(rest, query)})
        if name == "problems":
            problems = {"warnings": [asdict(item) for item in self.warnings], "refused": [asdict(item) for item in self.refused]}
            return _json_answer(200, problems)
        if name == "operations":
            return _json_answer(200, {"operations": self.operation_ids()})
        if name == "transaction":
            found = transaction.find(self, rest)
            if found is None:
                return _json_answer(404, {"error": f"no telemetry with operation id {rest!r}"})
            return _json_answer(200, transaction.as_dict(found))
        if name == "wait":
            self.wait_for(int(query.get("items", "1")), float(query.get("timeout_s", "60")))
            return _json_answer(200, self.stats())
        return _json_answer(404, {"error": f"no control path GET {name}"})


def _json_answer(status: int, value: object) -> Answer:
    return Answer(status, json.dumps(value).encode("utf-8"))


def _all_failed(items: int, code: int) -> bytes:
    return reply_body(items, 0, [ItemError(index, code, _reason(code)) for index in range(items)])


def _reason(code: int) -> str:
    return _REASONS.get(code, f"Error {code}")


def _request_as_dict(request: RecordedRequest) -> dict[str, Any]:
    """Return a recorded request for the control path: without its secrets."""
    headers = {
        name: "***" if name.lower() in ("authorization", "proxy-authorization") else value for name, value in request.headers.items()
    }
    return {
        "path": request.path,
        "headers": headers,
        "rawBytes": request.raw_bytes,
        "decodedBytes": request.decoded_bytes,
        "items": request.items,
        "accepted": request.accepted,
        "status": request.status,
        "clientPort": request.client_port,
        "rules": list(request.rules),
        "time": request.time_s,
    }
