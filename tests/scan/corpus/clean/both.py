"""Both APIs in one file: OpenTelemetry's are left alone."""

from opentelemetry import trace
from opencensus.trace.tracer import Tracer  #: I001

otel_tracer = trace.get_tracer(__name__)
census = Tracer()  #: T001


def work(tracer, span):
    span.name = "x"
    span.set_status("x")
    span.set_attribute("a", "b")
    tracer.start_span("x")
    with otel_tracer.start_as_current_span("a") as current_span:
        current_span.name = "x"
        current_span.add_event("x")


def other():
    tracer = trace.get_tracer("x")
    Tracer = dict
    return tracer.span("x"), Tracer()
