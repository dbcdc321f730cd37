from appinsights_exporter import configure
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

import stock

HTTP_METHOD = "http.method"
HTTP_ROUTE = "http.route"
HTTP_STATUS_CODE = "http.status_code"


def handle(sku, headers, warehouse):
    context = propagate.extract(headers)
    configure(signals=["traces"], sampler=ALWAYS_ON)
    tracer = trace.get_tracer(__name__)
    with tracer.start_as_current_span('GET /order', context=context, kind=trace.SpanKind.SERVER) as span:
        span.set_attribute(HTTP_METHOD, 'GET')
        span.set_attribute(HTTP_ROUTE, '/order')
        span.set_attribute('sku', sku)
        stock.reserve(sku, warehouse)
        span.set_attribute(HTTP_STATUS_CODE, 200)
