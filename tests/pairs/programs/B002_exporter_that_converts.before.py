from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import ProbabilitySampler
from opencensus.trace.tracer import Tracer


class ShopExporter(AzureExporter):
    def span_data_to_envelope(self, span_data):
        for envelope in super().span_data_to_envelope(span_data):
            envelope.data.baseData.properties["shop"] = "Ghent"
            yield envelope


exporter = ShopExporter()
tracer = Tracer(exporter=exporter, sampler=ProbabilitySampler(0.999999))

with tracer.span(name="order") as span:
    span.add_attribute("cart", "c-42")
    with tracer.span(name="charge"):
        pass
