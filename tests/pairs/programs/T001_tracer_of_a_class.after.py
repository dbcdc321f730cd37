from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON


class Shop:
    def __init__(self):
        configure(signals=["traces"], sampler=ALWAYS_ON)
        self.tracer = trace.get_tracer(__name__)

    def sell(self, cart):
        with self.tracer.start_as_current_span("sell") as span:
            span.set_attribute("cart", cart)


Shop().sell("c-42")
