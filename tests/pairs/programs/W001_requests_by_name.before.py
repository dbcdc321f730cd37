import http.server
import threading

import requests
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

config_integration.trace_integrations(["requests", "logging"])
tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


class Stock(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/stock/7" else 404)
        self.end_headers()

    def log_message(self, *args):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Stock)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"

with tracer.span(name="checkout"):
    requests.get(f"{url}/stock/7")
    requests.get(f"{url}/stock/8")
server.shutdown()
server.server_close()
