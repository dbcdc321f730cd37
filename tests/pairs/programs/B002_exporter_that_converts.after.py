from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.legacy_exporters import LegacyExporterProcessor
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased


# census-compat: B002 Does it change items, choose among them, or send them elsewhere? A function for `add_telemetry_processor` does the first two; write a `SpanExporter` for the third.
class ShopExporter(AzureExporter):
    def span_data_to_envelope(self, span_data):
        for envelope in super().span_data_to_envelope(span_data):
            envelope.data.baseData.properties["shop"] = "Ghent"
            yield envelope


provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(0.999999)))
trace.set_tracer_provider(provider)
exporter = ShopExporter()
provider.add_span_processor(LegacyExporterProcessor(exporter))
tracer = trace.get_tracer(__name__)

with tracer.start_as_current_span("order") as span:
    span.set_attribute("cart", "c-42")
    with tracer.start_as_current_span("charge"):
        pass
