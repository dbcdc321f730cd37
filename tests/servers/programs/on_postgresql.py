"""Statements on PostgreSQL, traced by the integration: by Psycopg 2, or by Psycopg 3 where it is installed and asked for."""

from __future__ import annotations

import contextlib
import io
import os

if os.environ["DRIVER"] == "newest":
    try:
        import psycopg as driver
    except ImportError:
        import psycopg2 as driver
else:
    import psycopg2 as driver

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration, execution_context
from opencensus.trace.samplers import AlwaysOffSampler, AlwaysOnSampler
from opencensus.trace.tracer import Tracer

INTEGRATED = config_integration.trace_integrations(["postgresql"])
_OPTIONS = {"host": "127.0.0.1", "port": int(os.environ["POSTGRESQL"]), "user": "census", "dbname": "postgres"}


def _tracer(**options):
    execution_context.clean()
    return Tracer(**{"exporter": AzureExporter(), "sampler": AlwaysOnSampler(), **options})


@contextlib.contextmanager
def _connected(**options):
    connection = driver.connect(**_OPTIONS, **options)
    try:
        yield connection
    finally:
        connection.close()


def names():
    """What was integrated."""
    return INTEGRATED


def statement():
    """One with a parameter, inside a span."""
    tracer = _tracer()
    with _connected() as connection, tracer.span(name="outer"):
        cursor = connection.cursor()
        cursor.execute("SELECT %s::int", (5,))
        return list(cursor.fetchone())


def alone():
    """Outside any span, by the parameter's name."""
    _tracer()
    with _connected() as connection:
        connection.cursor().execute(query="SELECT 1")


def unsampled():
    """A trace that is not sampled."""
    tracer = _tracer(sampler=AlwaysOffSampler())
    with _connected() as connection, tracer.span(name="outer"):
        connection.cursor().execute("SELECT 1")


def no_tracer():
    """The program has none."""
    execution_context.set_opencensus_tracer(None)
    with _connected() as connection:
        connection.cursor().execute("SELECT 1")
    execution_context.clean()


def several_rows():
    """`executemany`, and what comes before and after it."""
    tracer = _tracer()
    with _connected() as connection, tracer.span(name="outer"):
        cursor = connection.cursor()
        cursor.execute("CREATE TEMPORARY TABLE orders (id INTEGER, sku TEXT)")
        cursor.executemany("INSERT INTO orders VALUES (%s, %s)", [(1, "a1"), (2, "b2")])
        cursor.execute("SELECT sku FROM orders ORDER BY id")
        return [list(row) for row in cursor.fetchall()]


def blocks():
    """Connection and cursor as context managers."""
    tracer = _tracer()
    with _connected() as connection, tracer.span(name="outer"):
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return list(cursor.fetchone())


def autocommit():
    """Without a transaction."""
    tracer = _tracer()
    with _connected() as connection, tracer.span(name="outer"):
        connection.autocommit = True
        connection.cursor().execute("SELECT 1")


def cursor_on_the_server():
    """A named one."""
    tracer = _tracer()
    with _connected() as connection, tracer.span(name="outer"):
        cursor = connection.cursor("orders")
        cursor.execute("SELECT generate_series(1, 3)")
        found = [list(row) for row in cursor.fetchall()]
        cursor.close()
    return found


def failing():
    """A statement that the database refuses, and one after it."""
    tracer = _tracer()
    with _connected() as connection, tracer.span(name="outer"):
        connection.autocommit = True
        cursor = connection.cursor()
        with contextlib.suppress(driver.Error):
            cursor.execute("SELECT * FROM nothing")
        cursor.execute("SELECT 1")


def switched_on_twice():
    """The integration, before another connection."""
    tracer = _tracer()
    config_integration.trace_integrations(["postgresql"])
    with _connected() as connection, tracer.span(name="outer"):
        connection.cursor().execute("SELECT 1")


def bytes_and_composed():
    """Statements that are no text."""
    tracer = _tracer()
    sql = __import__(f"{driver.__name__}.sql", fromlist=["SQL"])
    with _connected() as connection, tracer.span(name="outer"):
        cursor = connection.cursor()
        cursor.execute(b"SELECT 1")
        cursor.execute(sql.SQL("SELECT {} FROM {}").format(sql.Literal(2), sql.Identifier("pg_user")))
