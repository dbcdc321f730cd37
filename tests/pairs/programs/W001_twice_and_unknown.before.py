import http.server
import logging
import threading

import requests
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration
from opencensus.trace.samplers import ProbabilitySampler
from opencensus.trace.tracer import Tracer

logging.getLogger("opencensus").setLevel(logging.ERROR)
INTEGRATIONS = ("requests", "flask")
config_integration.trace_integrations(INTEGRATIONS)
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
server.RequestHandlerClass.log_message = lambda *args: None


def main():
    config_integration.trace_integrations(["requests"])  # once more
    tracer = Tracer(exporter=AzureExporter(), sampler=ProbabilitySampler(1.0))
    threading.Thread(target=server.handle_request).start()
    with tracer.span(name="checkout"):
        requests.get(f"http://127.0.0.1:{server.server_port}/stock/7")
    server.server_close()


main()
