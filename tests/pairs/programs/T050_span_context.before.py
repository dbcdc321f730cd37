from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.span_context import SpanContext
from opencensus.trace.trace_options import TraceOptions
from opencensus.trace.tracer import Tracer

caller = SpanContext(trace_id="0af7651916cd43dd8448eb211c80319c", span_id="b7ad6b7169203331", trace_options=TraceOptions("1"))
tracer = Tracer(span_context=caller, exporter=AzureExporter(), sampler=AlwaysOnSampler())

with tracer.span(name="handle") as span:
    span.add_attribute("caller", caller.span_id)
