"""The integration with Psycopg, releases 2 and 3."""

from __future__ import annotations

import functools
import logging
from typing import Any

from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat.ext import _patching
from opencensus_compat.ext.dbapi._statements import _TRACED, Driver
from opencensus_compat.trace import integrations

try:
    import psycopg2
    from psycopg2 import connect as pg_connect
    from psycopg2.extensions import cursor as pgcursor
except ImportError:
    from psycopg import Cursor as pgcursor  # noqa: N813 -- the name in OpenCensus
    from psycopg import connect as pg_connect

    psycopg2 = None

__getattr__ = patch_targets(__name__, "inspect", "opencensus_compat.trace.execution_context", span_module="opencensus_compat.trace.span")

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
            if len(args) > 1:
                args = (args[0], _traced_connection(args[1]), *args[2:])
            else:
                kwargs["connection_factory"] = _traced_connection(kwargs.get("connection_factory"))
        except Exception as error:  # noqa: BLE001 -- a class of the program's own can raise anything
            _driver._report(error)
        return connect(*args, **kwargs)

    return call


def _traced_connection(given: Any) -> Any:
    """Return the subclass of a program's class of connections whose cursors are traced; for a function, one that makes such a connection."""
    if given is None:
        return _plain_connection()
    if not isinstance(given, type):
        return functools.wraps(given)(lambda *args, **kwargs: _with_traced_cursors(given(*args, **kwargs)))
    if getattr(given, "_opencensus_driver", None) is not None:
        return given
    found = vars(given).get(_TRACED)
    if found is None and given is not psycopg2.extensions.connection:
        found = _subclass(given)
        setattr(given, _TRACED, found)
    return found or _plain_connection()


@functools.cache
def _plain_connection() -> Any:
    return _subclass(psycopg2.extensions.connection)


def _subclass(kind: Any) -> Any:
    make = kind.cursor
    makes_plain_ones = make is psycopg2.extensions.connection.cursor

    @functools.wraps(make)
    def cursor(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            if len(args) > 1 and args[1] is not None:
                args = (args[0], _traced_factory(args[1]), *args[2:])
            elif (factory := kwargs.get("cursor_factory") or self.cursor_factory or (pgcursor if makes_plain_ones else None)) is not None:
                kwargs["cursor_factory"] = _traced_factory(factory)
        except Exception as error:  # noqa: BLE001 -- a class of the program's own can raise anything
            _driver._report(error)
        made = make(self, *args, **kwargs)
        # The method of a program's class may have chosen another one.
        return made if getattr(made, "_opencensus_driver", None) is not None else _driver.trace_cursor(made)

    members = {"__module__": kind.__module__, "__doc__": kind.__doc__, "_opencensus_driver": _driver, CURSOR_WRAP_METHOD: cursor}
    return type(kind)(kind.__name__, (kind,), members)


def _with_traced_cursors(connection: Any) -> Any:
    """Return a connection that a program's function has made, with traced cursors if they are of the class that it says."""
    try:
        connection.cursor_factory = _traced_factory(getattr(connection, "cursor_factory", None) or pgcursor)
    except Exception as error:  # noqa: BLE001 -- a connection of the program's own can raise anything
        _driver._report(error)
    return connection


def _traced_factory(factory: Any) -> Any:
    """Return what makes traced cursors in the place of a program's class of cursors, or of its function that makes them."""
    return _driver.traced(factory) if isinstance(factory, type) else lambda *args, **kwargs: _driver.trace_cursor(factory(*args, **kwargs))


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
