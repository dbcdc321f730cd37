from appinsights_exporter import configure
from opentelemetry import context, trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)


def branches(amount):
    span = tracer.start_span("branches")
    token = context.attach(trace.set_span_in_context(span))
    span.set_attribute("amount", amount)
    if amount > 10:
        span.end()
        context.detach(token)
        return "much"
    try:
        with tracer.start_as_current_span("ask the bank"):
            1 / amount
    except ZeroDivisionError as error:
        trace.get_current_span().set_attribute("error", str(error))
        span.end()
        context.detach(token)
        return "nothing"
    else:
        span.end()
        context.detach(token)


def finally_(amount):
    try:
        span = tracer.start_span("span")
        token = context.attach(trace.set_span_in_context(span))
        span.update_name("finally")
    except Exception:
        print("failed")
    try:
        1 / amount
    except ZeroDivisionError:
        pass
    finally:
        span.end()
        context.detach(token)


def nested():
    span_2 = tracer.start_span("outer")
    token = context.attach(trace.set_span_in_context(span_2))
    inner = tracer.start_span("inner")
    token_2 = context.attach(trace.set_span_in_context(inner))
    inner.set_attribute("a", 1)
    inner.end()
    context.detach(token_2)
    span_2.end()
    context.detach(token)
    span_3 = tracer.start_span("next")
    token_3 = context.attach(trace.set_span_in_context(span_3))
    span_3.end()
    context.detach(token_3)


for amount in (20, 5, 0):
    branches(amount)
    finally_(amount)
nested()
