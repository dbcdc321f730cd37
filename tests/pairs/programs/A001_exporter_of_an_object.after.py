from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON



def role(envelope):
    envelope.tags["ai.cloud.role"] = "shop"


class Shop:
    def __init__(self):
        configure(telemetry_processors=[role], signals=["traces"], sampler=ALWAYS_ON)

    def sell(self, cart):
        tracer = trace.get_tracer(__name__)
        with tracer.start_as_current_span("sell") as span:
            span.set_attribute("cart", cart)


shop = Shop()
shop.sell("c-42")
shop.sell("c-43")
