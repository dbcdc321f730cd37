from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer



def exporter():
    return AzureExporter()


tracer = Tracer(exporter=exporter(), sampler=AlwaysOnSampler())

with tracer.span(name="sell") as span:
    span.add_attribute("cart", "c-42")
