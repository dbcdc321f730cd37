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
