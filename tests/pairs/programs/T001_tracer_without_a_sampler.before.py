from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.tracer import Tracer

caller = TraceContextPropagator().from_headers({"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
tracer = Tracer(span_context=caller, exporter=AzureExporter())

with tracer.span(name="handle"):
    pass
