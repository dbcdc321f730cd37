from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)

with tracer.start_as_current_span("import") as span:
    for number in range(33):
        span.set_attribute(f"column {number}", number)
        span.add_event(f"row {number}")
        span.add_link(trace.SpanContext(int(f"{number + 1:032x}", 16), int(f"{number + 1:016x}", 16), is_remote=True))
