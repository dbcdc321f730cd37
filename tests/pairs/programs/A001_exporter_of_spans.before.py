from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer


def set_role(envelope):
    envelope.tags["ai.cloud.role"] = "shop"
    envelope.data.baseData.properties["region"] = "west"
    return envelope.data.baseData.name != "health"


exporter = AzureExporter(export_interval=5.0, max_batch_size=50, timeout=5, enable_local_storage=False)
exporter.add_telemetry_processor(set_role)
tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())
with tracer.span(name="order"):
    with tracer.span(name="health"):
        pass
