from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

caller = trace.SpanContext(int("0af7651916cd43dd8448eb211c80319c", 16), int("b7ad6b7169203331", 16), is_remote=True, trace_flags=trace.TraceFlags(1))
configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)

with tracer.start_as_current_span("handle", context=trace.set_span_in_context(trace.NonRecordingSpan(caller))) as span:
    span.set_attribute("caller", trace.format_span_id(caller.span_id))
