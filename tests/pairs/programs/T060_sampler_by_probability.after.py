from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

configure(signals=["traces"], sampler=ParentBased(TraceIdRatioBased(0.99999)))
tracer = trace.get_tracer(__name__)

for number in range(3):
    with tracer.start_as_current_span("checkout") as span:
        pass
