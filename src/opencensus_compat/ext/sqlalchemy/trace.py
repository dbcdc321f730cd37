"""The integration with SQLAlchemy, of synchronous and of asyncio engines."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from sqlalchemy import engine, event
from sqlalchemy.exc import InvalidRequestError

from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat.ext.dbapi._statements import Driver, Statement
from opencensus_compat.trace import integrations

__getattr__ = patch_targets(__name__, "opencensus_compat.trace.execution_context", span_module="opencensus_compat.trace.span")

log = logging.getLogger("opencensus.ext.sqlalchemy.trace")

MODULE_NAME = "sqlalchemy"

_Begun = tuple[Any, Any, Statement | None]
_running: ContextVar[tuple[_Begun, ...]] = ContextVar("opencensus-sqlalchemy", default=())
"""The statements that run in this thread or task, innermost last, each with its cursor and context; None is one without a span."""


_driver = Driver(MODULE_NAME, MODULE_NAME)
_SYSTEMS = {"mssql": "microsoft.sql_server", "oracle": "oracle.db"}
"""SQLAlchemy's name of a database -> that of OpenTelemetry's conventions, where it is another."""


def trace_integration(tracer: Any = None) -> None:
    """Make a client span of each statement of all engines from now on, those that exist too. Calling it again changes nothing.

    Args:
        tracer: Not used, as in OpenCensus: the current one makes the spans.
    """
    log.info("Integrated module: %s", MODULE_NAME)
    trace_engine(engine.Engine)
    integrations.add_integration(integrations._Integrations.SQLALCHEMY)


def trace_engine(engine: Any) -> None:
    """Make a client span of each statement of an engine from now on. Calling it again changes nothing.

    With the driver's integration on, too, the driver's span is inside this one, as in OpenCensus.

    Args:
        engine: The engine, an asyncio engine, or the class of all engines.
    """
    target = getattr(engine, "sync_engine", engine)
    for name, listener in (
        ("before_cursor_execute", _before_cursor_execute),
        ("after_cursor_execute", _after_cursor_execute),
        ("handle_error", _handle_error),
    ):
        if not _listens(target, name, listener):
            event.listen(target, name, listener)


def _listens(target: Any, name: str, listener: Callable[..., None]) -> bool:
    try:
        return bool(event.contains(target, name, listener))
    except InvalidRequestError:
        # No engine: `listen` is the one to refuse it.
        return False


def _before_cursor_execute(conn: Any, cursor: Any, statement: Any, parameters: Any, context: Any, executemany: Any) -> None:
    """Start the span of a statement."""
    running = _running.get()
    if cursor is not None and any(one is cursor for one, _, _ in running):
        # Both the engine and the class of all engines are traced.
        return
    try:
        shown = str(parameters)
    except Exception as error:  # noqa: BLE001 -- a parameter of any class can raise while it is shown
        _driver._report(error)
        shown = ""
    name = getattr(getattr(conn, "dialect", None), "name", "")
    method = "executemany" if executemany else "execute"
    begun = _driver.begin(statement, method, parameters=shown, system=_SYSTEMS.get(name, name))
    _running.set((*running, (cursor, context, begun)))


def _after_cursor_execute(conn: Any, cursor: Any, statement: Any, parameters: Any, context: Any, executemany: Any) -> None:
    """End the span of a statement."""
    running = _running.get()
    _end(running, next((place for place, (one, _, _) in enumerate(running) if one is cursor), None))


def _handle_error(context: Any) -> None:
    """End the span of a statement that has failed; there is none of a connection that has, or of a statement that cannot be compiled."""
    running = _running.get()
    failed = getattr(context, "execution_context", None)
    places = [place for place, (_, one, _) in enumerate(running) if one is failed]
    _end(running, places[-1] if places else None, getattr(context, "original_exception", None))


def _end(running: tuple[_Begun, ...], place: int | None, error: BaseException | None = None) -> None:
    """End the span of the statement at a place, and before it those of what began inside it and was left open."""
    if place is None:
        return
    for _, _, begun in reversed(running[place:]):
        if begun is not None:
            if error is not None:
                begun.fail(error)
            begun.end()
    _running.set(running[:place])
