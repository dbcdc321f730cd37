from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)

with tracer.start_as_current_span("GET /orders", kind=trace.SpanKind.SERVER) as span:
    span.set_attribute("http.method", "GET")
    span.set_attribute("http.url", "http://shop/orders")
    span.set_attribute("http.status_code", 200)
    with tracer.start_as_current_span("load", kind=trace.SpanKind.CLIENT) as loading:
        loading.set_attribute("db.system", "postgresql")
    with tracer.start_as_current_span("count", kind=trace.SpanKind.INTERNAL) as counting:
        pass
