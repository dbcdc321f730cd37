"""The span of a statement, and how the cursors of a driver come to make one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from opencensus_compat._bridge.process import report
from opencensus_compat.ext import _patching
from opencensus_compat.ext._server import _is_otel_shape
from opencensus_compat.trace import exceptions_status, execution_context
from opencensus_compat.trace import span as span_module
from opencensus_compat.trace._kept import is_error

QUERY_METHODS = ("execute", "executemany")
_TRACED = "_opencensus_traced"
"""Attribute of a class: its traced subclass."""
_NAMES_OF_QUERIES = ("query", "operation", "sql", "statement")
"""What drivers call the parameter, where a program names it."""

_running: ContextVar[tuple[Any, ...]] = ContextVar("opencensus-statement", default=())
"""Cursor, method and statement of the call that is being traced in this thread or task."""

of_framework: ContextVar[tuple[Any, Any] | None] = ContextVar("opencensus-framework-statement", default=None)
"""Statement and values that a framework's integration traces while its driver runs them in this thread or task."""

_is_for_itself: ContextVar[bool] = ContextVar("opencensus-driver-for-itself", default=False)
"""Whether a driver executes statements of its own in this thread or task."""
_FOR_ITSELF = ("connect", "info_query")
"""Methods of connections that do: the second one answers for properties, as `connection.database`."""


class Driver:
    """How the statements of a driver are traced.

    Args:
        library: Name of the integration, below ``opencensus.ext``.
        prefix: How the span and its attributes begin.
        system: What OpenTelemetry's conventions call the database, if it is one and the same for all statements.
    """

    def __init__(self, library: str, prefix: str, system: str = "") -> None:
        self.library = library
        self.system = system
        self.prefix = prefix
        self._kinds: dict[type, type] = {}
        """The traced class for classes of extension modules, which take no attributes."""

    def run(self, execute: Callable[..., Any], cursor: Any, method: str, args: Any, kwargs: Any) -> Any:
        """Call a cursor's method inside a client span, and return what it returns.

        Raises:
            Exception: Whatever the call raises; the span's status tells.
        """
        query = _query(args, kwargs)
        call = (cursor, method, query)
        statement = None if _is_running(call) else self.begin(query, method, cursor)
        if statement is None:
            return execute(*args, **kwargs)
        token = _running.set(call)
        try:
            return execute(*args, **kwargs)
        except BaseException as error:
            statement.fail(error)
            raise
        finally:
            _running.reset(token)
            statement.end()

    async def run_async(self, execute: Callable[..., Any], cursor: Any, method: str, args: Any, kwargs: Any) -> Any:
        """As `run`, for a method that is awaited."""
        query = _query(args, kwargs)
        call = (cursor, method, query)
        statement = None if _is_running(call) else self.begin(query, method, cursor)
        if statement is None:
            return await execute(*args, **kwargs)
        token = _running.set(call)
        try:
            return await execute(*args, **kwargs)
        except BaseException as error:
            statement.fail(error)
            raise
        finally:
            _running.reset(token)
            statement.end()

    def begin(self, query: Any, method: str, cursor: Any = None, parameters: str | None = None, system: str = "") -> Statement | None:
        """Start the span of a statement, and return it; None where there is none, or where tracing fails, which is reported once.

        Args:
            query: What the program hands to the driver.
            method: The cursor's method.
            cursor: The cursor, which gives composed statements their text.
            parameters: The values that go with it, as text, where OpenCensus has sent them.
            system: As in the class, of this statement.
        """
        try:
            tracer = execution_context.get_opencensus_tracer()
            # `set_opencensus_tracer(None)` is what programs call to have no tracer.
            if tracer is None or of_framework.get() is not None or _patching.opentelemetry_traces(self.library, tracer):
                return None
            span = tracer.start_span()
        except Exception as error:  # noqa: BLE001 -- a tracer of the program's own can raise anything
            self._report(error)
            return None
        statement = Statement(self, tracer, span)
        try:
            span.name = f"{self.prefix}.query"
            span.span_kind = span_module.SpanKind.CLIENT
            text = _text(query, cursor)
            tracer.add_attribute_to_current_span(f"{self.prefix}.query", text)
            if parameters is not None:
                tracer.add_attribute_to_current_span(f"{self.prefix}.query.parameters", parameters)
            tracer.add_attribute_to_current_span(f"{self.prefix}.cursor.method.name", method)
            if _is_otel_shape(tracer):
                tracer.add_attribute_to_current_span("db.system.name", system or self.system or "other_sql")
                tracer.add_attribute_to_current_span("db.query.text", text)
        except Exception as error:  # noqa: BLE001 -- the same, and a statement of any class can raise while it is shown
            self._report(error)
        return statement

    def _report(self, error: Exception) -> None:
        report(f"opencensus.ext.{self.library}: a statement is traced in part, or not at all: %s", type(error).__name__)

    def traced(self, kind: type) -> type:
        """Return the subclass of a class of cursors that makes a span of each statement; a class that does so already is returned itself."""
        if getattr(kind, "_opencensus_driver", None) is not None:
            return kind
        # On the class itself: there are programs, and instrumentations, that make one for each connection.
        found = vars(kind).get(_TRACED) or self._kinds.get(kind)
        if found is None:
            # No dictionary or list of weak references that the class does not have: cursors that exist could not change to it else.
            members: dict[str, Any] = {"__slots__": (), "__module__": kind.__module__, "__doc__": kind.__doc__, "_opencensus_driver": self}
            members.update({name: self.traced_method(getattr(kind, name)) for name in QUERY_METHODS})
            found = type(kind)(kind.__name__, (kind,), members)
            try:
                setattr(kind, _TRACED, found)
            except TypeError:
                self._kinds[kind] = found
        return found

    def trace_cursor(self, cursor: Any) -> Any:
        """Have a cursor make a span of each statement, and return it; a class that cannot be traced is reported once."""
        try:
            cursor.__class__ = self.traced(type(cursor))
        except Exception as error:  # noqa: BLE001 -- a class of cursors of the program's own can raise anything
            self._report(error)
        return cursor

    def traced_method(self, method: Any) -> Any:
        """Return a method of cursors that makes a span of each call."""
        name = method.__name__

        @functools.wraps(method)
        def execute(cursor: Any, *args: Any, **kwargs: Any) -> Any:
            return self.run(functools.partial(method, cursor), cursor, name, args, kwargs)

        return execute

    def traced_coroutine(self, method: Any) -> Any:
        """Return a method of cursors that is awaited, which makes a span of each call."""
        name = method.__name__

        @functools.wraps(method)
        async def execute(cursor: Any, *args: Any, **kwargs: Any) -> Any:
            return await self.run_async(functools.partial(method, cursor), cursor, name, args, kwargs)

        return execute

    def trace_cursors_of(self, connections: type) -> None:
        """Have the cursors of a class of connections make a span of each statement. Calling it again changes nothing.

        What a driver executes by itself, while it connects or to know a setting of the server, is none of the program's statements.
        """

        def wrapper(make: Any) -> Any:
            @functools.wraps(make)
            def cursor(connection: Any, *args: Any, **kwargs: Any) -> Any:
                made = make(connection, *args, **kwargs)
                return made if _is_for_itself.get() or _running.get() else self.trace_cursor(made)

            return cursor

        _patching.wrap(connections, "cursor", wrapper)
        for name in _FOR_ITSELF:
            if hasattr(connections, name):
                _patching.wrap(connections, name, _noting_that_it_is_for_itself)


def _noting_that_it_is_for_itself(method: Any) -> Any:
    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        token = _is_for_itself.set(True)
        try:
            return method(*args, **kwargs)
        finally:
            _is_for_itself.reset(token)

    return call


class Statement:
    """One that runs.

    Args:
        driver: How it is traced.
        tracer: Its tracer.
        span: Its span, which has been started.
    """

    __slots__ = ("_driver", "_span", "_tracer")

    def __init__(self, driver: Driver, tracer: Any, span: Any) -> None:
        self._driver = driver
        self._tracer = tracer
        self._span = span

    def fail(self, error: BaseException) -> None:
        """Let the status tell what the statement has raised."""
        try:
            if is_error(error):
                self._span.set_status(exceptions_status.unknown(error))
        except Exception as raised:  # noqa: BLE001 -- an exception of any class can raise while it is shown
            self._driver._report(raised)

    def end(self) -> None:
        """End the span."""
        try:
            self._tracer.end_span()
        except Exception as error:  # noqa: BLE001 -- an exporter of the program's own can raise anything
            self._driver._report(error)


def _is_running(call: tuple[Any, ...]) -> bool:
    """Return whether a call is the one that is being traced, handed on: by a subclass to its base, or by another wrapper."""
    running = _running.get()
    return len(running) == len(call) and all(one is other for one, other in zip(running, call, strict=True))


def _query(args: Any, kwargs: Any) -> Any:
    return args[0] if args else next((kwargs[name] for name in _NAMES_OF_QUERIES if name in kwargs), None)


def _text(query: Any, cursor: Any) -> Any:
    """Return a statement as text; what is neither text nor made up of parts stays."""
    if isinstance(query, (bytes, bytearray)):
        return query.decode("utf-8", "replace")
    compose = None if isinstance(query, str) else getattr(query, "as_string", None)
    return query if compose is None else compose(cursor)
