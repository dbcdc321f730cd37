from appinsights_exporter import configure
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

caller = propagate.extract({"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"})
configure(signals=["traces"], sampler=ParentBased(TraceIdRatioBased(0.9), remote_parent_not_sampled=TraceIdRatioBased(0.9)))
tracer = trace.get_tracer(__name__)

with tracer.start_as_current_span("handle", context=caller):
    pass
