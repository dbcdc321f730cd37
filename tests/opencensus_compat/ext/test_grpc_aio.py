"""The interceptors for `grpc.aio`, on both sides of calls on loopback."""

from __future__ import annotations

import asyncio
import contextlib

import grpc
import grpc.aio
import pytest

from opencensus_compat.ext.grpc.aio import OpenCensusAioServerInterceptor, client_interceptors
from opencensus_compat.trace import execution_context
from opencensus_compat.trace.base_exporter import Exporter
from opencensus_compat.trace.samplers import AlwaysOnSampler
from opencensus_compat.trace.tracer import Tracer

OK, CANCELLED, UNKNOWN, DEADLINE, NOT_FOUND = 0, 1, 2, 4, 5


class Waiting(Exporter):
    """Keeps the SpanData that it is given, and lets a test wait for so many."""

    def __init__(self):
        self.spans = []
        self._changed = asyncio.Event()

    def export(self, span_datas):
        """Keep them; a plain function among the handlers exports in a thread."""
        self.spans += span_datas
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop()
            self._changed.set()

    async def wait_for(self, number):
        """Return the spans by name once there are so many."""
        while len(self.spans) < number:
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), 60)
        return {span.name: span for span in self.spans}


def _span(name):
    return execution_context.get_opencensus_tracer().span(name=name)


async def one(body, context):
    """Answer with a span in it."""
    with _span(f"price {body.decode()}"):
        await asyncio.sleep(0)
    return body


async def many(body, context):
    """Answer three times, with spans."""
    for number in range(3):
        with _span(f"item {number}"):
            await asyncio.sleep(0)
        yield body


def plain(body, context):
    """Answer from a thread."""
    with _span("price"):
        return body


def plain_many(body, context):
    """Answer three times, from a thread."""
    for number in range(3):
        with _span(f"item {number}"):
            pass
        yield body


async def writes(body, context):
    """Answer three times, without a generator."""
    for number in range(3):
        with _span(f"item {number}"):
            await context.write(body)


async def join(bodies, context):
    """Answer all at once."""
    return b"".join([body async for body in bodies])


async def each(bodies, context):
    """Answer each."""
    async for body in bodies:
        yield body


async def fails(body, context):
    """Raise."""
    raise ValueError("no such order")


async def aborts(body, context):
    """Refuse."""
    await context.abort(grpc.StatusCode.NOT_FOUND, "no such order")


async def slow(body, context):
    """Never answer."""
    await asyncio.Event().wait()


async def endless(body, context):
    """Never stop."""
    while True:
        yield body
        await asyncio.sleep(0)


HANDLERS = {
    "One": grpc.unary_unary_rpc_method_handler(one),
    "Plain": grpc.unary_unary_rpc_method_handler(plain),
    "Many": grpc.unary_stream_rpc_method_handler(many),
    "PlainMany": grpc.unary_stream_rpc_method_handler(plain_many),
    "Writes": grpc.unary_stream_rpc_method_handler(writes),
    "Join": grpc.stream_unary_rpc_method_handler(join),
    "Each": grpc.stream_stream_rpc_method_handler(each),
    "Fails": grpc.unary_unary_rpc_method_handler(fails),
    "Aborts": grpc.unary_unary_rpc_method_handler(aborts),
    "Slow": grpc.unary_unary_rpc_method_handler(slow),
    "Endless": grpc.unary_stream_rpc_method_handler(endless),
}


class Orders(grpc.GenericRpcHandler):
    """All of them."""

    def service(self, handler_call_details):
        """Return the handler of a method."""
        return HANDLERS.get(handler_call_details.method.rpartition("/")[2])


@contextlib.asynccontextmanager
async def serving(exporter, tracer=None):
    """Run a server that traces, and yield a channel to it that traces too."""
    server = grpc.aio.server(interceptors=[OpenCensusAioServerInterceptor(AlwaysOnSampler(), exporter)])
    server.add_generic_rpc_handlers([Orders()])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", interceptors=client_interceptors(tracer, "shop:443")) as channel:
            yield channel
    finally:
        await server.stop(0)


async def _read(call):
    return [body async for body in call]


async def _by_read(call):
    found = []
    # Older releases of gRPC raise at the end of a stream that an interceptor has seen.
    with contextlib.suppress(StopAsyncIteration):
        while (body := await call.read()) is not grpc.aio.EOF:
            found.append(body)
    return found


async def _by_write(call):
    for body in (b"7", b"8"):
        await call.write(body)
    await call.done_writing()
    return await call if isinstance(call, grpc.aio.StreamUnaryCall) else await _read(call)


async def _awaited(call):
    return await call


CALLS = {
    "unary": ("One", lambda channel, method: _awaited(channel.unary_unary(method)(b"7")), b"7", 1, 1, ["price 7"]),
    "unary, a function": ("Plain", lambda channel, method: _awaited(channel.unary_unary(method)(b"7")), b"7", 1, 1, ["price"]),
    "responses": ("Many", lambda channel, method: _read(channel.unary_stream(method)(b"7")), [b"7"] * 3, 1, 3, None),
    "responses, read": ("Many", lambda channel, method: _by_read(channel.unary_stream(method)(b"7")), [b"7"] * 3, 1, 3, None),
    "responses, a function": ("PlainMany", lambda channel, method: _read(channel.unary_stream(method)(b"7")), [b"7"] * 3, 1, 3, None),
    "responses, written": ("Writes", lambda channel, method: _read(channel.unary_stream(method)(b"7")), [b"7"] * 3, 1, 3, None),
    "requests": ("Join", lambda channel, method: _awaited(channel.stream_unary(method)(iter([b"7", b"8"]))), b"78", 2, 1, []),
    "requests, written": ("Join", lambda channel, method: _by_write(channel.stream_unary(method)()), b"78", 2, 1, []),
    "both": ("Each", lambda channel, method: _read(channel.stream_stream(method)(iter([b"7", b"8"]))), [b"7", b"8"], 2, 2, []),
    "both, written": ("Each", lambda channel, method: _by_write(channel.stream_stream(method)()), [b"7", b"8"], 2, 2, []),
}


@pytest.mark.parametrize(("name", "call", "answer", "requests", "responses", "inner"), CALLS.values(), ids=CALLS)
def test_calls(name, call, answer, requests, responses, inner):
    """Each kind is a span on both sides, with its messages, one in the other, and what the handler does is inside."""
    inner = [f"item {number}" for number in range(3)] if inner is None else inner

    async def program():
        here, there = Waiting(), Waiting()
        tracer = Tracer(exporter=here, sampler=AlwaysOnSampler())
        async with serving(there, tracer) as channel:
            with tracer.span(name="outer") as outer:
                assert await call(channel, f"/shop.Orders/{name}") == answer
                assert execution_context.get_current_span() is outer
            sent = (await here.wait_for(2))[f"Sent.shop.Orders.{name}"]
        received = (await there.wait_for(1 + len(inner)))[f"Recv.shop.Orders.{name}"]
        return {span.name: span for span in there.spans}, sent, received, outer

    spans, sent, received, outer = asyncio.run(program())
    assert (sent.parent_span_id, received.parent_span_id) == (outer.span_id, sent.span_id)
    assert (sent.span_kind, received.span_kind) == (2, 1)
    assert (sent.status.canonical_code, received.status.canonical_code) == (OK, OK)
    assert (sent.attributes["component"], sent.attributes["grpc.host_port"]) == ("grpc", "shop:443")
    assert [[event.type for event in sent.message_events].count(kind) for kind in (1, 2)] == [requests, responses]
    # A handler that writes by itself does not show its messages.
    shown = 0 if name == "Writes" else responses
    assert [[event.type for event in received.message_events].count(kind) for kind in (2, 1)] == [requests, shown]
    assert {name: spans[name].parent_span_id for name in inner} == dict.fromkeys(inner, received.span_id)


async def _cancelled(channel):
    call = channel.unary_unary("/shop.Orders/Slow")(b"7")
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(asyncio.shield(call.code()), 0.05)
    call.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await call


async def _cancelled_stream(channel):
    call = channel.unary_stream("/shop.Orders/Endless")(b"7")
    await call.read()
    call.cancel()


async def _refused(channel, method, code, **options):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await channel.unary_unary(f"/shop.Orders/{method}")(b"7", **options)
    assert caught.value.code().value[0] == code


FAILING = {
    "an exception": (lambda channel: _refused(channel, "Fails", UNKNOWN), UNKNOWN, UNKNOWN),
    "a code": (lambda channel: _refused(channel, "Aborts", NOT_FOUND), NOT_FOUND, NOT_FOUND),
    "time": (lambda channel: _refused(channel, "Slow", DEADLINE, timeout=0.1), DEADLINE, CANCELLED),
    "cancelled": (_cancelled, CANCELLED, CANCELLED),
    "a stream cancelled": (_cancelled_stream, CANCELLED, CANCELLED),
}


@pytest.mark.parametrize(("call", "sent", "received"), FAILING.values(), ids=FAILING)
def test_a_call_that_fails(call, sent, received):
    """Both spans end, with the code of the call."""

    async def program():
        here, there = Waiting(), Waiting()
        async with serving(there, Tracer(exporter=here, sampler=AlwaysOnSampler())) as channel:
            await call(channel)
            await here.wait_for(1)
            await there.wait_for(1)
        return [span.status.canonical_code for span in (*here.spans, *there.spans)]

    assert asyncio.run(program()) == [sent, received]


def test_two_hundred_calls_fifty_at_once():
    """On both sides, every span lies in its own request."""

    async def program():
        kept = Waiting()
        async with serving(kept) as channel:

            async def request(number):
                for turn in range(4):
                    body = f"{number}.{turn}".encode()
                    with Tracer(exporter=kept, sampler=AlwaysOnSampler()).span(name=f"request {number}.{turn}"):
                        assert await channel.unary_unary("/shop.Orders/One")(body) == body

            await asyncio.gather(*(request(number) for number in range(50)))
            await kept.wait_for(800)
        return {span.span_id: span for span in kept.spans}

    spans = asyncio.run(program())
    prices = [span for span in spans.values() if span.name.startswith("price ")]
    assert len(prices) == 200
    for span in prices:
        chain, parent = [span.name], span.parent_span_id
        while parent is not None:
            chain.append(spans[parent].name)
            parent = spans[parent].parent_span_id
        assert chain == [chain[0], "Recv.shop.Orders.One", "Sent.shop.Orders.One", f"request {chain[0].partition(' ')[2]}"]


def test_what_is_not_traced():
    """Methods that the server does not have, on its side; what runs inside an exporter, on the other."""

    async def program():
        here, there = Waiting(), Waiting()
        async with serving(there, Tracer(exporter=here, sampler=AlwaysOnSampler())) as channel:
            await _refused(channel, "None", 12)
            assert [span.name for span in here.spans] == ["Sent.shop.Orders.None"]
            here.spans.clear()
            execution_context.set_is_exporter(True)
            for call in (channel.unary_unary, channel.stream_unary):
                with pytest.raises(grpc.aio.AioRpcError):
                    await call("/shop.Orders/None")(b"7" if call == channel.unary_unary else iter([b"7"]))
            for call in (channel.unary_stream, channel.stream_stream):
                with pytest.raises(grpc.aio.AioRpcError):
                    await _read(call("/shop.Orders/None")(b"7" if call == channel.unary_stream else iter([b"7"])))
            execution_context.set_is_exporter(False)
        return here.spans + there.spans

    assert asyncio.run(program()) == []
