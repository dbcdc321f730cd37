import os

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import execution_context
from opencensus.trace.base_exporter import Exporter
from opencensus.trace.print_exporter import PrintExporter
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import AlwaysOnSampler, Sampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer


class Shop:
    def __init__(self, name, exporter: Exporter | None = None, sampler: Sampler | None = None, propagator=None):
        self.name = name
        self.exporter = exporter or PrintExporter()
        self.sampler = sampler or AlwaysOnSampler()
        self.propagator = propagator or TraceContextPropagator()

    def sell(self, headers):
        span_context = self.propagator.from_headers(headers)
        tracer = Tracer(span_context=span_context, sampler=self.sampler, exporter=self.exporter, propagator=self.propagator)
        with tracer.span(name=Shop.label(self.name)) as span:
            span.span_kind = SpanKind.SERVER
            charge()

    @staticmethod
    def label(name):
        return f"sell {name}"


def charge():
    with execution_context.get_opencensus_tracer().span(name="charge"):
        pass


try:
    exporter = AzureExporter(connection_string=os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"])
except (KeyError, ValueError):
    exporter = None

Shop("tea").sell({})
Shop("coffee", exporter=exporter).sell({"traceparent": "00-11111111111111111111111111111111-2222222222222222-01"})
Shop("cake", sampler=AlwaysOnSampler(), exporter=exporter).sell({})
