import os

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import execution_context
from opencensus.trace.samplers import AlwaysOffSampler, AlwaysOnSampler, ProbabilitySampler
from opencensus.trace.tracer import Tracer


def role(envelope):
    envelope.tags["ai.cloud.role"] = "billing"


sampler = AlwaysOffSampler() if os.environ.get("QUIET") else AlwaysOnSampler()
exporter = AzureExporter(export_interval=2.0)
billing_exporter = AzureExporter()
billing_exporter.add_telemetry_processor(role)
shop = Tracer(exporter=exporter, sampler=sampler)
billing = Tracer(exporter=billing_exporter, sampler=ProbabilitySampler(rate=1.0))
quiet = Tracer(exporter=billing_exporter, sampler=AlwaysOffSampler())

with shop.span(name="sell") as span:
    span.add_attribute("cart", "c-42")
    with execution_context.get_opencensus_tracer().span(name="charge"):
        pass
with billing.span(name="charge"):
    with billing.span(name="book"):
        pass
with quiet.span(name="poll"):
    pass
