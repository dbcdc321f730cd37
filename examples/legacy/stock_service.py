"""A service that continues the trace of its callers.

    python stock_service.py [PORT [REQUESTS]]

It says where it listens, answers that many requests and exits.
"""
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import ProbabilitySampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer

STOCK = {'kettle': 7, 'mug': 0}

exporter = AzureExporter()
propagator = TraceContextPropagator()
sampler = ProbabilitySampler(1.0)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        tracer = Tracer(
            span_context=propagator.from_headers(self.headers),
            sampler=sampler, exporter=exporter, propagator=propagator)
        with tracer.span(name='[GET]' + self.path) as span:
            span.span_kind = SpanKind.SERVER
            span.add_attribute('http.method', 'GET')
            span.add_attribute('http.path', self.path)
            span.add_attribute('http.route', '/stock/<sku>')
            span.add_attribute('http.url', 'http://' + self.headers['Host'] + self.path)
            sku = self.path.rsplit('/', 1)[-1]
            with tracer.span(name='look up'):
                time.sleep(0.003)
                found = sku in STOCK
            status = 200 if found else 404
            span.add_attribute('http.status_code', status)
        body = json.dumps({'sku': sku, 'left': STOCK.get(sku)}).encode()
        self.send_response(status)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8071
    requests = int(sys.argv[2]) if len(sys.argv) > 2 else 2
    server = HTTPServer(('127.0.0.1', port), Handler)
    print('listening on http://127.0.0.1:%d' % server.server_port, flush=True)
    for _ in range(requests):
        server.handle_request()
    server.server_close()


if __name__ == '__main__':
    main()
