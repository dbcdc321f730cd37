"""The interceptors for `grpc.aio`, which OpenCensus did not serve: its classes for `grpc` do not fit there.

The spans are those of `client_interceptor` and `server_interceptor`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio

from opencensus_compat.ext.grpc import _calls, _serving
from opencensus_compat.ext.grpc import utils as grpc_utils
from opencensus_compat.trace import execution_context, time_event

__all__ = ["OpenCensusAioServerInterceptor", "client_interceptors"]


def client_interceptors(tracer: Any = None, host_port: Any = None) -> list[Any]:
    """Return what makes a client span of every call of a channel: `grpc.aio.insecure_channel(target, interceptors=client_interceptors())`.

    There are four, one for each kind of call, since a channel takes each interceptor for one kind.

    Args:
        tracer: Whose spans they are; None for the tracer that is current at each call.
        host_port: Where the channel leads, for the attribute `grpc.host_port`.
    """
    return [kind(tracer, host_port) for kind in (_UnaryUnary, _UnaryStream, _StreamUnary, _StreamStream)]


class _Client:
    def __init__(self, tracer: Any, host_port: Any) -> None:
        self._tracer = tracer
        self._host_port = host_port

    def _start(self, details: Any) -> tuple[Any, Any]:
        """Start the span of a call; return its end, or None, and what the next interceptor gets."""
        ending = None
        with _calls.guarded("a gRPC call was not traced"):
            tracer = self._tracer or execution_context.get_opencensus_tracer()
            method, prefix = _calls.text(details.method), _calls.SENT_PREFIX
            if not _calls.is_traced(tracer, method):
                return None, details
            span = _calls.start_client_span(tracer, self._host_port, method, prefix)
            ending = _calls.Ending(span, tracer=tracer)
            with _calls.guarded("a gRPC call has no trace context"):
                metadata = grpc.aio.Metadata(*_calls.with_trace(tracer, span, details.metadata or ()))
                details = details._replace(metadata=metadata)
        return ending, details

    async def _go_on(self, continuation: Any, details: Any, request: Any, ending: Any, *, is_stream: bool = False) -> Any:
        """Make the call, and return it. Its span ends with the call, whoever reads what comes."""
        if is_stream:
            if request is not None:
                request = _noted(request, ending.span, time_event.Type.SENT)
        else:
            grpc_utils._note_message(request, ending.span, time_event.Type.SENT)
        try:
            call = await continuation(details, request)
        except BaseException as error:
            ending.end(*_calls.failure(error))
            raise
        with _calls.guarded("the end of a gRPC call is not known"):
            call.add_done_callback(lambda done: _ends_with(ending, done))
        return call

    async def _responses(self, call: Any, ending: Any) -> AsyncIterator[Any]:
        """Yield the responses of a call, noted on its span, which ends with them."""
        number = 0
        try:
            async for message in call:
                number += 1
                grpc_utils._note_message(message, ending.span, time_event.Type.RECEIVED, number)
                yield message
        except BaseException as error:
            ending.end(*_calls.failure(error))
            raise
        ending.end()


class _UnaryUnary(_Client, grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc] # grpcio has no types
    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        ending, details = self._start(client_call_details)
        if ending is None:
            return await continuation(details, request)
        call = await self._go_on(continuation, details, request, ending)
        try:
            response = await call
        except BaseException as error:
            ending.end(*_calls.failure(error))
            raise
        _received(ending, response)
        return call


class _UnaryStream(_Client, grpc.aio.UnaryStreamClientInterceptor):  # type: ignore[misc] # grpcio has no types
    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        ending, details = self._start(client_call_details)
        if ending is None:
            return await continuation(details, request)
        return self._responses(await self._go_on(continuation, details, request, ending), ending)


class _StreamUnary(_Client, grpc.aio.StreamUnaryClientInterceptor):  # type: ignore[misc] # grpcio has no types
    async def intercept_stream_unary(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        ending, details = self._start(client_call_details)
        if ending is None:
            return await continuation(details, request_iterator)
        return await self._go_on(continuation, details, request_iterator, ending, is_stream=True)


class _StreamStream(_Client, grpc.aio.StreamStreamClientInterceptor):  # type: ignore[misc] # grpcio has no types
    async def intercept_stream_stream(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        ending, details = self._start(client_call_details)
        if ending is None:
            return await continuation(details, request_iterator)
        return self._responses(await self._go_on(continuation, details, request_iterator, ending, is_stream=True), ending)


_ending: set[asyncio.Task[None]] = set()
"""What reads how calls have ended: the event loop itself holds tasks weakly."""


def _ends_with(ending: _calls.Ending, call: Any) -> None:
    """End the span of a call that is over, once its result is read."""
    if ending.has_ended:
        return
    task = asyncio.ensure_future(_end_with(ending, call))
    _ending.add(task)
    task.add_done_callback(_ending.discard)


async def _end_with(ending: _calls.Ending, call: Any) -> None:
    status = message = None
    try:
        with _calls.guarded("the end of a gRPC call could not be noted"):
            status = _calls.status_of(await call.code(), await call.details())
            message = None if status is None else status.message
            if status is None and isinstance(call, grpc.aio.StreamUnaryCall):
                _received(ending, await call)
            elif status is None:
                # The program reads the responses.
                return
    finally:
        if not ending.has_ended and (status is not None or isinstance(call, grpc.aio.StreamUnaryCall)):
            ending.end(status, message)


def _received(ending: _calls.Ending, response: Any) -> None:
    grpc_utils._note_message(response, ending.span, time_event.Type.RECEIVED)
    ending.add_attribute(_calls._ERROR_MESSAGE, None)
    ending.end()


async def _noted(messages: Any, span: Any, kind: Any) -> AsyncIterator[Any]:
    """Yield messages that a program has as an iterator of either kind, noted on the span of their call."""
    number = 0
    if hasattr(messages, "__aiter__"):
        async for message in messages:
            number += 1
            grpc_utils._note_message(message, span, kind, number)
            yield message
    else:
        for message in messages:
            number += 1
            grpc_utils._note_message(message, span, kind, number)
            yield message


class OpenCensusAioServerInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc] # grpcio has no types
    """Makes a server span of every call: `grpc.aio.server(interceptors=[OpenCensusAioServerInterceptor(sampler, exporter)])`.

    As `OpenCensusServerInterceptor`, for handlers that are coroutines and asynchronous generators; those that are plain functions, which
    `grpc.aio` runs in a thread, have their spans, too.

    Args:
        sampler: Decides about the calls that no caller's trace has decided about.
        exporter: Where the spans go.
    """

    def __init__(self, sampler: Any = None, exporter: Any = None) -> None:
        self.sampler = sampler
        self.exporter = exporter

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Return the handler of a call, inside a span; None where the server has none."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        behavior, method = _serving.behavior_of(handler), handler_call_details.method
        streams_in = handler.request_streaming

        def started(request: Any, context: Any) -> tuple[Any, Any]:
            ending = _serving.started(context, method, self.sampler, self.exporter)
            if ending is None:
                return request, None
            if streams_in:
                return _noted(request, ending.span, time_event.Type.RECEIVED), ending
            grpc_utils._note_message(request, ending.span, time_event.Type.RECEIVED)
            return request, ending

        async def serve(request: Any, context: Any) -> Any:
            request, ending = started(request, context)
            if ending is None:
                return await behavior(request, context)
            try:
                response = await behavior(request, context)
            except BaseException as error:
                _serving.fail(ending, context, error)
                raise
            if not handler.response_streaming:
                grpc_utils._note_message(response, ending.span, time_event.Type.SENT)
            ending.end(_serving.status_in(context))
            return response

        async def serve_stream(request: Any, context: Any) -> AsyncIterator[Any]:
            request, ending = started(request, context)
            number = 0
            try:
                async for response in behavior(request, context):
                    if ending is not None:
                        number += 1
                        grpc_utils._note_message(response, ending.span, time_event.Type.SENT, number)
                    yield response
            except BaseException as error:
                if ending is not None:
                    _serving.fail(ending, context, error)
                raise
            if ending is not None:
                ending.end(_serving.status_in(context))

        if inspect.isasyncgenfunction(behavior):
            return _serving.with_behavior(handler, serve_stream)
        if inspect.iscoroutinefunction(behavior):
            # One that writes its responses by itself, too.
            return _serving.with_behavior(handler, serve)
        return _serving.wrapped(handler, method, self.sampler, self.exporter)
