import http.server
import threading

import requests
from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

RequestsInstrumentor().instrument()
configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)


class Stock(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/stock/7" else 404)
        self.end_headers()

    def log_message(self, *args):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Stock)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"

with tracer.start_as_current_span("checkout"):
    requests.get(f"{url}/stock/7")
    requests.get(f"{url}/stock/8")
server.shutdown()
server.server_close()
