from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)


def charge(amount):
    trace.get_current_span().set_attribute("amount", amount)
    trace.get_current_span().set_attribute("currency", "EUR")


with tracer.start_as_current_span("checkout"):
    charge(12)
    with tracer.start_as_current_span("charge"):
        charge(12.5)
