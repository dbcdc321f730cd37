from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


def charge(amount):
    tracer.add_attribute_to_current_span(attribute_key="amount", attribute_value=amount)
    tracer.add_attribute_to_current_span("currency", "EUR")


with tracer.span(name="checkout"):
    charge(12)
    with tracer.span(name="charge"):
        charge(12.5)
