from opencensus.ext.azure import trace_exporter as azure
from opencensus.trace import samplers as how_many
from opencensus.trace.tracer import Tracer as OpenCensusTracer

tracer = OpenCensusTracer(exporter=azure.AzureExporter(), sampler=how_many.AlwaysOnSampler())

with tracer.span(name="checkout"):
    pass
