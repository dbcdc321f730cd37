from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer


class Shop:
    def __init__(self):
        self.tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

    def sell(self, cart):
        with self.tracer.span(name="sell") as span:
            span.add_attribute("cart", cart)


Shop().sell("c-42")
