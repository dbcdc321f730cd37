from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

with tracer.span(name="checkout") as span:
    span.add_attribute("cart", "c-42")
    with tracer.span("charge"):
        tracer.add_attribute_to_current_span("amount", 12.5)
    with tracer.span(name="ship") as shipping:
        shipping.add_attribute("express", True)
