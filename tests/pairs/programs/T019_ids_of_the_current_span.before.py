from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

with tracer.span(name="checkout") as span:
    span.add_attribute("trace", tracer.span_context.trace_id)
    span.add_attribute("span", tracer.span_context.span_id)
    span.add_attribute("also", f"{span.context_tracer.trace_id}-{span.span_id}")
