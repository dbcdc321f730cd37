from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import samplers
from opencensus.trace import tracer as tracer_module

tracer = tracer_module.Tracer(exporter=AzureExporter(), sampler=samplers.AlwaysOnSampler())

with tracer.span(name="checkout"):
    pass
