"""Writes bills: reads the caller's context by hand, and works in a thread that the integration with threading gives it to."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import telemetry
from opencensus.trace import config_integration, execution_context
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer

thread = telemetry.start_metrics()
config_integration.trace_integrations(["threading"])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        order = self.path.strip("/")
        context = TraceContextPropagator().from_headers(self.headers)
        tracer = Tracer(span_context=context, sampler=AlwaysOnSampler(), exporter=telemetry.exporter)
        with tracer.span(f"billing {order}") as span:
            span.span_kind = SpanKind.SERVER
            worker = threading.Thread(target=lambda: telemetry.work(execution_context.get_opencensus_tracer(), order))
            worker.start()
            worker.join()
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"paid")

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever).start()
telemetry.say(server.server_port)
telemetry.until_told()
server.shutdown()
server.server_close()
