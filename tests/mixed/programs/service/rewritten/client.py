import urllib.request

from opentelemetry import propagate, trace


def ask(sku, warehouse):
    tracer = trace.get_tracer(__name__)
    with tracer.start_as_current_span('/stock/' + sku, kind=trace.SpanKind.CLIENT) as span:
        url = warehouse + '/stock/' + sku
        span.set_attribute('component', 'HTTP')
        span.set_attribute('http.method', 'GET')
        span.set_attribute('http.url', url)
        headers = {}
        propagate.inject(headers)
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as reply:
            span.set_attribute('http.status_code', reply.status)
            return reply.read()
