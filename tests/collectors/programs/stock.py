"""Takes what was ordered from stock: a gRPC server with the interceptor, and messages whose headers are written by hand."""

import http.client
import sys
from concurrent import futures

import grpc
import telemetry
from opencensus.ext.grpc.server_interceptor import OpenCensusServerInterceptor
from opencensus.trace import execution_context
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind

thread = telemetry.start_metrics()
billing = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))


def take(body, context):
    tracer, order = execution_context.get_opencensus_tracer(), body.decode()
    telemetry.work(tracer, order)
    with tracer.span(f"stock sends {order}") as span:
        span.span_kind = SpanKind.CLIENT
        billing.request("POST", f"/{order}", headers=TraceContextPropagator().to_headers(tracer.span_context))
        return billing.getresponse().read()


class Stock(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(take)


server = grpc.server(futures.ThreadPoolExecutor(1), interceptors=[OpenCensusServerInterceptor(AlwaysOnSampler(), telemetry.exporter)])
server.add_generic_rpc_handlers([Stock()])
port = server.add_insecure_port("127.0.0.1:0")
server.start()
telemetry.say(port)
telemetry.until_told()
server.stop(None).wait()
billing.close()
