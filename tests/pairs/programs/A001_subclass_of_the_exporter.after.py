from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.legacy_exporters import LegacyExporterProcessor
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON


def mark(envelope):
    envelope.data.baseData.properties["shop"] = "Ghent"
    return True


# census-compat: B002 Does it change items, choose among them, or send them elsewhere? A function for `add_telemetry_processor` does the first two; write a `SpanExporter` for the third.
class MarkingExporter(AzureExporter):
    def __init__(self, **options):
        super().__init__(**options)
        self.add_telemetry_processor(mark)


provider = TracerProvider(sampler=ALWAYS_ON)
trace.set_tracer_provider(provider)
provider.add_span_processor(LegacyExporterProcessor(MarkingExporter()))
tracer = trace.get_tracer(__name__)

with tracer.start_as_current_span("order") as span:
    span.set_attribute("cart", "c-42")
