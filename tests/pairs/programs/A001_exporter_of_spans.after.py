from appinsights_exporter import configure
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON


def set_role(envelope):
    envelope.tags["ai.cloud.role"] = "shop"
    envelope.data.baseData.properties["region"] = "west"
    return envelope.data.baseData.name != "health"


configure(schedule_delay_millis=5000, max_export_batch_size=50, timeout=5, disable_offline_storage=True, telemetry_processors=[set_role], signals=["traces"], sampler=ALWAYS_ON)
tracer = trace.get_tracer(__name__)
with tracer.start_as_current_span("order"):
    with tracer.start_as_current_span("health"):
        pass
