"""A service that has the Azure Monitor distro and OpenCensus exporters for one resource. Arguments: which comes first, address of the endpoint."""
import logging
import sys

first, text = sys.argv[1:]
if first == "opencensus_late_import":
    from azure.monitor.opentelemetry import configure_azure_monitor

from opencensus.ext.azure import metrics_exporter
from opencensus.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.stats import aggregation, measure, stats, view
from opencensus.tags import TagMap
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

import opencensus_compat
from azure.monitor.opentelemetry import configure_azure_monitor
from opentelemetry import _logs, metrics, trace

log = logging.getLogger("shop")
log.setLevel(logging.INFO)
quiet = {name: {"enabled": False} for name in ("azure_sdk", "django", "fastapi", "flask", "psycopg2", "requests", "urllib", "urllib3", "httpx")}


def distro():
    configure_azure_monitor(
        connection_string=text, logger_name="shop", sampling_ratio=1.0, enable_live_metrics=False, enable_performance_counters=False,
        disable_offline_storage=True, instrumentation_options=quiet,
    )


def opencensus():
    global tracer, events
    tracer = Tracer(exporter=AzureExporter(connection_string=text), sampler=AlwaysOnSampler())
    log.addHandler(AzureLogHandler(connection_string=text))
    events = logging.getLogger("shop_events")
    events.setLevel(logging.INFO)
    events.addHandler(AzureEventHandler(connection_string=text))
    exporter = metrics_exporter.new_metrics_exporter(connection_string=text, enable_standard_metrics=False, export_interval=3600)
    stats.stats.view_manager.register_exporter(exporter)


for step in (distro, opencensus) if first == "distro" else (opencensus, distro):
    step()

orders = measure.MeasureInt("orders", "", "1")
stats.stats.view_manager.register_view(view.View("orders", "", [], orders, aggregation.CountAggregation()))
measurements = stats.stats.stats_recorder.new_measurement_map()
measurements.measure_int_put(orders, 1)
measurements.record(TagMap())
otel = trace.get_tracer("shop")
with otel.start_as_current_span("checkout", kind=trace.SpanKind.SERVER):
    with tracer.span("reserve"):
        log.info("reserved")
        with otel.start_as_current_span("pay"):
            events.info("paid")
metrics.get_meter("shop").create_counter("payments").add(1)
opencensus_compat.flush(10)
for provider in (trace.get_tracer_provider(), _logs.get_logger_provider(), metrics.get_meter_provider()):
    provider.force_flush()
