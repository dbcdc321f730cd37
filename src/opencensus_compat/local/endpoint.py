"""``LocalEndpoint``: an Application Insights ingestion endpoint on the loopback interface, for tests and for looking.

Use::

    with LocalEndpoint() as endpoint:
        run_program(APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string)
        [envelope] = endpoint.wait_for(1, timeout_s=5)
        assert not endpoint.warnings

It answers as the service does (``schema`` says what it refuses), keeps what it accepts under the portal's table names
(``tables``), and misbehaves by rules (``misbehave``). Only 127.0.0.1 is bound.

Inside: ``server`` reads requests and sends replies; ``ingestion`` judges telemetry and ``control`` answers the rest; ``arrivals`` and
``store`` keep requests and items.

Limits: keys are not checked unless ``accepted_keys`` says which exist; it samples nothing; what it keeps in memory grows
with what it receives (a ``database`` file holds more; ``store=False`` holds nothing).

Source: specification section 8.
"""

from __future__ import annotations

import os
import time
import uuid
from typing import TYPE_CHECKING

from .arrivals import Arrivals, RecordedRequest
from .control import Control
from .ingestion import Ingestion
from .misbehave import Rule
from .pages.api import About, Pages
from .pages.site import HOME, Site
from .script import Script
from .server import TrackServer, reserved_port
from .store import ItemWarning, Refused, Store

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType

    from .bodies import JsonObject
    from .call_sites import CallSite
    from .filters import Filter
    from .tables import Row, TableRow


class LocalEndpoint:
    """A local ingestion endpoint; a context manager that listens while it is entered."""

    def __init__(
        self,
        port: int = 0,
        database: str | os.PathLike[str] | None = None,
        *,
        misbehaviour: Iterable[Rule | str | Mapping[str, object]] = (),
        instrumentation_key: str | None = None,
        accepted_keys: Iterable[str] | None = None,
        store: bool = True,
        clock: Callable[[], float] = time.time,
        listener: Callable[[Sequence[Row]], None] | None = None,
        pages: bool = False,
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
            pages: Also show what arrives to a browser of this machine, at ``pages_url``.

        Raises:
            StoreError: The database cannot be used.
            RuleError: A rule cannot be understood.

        """
        self.instrumentation_key = instrumentation_key if instrumentation_key is not None else str(uuid.uuid4())
        self._script = Script(misbehaviour)
        self._keep = store
        self._port = port
        self._server: TrackServer | None = None
        self._reserved: socket.socket | None = None
        self._connections_before = 0
        self._store = Store(database)
        self._title = "in memory" if database is None else os.path.basename(os.fspath(database))
        self._arrivals = Arrivals(self._store)
        self._ingestion = Ingestion(
            self._arrivals,
            self._script,
            url=lambda: self.url,
            clock=clock,
            accepted_keys=None if accepted_keys is None else frozenset(key.lower() for key in accepted_keys),
            keep=store,
            listener=listener,
        )
        self._site = Site(Pages(self._store, self._about)) if pages and store else None

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
        self._release_port()
        server = TrackServer(self._port, self._ingestion, Control(self, self._script), self._site)
        self._port = server.port
        self._server = server
        server.start()

    def stop(self) -> None:
        """Stop listening and cut every connection, as an endpoint that goes down; what arrived stays readable.

        Connections are refused from then on. The port stays reserved until ``close``.
        """
        if self._stop_server():
            self._reserved = reserved_port(self._port)

    def close(self) -> None:
        """Stop, give the port back, and close the database."""
        self._stop_server()
        self._release_port()
        self._store.close()

    @property
    def url(self) -> str:
        """Base address, with a trailing slash as the portal writes it."""
        return f"http://127.0.0.1:{self._port}/"

    @property
    def pages_url(self) -> str | None:
        """Address of the pages; ``None`` when the endpoint has none."""
        return None if self._site is None else self.url.rstrip("/") + HOME

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
        return self._arrivals.requests

    @property
    def received(self) -> int:
        """Items received in readable requests."""
        return self._arrivals.totals.received

    @property
    def accepted(self) -> int:
        """Items accepted since the start or the last ``clear``."""
        return self._arrivals.totals.accepted

    @property
    def redirected(self) -> dict[str, int]:
        """Endpoints that exporters would have sent to, had they not been redirected here, with the number of items received."""
        return self._arrivals.origins

    @property
    def warnings(self) -> list[ItemWarning]:
        """Schema warnings about accepted items, in arrival order."""
        return self._store.warnings()

    @property
    def refused(self) -> list[Refused]:
        """Items that the check refused, in arrival order."""
        return self._store.refused()

    def envelopes(self) -> list[JsonObject]:
        """Return the accepted envelopes in arrival order, freshly parsed at each call.

        Raises:
            RuntimeError: The endpoint was made with ``store=False``.

        """
        self._need_store()
        return self._store.envelopes()

    def select(self, table: str, wanted: Filter, most: int | None = None) -> list[TableRow]:
        """Return the rows of a portal table that pass a filter, in arrival order, as ``Store.select`` does."""
        self._need_store()
        return self._store.select(table, wanted, most)

    def rows(self, table: str, where: Mapping[str, str] | None = None) -> list[TableRow]:
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

    def problems(self) -> dict[str, list[JsonObject]]:
        """Return ``warnings`` and ``refused``, each item as a dict."""
        return self._store.problems()

    def operation_ids(self) -> list[str]:
        """Return the operations that have a request or dependency, in order of start."""
        return self._store.operation_ids()

    def clear(self) -> None:
        """Forget all items, requests, warnings and refusals; misbehaviour stays."""
        self._arrivals.clear()

    def keep_call_sites(self, sites: Sequence[CallSite]) -> None:
        """Keep call sites of the program beside what it sent.

        Raises:
            StoreError: The database refuses; nothing was kept.

        """
        self._store.add_call_sites(sites)

    def misbehave(self, *new_rules: Rule | str | Mapping[str, object]) -> None:
        """Add misbehaviour rules behind those in force.

        Raises:
            RuleError: A rule cannot be understood; none is added.

        """
        self._script.add(new_rules)

    def behave(self) -> None:
        """Drop all misbehaviour rules."""
        self._script.clear()

    def wait_for(self, wanted: int | Callable[[list[JsonObject]], bool], timeout_s: float = 60.0) -> list[JsonObject]:
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
            self._arrivals.wait_for_items(wanted, timeout_s)
        else:
            self._need_store()
            self._arrivals.wait_for_envelopes(wanted, timeout_s)
        return self._arrivals.envelopes()

    def wait_for_requests(self, wanted: int | Callable[[list[RecordedRequest]], bool], timeout_s: float = 60.0) -> list[RecordedRequest]:
        """Wait until this many telemetry requests have arrived, answered or not, or until the predicate holds.

        Raises:
            TimeoutError: It did not happen; the message says what did.

        """
        self._arrivals.wait_for_requests(wanted, timeout_s)
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
        clients = "".join(f"; client port {port}: {self._arrivals.sent_from(port)}" for port in open_ports)
        raise TimeoutError(f"not idle within {timeout_s} s; open connections: {len(open_ports)}{clients}")

    def stats(self) -> JsonObject:
        """Return the counters that ``/_control/stats`` shows."""
        totals = self._arrivals.totals
        server = self._server
        refused, warnings = self._store.findings()
        return {
            "connectionString": self.connection_string,
            "requests": totals.requests,
            "itemsReceived": totals.received,
            "itemsAccepted": totals.accepted,
            "itemsRefused": refused,
            "warnings": warnings,
            "connections": self.connections,
            "openConnections": server.open_connections if server is not None else 0,
            "tables": self._store.counts(),
            "storeError": totals.store_error,
        }

    def _about(self) -> About:
        return About(self._title, self.connection_string)

    def _stop_server(self) -> bool:
        server, self._server = self._server, None
        if server is None:
            return False
        server.stop()
        self._connections_before += server.connections
        return True

    def _release_port(self) -> None:
        reserved, self._reserved = self._reserved, None
        if reserved is not None:
            reserved.close()

    def _need_store(self) -> None:
        if not self._keep:
            raise RuntimeError("this endpoint only counts (store=False); make one that stores to read envelopes and rows")
