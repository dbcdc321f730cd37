from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer


def role(name):
    def set_role(envelope):
        envelope.tags["ai.cloud.role"] = name

    return set_role


exporter = AzureExporter()
tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())
exporter.add_telemetry_processor(role("shop"))

with tracer.span(name="sell") as span:
    span.add_attribute("cart", "c-42")
