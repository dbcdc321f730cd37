import os

from appinsights_exporter import SpanPipeline, latest_provider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased


def role(envelope):
    envelope.tags["ai.cloud.role"] = "billing"


sampler = ParentBased(ALWAYS_OFF) if os.environ.get("QUIET") else ParentBased(ALWAYS_ON)
exporter = SpanPipeline(schedule_delay_millis=2000)
billing_exporter = SpanPipeline()
billing_exporter.add_telemetry_processor(role)
shop = exporter.tracer_provider(sampler=sampler).get_tracer(__name__)
billing = billing_exporter.tracer_provider(sampler=ParentBased(ALWAYS_ON)).get_tracer(__name__)
quiet = billing_exporter.tracer_provider(sampler=ParentBased(ALWAYS_OFF)).get_tracer(__name__)

with shop.start_as_current_span("sell") as span:
    span.set_attribute("cart", "c-42")
    with latest_provider().get_tracer(__name__).start_as_current_span("charge"):
        pass
with billing.start_as_current_span("charge"):
    with billing.start_as_current_span("book"):
        pass
with quiet.start_as_current_span("poll"):
    pass
