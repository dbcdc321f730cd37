"""Calls of gRPC, with an interceptor on either side, to a server in the same process that takes bytes."""

from __future__ import annotations

import contextlib
import logging
from concurrent import futures

import grpc
from opencensus.ext import grpc as oc_grpc
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.grpc import utils
from opencensus.ext.grpc.client_interceptor import OpenCensusClientInterceptor
from opencensus.ext.grpc.server_interceptor import OpenCensusServerInterceptor
from opencensus.trace import execution_context, time_event
from opencensus.trace.samplers import AlwaysOffSampler, AlwaysOnSampler
from opencensus.trace.span import Span
from opencensus.trace.tracer import Tracer

HOST = "shop:443"


def _one(body, context):
    with execution_context.get_opencensus_tracer().span("price"):
        return body


def _many(body, context):
    for number in range(3):
        with execution_context.get_opencensus_tracer().span("item %d" % number):
            yield body


def _join(bodies, context):
    return b"".join(bodies)


def _each(bodies, context):
    yield from bodies


def _fails(body, context):
    raise ValueError("no such order")


def _fails_later(body, context):
    yield body
    raise ValueError("no such order")


def _aborts(body, context):
    context.abort(grpc.StatusCode.NOT_FOUND, "no such order")


def _says(body, context):
    context.set_code(grpc.StatusCode.NOT_FOUND)
    context.set_details("no such order")
    return body


def _logs(body, context):
    logger = logging.getLogger("grpc_calls")
    handler = AzureLogHandler()
    logger.addHandler(handler)
    logger.warning("in the handler")
    logger.removeHandler(handler)
    handler.flush()
    handler.close()
    return body


class _Orders(grpc.GenericRpcHandler):
    kinds = {
        "One": grpc.unary_unary_rpc_method_handler(_one),
        "Many": grpc.unary_stream_rpc_method_handler(_many),
        "Join": grpc.stream_unary_rpc_method_handler(_join),
        "Each": grpc.stream_stream_rpc_method_handler(_each),
        "Fails": grpc.unary_unary_rpc_method_handler(_fails),
        "FailsLater": grpc.unary_stream_rpc_method_handler(_fails_later),
        "Aborts": grpc.unary_unary_rpc_method_handler(_aborts),
        "Says": grpc.unary_unary_rpc_method_handler(_says),
        "Logs": grpc.unary_unary_rpc_method_handler(_logs),
    }

    def service(self, details):
        return self.kinds.get(details.method.rpartition("/")[2])


@contextlib.contextmanager
def _server(*interceptors):
    server = grpc.server(futures.ThreadPoolExecutor(4), interceptors=interceptors)
    server.add_generic_rpc_handlers([_Orders()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel("127.0.0.1:%d" % port) as channel:
            yield channel
    finally:
        server.stop(10).wait()


def _tracer(**options):
    execution_context.clean()
    return Tracer(**{"exporter": AzureExporter(), "sampler": AlwaysOnSampler(), **options})


@contextlib.contextmanager
def _traced(host=HOST, **options):
    """A channel with our interceptor, inside a span."""
    tracer = _tracer(**options)
    with _server() as channel, tracer.span(name="outer"):
        yield grpc.intercept_channel(channel, OpenCensusClientInterceptor(tracer, host)), tracer


def _recorded():
    return OpenCensusServerInterceptor(AlwaysOnSampler(), AzureExporter())


def constants():
    """What the package has of its own."""
    return [oc_grpc.UNARY_UNARY, oc_grpc.UNARY_STREAM, oc_grpc.STREAM_UNARY, oc_grpc.STREAM_STREAM, oc_grpc.GRPC_TRACE_KEY]


def unary_unary():
    """A call that waits."""
    with _traced() as (channel, _):
        return channel.unary_unary("/shop.Orders/One")(b"7").decode()


def unary_stream():
    """Responses one after the other, with spans while they are read."""
    with _traced() as (channel, tracer):
        read = []
        for body in channel.unary_stream("/shop.Orders/Many")(b"7"):
            with tracer.span(name="read"):
                read.append(body.decode())
        with tracer.span(name="after"):
            return read


def stream_unary():
    """Requests one after the other."""
    with _traced() as (channel, _):
        return channel.stream_unary("/shop.Orders/Join")(iter([b"7", b"8"])).decode()


def stream_stream():
    """Both."""
    with _traced() as (channel, _):
        return [body.decode() for body in channel.stream_stream("/shop.Orders/Each")(iter([b"7", b"8"]))]


def with_call():
    """A call that shows how it went."""
    with _traced() as (channel, _):
        body, call = channel.unary_unary("/shop.Orders/One").with_call(b"7", metadata=(("own", "1"),), timeout=60)
        return [body.decode(), call.code().name]


def without_host():
    """A channel of which the program does not say where it leads."""
    with _traced(None) as (channel, _):
        return channel.unary_unary("/shop.Orders/One")(b"7").decode()


def current_tracer():
    """An interceptor without a tracer."""
    tracer = _tracer()
    with _server() as channel, tracer.span(name="outer"):
        grpc.intercept_channel(channel, OpenCensusClientInterceptor())
        return grpc.intercept_channel(channel, OpenCensusClientInterceptor()).unary_unary("/shop.Orders/One")(b"7").decode()


def outside_spans():
    """A call outside any span."""
    tracer = _tracer()
    with _server() as channel:
        return grpc.intercept_channel(channel, OpenCensusClientInterceptor(tracer, HOST)).unary_unary("/shop.Orders/One")(b"7").decode()


def unsampled():
    """A trace that is not sampled."""
    with _traced(sampler=AlwaysOffSampler()) as (channel, _):
        return channel.unary_unary("/shop.Orders/One")(b"7").decode()


def of_an_exporter():
    """A call of the exporter to Google's service."""
    with _traced() as (channel, _):
        try:
            channel.unary_unary("/google.devtools.cloudtrace.v2.TraceService/Price")(b"7")
        except grpc.RpcError as error:
            return error.code().name


def two_interceptors():
    """One of the program's own beside."""

    class Own(grpc.UnaryUnaryClientInterceptor):
        def intercept_unary_unary(self, continuation, details, request):
            seen.append(sorted(key for key, _ in details.metadata or () if key != "traceparent"))
            return continuation(details, request)

    seen = []
    tracer = _tracer()
    with _server() as channel, tracer.span(name="outer"):
        inside = grpc.intercept_channel(channel, OpenCensusClientInterceptor(tracer, HOST), Own())
        outside = grpc.intercept_channel(channel, Own(), OpenCensusClientInterceptor(tracer, HOST))
        for one in (inside, outside):
            one.unary_unary("/shop.Orders/One")(b"7", metadata=[("own", "1")])
    return seen


def failed():
    """A call that the server does not know, and one that nobody takes."""
    with _traced() as (channel, tracer):
        codes = []
        for method, one in (
            ("Unknown", channel),
            ("One", grpc.intercept_channel(grpc.insecure_channel("127.0.0.1:9"), OpenCensusClientInterceptor(tracer, HOST))),
        ):
            try:
                one.unary_unary("/shop.Orders/" + method)(b"7", timeout=20)
            except grpc.RpcError as error:
                codes.append(error.code().name)
        with tracer.span(name="after"):
            return codes


def failed_later():
    """A stream that breaks."""
    with _traced() as (channel, tracer):
        try:
            for _ in channel.unary_stream("/shop.Orders/FailsLater")(b"7"):
                pass
        except grpc.RpcError as error:
            with tracer.span(name="after"):
                return error.code().name


def futures_beside():
    """Two calls at once, and a span meanwhile."""
    with _traced() as (channel, tracer):
        first, second = [channel.unary_unary("/shop.Orders/One").future(body) for body in (b"7", b"8")]
        with tracer.span(name="meanwhile"):
            return [first.result().decode(), second.result().decode()]


def served_unary_unary():
    """A call served, with a span in the handler."""
    _tracer()
    with _server(_recorded()) as channel:
        return channel.unary_unary("/shop.Orders/One")(b"7").decode()


def served_unary_stream():
    """Responses one after the other, with spans in the handler."""
    _tracer()
    with _server(_recorded()) as channel:
        return [body.decode() for body in channel.unary_stream("/shop.Orders/Many")(b"7")]


def served_stream_unary():
    """Requests one after the other."""
    _tracer()
    with _server(_recorded()) as channel:
        return channel.stream_unary("/shop.Orders/Join")(iter([b"7", b"8"])).decode()


def served_stream_stream():
    """Both."""
    _tracer()
    with _server(_recorded()) as channel:
        return [body.decode() for body in channel.stream_stream("/shop.Orders/Each")(iter([b"7", b"8"]))]


def served_with_exception():
    """A handler that raises."""
    _tracer()
    with _server(_recorded()) as channel:
        try:
            channel.unary_unary("/shop.Orders/Fails")(b"7")
        except grpc.RpcError as error:
            return error.code().name


def served_with_code():
    """A handler that sets a code and returns."""
    _tracer()
    with _server(_recorded()) as channel:
        try:
            channel.unary_unary("/shop.Orders/Says")(b"7")
        except grpc.RpcError as error:
            return error.code().name


def served_aborted():
    """A handler that aborts."""
    _tracer()
    with _server(_recorded()) as channel:
        try:
            channel.unary_unary("/shop.Orders/Aborts")(b"7")
        except grpc.RpcError as error:
            return [error.code().name, error.details()]


def served_log_line():
    """A log line in a handler belongs to its request."""
    _tracer()
    with _server(_recorded()) as channel:
        return channel.unary_unary("/shop.Orders/Logs")(b"7").decode()


def served_unknown():
    """A method that the server does not have."""
    _tracer()
    with _server(_recorded()) as channel:
        try:
            channel.unary_unary("/shop.Orders/Unknown")(b"7")
        except grpc.RpcError as error:
            return error.code().name


def both_sides():
    """A call from one side to the other."""
    tracer = _tracer()
    with _server(_recorded()) as channel, tracer.span(name="outer"):
        return grpc.intercept_channel(channel, OpenCensusClientInterceptor(tracer, HOST)).unary_unary("/shop.Orders/One")(b"7").decode()


class _Message:
    def ByteSize(self):
        return 12


def sizes():
    """Sizes of messages as events of a span."""
    span = Span("alone")
    utils.add_message_event(_Message(), span, time_event.Type.SENT)
    utils.add_message_event(b"7", span, time_event.Type.RECEIVED, 5)
    list(utils.wrap_iter_with_message_events([_Message(), b"8"], span, time_event.Type.SENT))
    return [event.format_message_event_json() for event in span.message_events], utils.extract_byte_size(_Message())
