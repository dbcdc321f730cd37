from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.print_exporter import PrintExporter
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer


class Middleware:
    def __init__(self, app, exporter=None, propagator=None):
        self.app = app
        self.exporter = exporter or PrintExporter()
        self.propagator = propagator or TraceContextPropagator()

    def _tracer(self, request) -> Tracer:
        span_context = self.propagator.from_headers(request["headers"])
        tracer = Tracer(
            span_context=span_context, sampler=AlwaysOnSampler(), exporter=self.exporter, propagator=self.propagator
        )
        return tracer

    def __call__(self, each):
        tracer = self._tracer(each)
        with tracer.span(name="GET /") as span:
            span.span_kind = SpanKind.SERVER
            return self.app(each)


app = Middleware(len, exporter=AzureExporter())
app({"headers": {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}})
