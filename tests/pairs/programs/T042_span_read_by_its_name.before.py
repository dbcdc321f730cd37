from types import SimpleNamespace

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import execution_context
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


def sell(order):
    with tracer.span(name="sell") as span:
        order.state.span = span
        with tracer.span(name="price"):
            price(order)


def price(order):
    parent_span = getattr(order.state, "span", None)
    if parent_span is not None:
        parent_span.add_attribute("items", 2)
    span = execution_context.get_current_span() or getattr(order.state, "span", None)
    if span:
        span.add_attribute("price", 7)
        span.add_annotation("priced")


sell(SimpleNamespace(state=SimpleNamespace()))
price(SimpleNamespace(state=SimpleNamespace()))
