from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


@tracer.trace_decorator()
def charge(amount):
    tracer.add_attribute_to_current_span("amount", amount)


@tracer.trace_decorator()
def refuse():
    raise ValueError("no money")



with tracer.span(name="checkout"):
    charge(12.5)
    try:
        refuse()
    except ValueError:
        pass
