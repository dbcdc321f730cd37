from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)

with tracer.start_as_current_span("checkout") as span:
    span.set_attribute("cart", "c-42")
    span.set_attribute("amount", 12.5)
    span.set_attribute("items", 3)
    span.set_attribute("paid", True)
    span.set_attribute("shop", "west")
    span.set_attribute("http.url", "http://shop/checkout?cart=c-42")
    span.set_attribute("cart", "c-43")
