"""Handlers of calls inside spans, for servers of `grpc`, and for the plain functions among the handlers of `grpc.aio`."""

from __future__ import annotations

from typing import Any

import grpc

from opencensus_compat.ext.grpc import _calls
from opencensus_compat.ext.grpc import utils as grpc_utils
from opencensus_compat.trace import time_event

_BEHAVIORS: dict[tuple[bool, bool], tuple[str, Any]] = {
    (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
    (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
    (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
    (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
}
"""Whether requests and responses stream -> where a handler keeps its function, and what makes a handler of one."""


def behavior_of(handler: Any) -> Any:
    """Return the function of a handler."""
    return getattr(handler, _BEHAVIORS[handler.request_streaming, handler.response_streaming][0])


def with_behavior(handler: Any, behavior: Any) -> Any:
    """Return a handler with another function."""
    make = _BEHAVIORS[handler.request_streaming, handler.response_streaming][1]
    return make(behavior, request_deserializer=handler.request_deserializer, response_serializer=handler.response_serializer)


def wrapped(handler: Any, method: Any, sampler: Any, exporter: Any) -> Any:
    """Return a handler whose function runs inside a span; None where there is none."""
    if handler is None:
        return None
    request_streaming, response_streaming = handler.request_streaming, handler.response_streaming
    return with_behavior(handler, inside_span(behavior_of(handler), request_streaming, response_streaming, method, sampler, exporter))


def inside_span(behavior: Any, request_streaming: bool, response_streaming: bool, method: Any, sampler: Any, exporter: Any) -> Any:
    """Return a handler's function that runs inside a span.

    Args:
        behavior: The function.
        request_streaming: It takes several requests.
        response_streaming: It returns several responses.
        method: What it serves, as ``/package.Service/Method``.
        sampler: Of the interceptor.
        exporter: The same.
    """

    def serve(request: Any, context: Any) -> Any:
        ending = started(context, method, sampler, exporter)
        if ending is None:
            return behavior(request, context)
        try:
            response = behavior(_received(request, ending, is_stream=request_streaming), context)
        except BaseException as error:
            fail(ending, context, error)
            raise
        grpc_utils._note_message(response, ending.span, time_event.Type.SENT)
        ending.end(status_in(context))
        return response

    def serve_stream(request: Any, context: Any) -> Any:
        def responses() -> tuple[Any, Any]:
            ending = started(context, method, sampler, exporter)
            if ending is None:
                return behavior(request, context), None
            try:
                return iter(behavior(_received(request, ending, is_stream=request_streaming), context)), ending
            except BaseException as error:
                fail(ending, context, error)
                raise

        return _Responses(responses, context)

    return serve_stream if response_streaming else serve


def started(context: Any, method: Any, sampler: Any, exporter: Any) -> _calls.Ending | None:
    """Start the span of a call, and return its end; None where that failed."""
    with _calls.guarded("a gRPC call was not traced"):
        return _calls.start_server_span(context.invocation_metadata(), _calls.text(method), _calls.RECV_PREFIX, sampler, exporter)
    return None


def _received(request: Any, ending: _calls.Ending, *, is_stream: bool) -> Any:
    """Return the request or the requests of a call, noted on its span as they are received."""
    if is_stream:
        return grpc_utils.wrap_iter_with_message_events(request, ending.span, time_event.Type.RECEIVED)
    grpc_utils._note_message(request, ending.span, time_event.Type.RECEIVED)
    return request


class _Responses:
    """The responses of a stream, noted on the span, which ends with them or with the call.

    The handler begins where its responses are read: `grpc.aio` reads them in another thread than it asks for them.
    """

    _ending: _calls.Ending | None = None

    def __init__(self, begin: Any, context: Any) -> None:
        self._begin = begin
        self._responses: Any = None
        self._context = context
        self._number = 0

    def __iter__(self) -> _Responses:
        return self

    def __next__(self) -> Any:
        if self._responses is None:
            self._responses, ending = self._begin()
            self._ending = ending
            if ending is not None:
                context = self._context
                with _calls.guarded("the end of a gRPC call is not known"):
                    # Not of this object: the call would keep it.
                    context.add_callback(lambda: ending.end_when_idle(status_in(context) or _calls.cancelled()))
        if self._ending is None:
            return next(self._responses)
        with self._ending:
            try:
                message = next(self._responses)
            except StopIteration:
                self._ending.end(status_in(self._context))
                raise
            except BaseException as error:
                fail(self._ending, self._context, error)
                raise
            self._number += 1
            grpc_utils._note_message(message, self._ending.span, time_event.Type.SENT, self._number)
        return message

    def __del__(self) -> None:
        if self._ending is not None:
            self._ending.end()


def status_in(context: Any) -> Any:
    """Return the status that a handler has given its call, None where that is OK or the release of gRPC does not show it."""
    with _calls.guarded("the status of a gRPC call could not be read"):
        code, details = getattr(context, "code", None), getattr(context, "details", None)
        return _calls.status_of(code() if callable(code) else None, details() if callable(details) else None)
    return None


def fail(ending: _calls.Ending, context: Any, error: BaseException) -> None:
    """End the span of a call whose handler has raised, with the status that the caller gets."""
    with _calls.guarded("the exception of a gRPC call could not be noted"):
        _calls.note_exception(ending.span, error)
    ending.end(status_in(context))
