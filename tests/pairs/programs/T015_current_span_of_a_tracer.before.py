from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

with tracer.span(name="checkout"):
    tracer.current_span().add_attribute("cart", "c-42")
    span = tracer.current_span()
    span.add_attribute("amount", 12.5)
