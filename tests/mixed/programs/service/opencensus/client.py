import urllib.request

from opencensus.trace import execution_context
from opencensus.trace.span import SpanKind


def ask(sku, warehouse):
    tracer = execution_context.get_opencensus_tracer()
    with tracer.span(name='/stock/' + sku) as span:
        span.span_kind = SpanKind.CLIENT
        url = warehouse + '/stock/' + sku
        span.add_attribute('component', 'HTTP')
        span.add_attribute('http.method', 'GET')
        span.add_attribute('http.url', url)
        headers = tracer.propagator.to_headers(tracer.span_context)
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as reply:
            span.add_attribute('http.status_code', reply.status)
            return reply.read()
