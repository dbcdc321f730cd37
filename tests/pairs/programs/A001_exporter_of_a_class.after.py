import os
from types import SimpleNamespace

from appinsights_exporter import SpanPipeline
from opentelemetry import context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased, TraceIdRatioBased

g = SimpleNamespace()


class Requests:
    exporter = SpanPipeline() if os.environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING") else None
    sampler = ALWAYS_ON

    def serve(self):
        tracer = (self.exporter.tracer_provider(sampler=self.sampler) if self.exporter is not None else TracerProvider(sampler=self.sampler, shutdown_on_exit=False)).get_tracer(__name__)
        with tracer.start_as_current_span("serve", kind=trace.SpanKind.SERVER) as span:
            pass


class Jobs:
    def __init__(self, exporter=None):
        self.exporter = exporter or SpanPipeline(schedule_delay_millis=1000)

    def begin(self):
        g.tracer = self.exporter.tracer_provider(sampler=ParentBased(ALWAYS_ON)).get_tracer(__name__)
        g.span = g.tracer.start_span("job")
        context.attach(context.set_value("outer_context", context.get_current(), trace.set_span_in_context(g.span)))
        g.span.set_attribute("cart", "c-42")

    def end(self):
        outer = context.get_value("outer_context")
        if isinstance(outer, context.Context):
            trace.get_current_span().end()
            context.attach(outer)


class Telemetry:
    def __init__(self, rate=1.0):
        self.sampler = ParentBased(TraceIdRatioBased(rate))
        self.exporter = SpanPipeline()

    def get_tracer(self):
        return self.exporter.tracer_provider(sampler=self.sampler).get_tracer(__name__)


Requests().serve()
jobs = Jobs()
jobs.begin()
jobs.end()
with Telemetry().get_tracer().start_as_current_span("poll"):
    pass
