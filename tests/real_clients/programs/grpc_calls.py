"""Both ends of gRPC calls with the interceptors, and the client that the integration of Google's libraries makes."""

from concurrent import futures

import grpc
from opencensus.ext.grpc.client_interceptor import OpenCensusClientInterceptor
from opencensus.ext.grpc.server_interceptor import OpenCensusServerInterceptor
from opencensus.trace import config_integration, execution_context
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
from shop import Recorder, plain, show

here, there = Recorder(), Recorder()


class Orders(grpc.GenericRpcHandler):
    def service(self, details):
        def price(body, context):
            with execution_context.get_opencensus_tracer().span("price"):
                return body

        def fails(body, context):
            raise ValueError("no such order")

        return grpc.unary_unary_rpc_method_handler(fails if details.method.endswith("Fails") else price)


server = grpc.server(futures.ThreadPoolExecutor(1), interceptors=[OpenCensusServerInterceptor(AlwaysOnSampler(), there)])
server.add_generic_rpc_handlers([Orders()])
port = server.add_insecure_port("127.0.0.1:0")
server.start()


def calls(tracer, channel):
    with tracer.span("order"):
        assert channel.unary_unary("/shop.Orders/Price")(b"7") == b"7"


channel = grpc.insecure_channel(f"127.0.0.1:{port}")
try:
    channel.unary_unary("/shop.Orders/Fails")(b"7")
except grpc.RpcError as error:
    assert error.code() is grpc.StatusCode.UNKNOWN
first, second = Tracer(exporter=here, sampler=AlwaysOnSampler()), Tracer(exporter=here, sampler=AlwaysOnSampler())
calls(first, grpc.intercept_channel(channel, OpenCensusClientInterceptor(first, "shop:443")))
config_integration.trace_integrations(["google_cloud_clientlibs"], tracer=second)
calls(second, grpc.insecure_channel(target=f"127.0.0.1:{port}"))
server.stop(None).wait()
text = repr([plain(here.spans), plain(there.spans)]).replace(str(port), "PORT")
show(eval(text))
