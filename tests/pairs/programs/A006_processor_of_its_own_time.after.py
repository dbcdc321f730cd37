from appinsights_exporter import SpanPipeline
from opentelemetry.sdk.trace.sampling import ALWAYS_ON


def role(name):
    def set_role(envelope):
        envelope.tags["ai.cloud.role"] = name

    return set_role


exporter = SpanPipeline()
tracer = exporter.tracer_provider(sampler=ALWAYS_ON).get_tracer(__name__)
exporter.add_telemetry_processor(role("shop"))

with tracer.start_as_current_span("sell") as span:
    span.set_attribute("cart", "c-42")
