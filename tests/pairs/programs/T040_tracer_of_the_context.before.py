from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import execution_context
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


def charge(amount):
    tracer = execution_context.get_opencensus_tracer()
    with tracer.span(name="charge") as span:
        span.add_attribute("amount", amount)


with execution_context.get_opencensus_tracer().span(name="checkout"):
    charge(12.5)
