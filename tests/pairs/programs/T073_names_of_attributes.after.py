from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

HTTP_METHOD = "http.method"
HTTP_URL = "http.url"
HTTP_STATUS_CODE = "http.status_code"

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)

with tracer.start_as_current_span("[GET] /orders", kind=trace.SpanKind.SERVER) as span:
    span.set_attribute(HTTP_METHOD, "GET")
    span.set_attribute(HTTP_URL, "http://shop/orders?page=2")
    span.set_attribute(HTTP_STATUS_CODE, 404)
