"""A service that uses both APIs for all three signals. Arguments: the steps in their order, and how providers are set.

Prints what arrived at the endpoint, and what the application's own processors and reader saw.
"""
import json
import logging
import sys

from opentelemetry import _logs, metrics, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.metrics import set_meter_provider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import set_tracer_provider

import opencensus_compat
from appinsights_exporter import _sdk_logs as names
from opencensus.ext.azure import metrics_exporter
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.stats import aggregation, measure, stats, view
from opencensus.tags import TagMap
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer
from opencensus_compat.local import LocalEndpoint

steps, way = sys.argv[1].split(","), sys.argv[2]
early = trace.get_tracer("early")
items = measure.MeasureInt("items", "", "1")


class Kept(names.LogRecordProcessor):
    bodies = []

    def on_emit(self, log_record):
        self.bodies.append(names.record_of(log_record).body)


class Said(logging.Handler):
    lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


reader, finished = InMemoryMetricReader(), InMemorySpanExporter()
for name in ("opencensus_compat", "opentelemetry"):
    logging.getLogger(name).addHandler(Said(logging.WARNING))
    logging.getLogger(name).propagate = False


def configure():
    resource = Resource({"service.name": "application"})
    tracers, loggers, meters = TracerProvider(resource=resource), LoggerProvider(resource=resource), MeterProvider([reader], resource)
    tracers.add_span_processor(SimpleSpanProcessor(finished))
    loggers.add_log_record_processor(Kept())
    if way == "by name":
        set_tracer_provider(tracers), set_logger_provider(loggers), set_meter_provider(meters)
    elif way == "by module":
        trace.set_tracer_provider(tracers), _logs.set_logger_provider(loggers), metrics.set_meter_provider(meters)
    else:
        opencensus_compat.configure(tracer_provider=tracers, logger_provider=loggers, meter_provider=meters)


def handles():
    global tracer
    tracer = Tracer(exporter=AzureExporter(connection_string=text), sampler=AlwaysOnSampler())
    logging.getLogger("shop").addHandler(AzureLogHandler(connection_string=text))
    stats.stats.view_manager.register_view(view.View("orders", "", [], items, aggregation.CountAggregation()))
    exporter = metrics_exporter.new_metrics_exporter(connection_string=text, enable_standard_metrics=False, export_interval=3600)
    stats.stats.view_manager.register_exporter(exporter)


def first():
    use("first")
    # Records are worked on by another thread: it is to be done before the next step.
    assert opencensus_compat.flush(10)


def last():
    use("last")


def use(name):
    measurements = stats.stats.stats_recorder.new_measurement_map()
    measurements.measure_int_put(items, 1)
    measurements.record(TagMap())
    with early.start_as_current_span(f"{name} early"), tracer.span(f"{name} census"):
        with trace.get_tracer("late").start_as_current_span(f"{name} late"):
            logging.getLogger("shop").warning(name)


# The endpoint ends before the program does.
logging.getLogger("appinsights_exporter.delivery.outages").setLevel(logging.ERROR)

with LocalEndpoint() as endpoint:
    text = endpoint.connection_string
    for step in steps:
        globals()[step]()
    assert opencensus_compat.flush(10)
    data = reader.get_metrics_data()
    seen = [m.name for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics] if data else []
    print(json.dumps({
        "arrived": sorted(row["name"] for row in endpoint.rows("dependencies")),
        "messages": sorted(row["message"] for row in endpoint.rows("traces")),
        "metrics": sorted({row["name"]: row["valueSum"] for row in endpoint.rows("customMetrics")}.items()),
        "spans": sorted(span.name for span in finished.get_finished_spans()),
        "resources": sorted({span.resource.attributes["service.name"] for span in finished.get_finished_spans()}),
        "records": sorted(Kept.bodies),
        "instruments": sorted(seen),
        "said": sorted(Said.lines),
    }))
