"""The pure modules load quickly: nothing heavy comes with them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from opentelemetry import version as api_version

HEAVY = ["azure", "google", "hashlib", "http.client", "logging.handlers", "msal", "multiprocessing", "psutil", "requests", "six", "ssl",
         "urllib.request", "wrapt"]  # fmt: skip

BROUGHT = {"ssl", "wrapt"} if tuple(map(int, api_version.__version__.split(".")[:2])) < (1, 35) else set()
"""What the API of OpenTelemetry itself loads, in its older releases."""

MODULES = [
    "common.backports", "common.configuration", "common.resource", "common.runtime_context", "common.schedule", "common.transports.async_",
    "common.transports.sync", "common.utils", "common.version", "log", "metrics.export.cumulative",
    "metrics.export.gauge", "metrics.export.metric", "metrics.export.summary", "metrics.transport", "trace.attributes_helper", "trace.base_exporter",
    "trace.config_integration", "trace.exceptions_status", "trace.execution_context", "trace.file_exporter", "trace.integrations", "trace.logging_exporter",
    "trace.print_exporter", "trace.propagation.b3_format", "trace.propagation.binary_format", "trace.propagation.google_cloud_format",
    "trace.propagation.text_format", "trace.propagation.trace_context_http_header_format", "trace.samplers", "trace.span", "trace.span_data",
    "trace.tracer", "trace.tracers.context_tracer", "trace.tracers.noop_tracer", "trace.utils",
    "stats.aggregation", "stats.aggregation_data", "stats.base_exporter", "stats.execution_context", "stats.measure_to_view_map",
    "stats.measurement_map", "stats.metric_utils", "stats.stats", "stats.stats_recorder", "stats.view", "stats.view_data", "stats.view_manager",
    "tags", "tags.propagation.binary_serializer", "tags.tag", "tags.tag_map", "tags.validation",
]  # fmt: skip

_PROGRAM = """
import importlib, json, sys
before = set(sys.modules)
for name in sys.argv[1:]:
    importlib.import_module("opencensus_compat." + name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


@pytest.mark.parametrize(
    "modules",
    [["common.utils"], ["common.resource"], ["trace"], ["log"], ["ext.azure.trace_exporter"], MODULES],
    ids=["utils", "resource", "trace", "log", "trace_exporter", "all"],
)
def test_nothing_heavy_is_loaded(modules):
    """Neither network, TLS and hashing modules nor any package of the legacy dependencies come with an import."""
    command = [sys.executable, "-W", "error", "-c", _PROGRAM, *modules]
    loaded = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert [name for name in HEAVY if name in loaded and name not in BROUGHT] == []


def test_all_signals_load_only_what_they_need(run_program, endpoint):
    """A program that has sent a span, a record and a view has loaded neither requests nor what few programs use."""
    printed = run_program(
        """
        import logging, sys
        from opencensus.ext.azure import metrics_exporter
        from opencensus.ext.azure.log_exporter import AzureLogHandler
        from opencensus.ext.azure.trace_exporter import AzureExporter
        from opencensus.stats import aggregation, measure, stats, view
        from opencensus.trace.samplers import AlwaysOnSampler
        from opencensus.trace.tracer import Tracer

        exporter, handler = AzureExporter(), AzureLogHandler()
        metrics = metrics_exporter.new_metrics_exporter(enable_standard_metrics=False, export_interval=3600.0)
        size = measure.MeasureInt("size", "", "1")
        stats.stats.view_manager.register_view(view.View("sizes", "", [], size, aggregation.SumAggregation()))
        measured = stats.stats.stats_recorder.new_measurement_map()
        measured.measure_int_put(size, 1)
        measured.record()
        logger = logging.getLogger("shop")
        logger.addHandler(handler)
        with Tracer(exporter=exporter, sampler=AlwaysOnSampler()).span("first"):
            logger.warning("said")
        metrics.export_metrics(stats.stats.get_metrics())
        handler.flush()
        exporter._queue.flush(10)
        rare = ["delivery.auth", "delivery.legacy_store", "performance_counters", "sampling"]
        unused = ["difflib", "requests", *("appinsights_exporter." + name for name in rare)]
        print([name for name in unused if name in sys.modules])
        """,
        APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string,
        APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL="true",
    )
    assert printed == "[]\n"
    assert endpoint.accepted >= 3


@pytest.mark.parametrize("name", MODULES)
def test_each_module_can_be_the_first_import(name):
    """No module depends on another having been imported before it."""
    command = [sys.executable, "-W", "error", "-c", f"import opencensus_compat.{name}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
