from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


def charge(amount):
    span = tracer.start_span(name="charge")
    span.add_attribute("amount", amount)
    with tracer.span(name="ask the bank"):
        pass
    tracer.end_span()


with tracer.span(name="checkout"):
    charge(12.5)
