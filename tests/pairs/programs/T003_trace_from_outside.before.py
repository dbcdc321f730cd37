from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

exporter = AzureExporter()
propagator = TraceContextPropagator()


def handle(headers):
    span_context = propagator.from_headers(headers)
    tracer = Tracer(span_context=span_context, exporter=exporter, sampler=AlwaysOnSampler())
    with tracer.span(name="handle") as span:
        span.add_attribute("cart", "c-42")
        with tracer.span(name="charge"):
            pass


handle({"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
