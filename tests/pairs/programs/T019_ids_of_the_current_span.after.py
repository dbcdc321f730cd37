from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)

with tracer.start_as_current_span("checkout") as span:
    span.set_attribute("trace", trace.format_trace_id(trace.get_current_span().get_span_context().trace_id))
    span.set_attribute("span", trace.format_span_id(trace.get_current_span().get_span_context().span_id))
    span.set_attribute("also", f"{trace.format_trace_id(span.get_span_context().trace_id)}-{trace.format_span_id(span.get_span_context().span_id)}")
