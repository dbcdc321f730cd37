"""What services do with views, gauges and exporters: wrapped in classes, made at each call, reset by hand, told apart by tags."""

from __future__ import annotations

import threading
from datetime import datetime, timezone

from opencensus.ext.azure import metrics_exporter
from opencensus.metrics import transport
from opencensus.metrics.export.cumulative import DoubleCumulative, LongCumulative
from opencensus.metrics.export.gauge import DerivedLongGauge, LongGauge, Registry
from opencensus.metrics.label_key import LabelKey
from opencensus.metrics.label_value import LabelValue
from opencensus.stats import aggregation, measure, stats, view
from opencensus.tags import Tag, TagContext, TagMap, tag_key, tag_value

_STATS = stats.stats
_VIEWS = _STATS.view_manager
_KEPT = []


def _now():
    return datetime.now(timezone.utc).replace(tzinfo=None)


def _tags(**values):
    made = TagMap()
    for key, text in values.items():
        made.insert(tag_key.TagKey(key), tag_value.TagValue(text))
    return made


def _exporter(**options):
    return metrics_exporter.new_metrics_exporter(export_interval=3600, enable_standard_metrics=False, **options)


def _put(of, number, tags=None):
    measurements = _STATS.stats_recorder.new_measurement_map()
    put = measurements.measure_int_put if isinstance(of, measure.MeasureInt) else measurements.measure_float_put
    put(of, number)
    measurements.record(tags)
    return measurements


def _end(*exporters):
    """Export for the last time; the other functions of this file begin without views."""
    for exporter in exporters:
        exporter.shutdown()
    _VIEWS.measure_to_view_map._registered_views.clear()
    _VIEWS.measure_to_view_map._registered_measures.clear()
    _VIEWS.measure_to_view_map._measure_to_view_data_list_map.clear()


def training_run():
    """A class that makes a view for each name it is asked to log, and an exporter with a processor for the run."""

    class Metrics:
        def __init__(self, run):
            self.run, self.measures = run, {}
            self.exporter = _exporter()
            self.exporter.add_telemetry_processor(self.enrich)
            _VIEWS.register_exporter(self.exporter)

        def enrich(self, envelope):
            envelope.tags["ai.cloud.role"] = "training"
            envelope.data.baseData.properties["run"] = self.run
            return True

        def log(self, name, value, description="", unit=""):
            if name not in self.measures:
                self.measures[name] = measure.MeasureFloat(name, description, unit)
                last = aggregation.LastValueAggregation()
                _VIEWS.register_view(view.View(name, description, ["step"], self.measures[name], last))
            _put(self.measures[name], value, _tags(step="fit"))

    metrics = Metrics("r-17")
    for epoch in range(3):
        metrics.log("loss", 1 / (epoch + 1), "training loss")
        metrics.log("accuracy", epoch / 3)
    _end(metrics.exporter)


def each_call_registers():
    """A function that makes measure and view at each call: the first ones count."""
    exporter = _exporter()
    for number in range(1, 4):
        orders = measure.MeasureInt("orders", "orders of the day", "1")
        _VIEWS.register_view(view.View("orders", "sum", [], orders, aggregation.SumAggregation()))
        _put(orders, number)
        print([str(metric.time_series[0].points[0].value) for metric in _STATS.get_metrics()])
    _end(exporter)


def names_that_are_taken():
    """Another view with the name, and another measure with the name."""
    first, second = measure.MeasureInt("first", "", "1"), measure.MeasureInt("second", "", "1")
    again = measure.MeasureInt("first", "again", "1")
    for of, name, how in (
        (first, "v", aggregation.CountAggregation()),
        (second, "v", aggregation.SumAggregation()),
        (again, "w", aggregation.SumAggregation()),
    ):
        _VIEWS.register_view(view.View(name, "", [], of, how))
    exporter = _exporter()
    for of in (first, second, again):
        _put(of, 3)
    print([type(data and data.view.aggregation).__name__ for data in map(_VIEWS.get_view, ("v", "w", "nobody"))])
    _end(exporter)


def views_of_one_measure():
    """Broken down in several ways."""
    took = measure.MeasureFloat("took", "", "ms")
    for name, columns, how in (
        ("by route", ["route"], aggregation.CountAggregation()),
        ("by both", ["route", "code"], aggregation.SumAggregation()),
        ("by none", [], aggregation.LastValueAggregation()),
        ("by a key", [tag_key.TagKey("code")], aggregation.CountAggregation()),
    ):
        _VIEWS.register_view(view.View(name, "", columns, took, how))
    exporter = _exporter()
    for route, code, number in (("/a", "200", 1.5), ("/a", "500", 2.25), ("/b", "200", 4)):
        _put(took, number, _tags(route=route, code=code))
    _end(exporter)


def tags_of_the_context():
    """Measurements without a tag map have the context's tags; those with one have its."""
    seen = measure.MeasureInt("seen", "", "1")
    _VIEWS.register_view(view.View("seen", "", ["tenant"], seen, aggregation.CountAggregation()))
    exporter = _exporter()
    TagContext.set(TagMap([Tag("tenant", "context")]))
    _put(seen, 1)
    _put(seen, 1, TagMap([Tag("tenant", "own")]))
    TagContext.set(None)
    _put(seen, 1)
    _end(exporter)


def reset_by_hand():
    """What has been sent is cleared, so that it is not sent again."""
    jobs = measure.MeasureInt("jobs", "", "1")
    _VIEWS.register_view(view.View("jobs", "", ["kind"], jobs, aggregation.SumAggregation()))
    exporter = metrics_exporter.MetricsExporter()
    for number, kind in ((1, "a"), (2, "b"), (4, "c")):
        measurements = _put(jobs, number, _tags(kind=kind))
        exporter.export_metrics(measurements.measure_to_view_map.get_metrics(_now()))
        for data in measurements.measure_to_view_map._measure_to_view_data_list_map[jobs.name]:
            data._tag_value_aggregation_data_map = {}
    _end()


def one_map_for_all():
    """A measurement map that is recorded again records again all that was put into it."""
    first, second = measure.MeasureInt("first", "", "1"), measure.MeasureFloat("second", "", "1")
    for of in (first, second):
        _VIEWS.register_view(view.View(of.name, "", [], of, aggregation.SumAggregation()))
    exporter = _exporter()
    measurements = _put(first, 1)
    measurements.measure_float_put(second, 2)
    measurements.record()
    measurements.measure_int_put(first, 3)
    measurements.record()
    measurements.record()
    _end(exporter)


def view_before_and_after():
    """A measure that is recorded before its view is registered."""
    late = measure.MeasureInt("late", "", "1")
    _put(late, 7)
    _VIEWS.register_view(view.View("late", "", [], late, aggregation.SumAggregation()))
    exporter = _exporter()
    _put(late, 5)
    _end(exporter)


def envelopes_replaced():
    """A processor that sets fields of its own, one that returns nothing, one that raises."""
    seen = measure.MeasureInt("seen", "", "1")
    _VIEWS.register_view(view.View("seen", "", ["k"], seen, aggregation.CountAggregation()))
    exporter = metrics_exporter.MetricsExporter()

    def replace(envelope):
        envelope.data.baseData.metrics[0].ns = "mine"
        envelope.data.baseData.properties = {**envelope.data.baseData.properties, "added": "1"}
        envelope.tags.update({"ai.cloud.role": "replaced"})

    def fail(envelope):
        raise ValueError

    for processor in (replace, lambda envelope: None, fail):
        exporter.add_telemetry_processor(processor)
    _put(seen, 1, _tags(k="v"))
    exporter.export_metrics(_STATS.get_metrics())
    exporter.clear_telemetry_processors()
    exporter.export_metrics(_STATS.get_metrics())
    _end()


def workers_that_beat():
    """Threads that add to one gauge, and one that has gone."""
    registry, beats = Registry(), LongGauge("beats", "", "1", [LabelKey("worker", ""), LabelKey("state", "")])
    registry.add_gauge(beats)

    def work(name):
        for _ in range(100):
            beats.get_or_create_time_series([LabelValue(name), LabelValue("up")]).add(1)

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    beats.remove_time_series([LabelValue("2"), LabelValue("up")])
    metrics_exporter.MetricsExporter().export_metrics(registry.get_metrics())


def pool_that_is_asked():
    """A derived gauge asks a method of an object that lives."""

    class Pool:
        def free(self):
            return 3

    pool, registry = Pool(), Registry()
    gauge = DerivedLongGauge("free", "", "1", [LabelKey("pool", "")])
    gauge.create_time_series([LabelValue("main")], pool.free)
    registry.add_gauge(gauge)
    exporter = metrics_exporter.MetricsExporter()
    exporter.exporter_thread = transport.get_exporter_thread([registry], exporter, interval=3600)
    _KEPT.extend([pool, registry])


def counters_by_hand():
    """What cumulatives take, and what they refuse."""
    registry = Registry()
    for cls, number in ((LongCumulative, 5), (DoubleCumulative, 2.5)):
        counter = cls(cls.__name__, "", "1", [])
        registry.add_gauge(counter)
        point = counter.get_or_create_default_time_series()
        for step in (number, -number, "one"):
            try:
                point.add(step)
            except (TypeError, ValueError) as error:
                print(type(error).__name__)
        print(point.get_value(), hasattr(point, "set"))
    metrics_exporter.MetricsExporter().export_metrics(registry.get_metrics())


def nothing_given():
    """None is passed on for what a configuration does not have."""
    options = dict.fromkeys(("export_interval", "timeout", "storage_max_size", "minimum_retry_interval", "grace_period"))
    gauge, registry = LongGauge("given", "", "1", []), Registry()
    gauge.get_or_create_default_time_series().set(1)
    registry.add_gauge(gauge)
    exporter = metrics_exporter.MetricsExporter(proxies=None, storage_path=None, credential=None, **options)
    exporter.export_metrics(registry.get_metrics())


def true_and_false():
    """A gauge of whether something is so."""
    gauge, registry = LongGauge("flag", "", "1", [LabelKey("k", "")]), Registry()
    for text, value in (("yes", True), ("no", False)):
        gauge.get_or_create_time_series([LabelValue(text)]).set(value)
    registry.add_gauge(gauge)
    metrics_exporter.MetricsExporter().export_metrics(registry.get_metrics())
