from concurrent import futures

import grpc
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.grpc.client_interceptor import OpenCensusClientInterceptor
from opencensus.ext.grpc.server_interceptor import OpenCensusServerInterceptor
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer


def price(body, context):
    if body == b"lost":
        context.abort(grpc.StatusCode.NOT_FOUND, "no such order")
    return b"7.50"


class Orders(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(price)


exporter = AzureExporter()
tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())
server = grpc.server(
    futures.ThreadPoolExecutor(max_workers=1),
    interceptors=(OpenCensusServerInterceptor(AlwaysOnSampler(), exporter),),
)
server.add_generic_rpc_handlers((Orders(),))
port = server.add_insecure_port("localhost:0")
server.start()

interceptor = OpenCensusClientInterceptor(tracer, host_port="localhost:50051")
channel = grpc.insecure_channel(f"localhost:{port}")
channel = grpc.intercept_channel(channel, interceptor)
call = channel.unary_unary("/shop.Orders/Price")
with tracer.span(name="order"):
    call(b"42")
    try:
        call(b"lost")
    except grpc.RpcError as error:
        print(error.code())
server.stop(None).wait()
