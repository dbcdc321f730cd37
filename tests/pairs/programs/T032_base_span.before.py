from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.base_span import BaseSpan
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer


def mark(span: BaseSpan, name: str) -> None:
    span.add_attribute("name", name)
    span.add_annotation("marked", size=len(name))


def note(work: "BaseSpan | None"):
    if isinstance(work, BaseSpan):
        work.add_attribute("noted", True)


tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
with tracer.span(name="work") as span:
    mark(span, "Ghent")
    note(span)
