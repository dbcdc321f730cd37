"""Statements of drivers that `opencensus.ext.dbapi` wraps: SQLite with classes that take attributes, and a driver in Python."""

from __future__ import annotations

import contextlib
import logging
import sqlite3

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.dbapi import trace
from opencensus.trace import execution_context
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

logging.getLogger().addHandler(logging.NullHandler())


class _Cursor(sqlite3.Cursor):
    """Takes attributes."""


class _Connection(sqlite3.Connection):
    def cursor(self, kind=_Cursor):
        return super().cursor(kind)


def _connect(*args, **kwargs):
    return sqlite3.connect(*args, factory=_Connection, **kwargs)


def _tracer():
    execution_context.clean()
    return Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


def constants():
    """What the module is called by."""
    return [trace.CURSOR_WRAP_METHOD, trace.QUERY_WRAP_METHODS]


def wrapped_connection():
    """`wrap_conn`, and each method of a cursor."""
    tracer = _tracer()
    connection = trace.wrap_conn(_connect)(":memory:")
    with tracer.span(name="outer"):
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE orders (id INTEGER, sku TEXT)")
        cursor.executemany("INSERT INTO orders VALUES (?, ?)", [(1, "a1"), (2, "b2")])
        cursor.execute("SELECT sku FROM orders WHERE id = ?", (2,))
        found = cursor.fetchall()
    connection.close()
    return [list(row) for row in found]


def wrapped_cursor():
    """`wrap_cursor`, and what it hands to the function."""
    tracer = _tracer()
    connection = _connect(":memory:")
    with tracer.span(name="outer"):
        cursor = trace.wrap_cursor(connection.cursor)(_Cursor)
        cursor.execute("SELECT 1")
        found = cursor.fetchone()
    connection.close()
    return list(found)


def wrapped_method():
    """`trace_cursor_query`."""
    tracer = _tracer()
    connection = _connect(":memory:")
    cursor = connection.cursor()
    with tracer.span(name="outer"):
        found = trace.trace_cursor_query(cursor.execute)("SELECT ?", (3,)).fetchone()
    connection.close()
    return list(found)


def alone():
    """Outside any span."""
    _tracer()
    connection = trace.wrap_conn(_connect)(":memory:")
    connection.cursor().execute("SELECT 1")
    connection.close()


def failing():
    """A statement that the database refuses, and one after it."""
    tracer = _tracer()
    connection = trace.wrap_conn(_connect)(":memory:")
    with tracer.span(name="outer"):
        cursor = connection.cursor()
        with contextlib.suppress(sqlite3.OperationalError):
            cursor.execute("SELECT * FROM nothing")
        cursor.execute("SELECT 1")
    connection.close()


def refused():
    """A connection that cannot be made; how often it was tried."""
    _tracer()
    tried = []

    def connect():
        tried.append(1)
        raise sqlite3.OperationalError("refused")

    try:
        trace.wrap_conn(connect)()
    except sqlite3.OperationalError as error:
        return [str(error), len(tried)]


def without_attributes():
    """Connections and cursors that take no attributes are not traced, and work."""
    tracer = _tracer()
    with tracer.span(name="outer"):
        connection = trace.wrap_conn(sqlite3.connect)(":memory:")
        found = [list(connection.cursor().execute("SELECT 1").fetchone())]
        found.append(list(trace.wrap_cursor(connection.cursor)().execute("SELECT 2").fetchone()))
        connection.close()
    return found
