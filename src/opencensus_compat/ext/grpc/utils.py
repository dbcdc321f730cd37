"""Message events of gRPC calls, and the responses of a streamed one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any

import grpc
from grpc.framework.foundation import future
from grpc.framework.interfaces.face import face

from opencensus_compat.ext.grpc import _calls
from opencensus_compat.trace import execution_context, time_event
from opencensus_compat.trace.blank_span import BlankSpan


def extract_byte_size(proto_message: Any) -> int | None:
    """Return the size in bytes of a message of protobuf or proto-plus, None for any other."""
    if hasattr(proto_message, "ByteSize"):
        return int(proto_message.ByteSize())
    if hasattr(type(proto_message), "pb"):
        return int(type(proto_message).pb(proto_message).ByteSize())
    return None


def add_message_event(proto_message: Any, span: Any, message_event_type: Any, message_id: int = 1) -> None:
    """Note on a span that a message was sent or received, now.

    Args:
        proto_message: The message.
        span: The span of the call.
        message_event_type: A constant of `time_event.Type`.
        message_id: Which of the call's messages it is, from 1.
    """
    size = extract_byte_size(proto_message)
    now = datetime.now(timezone.utc)
    span.add_message_event(time_event.MessageEvent(now, message_id, type=message_event_type, uncompressed_size_bytes=size))


def _note_message(message: Any, span: Any, kind: Any, number: int = 1) -> None:
    if type(span) is BlankSpan:
        return
    with _calls.guarded("a message of a gRPC call could not be noted"):
        add_message_event(message, span, kind, number)


def wrap_iter_with_message_events(request_or_response_iter: Iterable[Any], span: Any, message_event_type: Any) -> Iterator[Any]:
    """Yield the messages, and note each on the span."""
    for number, message in enumerate(request_or_response_iter, start=1):
        _note_message(message, span, message_event_type, number)
        yield message


def wrap_iter_with_end_span(response_iter: Iterable[Any]) -> Iterator[Any]:
    """Yield the messages, and end the current span after the last one."""
    yield from response_iter
    execution_context.get_opencensus_tracer().end_span()


class WrappedResponseIterator(future.Future, face.Call):  # type: ignore[misc] # grpcio has no types
    """The call of a streamed response: its messages are noted on a span, which ends with the call.

    The span is the current one while the messages are read. It ends with the last message, with the call's error, and where the program
    stops reading. Whatever else a call has is that of the one wrapped.

    Args:
        iterator: The call.
        span: Its span.
    """

    def __init__(self, iterator: Any, span: Any) -> None:
        self._iterator = iterator
        self._span = span
        self._messages_received = 0
        self._ending = ending = _calls.Ending(span)
        add_done_callback = getattr(iterator, "add_done_callback", None)
        if add_done_callback is not None:
            # Of the ending, not of this object: the call would keep it, and it keeps the call.
            add_done_callback(lambda call: _end_failed(ending, call))

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        with self._ending:
            try:
                message = next(self._iterator)
            except StopIteration:
                self._ending.end()
                raise
            except BaseException as error:
                self._ending.end(*_calls.failure(error))
                raise
        self._messages_received += 1
        _note_message(message, self._span, time_event.Type.RECEIVED, self._messages_received)
        return message

    def next(self) -> Any:
        """Return the next message."""
        return self.__next__()

    def __del__(self) -> None:
        ending = getattr(self, "_ending", None)
        if ending is not None:
            ending.end()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._iterator, name)

    def add_done_callback(self, fn: Any) -> None:
        """Call a function with this object when the call is over."""
        self._iterator.add_done_callback(lambda _: fn(self))

    def cancel(self) -> Any:
        """Cancel the call."""
        return self._iterator.cancel()

    def is_active(self) -> Any:
        """Return whether the call is under way."""
        return self._iterator.is_active()

    def cancelled(self) -> Any:
        """Return whether the call was cancelled."""
        return self._iterator.cancelled()

    def running(self) -> Any:
        """Return whether the call is under way."""
        return self._iterator.running()

    def done(self) -> Any:
        """Return whether the call is over."""
        return self._iterator.done()

    def result(self, timeout: Any = None) -> Any:
        """Return the call's result, within so many seconds."""
        return self._iterator.result(timeout)

    def exception(self, timeout: Any = None) -> Any:
        """Return the call's error, within so many seconds."""
        return self._iterator.exception(timeout)

    def traceback(self, timeout: Any = None) -> Any:
        """Return the traceback of the call's error, within so many seconds."""
        return self._iterator.traceback(timeout)

    def initial_metadata(self) -> Any:
        """Return what the server sent before its messages."""
        return self._iterator.initial_metadata()

    def terminal_metadata(self) -> Any:
        """Return what the server sent after its messages."""
        return self._iterator.trailing_metadata()

    def code(self) -> Any:
        """Return the call's status code."""
        return self._iterator.code()

    def details(self) -> Any:
        """Return what the server said of the status."""
        return self._iterator.details()

    def time_remaining(self) -> Any:
        """Return how many seconds the call may still take, None for any number."""
        return self._iterator.time_remaining()

    def add_abortion_callback(self, abortion_callback: Any) -> Any:
        """Call a function without arguments when the call is over."""
        return self._iterator.add_callback(abortion_callback)

    def protocol_context(self) -> Any:
        """Return the context of the protocol below, which gRPC does not show."""
        raise NotImplementedError


# For programs that ask; by inheritance they would not be what OpenCensus's was.
grpc.Call.register(WrappedResponseIterator)
grpc.Future.register(WrappedResponseIterator)


def _end_failed(ending: _calls.Ending, call: Any) -> None:
    """End the span of a call that is over, and whose messages are no longer read; after a good end they are."""
    status = None
    with _calls.guarded("the end of a gRPC call could not be noted"):
        status = _calls.status_of(call.code(), call.details())
    if status is not None:
        ending.end_when_idle(status, status.message)
