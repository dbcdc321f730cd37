from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)

with tracer.start_as_current_span("send") as span:
    span.add_event("message", {"message.type": "SENT", "message.id": 7, "message.uncompressed_size": 120, "message.compressed_size": 120})
