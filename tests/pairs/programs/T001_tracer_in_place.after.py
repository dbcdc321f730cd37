from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
with trace.get_tracer(__name__).start_as_current_span("work") as span:
    span.set_attribute("cart", "c-42")
