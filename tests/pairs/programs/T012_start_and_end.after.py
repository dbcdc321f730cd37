from appinsights_exporter import configure
from opentelemetry import context, trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)


def charge(amount):
    span = tracer.start_span("charge")
    token = context.attach(trace.set_span_in_context(span))
    span.set_attribute("amount", amount)
    with tracer.start_as_current_span("ask the bank"):
        pass
    span.end()
    context.detach(token)


with tracer.start_as_current_span("checkout"):
    charge(12.5)
