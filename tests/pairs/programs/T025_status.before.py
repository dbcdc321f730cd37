from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.status import Status
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

with tracer.span(name="load") as span:
    span.set_status(Status(2, "no such order"))
with tracer.span(name="save") as span:
    span.status = Status(code=13, message="disk full")
with tracer.span(name="send") as span:
    span.set_status(Status(0))
with tracer.span(name="print") as span:
    span.set_status(Status(5))
