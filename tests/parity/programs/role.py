"""The tags that every item carries, changed in the place where the old SDK kept them."""

from __future__ import annotations

from opencensus.ext.azure.common import utils
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer


def changed_context():
    """Tags set and removed after the exporter was made."""
    tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
    utils.azure_monitor_context["ai.cloud.role"] = "orders"
    utils.azure_monitor_context["ai.application.ver"] = "7.1"
    del utils.azure_monitor_context["ai.device.type"]
    with tracer.span(name="work"):
        pass
