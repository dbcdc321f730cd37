import os

from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

configure(signals=["traces"], sampler=ALWAYS_ON)


def get_span(name, span_context: trace.SpanContext | None = None, sampler: Sampler | None = None):
    tracer = trace.get_tracer(__name__)
    span = tracer.start_span(name)
    span.set_attribute("shop", os.sep)

    return trace.use_span(span, end_on_exit=True)


def get_step(tracer):
    return tracer.start_as_current_span("step")


with get_span("sell") as sold:
    sold.set_attribute("cart", "c-42")
    with get_span(name="charge"):
        pass
with get_step(trace.get_tracer(__name__)):
    pass
