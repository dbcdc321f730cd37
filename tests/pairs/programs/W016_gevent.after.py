from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

# before the pool is made
configure(signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)
with tracer.start_as_current_span("job"):
    pass
