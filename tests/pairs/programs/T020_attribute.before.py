from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

with tracer.span(name="checkout") as span:
    span.add_attribute("cart", "c-42")
    span.add_attribute("amount", 12.5)
    span.add_attribute("items", 3)
    span.add_attribute("paid", True)
    span.add_attribute(attribute_key="shop", attribute_value="west")
    span.add_attribute("http.url", "http://shop/checkout?cart=c-42")
    span.add_attribute("cart", "c-43")
