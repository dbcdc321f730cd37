"""The integration with PyMongo, the driver of MongoDB: a client span of every command, of `MongoClient` and `AsyncMongoClient`."""

from __future__ import annotations

import logging
import threading
from typing import Any

from pymongo import monitoring

from opencensus_compat._bridge.process import hold_while_forking, on_reset, report
from opencensus_compat.ext import _patching, _spans
from opencensus_compat.ext._server import _is_otel_shape
from opencensus_compat.trace import _grpc_codes, execution_context, integrations
from opencensus_compat.trace import span as span_module
from opencensus_compat.trace import status as status_module
from opencensus_compat.trace.tracers import context_tracer

log = logging.getLogger("opencensus.ext.pymongo.trace")

MODULE_NAME = "pymongo"

COMMAND_ATTRIBUTES = ["filter", "sort", "skip", "limit", "pipeline"]
"""Fields of a command that become attributes. A program may change the list."""

_MOST_RUNNING = 10_000
"""Commands whose end is awaited at most: a driver that is interrupted tells of none."""

_lock = threading.RLock()
"""Guards what follows."""
hold_while_forking(_lock)
_running: dict[Any, Any] = {}
"""Key of a command that runs -> its span; None where it has none. Two listeners of one client make one span."""
_registered: list[MongoCommandListener] = []
"""The listener that was registered for all clients, if one was."""


def trace_integration(tracer: Any = None) -> None:
    """Make a client span of every command of the clients that are made from now on.

    Calling it again registers no second listener; a tracer that is given takes the place of the one given before.

    Args:
        tracer: Whose spans they are; None for the tracer that is current at each command.
    """
    log.info("Integrated module: %s", MODULE_NAME)
    with _lock:
        if not _registered:
            listener = MongoCommandListener(tracer=tracer)
            monitoring.register(listener)
            _registered.append(listener)
        elif tracer is not None:
            _registered[0]._tracer = tracer
    integrations.add_integration(integrations._Integrations.PYMONGO)


class MongoCommandListener(monitoring.CommandListener):  # type: ignore[misc] # its types are left out
    """Makes spans of the commands that a client tells it of: `MongoClient(event_listeners=[MongoCommandListener(tracer)])`.

    The span is the current one while its command runs. It ends with its own command, which it knows by the number that the driver has
    given it, whichever span is current then.

    Args:
        tracer: Whose spans they are; None for the tracer that is current at each command.
    """

    def __init__(self, tracer: Any = None) -> None:
        self._tracer = tracer

    @property
    def tracer(self) -> Any:
        """The tracer given, or the current one."""
        return self._tracer or execution_context.get_opencensus_tracer()

    def started(self, event: Any) -> None:
        """Start the span of a command."""
        key = _key(event)
        with _lock:
            if key in _running:
                return
            _running[key] = None
            forgotten = _running.pop(next(iter(_running))) if len(_running) > _MOST_RUNNING else None
        if forgotten is not None:
            context_tracer.end(forgotten)
        try:
            span = self._start(event)
        except Exception as error:  # noqa: BLE001 -- a command's values, samplers and exporters may raise anything, and the command goes on
            report("a command of MongoDB was not traced: %s", type(error).__name__)
            return
        with _lock:
            if span is None or not _spans.is_foreign(span):
                _running[key] = span
            else:
                # Its tracer knows which span is current.
                _running.pop(key, None)

    def succeeded(self, event: Any) -> None:
        """End the span of a command."""
        self._stop(event, _grpc_codes.OK)

    def failed(self, event: Any) -> None:
        """End the span of a command that failed; its status has what the server said."""
        self._stop(event, _grpc_codes.UNKNOWN, "MongoDB error", event.failure)

    def _start(self, event: Any) -> Any:
        if execution_context.is_exporter() or _patching.opentelemetry_traces(MODULE_NAME, self.tracer):
            return None
        statement = event.command.get(event.command_name)
        span = self.tracer.start_span(name=f"{MODULE_NAME}.{event.database_name}.{statement}.{event.command_name}")
        try:
            span.span_kind = span_module.SpanKind.CLIENT
            add = _spans.adder(self.tracer, span)
            add("component", "mongodb")
            add("db.type", "mongodb")
            add("db.instance", event.database_name)
            add("db.statement", statement)
            for name in COMMAND_ATTRIBUTES:
                value = event.command.get(name)
                if value is not None:
                    add(name, str(value))
            add("request_id", event.request_id)
            add("connection_id", str(event.connection_id))
            if _is_otel_shape(self.tracer):
                add("db.system.name", "mongodb")
                add("db.namespace", event.database_name)
                add("db.operation.name", event.command_name)
                if isinstance(statement, str):
                    add("db.collection.name", statement)
                if event.connection_id is not None:
                    add("server.address", event.connection_id[0])
                    add("server.port", event.connection_id[1])
        except Exception as error:  # noqa: BLE001 -- values of programs may raise anything when they become text
            report("a command of MongoDB is exported without some attributes: %s", type(error).__name__)
        return span

    def _stop(self, event: Any, code: int, message: str = "", details: Any = None) -> None:
        key = _key(event)
        with _lock:
            is_noted = key in _running
            span = _running.pop(key, None)
        try:
            if not is_noted:
                self._stop_foreign(status_module.Status(code=code, message=message, details=details))
            elif span is not None:
                span.set_status(status_module.Status(code=code, message=message, details=details))
                context_tracer.end(span)
        except Exception as error:  # noqa: BLE001 -- exporters of programs may raise anything
            report("a command of MongoDB was not exported: %s", type(error).__name__)

    def _stop_foreign(self, status: Any) -> None:
        """End the current span of a program's own tracer, as OpenCensus did."""
        span = None if self.tracer is None else self.tracer.current_span()
        if span is not None and _spans.is_foreign(span):
            span.set_status(status)
            self.tracer.end_span()


def _key(event: Any) -> Any:
    # Numbers of requests are made up by each process at random.
    return event.request_id, event.connection_id


on_reset(_running.clear)
