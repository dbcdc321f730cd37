"""The interceptor for channels of `grpc`."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

import grpc

from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat.ext import grpc as oc_grpc
from opencensus_compat.ext.grpc import _calls
from opencensus_compat.ext.grpc import utils as grpc_utils
from opencensus_compat.trace import execution_context, time_event
from opencensus_compat.trace.propagation import binary_format

__getattr__ = patch_targets(__name__, "opencensus_compat.trace.attributes_helper", span_module="opencensus_compat.trace.span")

log = logging.getLogger("opencensus.ext.grpc.client_interceptor")

ATTRIBUTE_COMPONENT = "COMPONENT"
ATTRIBUTE_ERROR_NAME = "ERROR_NAME"
ATTRIBUTE_ERROR_MESSAGE = "ERROR_MESSAGE"
GRPC_HOST_PORT = "GRPC_HOST_PORT"
GRPC_METHOD = "GRPC_METHOD"
SENT_PREFIX = _calls.SENT_PREFIX

TIMEOUT = 3

CLOUD_TRACE = _calls.CLOUD_TRACE

_OF_REQUESTS = (oc_grpc.STREAM_UNARY, oc_grpc.STREAM_STREAM)


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

    def _is_traced(self, details: Any) -> bool:
        with _calls.guarded("a gRPC call was not traced"):
            return _calls.is_traced(self.tracer, _calls.text(details.method))
        return False

    def _start_client_span(self, client_call_details: Any) -> Any:
        """Start the span of a call, and return it."""
        return _calls.start_client_span(self.tracer, self.host_port, _calls.text(client_call_details.method), SENT_PREFIX)

    def _intercept_call(self, client_call_details: Any, request_iterator: Any, grpc_type: Any) -> tuple[Any, Any, Any]:
        """Start the span of a call.

        Args:
            client_call_details: What the caller says of it.
            request_iterator: Its requests, or its only one.
            grpc_type: Not used, as in OpenCensus.

        Returns:
            What the next interceptor gets, the requests, noted on the span as they are sent, and the span, None if that failed.
        """
        details, span = client_call_details, None
        with _calls.guarded("a gRPC call was not traced"):
            span = self._start_client_span(details)
            with _calls.guarded("a gRPC call has no trace context"):
                metadata: Any = _calls.with_trace(self.tracer, span, details.metadata or (), self._propagator)
                if not isinstance(details.metadata, list):
                    metadata = tuple(metadata)
                rest = (getattr(details, "wait_for_ready", None), getattr(details, "compression", None))
                details = _ClientCallDetails(details.method, details.timeout, metadata, details.credentials, *rest)
        if span is None:
            return details, request_iterator, None
        return details, grpc_utils.wrap_iter_with_message_events(request_iterator, span, time_event.Type.SENT), span

    def _callback(self, current_span: Any) -> Any:
        """Return a function that ends the span of a call, which it is called with when that is over."""
        return _Done(_calls.Ending(current_span, tracer=self.tracer))

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Make a call of one request and one response."""
        return self._one_response(continuation, client_call_details, request, oc_grpc.UNARY_UNARY)

    def intercept_stream_unary(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        """Make a call of several requests and one response."""
        return self._one_response(continuation, client_call_details, request_iterator, oc_grpc.STREAM_UNARY)

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Make a call of one request and several responses."""
        return self._responses(continuation, client_call_details, request, oc_grpc.UNARY_STREAM)

    def intercept_stream_stream(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        """Make a call of several requests and responses."""
        return self._responses(continuation, client_call_details, request_iterator, oc_grpc.STREAM_STREAM)

    def _one_response(self, continuation: Any, details: Any, request: Any, grpc_type: Any) -> Any:
        if not self._is_traced(details):
            return continuation(details, request)
        details, request, span = self._intercepted(details, request, grpc_type)
        callback = self._callback(span)
        ending = callback.ending if isinstance(callback, _Done) else _calls.Ending(span, tracer=self.tracer)
        is_watched = False
        try:
            response = continuation(details, request)
        except BaseException as error:
            ending.end(*_calls.failure(error))
            raise
        with _calls.guarded("the end of a gRPC call is not known"):
            response.add_done_callback(callback)
            is_watched = True
        if not is_watched:
            ending.end()
        elif not ending.has_ended:
            # A future: the program goes on outside the span.
            _calls.leave(span)
        return response

    def _responses(self, continuation: Any, details: Any, request: Any, grpc_type: Any) -> Any:
        if not self._is_traced(details):
            return continuation(details, request)
        details, request, span = self._intercepted(details, request, grpc_type)
        try:
            responses = continuation(details, request)
            return responses if span is None else grpc_utils.WrappedResponseIterator(responses, span)
        except BaseException as error:
            _calls.Ending(span, tracer=self.tracer).end(*_calls.failure(error))
            raise

    def _intercepted(self, details: Any, request: Any, grpc_type: Any) -> tuple[Any, Any, Any]:
        """As `_intercept_call`, of the request or the requests."""
        if grpc_type in _OF_REQUESTS:
            return self._intercept_call(details, request, grpc_type)
        details, requests, span = self._intercept_call(details, iter((request,)), grpc_type)
        return details, next(requests), span


class _Done:
    """Ends the span of a call that is over.

    Args:
        ending: Its end.
    """

    __slots__ = ("ending",)

    def __init__(self, ending: _calls.Ending) -> None:
        self.ending = ending

    def __call__(self, done: Any) -> None:
        if self.ending.span is not None:
            _end_with(self.ending, done)


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
            ending.add_attribute(_calls._ERROR_MESSAGE, None)
        else:
            status, message = _calls.failure(error)
            status = _calls.status_of(done.code(), done.details()) or status
    ending.end(status, message)
