from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)

with tracer.start_as_current_span("load") as span:
    span.set_status(trace.Status(trace.StatusCode.ERROR, "no such order"))
with tracer.start_as_current_span("save") as span:
    span.set_status(trace.Status(trace.StatusCode.ERROR, "disk full"))
with tracer.start_as_current_span("send") as span:
    span.set_status(trace.Status(trace.StatusCode.OK))
with tracer.start_as_current_span("print") as span:
    span.set_status(trace.Status(trace.StatusCode.ERROR))
