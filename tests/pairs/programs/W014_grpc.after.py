from concurrent import futures

import grpc
from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.instrumentation.grpc import client_interceptor, server_interceptor
from opentelemetry.instrumentation.grpc.grpcext import intercept_channel
from opentelemetry.sdk.trace.sampling import ALWAYS_ON


def price(body, context):
    if body == b"lost":
        context.abort(grpc.StatusCode.NOT_FOUND, "no such order")
    return b"7.50"


class Orders(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(price)


configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)
configure(signals=["traces"], sampler=ALWAYS_ON)
server = grpc.server(
    futures.ThreadPoolExecutor(max_workers=1),
    interceptors=(server_interceptor(),),
)
server.add_generic_rpc_handlers((Orders(),))
port = server.add_insecure_port("localhost:0")
server.start()

interceptor = client_interceptor()
channel = grpc.insecure_channel(f"localhost:{port}")
channel = intercept_channel(channel, interceptor)
call = channel.unary_unary("/shop.Orders/Price")
with tracer.start_as_current_span("order"):
    call(b"42")
    try:
        call(b"lost")
    except grpc.RpcError as error:
        print(error.code())
server.stop(None).wait()
