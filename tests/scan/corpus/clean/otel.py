"""OpenTelemetry alone: nothing to report. It mentions opencensus.trace in passing, and the package opencensus."""

from opentelemetry import trace

tracer = trace.get_tracer(__name__)
# from opencensus.trace.tracer import Tracer
NOTE = "We came from opencensus.trace.tracer, which is retired."


def work(span, envelope, tracer):
    with tracer.span("mine") as inner:
        inner.add_attribute("a", "b")
    span.set_status("x")
    span.name = "x"
    with trace.get_tracer("x").start_as_current_span("a") as started:
        started.set_attribute("a", "b")
    return envelope.tags
