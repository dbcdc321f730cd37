from concurrent import futures

import grpc
from appinsights_exporter import configure
from google.api_core import grpc_helpers
from google.auth.credentials import AnonymousCredentials
from opentelemetry import trace
from opentelemetry.instrumentation.grpc import GrpcInstrumentorClient
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)
GrpcInstrumentorClient().instrument()
RequestsInstrumentor().instrument()


class Emulator(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda body, context: body)


server = grpc.server(futures.ThreadPoolExecutor(1))
server.add_generic_rpc_handlers([Emulator()])
port = server.add_secure_port("localhost:0", grpc.local_server_credentials())
server.start()

credentials = {"credentials": AnonymousCredentials(), "ssl_credentials": grpc.local_channel_credentials()}
with grpc_helpers.create_channel(f"localhost:{port}", **credentials) as channel, tracer.start_as_current_span("checkout"):
    channel.unary_unary("/google.pubsub.v1.Publisher/Publish")(b"order 7")
server.stop(None).wait()
