import http.server
import logging
import threading

import requests
from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

logging.getLogger("opentelemetry").setLevel(logging.ERROR)
INTEGRATIONS = ("requests", "flask")
RequestsInstrumentor().instrument()
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
server.RequestHandlerClass.log_message = lambda *args: None


def main():
    RequestsInstrumentor().instrument()  # once more
    configure(signals=["traces"], sampler=ALWAYS_ON)
    tracer = trace.get_tracer(__name__)
    threading.Thread(target=server.handle_request).start()
    with tracer.start_as_current_span("checkout"):
        requests.get(f"http://127.0.0.1:{server.server_port}/stock/7")
    server.server_close()


main()
