"""What the four services share, as services did: a logger, an exporter of spans, views with tags, a gauge, and their work."""

import logging
import os
import sys
import threading

from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.metrics_exporter import MetricsExporter
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.metrics import transport
from opencensus.metrics.export import gauge
from opencensus.stats import aggregation, measure, stats, view
from opencensus.tags import tag_key, tag_map, tag_value
from opencensus.trace import config_integration

STEPS, SERIES = int(os.environ["FLEET_STEPS"]), int(os.environ["FLEET_SERIES"])
NAME = os.path.splitext(os.path.basename(sys.argv[0]))[0]

config_integration.trace_integrations(["logging"])
logger = logging.getLogger(NAME)
logger.setLevel(logging.INFO)
logger.addHandler(AzureLogHandler())
exporter = AzureExporter()

BINS = 1000
"""Series of one view: OpenTelemetry keeps 2,000 of an instrument."""
done = [measure.MeasureInt(f"done {shelf}", "steps done", "1") for shelf in range(-(-SERIES // BINS))]
bin_key = tag_key.TagKey("bin")
registry = gauge.Registry()
_lock = threading.Lock()
_measured = _collected = 0


def _collection():
    global _collected
    _collected += 1
    return _collected


def start_metrics():
    for shelf, each in enumerate(done):
        steps = view.View(f"{NAME}_steps_{shelf}", "steps done", [bin_key], each, aggregation.CountAggregation())
        stats.stats.view_manager.register_view(steps)
    collections = gauge.DerivedLongGauge(f"{NAME}_collections", "how often metrics were read", "1", [])
    collections.create_default_time_series(_collection)
    registry.add_gauge(collections)
    return transport.get_exporter_thread([stats.stats, registry], MetricsExporter())


def work(tracer, order):
    """Do the steps of an order: each has its span, a record in it, and is measured."""
    global _measured
    logger.info("%s %s", NAME, order)
    for step in range(STEPS):
        with tracer.span(f"{NAME} {order}.{step}"):
            logger.info("%s %s.%s", NAME, order, step)
            with _lock:
                number, _measured = _measured, _measured + 1
            shelf, bin_ = divmod(number % SERIES, BINS)
            tags = tag_map.TagMap()
            tags.insert(bin_key, tag_value.TagValue(str(bin_)))
            measured = stats.stats.stats_recorder.new_measurement_map()
            measured.measure_int_put(done[shelf], 1)
            measured.record(tags)


def say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def until_told():
    """Return when the one who started this program closes its standard input."""
    sys.stdin.read()
