from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer


def mark(envelope):
    envelope.data.baseData.properties["shop"] = "Ghent"
    return True


class MarkingExporter(AzureExporter):
    def __init__(self, **options):
        super().__init__(**options)
        self.add_telemetry_processor(mark)


tracer = Tracer(exporter=MarkingExporter(), sampler=AlwaysOnSampler())

with tracer.span(name="order") as span:
    span.add_attribute("cart", "c-42")
