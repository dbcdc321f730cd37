from concurrent import futures

import grpc
from google.api_core import grpc_helpers
from google.auth.credentials import AnonymousCredentials
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
config_integration.trace_integrations(["google_cloud_clientlibs"], tracer=tracer)


class Emulator(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda body, context: body)


server = grpc.server(futures.ThreadPoolExecutor(1))
server.add_generic_rpc_handlers([Emulator()])
port = server.add_secure_port("localhost:0", grpc.local_server_credentials())
server.start()

credentials = {"credentials": AnonymousCredentials(), "ssl_credentials": grpc.local_channel_credentials()}
with grpc_helpers.create_channel(f"localhost:{port}", **credentials) as channel, tracer.span(name="checkout"):
    channel.unary_unary("/google.pubsub.v1.Publisher/Publish")(b"order 7")
server.stop(None).wait()
