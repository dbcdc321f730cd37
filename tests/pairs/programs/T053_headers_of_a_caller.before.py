from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

EXPORTER = AzureExporter()


def handle(headers):
    tracer = Tracer(
        exporter=EXPORTER,
        sampler=AlwaysOnSampler(),
        span_context=TraceContextPropagator().from_headers(headers),
    )
    with tracer.span(name="handle"):
        pass


handle({"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
