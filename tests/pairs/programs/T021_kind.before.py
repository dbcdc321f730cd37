from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

with tracer.span(name="GET /orders") as span:
    span.span_kind = SpanKind.SERVER
    span.add_attribute("http.method", "GET")
    span.add_attribute("http.url", "http://shop/orders")
    span.add_attribute("http.status_code", 200)
    with tracer.span(name="load") as loading:
        loading.span_kind = SpanKind.CLIENT
        loading.add_attribute("db.system", "postgresql")
    with tracer.span(name="count") as counting:
        counting.span_kind = SpanKind.UNSPECIFIED
