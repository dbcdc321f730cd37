"""Views, gauges and cumulatives, exported by hand: what each kind of metric becomes."""

from __future__ import annotations

from datetime import datetime, timezone

from opencensus.ext.azure.metrics_exporter import MetricsExporter
from opencensus.metrics.export import metric, metric_descriptor, metric_producer, point, time_series, value
from opencensus.metrics.export.cumulative import DerivedLongCumulative, DoubleCumulative, LongCumulative
from opencensus.metrics.export.gauge import DerivedDoubleGauge, DerivedLongGauge, DoubleGauge, LongGauge, Registry
from opencensus.metrics.label_key import LabelKey
from opencensus.metrics.label_value import LabelValue
from opencensus.stats import aggregation, measure, stats_recorder, view, view_manager
from opencensus.tags import tag_map


def _now():
    return datetime.now(timezone.utc).replace(tzinfo=None)


def _tags(**values):
    made = tag_map.TagMap()
    for key, text in values.items():
        made.insert(key, text)
    return made


def _measured(how, measurements, columns=("route", "method"), cls=measure.MeasureInt, name="requests", exporter=None):
    """Record and export; this function's views are its own, for it runs in a context of its own."""
    manager, recorder = view_manager.ViewManager(), stats_recorder.StatsRecorder()
    seen = cls("seen", "what was seen", "1")
    manager.register_view(view.View(name, "what is shown", list(columns), seen, how))
    for number, tags in measurements:
        recorded = recorder.new_measurement_map()
        recorded.measure_float_put(seen, number)
        recorded.record(tags)
    (exporter or MetricsExporter()).export_metrics(manager.measure_to_view_map.get_metrics(_now()))


def _gauges(*gauges, exporter=None):
    registry = Registry()
    for gauge in gauges:
        registry.add_gauge(gauge)
    (exporter or MetricsExporter()).export_metrics(registry.get_metrics())


_SOME = [(3, _tags(route="/a", method="GET")), (4, _tags(route="/a", method="GET")), (5, _tags(route="/b", method="GET"))]


def count():
    """Two series."""
    _measured(aggregation.CountAggregation(), _SOME)


def count_with_a_start():
    """A count that does not begin at 0."""
    _measured(aggregation.CountAggregation(7), _SOME)


def sum_of_whole_numbers():
    """A sum of a MeasureInt."""
    _measured(aggregation.SumAggregation(), _SOME)


def sum_of_fractions():
    """A sum of a MeasureFloat."""
    _measured(aggregation.SumAggregation(), [(0.5, _SOME[0][1]), (0.25, _SOME[0][1])], cls=measure.MeasureFloat)


def last_value():
    """The last of several."""
    _measured(aggregation.LastValueAggregation(), _SOME)


def last_fraction():
    """The same of a MeasureFloat."""
    _measured(aggregation.LastValueAggregation(), [(2.5, None)], cls=measure.MeasureFloat)


def distribution():
    """A histogram."""
    _measured(aggregation.DistributionAggregation([2, 4, 8]), _SOME)


def distribution_without_boundaries():
    """No histogram."""
    _measured(aggregation.DistributionAggregation(), [(2.5, None), (3.5, None)], columns=(), cls=measure.MeasureFloat)


def missing_tags():
    """A tag that is not there, and one that is no column."""
    _measured(aggregation.CountAggregation(), [(1, _tags(route="/a", other="x")), (1, _tags()), (1, None)])


def no_columns():
    """One series."""
    _measured(aggregation.CountAggregation(), _SOME, columns=())


def name_with_a_space():
    """The documentation's own."""
    _measured(aggregation.CountAggregation(), _SOME, name="prompt view")


def long_names():
    """Beyond the service's limits."""
    _measured(aggregation.CountAggregation(), [(1, _tags(**{"k" * 200: "v" * 200}))], columns=["k" * 200], name="n" * 1200)


def nothing_recorded():
    """A view without measurements is not exported."""
    _measured(aggregation.CountAggregation(), [])


def gauges():
    """Long and double, with labels and without."""
    long = LongGauge("queue length", "how long", "1", [LabelKey("queue", "which"), LabelKey("shard", "")])
    long.get_or_create_time_series([LabelValue("in"), LabelValue("7")]).set(5)
    long.get_or_create_time_series([LabelValue("in"), LabelValue(None)]).add(6)
    double = DoubleGauge("load", "", "1", [])
    double.get_or_create_default_time_series().set(0.75)
    _gauges(long, double)


def no_labels():
    """A series without label values in a gauge that has label keys."""
    gauge = LongGauge("g", "", "1", [LabelKey("k", "")])
    gauge.get_or_create_default_time_series().set(-1)
    try:
        _gauges(gauge)
    except AttributeError:
        return "lost"


def labels_that_are_no_text():
    """Numbers and booleans."""
    gauge = LongGauge("g", "", "1", [LabelKey("a", ""), LabelKey("b", "")])
    gauge.get_or_create_time_series([LabelValue(7), LabelValue(True)]).set(1)
    _gauges(gauge)


def derived_gauges():
    """Functions tell them."""
    functions = [lambda: 12, lambda: 1.5]
    long, double = DerivedLongGauge("long", "", "1", []), DerivedDoubleGauge("double", "", "1", [LabelKey("k", "")])
    long.create_default_time_series(functions[0])
    double.create_time_series([LabelValue("v")], functions[1])
    _gauges(long, double)


def gone_function():
    """One function is gone: another gauge, and another series, are there."""
    kept = lambda: 3
    gauge, other = DerivedLongGauge("half", "", "1", [LabelKey("k", "")]), LongGauge("whole", "", "1", [])
    gauge.create_time_series([LabelValue("kept")], kept)
    gauge.create_time_series([LabelValue("gone")], lambda: 4)
    other.get_or_create_default_time_series().set(1)
    try:
        _gauges(gauge, other)
    except AttributeError:
        return "lost"


def cumulatives():
    """They only go up."""
    long, double = LongCumulative("long", "", "1", []), DoubleCumulative("double", "", "1", [])
    point = long.get_or_create_default_time_series()
    point.add(3)
    point.add(-2)
    double.get_or_create_default_time_series().add(1.5)
    told = [9, 4]
    derived, function = DerivedLongCumulative("derived", "", "1", []), lambda: told.pop(0)
    derived.create_default_time_series(function)
    _gauges(long, double, derived)
    _gauges(derived)


class _Producer(metric_producer.MetricProducer):
    def get_metrics(self):
        kinds = metric_descriptor.MetricDescriptorType
        points = [point.Point(value.ValueLong(number), _now()) for number in (1, 2)]
        series = time_series.TimeSeries([LabelValue("v")], points, None)
        return [metric.Metric(metric_descriptor.MetricDescriptor("own", "", "1", kinds.GAUGE_INT64, [LabelKey("k", "")]), [series])]


def several_points():
    """A producer of the program's own, whose series has two points."""
    MetricsExporter().export_metrics(_Producer().get_metrics())


def telemetry_processors():
    """One adds a property, one drops."""
    exporter = MetricsExporter()

    def add(envelope):
        envelope.data.baseData.properties["added"] = envelope.data.baseData.metrics[0].name

    def drop(envelope):
        return envelope.data.baseData.properties["route"] != "/b"

    exporter.add_telemetry_processor(add)
    exporter.add_telemetry_processor(drop)
    _measured(aggregation.CountAggregation(), _SOME, exporter=exporter)


def subclass():
    """It changes envelopes, and drops metrics."""

    class Own(MetricsExporter):
        def export_metrics(self, metrics):
            super().export_metrics(each for each in metrics if each.descriptor.name != "dropped")

        def metric_to_envelopes(self, metric):
            envelopes = super().metric_to_envelopes(metric)
            for envelope in envelopes:
                envelope.tags["ai.user.id"] = "u1"
                envelope.data.baseData.metrics[0].name = "own." + metric.descriptor.name
            return envelopes

    kept, dropped = LongGauge("kept", "", "1", []), LongGauge("dropped", "", "1", [])
    for gauge in (kept, dropped):
        gauge.get_or_create_default_time_series().set(1)
    _gauges(kept, dropped, exporter=Own())


def envelopes():
    """What `metric_to_envelopes` returns, without sending."""
    gauge = LongGauge("g", "", "1", [LabelKey("k", "")])
    gauge.get_or_create_time_series([LabelValue("v")]).set(1)
    (made,) = MetricsExporter().metric_to_envelopes(gauge.get_metric(datetime(2024, 9, 30, 8, 0, 0, 123456)))
    point = made.data.baseData.metrics[0]
    return [type(made).__name__, type(made.data).__name__, made.name, made.data.baseType, point.ns, point.name, point.value, point.count]


def numbers_that_are_none():
    """Infinite and no number: what becomes of the others."""
    gauge = DoubleGauge("g", "", "1", [LabelKey("k", "")])
    for text in ("inf", "nan", "1.5"):
        gauge.get_or_create_time_series([LabelValue(text)]).set(float(text))
    _gauges(gauge)


def bad_options():
    """Raised at construction, as ValueError."""
    told = []
    for options in ({"instrumentation_key": "no key"}, {"max_batch_size": 0}, {"credential": "secret"}):
        try:
            MetricsExporter(**options)
        except ValueError:
            told.append(sorted(options))
    return told


def attributes():
    """What programs read of an exporter."""
    exporter = MetricsExporter(export_interval=7.0, max_batch_size=3)
    return [
        exporter.export_interval,
        exporter.max_batch_size,
        exporter.exporter_thread,
        exporter.options.export_interval,
        exporter.shutdown(),
    ]
