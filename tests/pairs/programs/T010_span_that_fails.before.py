from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


def charge(cart):
    with tracer.span(name="charge") as span:
        span.add_attribute("cart", cart)
        raise ValueError(f"no money for {cart}")


try:
    with tracer.span(name="checkout"):
        charge("c-42")
except ValueError:
    pass
