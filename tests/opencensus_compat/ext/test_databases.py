"""The integrations with databases, without a server. That they do what OpenCensus's did, `tests/parity` and `tests/servers` show."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sqlite3
import threading
import weakref
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.trace import SpanKind, StatusCode
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool, StaticPool

import opencensus_compat
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.ext.dbapi import trace as dbapi_trace
from opencensus_compat.ext.dbapi._statements import Driver
from opencensus_compat.ext.sqlalchemy import trace as sqlalchemy_trace
from opencensus_compat.trace import execution_context
from opencensus_compat.trace.samplers import AlwaysOnSampler
from opencensus_compat.trace.tracer import Tracer
from opencensus_compat.trace.tracers.context_tracer import PROVIDER

REQUESTS, AT_ONCE = 200, 50


class Cursor:
    """A cursor of a driver that is written in Python, whose `executemany` calls `execute`."""

    def __init__(self, connection):
        self.executed = []

    def execute(self, operation, params=()):
        """Note a statement; the text `fail` raises."""
        if operation == "fail":
            raise ValueError(operation)
        self.executed.append(operation)
        return len(self.executed)

    def executemany(self, operation, seq_params):
        """Hand all rows to `execute`, as values in the text where it is an INSERT."""
        if operation.startswith("INSERT"):
            return self.execute(operation.encode() + b" values")
        return [self.execute(operation, params) for params in seq_params]


class Connection:
    """Its connection."""

    def connect(self):
        """Execute a statement of the driver's own."""
        return self.cursor().execute("SET names")

    def cursor(self, kind=Cursor):
        """Return a cursor."""
        return kind(self)


@pytest.fixture
def connections():
    """A class of connections whose cursors are traced, switched on twice."""
    kind = type("Connection", (Connection,), {"connect": Connection.connect, "cursor": Connection.cursor})
    driver = Driver("mysql", "mysql")
    driver.trace_cursors_of(kind)
    driver.trace_cursors_of(kind)
    return kind


@pytest.fixture(autouse=True)
def integrated():
    """Switch the integration with SQLAlchemy on for the time of a test, twice."""
    sqlalchemy_trace.trace_integration()
    sqlalchemy_trace.trace_integration()
    yield
    for name in ("before_cursor_execute", "after_cursor_execute", "handle_error"):
        event.remove(sqlalchemy.engine.Engine, name, getattr(sqlalchemy_trace, f"_{name}"))


@pytest.fixture
def tracer(otel):
    """A tracer whose spans go to the provider."""
    return Tracer(exporter=PROVIDER, sampler=AlwaysOnSampler())


@pytest.fixture
def engine():
    """An engine on a database in memory."""
    made = sqlalchemy.create_engine("sqlite://", poolclass=StaticPool)
    yield made
    made.dispose()


def _statements(otel):
    """Return the statements of the spans that have ended, in order."""
    found = []
    for span in otel.exporter.get_finished_spans():
        found += [value for key, value in span.attributes.items() if key in ("mysql.query", "sqlalchemy.query")]
    return found


def test_a_statement(otel, tracer, engine):
    """It is one client span inside the current one, although both its engine and all engines are traced."""
    sqlalchemy_trace.trace_engine(engine)
    with tracer.span(name="outer"), engine.begin() as connection:
        connection.execute(text("SELECT :number"), {"number": 5})
    assert otel.parents == {"sqlalchemy.query": "outer", "outer": None}
    span = otel.spans["sqlalchemy.query"]
    assert span.kind is SpanKind.CLIENT
    assert {key: value for key, value in span.attributes.items() if key.startswith("sqlalchemy.")} == {
        "sqlalchemy.query": "SELECT ?",
        "sqlalchemy.query.parameters": "(5,)",
        "sqlalchemy.cursor.method.name": "execute",
    }
    assert _statements(otel) == ["SELECT ?"]


def test_a_statement_that_fails(otel, tracer, engine):
    """The program gets its error, the span ends with it, and the next one is no child of it."""
    with tracer.span(name="outer"), engine.connect() as connection:
        with pytest.raises(sqlalchemy.exc.OperationalError, match="no such table"):
            connection.execute(text("SELECT * FROM orders"))
        failed = otel.spans["sqlalchemy.query"]
        connection.execute(text("SELECT 1"))
    assert failed.status.status_code is StatusCode.ERROR
    assert otel.spans["sqlalchemy.query"].status.status_code is not StatusCode.ERROR
    assert otel.parents == {"sqlalchemy.query": "outer", "outer": None}


def test_a_statement_that_fails_inside_another(otel, tracer, engine):
    """Each of both spans ends with its own outcome, where a listener goes on after an error."""
    seen = []

    @event.listens_for(engine, "before_cursor_execute")
    def before(connection, cursor, statement, parameters, context, executemany):
        seen.append(statement)
        if len(seen) == 1:
            with contextlib.suppress(sqlalchemy.exc.OperationalError):
                connection.execute(text("SELECT * FROM nothing"))

    with tracer.span(name="outer"), engine.begin() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    inner, statement, _ = otel.exporter.get_finished_spans()
    assert [span.status.status_code is StatusCode.ERROR for span in (inner, statement)] == [True, False]
    assert inner.parent.span_id == statement.context.span_id


def test_statements_of_threads(otel, engine):
    """200 statements of 50 threads each lie in their own request."""

    def request(number):
        with Tracer(exporter=PROVIDER, sampler=AlwaysOnSampler()).span(name=f"request {number}"):
            own = sqlalchemy.create_engine("sqlite://", poolclass=StaticPool)
            with own.begin() as connection:
                connection.execute(text("SELECT :number"), {"number": number})
            own.dispose()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(request, range(REQUESTS)))
    _assert_each_in_its_request(otel)


def test_statements_of_tasks(otel):
    """200 statements on an asyncio engine, of 50 tasks at once, each lie in their own request."""

    async def main():
        engine = create_async_engine("sqlite+aiosqlite://", poolclass=NullPool)
        sqlalchemy_trace.trace_engine(engine)
        limit = asyncio.Semaphore(AT_ONCE)

        async def request(number):
            async with limit:
                with Tracer(exporter=PROVIDER, sampler=AlwaysOnSampler()).span(name=f"request {number}"):
                    async with engine.connect() as connection:
                        await asyncio.sleep(0)
                        await connection.execute(text("SELECT :number"), {"number": number})

        await asyncio.gather(*(request(number) for number in range(REQUESTS)))
        await engine.dispose()

    asyncio.run(main())
    _assert_each_in_its_request(otel)


def _assert_each_in_its_request(otel):
    spans = otel.exporter.get_finished_spans()
    requests = {span.context.span_id: span for span in spans if span.name.startswith("request ")}
    found = {}
    for span in spans:
        if span.context.span_id not in requests:
            number = span.attributes["sqlalchemy.query.parameters"].strip("(),")
            found[f"request {number}"] = requests[span.parent.span_id].name
    assert found == {f"request {number}": f"request {number}" for number in range(REQUESTS)}


def test_a_parameter_that_cannot_be_shown(otel, tracer, engine, caplog):
    """The statement is executed and traced without its parameters, which is said once."""

    class Odd(int):
        def __repr__(self):
            raise RuntimeError("no")

    with tracer.span(name="outer"), engine.begin() as connection:
        for _ in range(2):
            assert connection.execute(text("SELECT :number"), {"number": Odd(7)}).scalar() == 7
    assert [span.attributes.get("sqlalchemy.query.parameters") for span in otel.exporter.get_finished_spans()[:2]] == ["", ""]
    assert [record.getMessage().partition(": ")[0] for record in caplog.records] == ["opencensus.ext.sqlalchemy"]


class _Failing:
    """A tracer of a program's own."""

    def __init__(self, method):
        self._method = method

    def __getattr__(self, name):
        def call(*args, **kwargs):
            if name == self._method:
                raise RuntimeError(name)
            return type("Span", (), {})()

        return call


@pytest.mark.parametrize("method", ["start_span", "add_attribute_to_current_span", "end_span"])
def test_a_tracer_that_raises(engine, connections, caplog, method):
    """It costs the span and is said once; the statement is executed."""
    execution_context.set_opencensus_tracer(_Failing(method))
    cursor = connections().cursor()
    with engine.begin() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    assert [cursor.execute("SELECT 1"), cursor.execute("SELECT 2")] == [1, 2]
    assert Counter(record.getMessage().partition(":")[0] for record in caplog.records) == {
        "opencensus.ext.sqlalchemy": 1,
        "opencensus.ext.mysql": 1,
    }


def test_no_tracer(otel, engine, connections):
    """A program that has set None as its tracer has no spans, and its statements are executed."""
    execution_context.set_opencensus_tracer(None)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    assert connections().cursor().execute("SELECT 1") == 1
    assert otel.spans == {}


def test_beside_opentelemetry(otel, tracer):
    """A statement that OpenTelemetry's instrumentation of SQLAlchemy traces is traced once."""
    instrumentor = SQLAlchemyInstrumentor()
    instrumentor.instrument(tracer_provider=otel.provider)
    try:
        engine = sqlalchemy.create_engine("sqlite://", poolclass=StaticPool)
        with tracer.span(name="outer"), engine.begin() as connection:
            connection.execute(text("SELECT 1"))
        engine.dispose()
    finally:
        instrumentor.uninstrument()
    assert (
        Counter(span.attributes.get("db.statement", span.attributes.get("sqlalchemy.query")) for span in otel.spans.values())["SELECT 1"]
        == 1
    )


@pytest.mark.parametrize(
    ("call", "statements"),
    [
        (lambda cursor: cursor.execute("SELECT 1"), ["SELECT 1"]),
        (lambda cursor: cursor.execute(operation="SELECT 1"), ["SELECT 1"]),
        (lambda cursor: cursor.execute(b"SELECT \xff"), ["SELECT \ufffd"]),
        (lambda cursor: cursor.executemany("UPDATE", [(1,), (2,)]), ["UPDATE", "UPDATE", "UPDATE"]),
        (lambda cursor: cursor.executemany("INSERT", [(1,), (2,)]), ["INSERT values", "INSERT"]),
    ],
    ids=["text", "by name", "bytes", "a call for each row", "values in the statement"],
)
def test_statements_of_a_driver(otel, tracer, connections, call, statements):
    """They are spans as in OpenCensus, also those that the driver makes of rows; what is bytes is sent as text."""
    with tracer.span(name="outer"):
        call(connections().cursor())
    assert _statements(otel) == statements


def test_a_drivers_own_statements(otel, tracer, connections):
    """What it executes while it connects is not traced, as in OpenCensus."""
    with tracer.span(name="outer"):
        connections().connect()
    assert list(otel.spans) == ["outer"]


def test_a_class_of_cursors_stays(otel, tracer, connections):
    """A cursor is still one of the program's class, by name as well, and is freed when the program is done with it."""

    class Own(Cursor):
        def execute(self, operation, params=()):
            return super().execute(operation, params)

    freed = threading.Event()

    class Noting(Own):
        def __del__(self):
            freed.set()

    cursor = connections().cursor(Noting)
    with tracer.span(name="outer"), pytest.raises(ValueError, match="fail"):
        cursor.execute("fail")
    assert isinstance(cursor, Noting)
    assert type(cursor).__qualname__.endswith("Noting")
    assert _statements(otel) == ["fail"]
    del cursor
    # The exception's traceback is gone with the block above.
    assert freed.is_set()


def test_classes_of_cursors_are_freed(connections):
    """A program may make one for each connection, as OpenTelemetry's instrumentation of Psycopg 2 does."""
    made = type("Made", (Cursor,), {})
    connections().cursor(made)
    freed = weakref.ref(made)
    del made
    gc.collect()
    assert freed() is None


def test_a_class_of_cursors_that_cannot_be_traced(otel, tracer, connections, caplog):
    """Its cursors work, and one warning says so."""
    connection = sqlite3.connect(":memory:")
    with tracer.span(name="outer"):
        for _ in range(2):
            cursor = connections().cursor(lambda _: connection.cursor())
            assert cursor.execute("SELECT 1").fetchone() == (1,)
    connection.close()
    assert list(otel.spans) == ["outer"]
    assert [record.getMessage() for record in caplog.records] == [
        "opencensus.ext.mysql: a statement is traced in part, or not at all: TypeError (said once)"
    ]


def test_wrapping_twice(otel, tracer):
    """A connection whose cursors are traced is not traced once more."""
    connect = dbapi_trace.wrap_conn(dbapi_trace.wrap_conn(Connection))
    with tracer.span(name="outer"):
        connect().cursor().execute("SELECT 1")
        dbapi_trace.trace_cursor_query(connect().cursor().execute)("SELECT 2")
    assert _statements(otel) == ["SELECT 1", "SELECT 2"]


def test_conventions(engine, endpoint, monkeypatch):
    """In OpenTelemetry's shape a span also has what its conventions call the database and the statement."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_ENVELOPES", "otel")
    exporter = AzureExporter(connection_string=endpoint.connection_string)
    with Tracer(exporter=exporter, sampler=AlwaysOnSampler()).span(name="outer"), engine.begin() as connection:
        connection.execute(text("SELECT 1"))
    assert opencensus_compat.flush()
    base = endpoint.envelopes()[0]["data"]["baseData"]
    assert (base["name"], base["type"], base["target"], base["data"]) == ("sqlalchemy.query", "SQL", "sqlite", "SELECT 1")
    assert base["properties"]["sqlalchemy.query"] == "SELECT 1"
