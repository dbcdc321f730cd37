from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)

with tracer.start_as_current_span("ship") as span:
    span.add_link(trace.SpanContext(int("0af7651916cd43dd8448eb211c80319c", 16), int("b7ad6b7169203331", 16), is_remote=True))
