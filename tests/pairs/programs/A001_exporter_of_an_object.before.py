from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import ProbabilitySampler
from opencensus.trace.tracer import Tracer



def role(envelope):
    envelope.tags["ai.cloud.role"] = "shop"


class Shop:
    def __init__(self):
        self.exporter = AzureExporter()
        self.exporter.add_telemetry_processor(role)

    def sell(self, cart):
        tracer = Tracer(exporter=self.exporter, sampler=ProbabilitySampler(rate=1.0))
        with tracer.span(name="sell") as span:
            span.add_attribute("cart", cart)


shop = Shop()
shop.sell("c-42")
shop.sell("c-43")
