from opentelemetry import propagate, trace

import stock

tracer = trace.get_tracer(__name__)


def handle(sku, headers, warehouse):
    context = propagate.extract(headers)
    with tracer.start_as_current_span('GET /order', context=context, kind=trace.SpanKind.SERVER) as span:
        span.set_attribute('http.request.method', 'GET')
        span.set_attribute('http.route', '/order')
        span.set_attribute('sku', sku)
        stock.reserve(sku, warehouse)
        span.set_attribute('http.response.status_code', 200)
