import os
from types import SimpleNamespace

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler, ProbabilitySampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer

g = SimpleNamespace()


class Requests:
    exporter = AzureExporter() if os.environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING") else None
    sampler = AlwaysOnSampler()

    def serve(self):
        tracer = Tracer(exporter=self.exporter, sampler=self.sampler)
        with tracer.span(name="serve") as span:
            span.span_kind = SpanKind.SERVER


class Jobs:
    def __init__(self, exporter=None):
        self.exporter = exporter or AzureExporter(export_interval=1.0)

    def begin(self):
        g.tracer = Tracer(exporter=self.exporter, sampler=AlwaysOnSampler())
        g.span = g.tracer.start_span(name="job")
        g.span.add_attribute("cart", "c-42")

    def end(self):
        g.tracer.end_span()


class Telemetry:
    def __init__(self, rate=1.0):
        self.sampler = ProbabilitySampler(rate=rate)
        self.exporter = AzureExporter()

    def get_tracer(self):
        return Tracer(exporter=self.exporter, sampler=self.sampler)


Requests().serve()
jobs = Jobs()
jobs.begin()
jobs.end()
with Telemetry().get_tracer().span(name="poll"):
    pass
