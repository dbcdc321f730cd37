from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

propagator = TraceContextPropagator()
tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

with tracer.span(name="checkout") as span:
    headers = propagator.to_headers(tracer.span_context)
    _, trace_id, span_id, _ = headers["traceparent"].split("-")
    span.add_attribute("sent", f"{trace_id} {span_id}")
