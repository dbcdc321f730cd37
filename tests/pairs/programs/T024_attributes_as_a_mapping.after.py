from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)

with tracer.start_as_current_span("checkout") as span:
    span.set_attribute("cart", "c-42")
    span.set_attribute("amount", 12.5)
    span.set_attributes({"shop": "berlin", "lines": [1, 2]})
    span.set_attributes(dict([("till", 7)], paid=True))
