"""The interceptor for channels of `grpc`."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

import grpc

from opencensus_compat.ext.grpc import _calls
from opencensus_compat.ext.grpc import utils as grpc_utils
from opencensus_compat.trace import execution_context, time_event
from opencensus_compat.trace.propagation import binary_format

log = logging.getLogger("opencensus.ext.grpc.client_interceptor")

ATTRIBUTE_COMPONENT = "COMPONENT"
ATTRIBUTE_ERROR_NAME = "ERROR_NAME"
ATTRIBUTE_ERROR_MESSAGE = "ERROR_MESSAGE"
GRPC_HOST_PORT = "GRPC_HOST_PORT"
GRPC_METHOD = "GRPC_METHOD"
SENT_PREFIX = _calls.SENT_PREFIX

TIMEOUT = 3

CLOUD_TRACE = _calls.CLOUD_TRACE


class _Details(NamedTuple):
    method: Any
    timeout: Any
    metadata: Any
    credentials: Any
    wait_for_ready: Any
    compression: Any


class _ClientCallDetails(_Details, grpc.ClientCallDetails):  # type: ignore[misc] # grpcio has no types
    """What an interceptor says of a call to the next one."""


class OpenCensusClientInterceptor(
    grpc.UnaryUnaryClientInterceptor,  # type: ignore[misc] # grpcio has no types
    grpc.UnaryStreamClientInterceptor,  # type: ignore[misc] # the same
    grpc.StreamUnaryClientInterceptor,  # type: ignore[misc] # the same
    grpc.StreamStreamClientInterceptor,  # type: ignore[misc] # the same
):
    """Makes a client span of every call of a channel: `grpc.intercept_channel(channel, OpenCensusClientInterceptor(tracer, "shop:443"))`.

    A call that the program waits for is a span around it, and a streamed response is one around the reading of it. That of a future ends
    when the call is over, and what the program does meanwhile is not inside. There is none for what exporters send, and where an
    OpenTelemetry instrumentation makes one.

    Args:
        tracer: Whose spans they are; None for the tracer that is current at each call.
        host_port: Where the channel leads, for the attribute `grpc.host_port`.
    """

    def __init__(self, tracer: Any = None, host_port: Any = None) -> None:
        self._tracer = tracer
        self.host_port = host_port
        self._propagator = binary_format.BinaryFormatPropagator()

    @property
    def tracer(self) -> Any:
        """The tracer given, or the current one."""
        return self._tracer or execution_context.get_opencensus_tracer()

    def _start(self, details: Any) -> tuple[Any, Any]:
        """Start the span of a call; return it, or None, and what the next interceptor gets."""
        span = None
        with _calls.guarded("a gRPC call was not traced"):
            tracer = self.tracer
            span = _calls.start_client_span(tracer, self.host_port, _calls.text(details.method), SENT_PREFIX)
            if span is None:
                return None, details
            with _calls.guarded("a gRPC call has no trace context"):
                metadata = tuple(_calls.with_trace(tracer, details.metadata or ()))
                rest = (getattr(details, "wait_for_ready", None), getattr(details, "compression", None))
                details = _ClientCallDetails(details.method, details.timeout, metadata, details.credentials, *rest)
        return span, details

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Make a call of one request and one response."""
        return self._one_response(continuation, client_call_details, request, is_stream=False)

    def intercept_stream_unary(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        """Make a call of several requests and one response."""
        return self._one_response(continuation, client_call_details, request_iterator, is_stream=True)

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Make a call of one request and several responses."""
        return self._responses(continuation, client_call_details, request, is_stream=False)

    def intercept_stream_stream(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        """Make a call of several requests and responses."""
        return self._responses(continuation, client_call_details, request_iterator, is_stream=True)

    def _one_response(self, continuation: Any, details: Any, request: Any, *, is_stream: bool) -> Any:
        span, details = self._start(details)
        if span is None:
            return continuation(details, request)
        ending = _calls.Ending(span)
        is_watched = False
        try:
            response = continuation(details, _noted(request, span, is_stream=is_stream))
        except BaseException as error:
            ending.end(*_calls.failure(error))
            raise
        with _calls.guarded("the end of a gRPC call is not known"):
            response.add_done_callback(lambda done: _end_with(ending, done))
            is_watched = True
        if not is_watched:
            ending.end()
        elif not ending.has_ended:
            # A future: the program goes on outside the span.
            _calls.leave(span)
        return response

    def _responses(self, continuation: Any, details: Any, request: Any, *, is_stream: bool) -> Any:
        span, details = self._start(details)
        if span is None:
            return continuation(details, request)
        try:
            return grpc_utils.WrappedResponseIterator(continuation(details, _noted(request, span, is_stream=is_stream)), span)
        except BaseException as error:
            _calls.Ending(span).end(*_calls.failure(error))
            raise


def _noted(request: Any, span: Any, *, is_stream: bool) -> Any:
    """Return the request or the requests of a call, noted on its span as they are sent."""
    if is_stream:
        return grpc_utils.wrap_iter_with_message_events(request, span, time_event.Type.SENT)
    grpc_utils._note_message(request, span, time_event.Type.SENT)
    return request


def _end_with(ending: _calls.Ending, done: Any) -> None:
    """End the span of a call that has a response or an error."""
    status = message = None
    with _calls.guarded("the end of a gRPC call could not be noted"):
        try:
            error = done.exception()
        except (grpc.FutureCancelledError, grpc.FutureTimeoutError) as cancelled:
            error = cancelled
        if error is None:
            grpc_utils._note_message(done.result(), ending.span, time_event.Type.RECEIVED)
            ending.span.add_attribute(_calls._ERROR_MESSAGE, None)
        else:
            status, message = _calls.failure(error)
            status = _calls.status_of(done.code(), done.details()) or status
    ending.end(status, message)
