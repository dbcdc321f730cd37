"""What a call costs with OpenCensus's integrations of clients, beside the retired SDK's.

Run ``python benchmarks/bench_calls.py``. One interpreter per contestant and client, by turns; each measures CPU time of its whole process, the
export included, first of the calls alone, then of traced ones, and keeps the best of many rounds. A request's span is open, and makes ten
calls. No library goes anywhere: what it would ask answers in the process. What is sent goes to a local endpoint in this process.

* ``requests``, ``httpx``, ``http.client``: a GET, answered by an adapter, a transport or a socket of this file;
* ``sqlite3``: a statement, whose connection is wrapped by ``opencensus.ext.dbapi``, as those of MySQL and PostgreSQL are;
* ``sqlalchemy``: the same by an engine; ``pymongo``: the events of a command;
* ``logging``: a record that gets the ids of its trace.

Rows: what a call costs more than alone, of the same of the retired SDK. That is the one of ``LEGACY_PYTHON`` (default
``.venvs/legacy/bin/python``). Ends with 1 when a limit is not kept.
"""

from __future__ import annotations

import datetime
import gc
import http.client
import io
import json
import logging
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import rows

ROOT = Path(__file__).resolve().parent.parent
LEGACY_PYTHON = os.environ.get("LEGACY_PYTHON", str(ROOT / ".venvs" / "legacy" / "bin" / "python"))
TURNS = 2
ROUNDS = 6
REQUESTS = 40
CALLS = 10
"""Of a request."""
LIMITS = {
    "requests": 0.65,
    "httpx": 0.75,
    "http.client": 0.65,
    "sqlite3": 0.5,
    "sqlalchemy": 0.5,
    "pymongo": 0.4,
    "logging": 0.65,
}
"""Client -> the most that tracing its call may cost of what it costs in the retired SDK."""
CONTESTANTS = {"legacy": LEGACY_PYTHON, "census-compat": sys.executable}
URL = "http://stock.example.com/items/7"


class Cursor(sqlite3.Cursor):
    """One whose method can be replaced, as those of drivers in Python."""


class Connection(sqlite3.Connection):
    """The same."""

    def cursor(self):
        """Return such a cursor."""
        return super().cursor(Cursor)


def integrated(name):
    """Switch an integration on."""
    from opencensus.trace import config_integration

    config_integration.trace_integrations([name])


def of_requests(is_traced):
    """Return a call of a session of requests."""
    import requests
    from requests.adapters import BaseAdapter

    class Answers(BaseAdapter):
        def send(self, request, **_):
            found = requests.Response()
            found.status_code, found.url, found.request = 200, request.url, request
            found._content = b"{}"
            return found

        def close(self):
            pass

    if is_traced:
        integrated("requests")
    session = requests.Session()
    session.mount("http://stock", Answers())
    return lambda: session.get(URL)


def of_httpx(is_traced):
    """Return a call of a client of httpx."""
    import httpx

    if is_traced:
        integrated("httpx")
    client = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200, json={})))
    return lambda: client.get(URL)


def of_http_client(is_traced):
    """Return a call of the standard library's client."""
    if is_traced:
        integrated("httplib")

    class Socket:
        def sendall(self, data):
            pass

        def makefile(self, mode):
            return io.BytesIO(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        def close(self):
            pass

    class Connection(http.client.HTTPConnection):
        def connect(self):
            self.sock = Socket()

    def call():
        connection = Connection("stock.example.com")
        connection.request("GET", "/items/7", None, {})
        connection.getresponse().read()

    return call


def of_sqlite3(is_traced):
    """Return a statement of a module for databases."""
    connect = lambda: sqlite3.connect(":memory:", factory=Connection)  # noqa: E731 - it is short
    if is_traced:
        from opencensus.ext.dbapi.trace import wrap_conn

        connect = wrap_conn(connect)

    cursor = connect().cursor()
    return lambda: cursor.execute("SELECT 7")


def of_sqlalchemy(is_traced):
    """Return a statement of an engine of SQLAlchemy."""
    import sqlalchemy

    if is_traced:
        integrated("sqlalchemy")
    connection = sqlalchemy.create_engine("sqlite://").connect()
    statement = sqlalchemy.text("SELECT 7")
    return lambda: connection.execute(statement).fetchone()


def of_pymongo(is_traced):
    """Return the events of a command of pymongo."""
    from pymongo import monitoring

    listeners = []
    if is_traced:
        from opencensus.ext.pymongo.trace import MongoCommandListener

        listeners = [MongoCommandListener()]
    address = ("mongo.example.com", 27017)

    def call():
        began = monitoring.CommandStartedEvent({"find": "orders", "filter": {"id": 7}}, "shop", 7, address, 7)
        ended = monitoring.CommandSucceededEvent(datetime.timedelta(0), {"ok": 1}, "find", 7, address, 7, database_name="shop")
        for listener in listeners:
            listener.started(began)
            listener.succeeded(ended)

    return call


def of_logging(is_traced):
    """Return a call of a logger."""
    if is_traced:
        integrated("logging")
    # Loggers that were made before are none of the integration's class.
    logger = logging.getLogger("traced" if is_traced else "alone")
    logger.addHandler(logging.NullHandler())
    logger.setLevel(logging.INFO)
    logger.propagate = False
    return lambda: logger.info("said")


CLIENTS = {
    "requests": of_requests,
    "httpx": of_httpx,
    "http.client": of_http_client,
    "sqlite3": of_sqlite3,
    "sqlalchemy": of_sqlalchemy,
    "pymongo": of_pymongo,
    "logging": of_logging,
}


def best_of(request, flush=int):
    """Return microseconds of CPU per call, the best round."""
    best = float("inf")
    for _ in range(ROUNDS + 1):
        gc.collect()
        started = time.process_time_ns()
        for _ in range(REQUESTS):
            request()
        flush()
        best = min(best, (time.process_time_ns() - started) / REQUESTS / CALLS / 1000)
    return best


def calls_of(client, is_traced):
    """Return what makes the calls of a request."""
    call = CLIENTS[client](is_traced)

    def calls():
        for _ in range(CALLS):
            call()

    return calls


def measure(client):
    """Return what a call costs more when it is traced, microseconds of CPU."""
    alone = best_of(calls_of(client, False))
    from opencensus.ext.azure.trace_exporter import AzureExporter
    from opencensus.trace.samplers import AlwaysOnSampler
    from opencensus.trace.tracer import Tracer

    exporter = AzureExporter(connection_string=os.environ["ENDPOINT"], enable_local_storage=False)
    calls = calls_of(client, True)

    def request():
        with Tracer(exporter=exporter, sampler=AlwaysOnSampler()).span("request"):
            calls()

    return best_of(request, lambda: exporter._queue.flush(60.0)) - alone


def main():
    """Measure by turns, print the table, and return the exit code."""
    from opencensus_compat.local import LocalEndpoint

    with LocalEndpoint(store=False) as endpoint:
        environment = {**os.environ, "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true", "ENDPOINT": endpoint.connection_string}

        def measured(name, client):
            command = [CONTESTANTS[name], "-W", "ignore", __file__, client]
            return json.loads(subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout)

        figures = rows.by_turns(CONTESTANTS, lambda name: {client: measured(name, client) for client in CLIENTS}, TURNS)
    print("microseconds of CPU that a call costs more than alone, best of", TURNS * ROUNDS, "rounds")
    rows.show(figures, digits=1)
    table = rows.Rows()
    table.of_legacy(figures, LIMITS, ", traced")
    return table.exit_code()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])), flush=True)
        os._exit(0)  # what is queued is for nobody
    sys.exit(main())
