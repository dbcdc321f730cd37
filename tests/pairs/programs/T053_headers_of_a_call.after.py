from appinsights_exporter import configure
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)

with tracer.start_as_current_span("checkout") as span:
    headers = {}
    propagate.inject(headers)
    _, trace_id, span_id, _ = headers["traceparent"].split("-")
    span.set_attribute("sent", f"{trace_id} {span_id}")
