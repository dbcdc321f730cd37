from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)


def charge(amount):
    tracer = trace.get_tracer(__name__)
    with tracer.start_as_current_span("charge") as span:
        span.set_attribute("amount", amount)


with trace.get_tracer(__name__).start_as_current_span("checkout"):
    charge(12.5)
