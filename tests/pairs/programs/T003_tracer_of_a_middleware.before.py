from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.print_exporter import PrintExporter
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer


class Middleware:
    def __init__(self, app, path="/", sampler=None, exporter=None, propagator=None):
        self.app = app
        self.path = path
        self.sampler = sampler or AlwaysOnSampler()
        self.exporter = exporter or PrintExporter()
        self.propagator = propagator or TraceContextPropagator()

    def __call__(self, headers):
        span_context = self.propagator.from_headers(headers)
        tracer = Tracer(
            span_context=span_context, sampler=self.sampler, exporter=self.exporter, propagator=self.propagator
        )
        try:
            span = tracer.start_span()
            span.span_kind = SpanKind.SERVER
            span.name = f"GET {self.path}"
        except Exception:
            return self.app(headers)
        try:
            return self.app(headers)
        finally:
            tracer.add_attribute_to_current_span("http.status_code", 200)
            tracer.end_span()


def role(envelope):
    envelope.tags["ai.cloud.role"] = "shop"


exporter = AzureExporter()
exporter.add_telemetry_processor(role)
app = Middleware(len, sampler=AlwaysOnSampler(), exporter=exporter)
app({"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
