from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

with tracer.span(name="checkout") as span:
    span.add_attribute("kept", bool(tracer.span_context.trace_options.get_enabled()))
