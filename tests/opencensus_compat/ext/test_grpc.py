"""The interceptors for gRPC, on both sides of calls on loopback. That they do what OpenCensus's did, `tests/parity` shows."""

from __future__ import annotations

import contextlib
import logging
import threading
from concurrent import futures
from types import SimpleNamespace

import grpc
import pytest

from opencensus_compat.ext.grpc.client_interceptor import OpenCensusClientInterceptor
from opencensus_compat.ext.grpc.server_interceptor import OpenCensusServerInterceptor
from opencensus_compat.trace import execution_context
from opencensus_compat.trace.base_exporter import Exporter
from opencensus_compat.trace.propagation.binary_format import BinaryFormatPropagator
from opencensus_compat.trace.samplers import AlwaysOnSampler
from opencensus_compat.trace.span_context import SpanContext
from opencensus_compat.trace.tracer import Tracer

OK, CANCELLED, UNKNOWN, DEADLINE, NOT_FOUND, UNAVAILABLE = 0, 1, 2, 4, 5, 14


class Waiting(Exporter):
    """Keeps the SpanData that it is given, and lets a test wait for so many."""

    def __init__(self):
        self.spans = []
        self._changed = threading.Condition()

    def export(self, span_datas):
        """Keep them."""
        with self._changed:
            self.spans += span_datas
            self._changed.notify_all()

    def wait_for(self, number):
        """Return the spans once there are so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.spans) >= number, 60), [span.name for span in self.spans]
        return self.spans


def one(body, context):
    """Answer with a span in it."""
    with execution_context.get_opencensus_tracer().span(name=f"price {body.decode()}"):
        return body


def fails(body, context):
    """Raise."""
    raise ValueError("no such order")


def breaks(body, context):
    """Answer once, and raise."""
    yield body
    raise ValueError("no such order")


def many(body, context):
    """Answer until nobody listens."""
    while context.is_active():
        yield body


def slow(body, context):
    """Answer when the call is over."""
    over = threading.Event()
    context.add_callback(over.set)
    over.wait(60)
    return body


def aborts(body, context):
    """Refuse."""
    context.abort(grpc.StatusCode.NOT_FOUND, "no such order")


def join(bodies, context):
    """Answer all at once."""
    return b"".join(bodies)


def each(bodies, context):
    """Answer each."""
    yield from bodies


HANDLERS = {
    "One": grpc.unary_unary_rpc_method_handler(one),
    "Fails": grpc.unary_unary_rpc_method_handler(fails),
    "Breaks": grpc.unary_stream_rpc_method_handler(breaks),
    "Many": grpc.unary_stream_rpc_method_handler(many),
    "Slow": grpc.unary_unary_rpc_method_handler(slow),
    "Aborts": grpc.unary_unary_rpc_method_handler(aborts),
    "Join": grpc.stream_unary_rpc_method_handler(join),
    "Each": grpc.stream_stream_rpc_method_handler(each),
}


class Orders(grpc.GenericRpcHandler):
    """All of them, and what metadata came."""

    def __init__(self):
        self.seen = []

    def service(self, handler_call_details):
        """Return the handler of a method."""
        self.seen.append(dict(handler_call_details.invocation_metadata))
        return HANDLERS.get(handler_call_details.method.rpartition("/")[2])


@contextlib.contextmanager
def serving(*interceptors, threads=4):
    """Run a server, and yield a channel to it and its handlers."""
    orders = Orders()
    server = grpc.server(futures.ThreadPoolExecutor(threads), interceptors=interceptors)
    server.add_generic_rpc_handlers([orders])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel, orders
    finally:
        server.stop(0).wait()


@pytest.fixture
def kept():
    """What the client's spans go to."""
    return Waiting()


@pytest.fixture
def tracer(kept):
    """The tracer of a client."""
    return Tracer(exporter=kept, sampler=AlwaysOnSampler())


@pytest.fixture
def channel(tracer):
    """A channel whose calls are traced, to a server that traces nothing."""
    with serving() as (plain, _):
        yield grpc.intercept_channel(plain, OpenCensusClientInterceptor(tracer, "shop:443"))


def _tree(spans):
    names = {span.span_id: span.name for span in spans}
    return {span.name: names.get(span.parent_span_id) for span in spans}


def _read(channel, method, body=b"7"):
    return list(channel.unary_stream(f"/shop.Orders/{method}")(body, timeout=60))


FAILING = {
    "one response": (lambda channel: channel.unary_unary("/shop.Orders/Fails")(b"7"), UNKNOWN),
    "a code": (lambda channel: channel.unary_unary("/shop.Orders/Aborts")(b"7"), NOT_FOUND),
    "requests": (lambda channel: channel.stream_unary("/shop.Orders/None")(iter([b"7"])), 12),
    "responses": (lambda channel: _read(channel, "Breaks"), UNKNOWN),
    "time": (lambda channel: channel.unary_unary("/shop.Orders/Slow")(b"7", timeout=0.01), DEADLINE),
    "future": (lambda channel: channel.unary_unary("/shop.Orders/Fails").future(b"7").result(), UNKNOWN),
}


@pytest.mark.parametrize(("call", "code"), FAILING.values(), ids=FAILING)
def test_a_call_that_fails_ends_its_span(channel, tracer, kept, call, code):
    """The code is the call's, the error reaches the program unchanged, and the span around it is the current one again."""
    with tracer.span(name="outer") as outer:
        with pytest.raises(grpc.RpcError) as caught:
            call(channel)
        assert execution_context.get_current_span() is outer
    assert caught.value.code().value[0] == code
    sent = next(span for span in kept.wait_for(2) if span.name.startswith("Sent.shop.Orders."))
    assert sent.status.canonical_code == code
    assert sent.attributes["error.message"] == sent.status.description == caught.value.details()


def test_a_stream_that_is_given_up(channel, tracer, kept):
    """Its span ends where the program stops reading, and is not the current one then."""
    with tracer.span(name="outer") as outer:
        for body in channel.unary_stream("/shop.Orders/Many")(b"7"):
            assert body == b"7"
            break
        assert execution_context.get_current_span() is outer
    assert _tree(kept.wait_for(2)) == {"Sent.shop.Orders.Many": "outer", "outer": None}


def test_a_stream_that_is_cancelled(channel, tracer, kept):
    """Its span ends as cancelled, and the program reads on to the error."""
    with tracer.span(name="outer") as outer:
        call = channel.unary_stream("/shop.Orders/Many")(b"7")
        assert next(call) == b"7"
        assert call.cancel()
        with pytest.raises(grpc.RpcError):
            list(call)
        assert execution_context.get_current_span() is outer
    assert {span.name: span.status.canonical_code for span in kept.wait_for(2)} == {"Sent.shop.Orders.Many": CANCELLED, "outer": OK}


def test_a_span_around_the_reading(channel, tracer, kept):
    """One that the program opens within a streamed call, and in which it reads to the end, is not taken for the call's."""
    with tracer.span(name="outer"):
        call = channel.stream_stream("/shop.Orders/Each")(iter([b"7", b"8"]))
        with tracer.span(name="reads"):
            assert list(call) == [b"7", b"8"]
            with tracer.span(name="after"):
                pass
    assert _tree(kept.wait_for(4)) == {"Sent.shop.Orders.Each": "outer", "reads": "Sent.shop.Orders.Each", "after": "reads", "outer": None}


def test_two_streams_read_in_turns(channel, tracer, kept):
    """Each one's end is its own."""
    with tracer.span(name="outer"):
        calls = [channel.stream_stream("/shop.Orders/Each")(iter(bodies)) for bodies in ([b"1"], [b"2", b"3"])]
        assert [next(call) for call in calls] == [b"1", b"2"]
        assert [list(call) for call in calls] == [[], [b"3"]]
    sent = [len(span.message_events) for span in kept.wait_for(3) if span.name.startswith("Sent")]
    assert sent == [2, 4]


def test_a_future(channel, tracer, kept):
    """What the program does meanwhile is not inside; the call's callbacks are called after its span has ended."""
    ended = futures.Future()
    with tracer.span(name="outer") as outer:
        call = channel.unary_unary("/shop.Orders/One").future(b"7")
        call.add_done_callback(lambda _: ended.set_result([span.name for span in kept.spans]))
        assert execution_context.get_current_span() is outer
        assert (call.result(), call.code()) == (b"7", grpc.StatusCode.OK)
        assert ended.result(60) == ["Sent.shop.Orders.One"]
    assert _tree(kept.spans) == {"Sent.shop.Orders.One": "outer", "outer": None}


def test_a_future_that_is_cancelled(channel, tracer, kept):
    """Its span says so."""
    with tracer.span(name="outer"):
        assert channel.unary_unary("/shop.Orders/Slow").future(b"7").cancel()
    spans = {span.name: span for span in kept.wait_for(2)}
    assert spans["Sent.shop.Orders.Slow"].status.canonical_code == CANCELLED


def test_what_a_streamed_call_shows(channel, tracer):
    """All that a call of gRPC has, also what OpenCensus's did not have or raised for."""
    with tracer.span(name="outer"):
        call = channel.unary_stream("/shop.Orders/Breaks")(b"7", timeout=60)
        assert isinstance(call, grpc.Call)
        assert isinstance(call, grpc.Future)
        assert call.next() == b"7"
        assert call.time_remaining() > 0
        with pytest.raises(grpc.RpcError):
            next(call)
        assert (call.code(), call.details()) == (grpc.StatusCode.UNKNOWN, "Exception iterating responses: no such order")
        assert [call.done(), call.running(), call.is_active(), call.cancelled()] == [True, False, False, False]
        assert list(call.trailing_metadata()) == list(call.terminal_metadata()) == list(call.initial_metadata()) == []
        assert call.exception() is not None
        with pytest.raises(AttributeError):
            call.something_else  # noqa: B018 -- it is the reading that raises


def test_what_goes_wrong_in_tracing_costs_the_span(kept, caplog):
    """A message, a tracer and metadata that raise: the calls go out, and one line for each says so."""

    class Odd:
        def ByteSize(self):  # noqa: N802 -- the name of protobuf's messages
            raise RuntimeError("no size")

    def no_trace():
        raise RuntimeError("no trace")

    class OddTracer(Tracer):
        span_context = property(lambda _: no_trace(), lambda _, value: value)

    with serving() as (plain, _), caplog.at_level(logging.WARNING, "opencensus_compat"):
        for tracer in (Tracer(exporter=kept, sampler=AlwaysOnSampler()), SimpleNamespace(start_span=lambda **_: no_trace())):
            channel = grpc.intercept_channel(plain, OpenCensusClientInterceptor(tracer))
            call = channel.unary_unary("/shop.Orders/One", request_serializer=lambda _: b"7", response_deserializer=lambda _: Odd())
            assert isinstance(call(Odd()), Odd)
        channel = grpc.intercept_channel(plain, OpenCensusClientInterceptor(OddTracer(exporter=kept, sampler=AlwaysOnSampler())))
        assert channel.unary_unary("/shop.Orders/One")(b"7") == b"7"
    assert [record.getMessage() for record in caplog.records] == [
        "a message of a gRPC call could not be noted: RuntimeError (said once)",
        "a gRPC call was not traced: RuntimeError (said once)",
        "a gRPC call has no trace context: RuntimeError (said once)",
    ]
    assert [span.name for span in kept.spans] == ["Sent.shop.Orders.One"] * 2


def test_both_headers(kept, tracer):
    """The call's span is in the binary form and in W3C's, also where an outer interceptor has named another one."""
    written = []

    class Seeing(grpc.UnaryUnaryClientInterceptor):
        def intercept_unary_unary(self, continuation, client_call_details, request):
            written.append(client_call_details)
            return continuation(client_call_details, request)

    with serving() as (plain, orders), tracer.span(name="outer"):
        channel = grpc.intercept_channel(plain, OpenCensusClientInterceptor(tracer), Seeing())
        call = channel.unary_unary("/shop.Orders/One")
        call(b"7", wait_for_ready=True, compression=grpc.Compression.Gzip)
        call(b"7", metadata=[("traceparent", "outer"), ("own", "1")])
    binary = BinaryFormatPropagator().from_header(dict(written[0].metadata)["grpc-trace-bin"])
    first, second, _ = kept.spans
    assert (binary.trace_id, binary.span_id) == (tracer.span_context.trace_id, first.span_id)
    assert (written[0].wait_for_ready, written[0].compression) == (True, grpc.Compression.Gzip)
    headers = [f"00-{binary.trace_id}-{span.span_id}-01" for span in (first, second)]
    assert [seen["traceparent"] for seen in orders.seen] == headers
    assert orders.seen[1]["own"] == "1"


def test_without_a_tracer():
    """The call goes out, and no header that cannot be read goes with it."""
    with serving() as (plain, orders):
        channel = grpc.intercept_channel(plain, OpenCensusClientInterceptor())
        assert channel.unary_unary("/shop.Orders/Aborts").future(b"7").code() is grpc.StatusCode.NOT_FOUND
        assert list(channel.stream_stream("/shop.Orders/Each")(iter([b"7"]))) == [b"7"]
    assert [sorted(seen) for seen in orders.seen] == [["user-agent"]] * 2


def test_conventions_of_opentelemetry(channel, tracer, kept, monkeypatch):
    """Where items are sent in OpenTelemetry's shape, they are beside the legacy attributes, on both sides."""
    called = {"rpc.system.name": "grpc", "rpc.service": "shop.Orders", "rpc.method": "One"}
    for shape in ("legacy", "otel"):
        monkeypatch.setenv("OPENCENSUS_COMPAT_ENVELOPES", shape)
        channel.unary_unary("/shop.Orders/One")(b"7")
        _served(HANDLERS["One"], kept).unary_unary(b"7", _context())
    for prefix, expected in (("Sent", {**called, "server.address": "shop", "server.port": 443}), ("Recv", called)):
        legacy, otel = [dict(span.attributes) for span in kept.spans if span.name == f"{prefix}.shop.Orders.One"]
        assert {key: value for key, value in otel.items() if key not in legacy} == expected


def test_exporters_are_not_traced(channel, tracer, kept):
    """What runs inside an exporter has no spans."""
    execution_context.set_is_exporter(True)
    try:
        with pytest.raises(grpc.RpcError):
            channel.unary_unary("/shop.Orders/Fails")(b"7")
    finally:
        execution_context.set_is_exporter(False)
    assert kept.spans == []


def test_a_stream_served_that_nobody_reads_on(tracer):
    """The span of the request ends as cancelled."""
    served = Waiting()
    with serving(OpenCensusServerInterceptor(AlwaysOnSampler(), served)) as (channel, _):
        call = channel.unary_stream("/shop.Orders/Many")(b"7")
        assert next(call) == b"7"
        call.cancel()
        [span] = served.wait_for(1)
    assert (span.name, span.status.canonical_code) == ("Recv.shop.Orders.Many", CANCELLED)


def _context(metadata=()):
    return SimpleNamespace(invocation_metadata=lambda: metadata, add_callback=bool)


def _served(handler, exporter):
    interceptor = OpenCensusServerInterceptor(AlwaysOnSampler(), exporter)
    return interceptor.intercept_service(lambda _: handler, SimpleNamespace(method="/shop.Orders/One"))


@pytest.mark.parametrize("method", ["One", "Each"])
def test_a_thread_that_serves_one_call_after_the_other(kept, method):
    """After a call the thread has the tracer from before, and no span."""
    before = execution_context.get_opencensus_tracer()
    handler = _served(HANDLERS[method], kept)
    if method == "One":
        assert handler.unary_unary(b"7", _context()) == b"7"
    else:
        assert list(handler.stream_stream(iter([b"7"]), _context())) == [b"7"]
    assert execution_context.get_opencensus_tracer() is before
    assert execution_context.get_current_span() is None
    assert "Recv.shop.Orders.One" in [span.name for span in kept.spans]


def test_the_callers_trace(kept):
    """It comes in the binary form where a server sees that; metadata that cannot be read begin a trace."""
    handler = _served(HANDLERS["One"], kept)
    caller = SpanContext(trace_id="6e0c63257de34c92bf9efcd03927272e", span_id="00f067aa0ba902b7")
    for value in (BinaryFormatPropagator().to_header(caller), b"short"):
        handler.unary_unary(b"7", _context([("grpc-trace-bin", value)]))
    first, second = [span for span in kept.spans if span.name.startswith("Recv")]
    assert (first.context.trace_id, first.parent_span_id) == (caller.trace_id, caller.span_id)
    assert second.context.trace_id != caller.trace_id
    assert second.parent_span_id is None


def test_two_hundred_calls_fifty_at_once(kept, tracer):
    """On both sides, every span lies in its own request."""
    with serving(OpenCensusServerInterceptor(AlwaysOnSampler(), kept), threads=50) as (plain, _):
        channel = grpc.intercept_channel(plain, OpenCensusClientInterceptor())
        together = threading.Barrier(50)

        def request(number):
            together.wait(60)
            for turn in range(4):
                body = f"{number}.{turn}".encode()
                with Tracer(exporter=kept, sampler=AlwaysOnSampler()).span(name=f"request {number}.{turn}"):
                    assert channel.unary_unary("/shop.Orders/One")(body, timeout=60) == body

        with futures.ThreadPoolExecutor(50) as pool:
            list(pool.map(request, range(50)))
        spans = {span.span_id: span for span in kept.wait_for(800)}
    prices = [span for span in spans.values() if span.name.startswith("price ")]
    assert len(prices) == 200
    for span in prices:
        chain, parent = [span.name], span.parent_span_id
        while parent is not None:
            chain.append(spans[parent].name)
            parent = spans[parent].parent_span_id
        assert chain == [chain[0], "Recv.shop.Orders.One", "Sent.shop.Orders.One", f"request {chain[0].partition(' ')[2]}"]
