from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

with tracer.span(name="checkout") as span:
    span.attributes["cart"] = "c-42"
    span.attributes["amount"] = 12.5
    span.attributes.update({"shop": "berlin", "lines": [1, 2]})
    span.attributes.update([("till", 7)], paid=True)
