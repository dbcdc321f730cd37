"""Metrics exported by a thread, as the documentation has it."""

from __future__ import annotations

from opencensus.ext.azure import metrics_exporter
from opencensus.metrics import transport
from opencensus.metrics.export.gauge import DerivedLongGauge, LongGauge, Registry
from opencensus.metrics.label_key import LabelKey
from opencensus.metrics.label_value import LabelValue
from opencensus.stats import aggregation as aggregation_module
from opencensus.stats import measure as measure_module
from opencensus.stats import stats as stats_module
from opencensus.stats import view as view_module
from opencensus.tags import tag_map as tag_map_module

_KEPT = []


def documentation():
    """The page's own program: a view that counts up, with a tag as custom dimension; the counters are off."""
    stats = stats_module.stats
    view_manager, stats_recorder = stats.view_manager, stats.stats_recorder
    prompt_measure = measure_module.MeasureInt("prompts", "number of prompts", "prompts")
    prompt_view = view_module.View("prompt view", "number of prompts", ["url"], prompt_measure, aggregation_module.CountAggregation())
    view_manager.register_view(prompt_view)
    mmap, tmap = stats_recorder.new_measurement_map(), tag_map_module.TagMap()
    exporter = metrics_exporter.new_metrics_exporter(export_interval=3600, enable_standard_metrics=False)
    view_manager.register_exporter(exporter)
    tmap.insert("url", "http://example.com")
    for _ in range(4):
        mmap.measure_int_put(prompt_measure, 1)
        mmap.record(tmap)
        metrics = list(mmap.measure_to_view_map.get_metrics(__import__("datetime").datetime(2024, 9, 30)))
        print(metrics[0].time_series[0].points[0])
    # Other exporters of this file would export the view, too.
    exporter.shutdown()
    view_manager.measure_to_view_map._measure_to_view_data_list_map.clear()


def closed():
    """`close` exports once more, and nothing comes after it."""
    registry, gauge = Registry(), LongGauge("closed", "", "1", [])
    registry.add_gauge(gauge)
    gauge.get_or_create_default_time_series().set(1)
    _KEPT.append(registry)
    exporter = metrics_exporter.MetricsExporter()
    exporter.exporter_thread = transport.get_exporter_thread([registry], exporter, interval=3600)
    alive = exporter.exporter_thread.is_alive()
    interval = exporter.exporter_thread.interval
    exporter.exporter_thread.close()
    gauge.get_or_create_default_time_series().set(2)
    exporter.exporter_thread.join(10)
    return [alive, interval, exporter.exporter_thread.is_alive(), type(exporter.exporter_thread).__mro__[-3].__name__]


def registry_at_exit():
    """A registry of gauges, exported as the process ends."""
    registry = Registry()
    gauge = LongGauge("jobs", "", "1", [LabelKey("queue", "")])
    gauge.get_or_create_time_series([LabelValue("in")]).set(5)
    derived, function = DerivedLongGauge("workers", "", "1", []), lambda: 3
    derived.create_default_time_series(function)
    for each in (gauge, derived):
        registry.add_gauge(each)
    exporter = metrics_exporter.MetricsExporter()
    exporter.exporter_thread = transport.get_exporter_thread([registry], exporter, interval=3600)
    _KEPT.extend([registry, function])


def counters():
    """The standard metrics, on by default."""
    metrics_exporter.new_metrics_exporter(export_interval=3600)
