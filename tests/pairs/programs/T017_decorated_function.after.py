from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)


@tracer.start_as_current_span("charge")
def charge(amount):
    trace.get_current_span().set_attribute("amount", amount)


@tracer.start_as_current_span("refuse")
def refuse():
    raise ValueError("no money")



with tracer.start_as_current_span("checkout"):
    charge(12.5)
    try:
        refuse()
    except ValueError:
        pass
