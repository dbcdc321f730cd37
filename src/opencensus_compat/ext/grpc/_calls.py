"""What the interceptors of `grpc` and `grpc.aio` share: the spans of both sides of a call, from start to end.

Tracing costs a call nothing but its span: what fails here is reported once, and the call goes on.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import grpc

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge.convert import oc_to_otel
from opencensus_compat._bridge.process import report
from opencensus_compat.ext import _patching, _spans
from opencensus_compat.ext import grpc as oc_grpc
from opencensus_compat.ext._server import _is_otel_shape
from opencensus_compat.trace import _grpc_codes, attributes_helper, execution_context, stack_trace
from opencensus_compat.trace import span as span_module
from opencensus_compat.trace import status as status_module
from opencensus_compat.trace import tracer as tracer_module
from opencensus_compat.trace._kept import is_error
from opencensus_compat.trace.propagation import binary_format, trace_context_http_header_format
from opencensus_compat.trace.tracers import context_tracer

CLOUD_TRACE = "google.devtools.cloudtrace"
"""Part of the methods by which exporters to Google's service send spans: these are not traced."""

SENT_PREFIX = "Sent"
RECV_PREFIX = "Recv"
"""What the names of spans begin with, on the side that calls and on the one that is called."""

_COMPONENT = attributes_helper.COMMON_ATTRIBUTES["COMPONENT"]
_ERROR_MESSAGE = attributes_helper.COMMON_ATTRIBUTES["ERROR_MESSAGE"]
_HOST_PORT = attributes_helper.GRPC_ATTRIBUTES["GRPC_HOST_PORT"]
_METHOD = attributes_helper.GRPC_ATTRIBUTES["GRPC_METHOD"]

_BINARY = binary_format.BinaryFormatPropagator()
_W3C = trace_context_http_header_format.TraceContextPropagator()


class guarded:  # noqa: N801 -- reads as the function that it is in a `with` statement
    """Run a block whose errors are reported, once for each kind of problem: they are this package's, not the application's.

    Args:
        what: What does not happen then, for the report.
    """

    __slots__ = ("_what",)

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        """A generator would take five times as long, and a call has several of these."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> bool:
        # Messages, samplers, propagators and exporters of programs may raise anything.
        if not isinstance(error, Exception):
            return False
        report(f"{self._what}: %s", type(error).__name__)
        return True


def text(value: Any) -> str:
    """Return a method's name as text: `grpc.aio` has bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def name_of(prefix: str, method: str) -> str:
    """Return the name of a span, as ``Sent.shop.Orders.Price`` of ``/shop.Orders/Price``."""
    return f"{prefix}.{method[1:].replace('/', '.')}"


def status_of(code: Any, details: Any) -> Any:
    """Return the status of a call by its gRPC code, None where that is OK or unknown."""
    number = code.value[0] if isinstance(code, grpc.StatusCode) else code
    if not isinstance(number, int):
        return None
    if number == _grpc_codes.OK:
        return None
    return status_module.Status(number, details.decode("utf-8", "replace") if isinstance(details, bytes) else str(details or ""))


def cancelled(message: str = "") -> Any:
    """Return the status of a call that one of its sides has given up."""
    return status_module.Status(_grpc_codes.CANCELLED, message)


def failure(error: BaseException) -> tuple[Any, str | None]:
    """Return the status and the message of a call by the error that it raised."""
    status: Any = None
    message = oc_to_otel.text(error)
    with guarded("the error of a gRPC call could not be read"):
        code, details = getattr(error, "code", None), getattr(error, "details", None)
        status = status_of(code() if callable(code) else None, details() if callable(details) else None)
    if isinstance(error, asyncio.CancelledError):
        status = cancelled(message)
    elif status is None and is_error(error):
        status = status_module.Status(_grpc_codes.UNKNOWN, message)
    # What the server said rather than what gRPC adds to it: addresses, times, and the frames of its own files.
    return status, (None if status is None else status.message) or message


class Ending:
    """The end of a span, which several can bring about: who reads the messages, and gRPC when the call is over. It ends once.

    While the application's code runs inside the span, the end waits for that code.

    Args:
        span: The span; None where it could not be started.
        on_end: Called after it has ended.
        tracer: What ends the span, if that is none of this package's; None for the current one.
    """

    def __init__(self, span: Any, on_end: Callable[[], object] | None = None, tracer: Any = None) -> None:
        self.span = span
        self._tracer = tracer
        self._on_end = on_end
        # Of a kind that may be taken again: it may be an object freed meanwhile that ends its span.
        self._lock = threading.RLock()
        self._running = False
        self._waiting: tuple[Any, str | None] | None = None
        self._has_ended = False

    def __enter__(self) -> None:
        with self._lock:
            self._running = True

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._running = False
            waiting = self._waiting
        if waiting is not None:
            self.end(*waiting)

    def end_when_idle(self, status: Any = None, message: str | None = None) -> None:
        """End the span, at once or when the application's code that runs inside returns."""
        with self._lock:
            if self._running:
                self._waiting = (status, message)
                return
        self.end(status, message)

    def end(self, status: Any = None, message: str | None = None) -> None:
        """End the span, unless it has; where it is still the current one, it is no longer.

        Args:
            status: How it ended, None for OK or what is set already.
            message: What went wrong.
        """
        with self._lock:
            is_first, self._has_ended = not self._has_ended, True
        span = self.span
        if span is None:
            return
        with guarded("the span of a gRPC call could not be ended"):
            if not is_first:
                leave(span)
                return
            if message is not None:
                self.add_attribute(_ERROR_MESSAGE, message)
            if status is not None:
                span.set_status(status)
            if _spans.is_foreign(span):
                self._own_tracer().end_span()
            else:
                _end_alone(span)
        if is_first and self._on_end is not None:
            self._on_end()

    def add_attribute(self, key: str, value: Any) -> None:
        """Set an attribute of the span."""
        if _spans.is_foreign(self.span):
            self._own_tracer().add_attribute_to_current_span(key, value)
        else:
            self.span.add_attribute(key, value)

    def _own_tracer(self) -> Any:
        return self._tracer or execution_context.get_opencensus_tracer()

    @property
    def has_ended(self) -> bool:
        """Whether the span has ended."""
        return self._has_ended


def _end_alone(span: Any) -> None:
    """End a span; what the program has opened inside and not ended yet stays open, and leads out past it."""
    inside = _context.chain_to(span) if isinstance(span, span_module.Span) else None
    if inside:
        inside[-1]._outer, span._outer = span._outer, None
    context_tracer.end(span)


def leave(span: Any) -> None:
    """Make current what was so before a span, where the span is current here."""
    outer = getattr(span, "_outer", None)
    if outer is not None:
        _context.leave(span, outer)


def is_traced(tracer: Any, method: str) -> bool:
    """Return whether a call that a program makes has a span: those of exporters have none, and OpenTelemetry's own take the place of others.

    Args:
        tracer: Whose span it is.
        method: The method, as ``/package.Service/Method``.
    """
    return not (CLOUD_TRACE in method or execution_context.is_exporter() or _patching.opentelemetry_traces("grpc", tracer))


def start_client_span(tracer: Any, host_port: Any, method: str, prefix: str) -> Any:
    """Start the span of a call that a program makes.

    Args:
        tracer: Whose span it is.
        host_port: Where the channel leads, as the program says it.
        method: The method, as ``/package.Service/Method``.
        prefix: What the span's name begins with.
    """
    span = tracer.start_span(name=name_of(prefix, method))
    span.span_kind = span_module.SpanKind.CLIENT
    add = _spans.adder(tracer, span)
    add(_COMPONENT, "grpc")
    add(_HOST_PORT, host_port)
    add(_METHOD, method)
    if _is_otel_shape(tracer):
        _add_conventions(add, method)
        host, _, port = str(host_port or "").rpartition(":")
        if host and port.isdecimal():
            add("server.address", host)
            add("server.port", int(port))
    return span


def _add_conventions(add: Callable[[str, Any], Any], method: str) -> None:
    """Add to a span what OpenTelemetry's conventions call a call's service and method."""
    service, _, name = method.lstrip("/").rpartition("/")
    add("rpc.system.name", "grpc")
    add("rpc.service", service)
    add("rpc.method", name)


def with_trace(tracer: Any, span: Any, given: Any, propagator: Any = _BINARY) -> list[tuple[str, Any]]:
    """Return the metadata of a call with those that hand the current span on, in the place of such as an instrumentation has set.

    Args:
        tracer: The tracer of the call's span.
        span: The span.
        given: The call's own metadata, pairs of key and value.
        propagator: Of the binary form.
    """
    span_context = _spans.context_of(tracer, span)
    headers: dict[str, Any] = {oc_grpc.GRPC_TRACE_KEY: propagator.to_header(span_context)}
    # Without a tracer, there is no span; OpenCensus's binary form has zeros then.
    if span_context.span_id is not None and not _spans.is_foreign(span):
        headers.update(_W3C.to_headers(span_context))
    return [*((key, value) for key, value in given if key not in headers), *headers.items()]


def start_server_span(metadata: Any, method: str, prefix: str, sampler: Any, exporter: Any) -> Ending:
    """Start the span of a call that a program serves, with a tracer of its own, which is the current one until the span ends.

    Args:
        metadata: Of the call, pairs of key and value.
        method: The method, as ``/package.Service/Method``.
        prefix: What the span's name begins with.
        sampler: Of the interceptor.
        exporter: The same.
    """
    headers = {} if metadata is None else {key: value for key, value in metadata}  # noqa: C416 -- of objects, which `dict` would take for mappings
    binary = headers.get(oc_grpc.GRPC_TRACE_KEY)
    found = _W3C.from_headers(headers) if binary is None else _BINARY.from_header(binary)
    span_context = found if found.from_header else None
    before = execution_context.get_opencensus_tracer()
    tracer = tracer_module.Tracer(span_context=span_context, sampler=sampler, exporter=exporter)
    span = tracer.start_span(name=name_of(prefix, method))
    span.span_kind = span_module.SpanKind.SERVER
    add = _spans.adder(tracer, span)
    add(_COMPONENT, "grpc")
    if _is_otel_shape(tracer):
        _add_conventions(add, method)

    def restore() -> None:
        # Threads serve one call after the other. Where the call is not served, as in gRPC's own thread, another tracer is current.
        if execution_context.get_opencensus_tracer() is tracer:
            execution_context.set_opencensus_tracer(before)

    return Ending(span, restore, tracer)


def note_exception(span: Any, error: BaseException) -> None:
    """Put an exception of a handler on its span: message, stack and status."""
    if isinstance(error, (asyncio.CancelledError, GeneratorExit)):
        span.status = cancelled()
    if not is_error(error):
        return
    message = oc_to_otel.text(error)
    span.add_attribute(_ERROR_MESSAGE, message)
    span.stack_trace = stack_trace.StackTrace.from_traceback(error.__traceback__)
    span.status = status_module.Status(_grpc_codes.UNKNOWN, message)
