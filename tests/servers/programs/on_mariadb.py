"""Statements on MariaDB, traced by the integrations: by MySQL Connector, by mysqlclient where it is installed and asked for, or by PyMySQL."""

from __future__ import annotations

import contextlib
import logging
import os

_DRIVER = os.environ["DRIVER"]
if _DRIVER == "pymysql":
    import pymysql as driver
elif _DRIVER == "MySQLdb":
    try:
        import MySQLdb as driver
    except ImportError:
        import mysql.connector as driver
else:
    import mysql.connector as driver

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration, execution_context
from opencensus.trace.samplers import AlwaysOffSampler, AlwaysOnSampler
from opencensus.trace.tracer import Tracer

logging.getLogger().addHandler(logging.NullHandler())
INTEGRATED = config_integration.trace_integrations(["pymysql" if _DRIVER == "pymysql" else "mysql"])
_OPTIONS = {"host": "127.0.0.1", "port": int(os.environ["MARIADB"]), "user": "census", "database": "census"}


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
        cursor.execute("SELECT %s", (5,))
        return list(cursor.fetchone())


def alone():
    """Outside any span."""
    _tracer()
    with _connected() as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        cursor.fetchall()


def unsampled():
    """A trace that is not sampled."""
    tracer = _tracer(sampler=AlwaysOffSampler())
    with _connected() as connection, tracer.span(name="outer"):
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        cursor.fetchall()


def several_rows():
    """`executemany` of an INSERT, which the drivers make one statement of, with the values in it."""
    tracer = _tracer()
    with _connected() as connection, tracer.span(name="outer"):
        cursor = connection.cursor()
        cursor.execute("CREATE TEMPORARY TABLE orders (id INTEGER, sku TEXT)")
        cursor.executemany("INSERT INTO orders VALUES (%s, %s)", [(1, "a1"), (2, "b2")])
        cursor.execute("SELECT sku FROM orders ORDER BY id")
        return [list(row) for row in cursor.fetchall()]


def several_updates():
    """`executemany` of another statement, which they execute for each row."""
    tracer = _tracer()
    with _connected() as connection, tracer.span(name="outer"):
        cursor = connection.cursor()
        cursor.execute("CREATE TEMPORARY TABLE orders (id INTEGER)")
        cursor.executemany("UPDATE orders SET id = %s", [(1,), (2,)])


def failing():
    """A statement that the database refuses, and one after it."""
    tracer = _tracer()
    with _connected() as connection, tracer.span(name="outer"):
        cursor = connection.cursor()
        with contextlib.suppress(driver.Error):
            cursor.execute("SELECT * FROM nothing")
        cursor.execute("SELECT 1")
        cursor.fetchall()


def kinds_of_cursors():
    """A program's choice."""
    tracer = _tracer()
    with _connected() as connection, tracer.span(name="outer"):
        if driver.__name__ == "mysql.connector":
            cursors = [connection.cursor(**{kind: True}) for kind in ("dictionary", "buffered", "raw", "prepared")]
        else:
            module = __import__(f"{driver.__name__}.cursors", fromlist=["Cursor"])
            cursors = [connection.cursor(kind) for kind in (module.DictCursor, module.Cursor, module.SSCursor, module.SSDictCursor)]
        found = []
        for cursor in cursors:
            cursor.execute("SELECT 1 AS number")
            found.append(len(cursor.fetchall()))
            cursor.close()
    return found


def called():
    """A procedure."""
    tracer = _tracer()
    with _connected() as connection, tracer.span(name="outer"):
        connection.cursor().execute("CREATE OR REPLACE PROCEDURE nothing() BEGIN END")
        connection.cursor().callproc("nothing")


def switched_on_twice():
    """The integration, before another connection."""
    tracer = _tracer()
    config_integration.trace_integrations(INTEGRATED)
    with _connected() as connection, tracer.span(name="outer"):
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        cursor.fetchall()


def pool():
    """Connections of a pool, where the driver has one."""
    tracer = _tracer()
    options = {"pool_name": "orders", "pool_size": 1} if driver.__name__ == "mysql.connector" else {}
    with _connected(**options) as connection, tracer.span(name="outer"):
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        cursor.fetchall()
        cursor.close()


def imported_class():
    """A connection that is made by its class."""
    tracer = _tracer()
    kind = driver.MySQLConnection if driver.__name__ == "mysql.connector" else driver.connections.Connection
    connection = kind(**_OPTIONS)
    with tracer.span(name="outer"):
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        cursor.fetchall()
    connection.close()
