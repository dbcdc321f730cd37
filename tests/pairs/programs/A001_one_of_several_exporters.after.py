import os

from appinsights_exporter import SpanPipeline, latest_provider
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler


class Shop:
    def __init__(self, name, exporter: SpanPipeline | None = None, sampler: Sampler | None = None):
        self.name = name
        self.exporter = exporter or SpanPipeline.through(SimpleSpanProcessor(ConsoleSpanExporter()))
        self.sampler = sampler or ALWAYS_ON

    def sell(self, headers):
        span_context = propagate.extract(headers)
        tracer = self.exporter.tracer_provider(sampler=self.sampler).get_tracer(__name__)
        with tracer.start_as_current_span(Shop.label(self.name), context=span_context, kind=trace.SpanKind.SERVER) as span:
            charge()

    @staticmethod
    def label(name):
        return f"sell {name}"


def charge():
    with latest_provider().get_tracer(__name__).start_as_current_span("charge"):
        pass


try:
    exporter = SpanPipeline(connection_string=os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"])
except (KeyError, ValueError):
    exporter = None

Shop("tea").sell({})
Shop("coffee", exporter=exporter).sell({"traceparent": "00-11111111111111111111111111111111-2222222222222222-01"})
Shop("cake", sampler=ALWAYS_ON, exporter=exporter).sell({})
