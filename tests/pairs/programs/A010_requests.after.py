import os
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

from appinsights_exporter import configure, performance_counters
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["metrics"], export_interval_millis=3600000, telemetry_processors=[lambda envelope: "Bytes" not in envelope.data.baseData.metrics[0].name])
performance_counters.observe_legacy()
configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        with tracer.start_as_current_span("GET " + self.path, kind=trace.SpanKind.SERVER) as span:
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
