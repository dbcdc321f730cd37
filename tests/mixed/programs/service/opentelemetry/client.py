import urllib.request

from opentelemetry import propagate, trace

tracer = trace.get_tracer(__name__)


def ask(sku, warehouse):
    with tracer.start_as_current_span('GET', kind=trace.SpanKind.CLIENT) as span:
        url = warehouse + '/stock/' + sku
        span.set_attribute('http.request.method', 'GET')
        span.set_attribute('url.full', url)
        headers = {}
        propagate.inject(headers)
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as reply:
            span.set_attribute('http.response.status_code', reply.status)
            return reply.read()
