from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)

for code in (200, 404, 503):
    with tracer.start_as_current_span(f"load {code}") as span:
        span.set_status(trace.Status(trace.StatusCode.ERROR if code >= 400 else trace.StatusCode.OK))
