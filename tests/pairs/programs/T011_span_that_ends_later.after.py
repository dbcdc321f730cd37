from appinsights_exporter import configure
from opentelemetry import context, trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)


def sell(cart):
    span = tracer.start_span("sell", kind=trace.SpanKind.SERVER)
    span.set_attribute("cart", cart)
    with trace.use_span(span, end_on_exit=True):
        charge(12.5)


def charge(amount):
    span = tracer.start_span("charge")
    token = context.attach(trace.set_span_in_context(span))
    try:
        span.set_attribute("amount", amount)
        with tracer.start_as_current_span("bank") as bank:
            bank.add_event("asked")
    finally:
        span.end()
        context.detach(token)


def ship():
    span = tracer.start_span("ship")
    token = context.attach(trace.set_span_in_context(span))
    span.set_attribute("express", True)
    span.end()
    context.detach(token)


sell("c-42")
ship()
