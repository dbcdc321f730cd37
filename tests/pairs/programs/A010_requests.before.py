import os
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

from opencensus.ext.azure import metrics_exporter
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer

exporter = metrics_exporter.new_metrics_exporter(export_interval=3600.0)
exporter.add_telemetry_processor(lambda envelope: "Bytes" not in envelope.data.baseData.metrics[0].name)
tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        with tracer.span(name="GET " + self.path) as span:
            span.span_kind = SpanKind.SERVER
            self.send_response(204)
            self.end_headers()

    def log_message(self, *arguments):
        pass


server = HTTPServer(("127.0.0.1", 0), Handler)
thread = threading.Thread(target=server.serve_forever)
thread.start()
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
for path in ("/a", "/b", "/c"):
    opener.open(f"http://127.0.0.1:{server.server_port}{path}").close()
server.shutdown()
server.server_close()
thread.join()
