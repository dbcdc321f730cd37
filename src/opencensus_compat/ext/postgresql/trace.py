"""The integration with Psycopg, releases 2 and 3."""

from __future__ import annotations

import functools
import logging
from typing import Any

from opencensus_compat._bridge.process import report
from opencensus_compat.ext import _patching
from opencensus_compat.ext.dbapi._statements import Driver
from opencensus_compat.trace import integrations

try:
    import psycopg2
    from psycopg2 import connect as pg_connect
    from psycopg2.extensions import cursor as pgcursor
except ImportError:
    from psycopg import Cursor as pgcursor  # noqa: N813 -- the name in OpenCensus
    from psycopg import connect as pg_connect

    psycopg2 = None

log = logging.getLogger("opencensus.ext.postgresql.trace")

MODULE_NAME = "postgresql"

CONN_WRAP_METHOD = "connect"
CURSOR_WRAP_METHOD = "cursor"
QUERY_WRAP_METHODS = ["execute", "executemany"]

_CURSORS_OF_3 = ("Cursor", "ServerCursor", "AsyncCursor", "AsyncServerCursor")
"""Classes of Psycopg 3 that have an `execute` of their own."""


_driver = Driver(MODULE_NAME, MODULE_NAME, "postgresql")
_driver_3 = Driver(MODULE_NAME, MODULE_NAME, "postgresql")
"""Of Psycopg 3: OpenTelemetry's instrumentation of it opens its span before ours would begin."""


def trace_integration(tracer: Any = None) -> None:
    """Make a client span of each statement of Psycopg 2 and 3 from now on, whichever of them is installed.

    Connections of Psycopg 2 that exist already are left as they are. Calling it again changes nothing.

    Args:
        tracer: Not used, as in OpenCensus: the current one makes the spans.
    """
    log.info("Integrated module: %s", MODULE_NAME)
    if psycopg2 is not None:
        # What programs have imported as `from psycopg2 import connect` calls it by this name.
        _patching.wrap(psycopg2, "_connect" if hasattr(psycopg2, "_connect") else CONN_WRAP_METHOD, _connecting)
    _trace_psycopg_3()
    integrations.add_integration(integrations._Integrations.POSTGRESQL)


def _trace_psycopg_3() -> None:
    try:
        import psycopg
    except ImportError as error:
        log.debug("Psycopg 3 is not traced: %s", error)
        return
    for kind in _CURSORS_OF_3:
        trace = _driver_3.traced_coroutine if kind.startswith("Async") else _driver_3.traced_method
        for method in QUERY_WRAP_METHODS:
            # A cursor on the server refuses `executemany`, also where it has inherited it.
            _patching.wrap(getattr(psycopg, kind), method, trace)


def connect(*args: Any, **kwargs: Any) -> Any:
    """Connect as Psycopg does, to a connection whose cursors make a client span of each statement, of whichever class they are."""
    if psycopg2 is None:
        kwargs.setdefault("cursor_factory", TraceCursor)
        return pg_connect(*args, **kwargs)
    return _connecting(pg_connect)(*args, **kwargs)


def _connecting(connect: Any) -> Any:
    @functools.wraps(connect)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            made = _traced_connection(kwargs.get("connection_factory"))
        except Exception as error:  # noqa: BLE001 -- a class of the program's own can raise anything
            _driver._report(error)
        else:
            if made is not None:
                kwargs["connection_factory"] = made
        return connect(*args, **kwargs)

    return call


@functools.cache
def _traced_connection(given: Any) -> Any:
    """Return the subclass of a program's class of connections whose cursors are traced; for a function, one that makes such a connection."""
    kind: Any = psycopg2.extensions.connection if given is None else given
    if not isinstance(kind, type):
        return functools.wraps(kind)(lambda *args, **kwargs: _with_traced_cursors(kind(*args, **kwargs)))
    if getattr(kind, "_opencensus_driver", None) is not None:
        return kind

    make = getattr(kind, CURSOR_WRAP_METHOD)

    @functools.wraps(make)
    def cursor(self: Any, *args: Any, **kwargs: Any) -> Any:
        return make(self, *args, **_with_traced_factory(self, args, kwargs))

    members = {"__module__": kind.__module__, "__doc__": kind.__doc__, "_opencensus_driver": _driver, CURSOR_WRAP_METHOD: cursor}
    traced: type = type(kind)(kind.__name__, (kind,), members)
    return traced


def _with_traced_cursors(connection: Any) -> Any:
    """Return a connection that a program's function has made, with traced cursors if they are of the class that it says."""
    factory = getattr(connection, "cursor_factory", None) or pgcursor
    if isinstance(factory, type):
        connection.cursor_factory = _driver.traced(factory)
    return connection


def _with_traced_factory(connection: Any, args: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments of `connection.cursor`, with a traced class of cursors for the one that the program has chosen."""
    if len(args) > 1:
        return kwargs
    try:
        factory = kwargs.get("cursor_factory") or connection.cursor_factory or pgcursor
        return {**kwargs, "cursor_factory": _driver.traced(factory) if isinstance(factory, type) else _made_by(factory)}
    except Exception as error:  # noqa: BLE001 -- a class of the program's own can raise anything
        _driver._report(error)
        return kwargs


def _made_by(factory: Any) -> Any:
    """Return a program's function that makes cursors, with these traced."""

    def make(*args: Any, **kwargs: Any) -> Any:
        cursor = factory(*args, **kwargs)
        try:
            for name in QUERY_WRAP_METHODS:
                setattr(cursor, name, trace_cursor_query(getattr(cursor, name)))
        except Exception as error:  # noqa: BLE001 -- a cursor of any class can raise anything
            report(f"opencensus.ext.{MODULE_NAME}: statements of {type(cursor).__qualname__} are not traced: {type(error).__name__}")
        return cursor

    return make


def trace_cursor_query(query_func: Any) -> Any:
    """Return a function that calls a cursor's ``query_func`` inside a client span, which ends also when that raises."""

    def call(query: Any, *args: Any, **kwargs: Any) -> Any:
        name = getattr(query_func, "__name__", type(query_func).__name__)
        return _driver.run(query_func, getattr(query_func, "__self__", None), name, (query, *args), kwargs)

    return functools.update_wrapper(call, query_func, updated=())


class TraceCursor(pgcursor):  # type: ignore[misc, valid-type, unused-ignore] # of whichever Psycopg is installed
    """A cursor that makes a client span of each statement, also where the integration is not switched on."""

    _opencensus_driver = _driver

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)

    def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        """Execute a statement inside a client span."""
        return _driver.run(super().execute, self, "execute", (query, *args), kwargs)

    def executemany(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        """Execute a statement for each of some rows inside one client span."""
        return _driver.run(super().executemany, self, "executemany", (query, *args), kwargs)
