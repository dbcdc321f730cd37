"""Asks the stock service about some goods, all in one trace.

    python shop_client.py [URL]
"""
import sys
import urllib.error
import urllib.request

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import ProbabilitySampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=ProbabilitySampler(1.0))


def get(url):
    with tracer.span(name='[requests]urlopen') as span:
        span.span_kind = SpanKind.CLIENT
        span.add_attribute('component', 'HTTP')
        span.add_attribute('http.method', 'GET')
        span.add_attribute('http.url', url)
        request = urllib.request.Request(url, headers=tracer.propagator.to_headers(tracer.span_context))
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                span.add_attribute('http.status_code', response.status)
                return response.read()
        except urllib.error.HTTPError as error:
            with error:
                span.add_attribute('http.status_code', error.code)


def main():
    service = sys.argv[1] if len(sys.argv) > 1 else 'http://127.0.0.1:8071'
    with tracer.span(name='fill basket'):
        for sku in ('kettle', 'teapot'):
            get(service + '/stock/' + sku)


if __name__ == '__main__':
    main()
