"""The role of items of both APIs in one process."""

from __future__ import annotations

import pytest

from opencensus_compat.local import LocalEndpoint

PROGRAM = """
import logging

from appinsights_exporter import ApplicationInsightsLogRecordExporter, ApplicationInsightsMetricExporter, ApplicationInsightsSpanExporter
from opencensus.ext.azure.common import utils
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

logging.getLogger("opencensus_compat").setLevel(logging.ERROR)  # which exporter sends what is not the point
resource = Resource.create({attributes})
provider = TracerProvider(resource=resource)
if {native}:
    provider.add_span_processor(BatchSpanProcessor(ApplicationInsightsSpanExporter()))
trace.set_tracer_provider(provider)
metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(ApplicationInsightsMetricExporter())], resource))
if {legacy}:
    logger = logging.getLogger("shop")
    logger.addHandler(AzureLogHandler())
    logger.warning("a line")
    with Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler()).span(name="legacy"):
        trace.get_tracer("lib").start_span("inside").end()
    {then}
trace.get_tracer("lib").start_span("outside").end()
metrics.get_meter("lib").create_counter("orders").add(1)
metrics.get_meter_provider().force_flush()
"""

ROLES = {
    "native beside legacy": ({"native": True, "legacy": True}, {"app.py"}),
    "legacy exporters send all": ({"native": False, "legacy": True}, {"app.py"}),
    "a name of the program's own": (
        {"native": True, "legacy": True, "then": "utils.azure_monitor_context['ai.cloud.role'] = 'till'"},
        {"till"},
    ),
    "a resource that names one": ({"native": True, "legacy": True, "attributes": "{'service.name': 'orders'}"}, {"app.py", "orders"}),
    "a workload of Kubernetes": ({"native": True, "legacy": True, "attributes": "{'k8s.deployment.name': 'web'}"}, {"app.py", "web"}),
    "native alone": ({"native": True, "legacy": False}, {"unknown_service"}),
}


@pytest.mark.parametrize(("options", "roles"), ROLES.values(), ids=ROLES)
def test_one_role(options, roles, run_program):
    """Where the provider's resource has the SDK's default name, items of all signals carry the role of the OpenCensus code beside it."""
    source = PROGRAM.format(**{"attributes": "{}", "then": "pass", **options})
    with LocalEndpoint() as endpoint:
        run_program(source, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string)
        found = {envelope["tags"].get("ai.cloud.role") for envelope in endpoint.envelopes()}
        names = [row["name"] for table in ("dependencies", "customMetrics") for row in endpoint.rows(table)]
    # Newer releases of the SDK add the name of the interpreter.
    assert {role.partition(":")[0] for role in found} == roles
    assert {"outside", "orders"} <= set(names)
