from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.link import Link
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

with tracer.span(name="import") as span:
    for number in range(33):
        span.add_attribute(f"column {number}", number)
        span.add_annotation(f"row {number}")
        span.add_link(Link(f"{number + 1:032x}", f"{number + 1:016x}"))
