import os

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler, Sampler
from opencensus.trace.span_context import SpanContext
from opencensus.trace.tracer import Tracer

exporter = AzureExporter()


def get_span(name, span_context: SpanContext | None = None, sampler: Sampler | None = None):
    tracer = Tracer(span_context=span_context, sampler=sampler or AlwaysOnSampler(), exporter=exporter)
    span = tracer.span(name=name)
    span.add_attribute("shop", os.sep)

    return span


def get_step(tracer):
    return tracer.span(name="step")


with get_span("sell") as sold:
    sold.add_attribute("cart", "c-42")
    with get_span(name="charge"):
        pass
with get_step(Tracer(exporter=exporter, sampler=AlwaysOnSampler())):
    pass
