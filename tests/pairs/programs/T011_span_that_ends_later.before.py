from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


def sell(cart):
    span = tracer.span(name="sell")
    span.span_kind = SpanKind.SERVER
    span.add_attribute("cart", cart)
    with span:
        charge(12.5)


def charge(amount):
    span = tracer.span(name="charge")
    try:
        span.add_attribute("amount", amount)
        with tracer.start_span(name="bank") as bank:
            bank.add_annotation("asked")
    finally:
        tracer.end_span()


def ship():
    span = tracer.start_span(name="ship")
    span.add_attribute("express", True)
    tracer.finish()


sell("c-42")
ship()
