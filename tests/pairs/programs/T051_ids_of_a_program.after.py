from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)

with tracer.start_as_current_span("checkout") as span:
    span.set_attribute("ticket", trace.format_trace_id(RandomIdGenerator().generate_trace_id()))
    span.set_attribute("part", trace.format_span_id(RandomIdGenerator().generate_span_id()))
