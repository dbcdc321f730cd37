from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import Span
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


def charge(span: Span, amount: float) -> None:
    if isinstance(span, Span):
        span.add_attribute("amount", amount)


with tracer.span(name="checkout") as span:
    charge(span, 12.5)
