"""A gRPC server that takes every call as bytes: none of the packages decides what arrives."""

import contextlib
from concurrent import futures

import grpc


@contextlib.contextmanager
def receiving(replies):
    """Yield the address, and a list of method and body of each request.

    Args:
        replies: Method to its reply, and whether both sides stream.
    """
    taken = []

    class Any(grpc.GenericRpcHandler):
        def service(self, details):
            reply, streams = replies[details.method]

            def one(body, context):
                taken.append((details.method, body))
                return reply

            def many(bodies, context):
                for body in bodies:
                    yield one(body, context)

            return grpc.stream_stream_rpc_method_handler(many) if streams else grpc.unary_unary_rpc_method_handler(one)

    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([Any()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}", taken
    finally:
        server.stop(None).wait()


def monitoring(address):
    """Return the client of Google's monitoring for a server on an address."""
    from google.cloud import monitoring_v3
    from google.cloud.monitoring_v3.services.metric_service.transports.grpc import MetricServiceGrpcTransport

    return monitoring_v3.MetricServiceClient(transport=MetricServiceGrpcTransport(channel=grpc.insecure_channel(address)))


def agent(address):
    """Return the client for metrics of OpenCensus's agent on an address."""
    from opencensus.proto.agent.metrics.v1 import metrics_service_pb2_grpc

    return metrics_service_pb2_grpc.MetricsServiceStub(grpc.insecure_channel(address))


def message(method, body):
    """Return what was sent to one of the two, as a dict."""
    from google.cloud import monitoring_v3
    from google.protobuf.json_format import MessageToDict
    from opencensus.proto.agent.metrics.v1 import metrics_service_pb2

    if method.endswith("/Export"):
        return MessageToDict(metrics_service_pb2.ExportMetricsServiceRequest.FromString(body))
    kind = getattr(monitoring_v3, method.rpartition("/")[2] + "Request")
    return MessageToDict(kind.pb(kind.deserialize(body)))
