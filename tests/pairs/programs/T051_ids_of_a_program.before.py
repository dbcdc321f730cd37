from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import span_context
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

with tracer.span(name="checkout") as span:
    span.add_attribute("ticket", span_context.generate_trace_id())
    span.add_attribute("part", span_context.generate_span_id())
