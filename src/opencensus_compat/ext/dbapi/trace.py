"""Functions that trace the statements of a driver with DB-API 2's connections and cursors."""

from __future__ import annotations

import functools
from typing import Any

from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat._bridge.process import report
from opencensus_compat.ext.dbapi._statements import Driver

__getattr__ = patch_targets(__name__, "logging", "opencensus_compat.trace.execution_context", span_module="opencensus_compat.trace.span")

CURSOR_WRAP_METHOD = "cursor"
QUERY_WRAP_METHODS = ["execute", "executemany"]

_MARK = "_opencensus_original"
_driver = Driver("dbapi", "mysql")
"""OpenCensus made this module for MySQL's drivers, and names all spans after them."""


def wrap_conn(conn_func: Any) -> Any:
    """Return a function that connects as ``conn_func`` does, and makes a client span of each statement of the connection's cursors.

    Connections of a class that takes no attributes, as `sqlite3.Connection`, are left as they are, and reported once; one of a subclass
    (``sqlite3.connect(..., factory=...)``) is traced.
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        conn = conn_func(*args, **kwargs)
        try:
            setattr(conn, CURSOR_WRAP_METHOD, wrap_cursor(getattr(conn, CURSOR_WRAP_METHOD)))
        except Exception as error:  # noqa: BLE001 -- a connection of any class can raise anything
            _report(conn, error)
        return conn

    return functools.update_wrapper(call, conn_func, updated=())


def wrap_cursor(cursor_func: Any) -> Any:
    """Return a function that makes a cursor as ``cursor_func`` does, and a client span of each of its statements.

    Cursors of a class that takes no attributes are left as they are, and reported once.
    """
    if _is_ours(cursor_func):
        return cursor_func

    def call(*args: Any, **kwargs: Any) -> Any:
        cursor = cursor_func(*args, **kwargs)
        try:
            for name in QUERY_WRAP_METHODS:
                setattr(cursor, name, trace_cursor_query(getattr(cursor, name)))
        except Exception as error:  # noqa: BLE001 -- a cursor of any class can raise anything
            _report(cursor, error)
        return cursor

    return _marked(call, cursor_func)


def trace_cursor_query(query_func: Any) -> Any:
    """Return a function that calls a cursor's ``query_func`` inside a client span, which ends also when that raises."""
    if _is_ours(query_func):
        return query_func

    def call(query: Any, *args: Any, **kwargs: Any) -> Any:
        name = getattr(query_func, "__name__", type(query_func).__name__)
        return _driver.run(query_func, getattr(query_func, "__self__", None), name, (query, *args), kwargs)

    return _marked(call, query_func)


def _marked(call: Any, original: Any) -> Any:
    functools.update_wrapper(call, original, updated=())
    setattr(call, _MARK, original)
    return call


def _is_ours(function: Any) -> bool:
    # A mock that stands in the function's place answers to any name.
    return _MARK in getattr(function, "__dict__", ())


def _report(owner: Any, error: Exception) -> None:
    kind = type(owner)
    report(f"opencensus.ext.dbapi: statements of {kind.__module__}.{kind.__qualname__} are not traced: {type(error).__name__}")
