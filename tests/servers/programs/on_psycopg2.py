"""What Psycopg 2 has and others do not: classes of cursors and connections, helpers, pools."""

from __future__ import annotations

import contextlib
import io
import os

import psycopg2.extras
import psycopg2.pool
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration, execution_context
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
from psycopg2 import connect as imported_before

INTEGRATED = config_integration.trace_integrations(["postgresql"])
_OPTIONS = {"host": "127.0.0.1", "port": int(os.environ["POSTGRESQL"]), "user": "census", "dbname": "postgres"}


def _tracer(**options):
    execution_context.clean()
    return Tracer(**{"exporter": AzureExporter(), "sampler": AlwaysOnSampler(), **options})


@contextlib.contextmanager
def _connected(connect=None, **options):
    connection = (connect or psycopg2.connect)(**_OPTIONS, **options)
    try:
        yield connection
    finally:
        connection.close()


def _rows(connection, *args, **kwargs):
    cursor = connection.cursor(*args, **kwargs)
    cursor.execute("SELECT 1 AS number")
    return [type(row).__name__ for row in cursor.fetchall()]


def connect_that_was_imported_before():
    """By its name, before the integration was switched on."""
    tracer = _tracer()
    with _connected(imported_before) as connection, tracer.span(name="outer"):
        return _rows(connection)


def cursors_of_a_connection():
    """Their class is given to `connect`."""
    tracer = _tracer()
    with _connected(cursor_factory=psycopg2.extras.DictCursor) as connection, tracer.span(name="outer"):
        return _rows(connection)


def class_of_a_cursor():
    """It is given to `cursor`."""
    tracer = _tracer()
    with _connected() as connection, tracer.span(name="outer"):
        return _rows(connection, cursor_factory=psycopg2.extras.RealDictCursor)


def class_of_a_connection():
    """It makes cursors of its own."""
    tracer = _tracer()
    with _connected(connection_factory=psycopg2.extras.NamedTupleConnection) as connection, tracer.span(name="outer"):
        return _rows(connection)


def class_of_a_cursor_by_position():
    """It is given to `cursor`, after the name."""
    tracer = _tracer()
    with _connected() as connection, tracer.span(name="outer"):
        return _rows(connection, "named", psycopg2.extras.DictCursor)


def function_for_cursors():
    """It makes a cursor."""
    tracer = _tracer()
    with _connected() as connection, tracer.span(name="outer"):
        return _rows(connection, cursor_factory=lambda *args, **kwargs: psycopg2.extras.DictCursor(*args, **kwargs))


def function_for_connections():
    """It makes a connection."""
    tracer = _tracer()
    with _connected(connection_factory=lambda *args: psycopg2.extensions.connection(*args)) as connection, tracer.span(name="outer"):
        return _rows(connection)


def pool():
    """A connection of a pool."""
    tracer = _tracer()
    made = psycopg2.pool.SimpleConnectionPool(1, 2, **_OPTIONS)
    with tracer.span(name="outer"):
        found = _rows(made.getconn())
    made.closeall()
    return found


def copied():
    """`copy_from` makes no span."""
    tracer = _tracer()
    with _connected() as connection, tracer.span(name="outer"):
        cursor = connection.cursor()
        cursor.execute("CREATE TEMPORARY TABLE orders (id INTEGER)")
        cursor.copy_from(io.StringIO("1\n2\n"), "orders")
        cursor.execute("SELECT sum(id) FROM orders")
        return list(cursor.fetchone())


def called():
    """`callproc` makes no span."""
    tracer = _tracer()
    with _connected() as connection, tracer.span(name="outer"):
        cursor = connection.cursor()
        cursor.callproc("abs", (-3,))
        return list(cursor.fetchone())


def helpers():
    """What they make of rows are statements in bytes."""
    tracer = _tracer()
    with _connected() as connection, tracer.span(name="outer"):
        cursor = connection.cursor()
        cursor.execute("CREATE TEMPORARY TABLE orders (id INTEGER)")
        psycopg2.extras.execute_values(cursor, "INSERT INTO orders VALUES %s", [(1,), (2,)])
        psycopg2.extras.execute_batch(cursor, "INSERT INTO orders VALUES (%s)", [(3,), (4,)])
