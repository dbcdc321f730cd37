"""Exporters of stats behind a meter provider of OpenTelemetry's: what those that read `stats.stats` get of its instruments."""

from __future__ import annotations

from datetime import datetime

import pytest
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View

import opencensus_compat
from opencensus_compat.ext.azure.metrics_exporter import MetricsExporter
from opencensus_compat.legacy_stats_exporters import LegacyStatsReader
from opencensus_compat.metrics.export.metric_descriptor import MetricDescriptorType
from opencensus_compat.metrics.transport import get_exporter_thread
from opencensus_compat.stats import _otel_metrics, aggregation, measure, view
from opencensus_compat.stats.stats import stats
from opencensus_compat.tags import TagMap

VALUES = [(1, "/a"), (5, "/a"), (7.25, "/b"), (0.5, None), (10, "/a")]
BOUNDS = [1, 5, 10.0]
NOW = datetime(2026, 1, 1)  # noqa: DTZ001 # OpenCensus has UTC without a zone


class Keeping:
    """Exporter of stats that keeps what it gets."""

    def __init__(self):
        self.metrics = []

    def export_metrics(self, metrics):
        """Keep them."""
        self.metrics = list(metrics)


@pytest.fixture
def meter():
    """Return a function that makes a meter whose instruments a reader hands over."""
    made = []

    def make(*arguments, views=(), **options):
        provider = MeterProvider([LegacyStatsReader(*arguments, **options)], views=views, shutdown_on_exit=False)
        made.append(provider)
        return provider.get_meter("application")

    yield make
    for provider in made:
        provider.shutdown()


def shown():
    """Return what a thread hands to an exporter, without times."""
    exporter = Keeping()
    get_exporter_thread([stats], exporter, 1_000).close()
    return [_shown(each) for each in exporter.metrics]


def _shown(metric):
    descriptor = metric.descriptor
    described = (descriptor.name, descriptor.description, descriptor.unit, descriptor.type)
    series = []
    for each in metric.time_series:
        (point,) = each.points
        assert isinstance(point.timestamp, datetime)
        starts = each.start_timestamp is not None and each.start_timestamp.endswith("Z")
        series.append(([label.value for label in each.label_values], starts, type(point.value).__name__, _number(point.value)))
    return described, [(key.key, key.description) for key in descriptor.label_keys], series


def _number(found):
    if not hasattr(found, "count"):
        return found.value
    buckets = found.buckets and [each.count for each in found.buckets]
    bounds = found.bucket_options.type_ and found.bucket_options.type_.bounds
    return found.count, found.sum, found.sum_of_squared_deviation, buckets, bounds


def in_opencensus():
    """Record the values with views."""
    latency, orders = measure.MeasureFloat("latency", "how long", "ms"), measure.MeasureInt("orders", "how many", "1")
    for name, columns, of, how in (
        ("Shop/Latency", ["code", "route"], latency, aggregation.DistributionAggregation([0, *BOUNDS])),
        ("shop/plain", [], latency, aggregation.DistributionAggregation()),
        ("shop/time", ["route"], latency, aggregation.SumAggregation()),
        ("shop/orders", [], orders, aggregation.SumAggregation()),
        ("shop/count", ["route"], latency, aggregation.CountAggregation()),
    ):
        stats.view_manager.register_view(view.View(name, "shown", columns, of, how))
    for number, route in VALUES:
        tags = TagMap()
        if route is not None:
            tags.insert("route", route)
        measurements = stats.stats_recorder.new_measurement_map()
        measurements.measure_float_put(latency, number)
        measurements.measure_int_put(orders, 2)
        measurements.record(tags)


def in_opentelemetry(meter):
    """Record the same values with instruments."""
    columns = {"Shop/Latency": ["code", "route"], "shop/time": ["route"], "shop/orders": []}
    made = meter(columns, floats=["shop/time"])
    latency = made.create_histogram("Shop/Latency", "ms", "shown", explicit_bucket_boundaries_advisory=BOUNDS)
    plain = made.create_histogram("shop/plain", "ms", "shown", explicit_bucket_boundaries_advisory=[])
    time = made.create_counter("shop/time", "ms", "shown")
    orders = made.create_counter("shop/orders", "1", "shown")
    count = made.create_counter("shop/count", "ms", "shown")
    for number, route in VALUES:
        attributes = {} if route is None else {"route": route}
        latency.record(number, attributes)
        plain.record(number)
        time.add(number, attributes)
        orders.add(2)
        count.add(1, attributes)


def test_the_same_metrics(meter):
    """An exporter gets of instruments what it gets of views that add up the same: kinds, labels, numbers, buckets, squares of deviations."""
    in_opencensus()
    old = shown()
    opencensus_compat.shutdown()
    stats.view_manager.measure_to_view_map._forget()
    in_opentelemetry(meter)
    new = shown()
    assert sorted(new) == sorted(old)
    assert len(new) == 5


def test_what_is_added_up(meter):
    """Each reading has all that was recorded since the beginning, in the order of the instruments."""
    counter = meter().create_counter("n", "1", "how many")
    counter.add(2)
    described = ("n", "how many", "1", MetricDescriptorType.CUMULATIVE_INT64)
    assert shown() == [(described, [], [([], True, "ValueLong", 2)])]
    counter.add(3)
    assert shown() == [(described, [], [([], True, "ValueLong", 5)])]


def test_metrics_of_which_nothing_is_said(meter):
    """Labels are the attributes that points had so far, and a number with a fraction makes a metric one of floating-point numbers for good."""
    counter = meter().create_counter("n")
    counter.add(2, {"a": 1})
    assert shown()[0][1:] == ([("a", "")], [(["1"], True, "ValueLong", 2)])
    counter.add(0.5, {"b": True})
    (described, keys, series), *_ = shown()
    assert described[3] == MetricDescriptorType.CUMULATIVE_DOUBLE
    assert (keys, series) == ([("a", ""), ("b", "")], [(["1", None], True, "ValueDouble", 2), ([None, "True"], True, "ValueDouble", 0.5)])


def test_attributes_of_none(meter):
    """An attribute without a value is a label without one, as a tag without a value is."""
    meter({"n": ["a", "b"]}).create_counter("n").add(1, {"a": None, "b": ""})
    assert shown()[0][2] == [([None, ""], True, "ValueLong", 1)]


def test_gauges(meter):
    """What can go up and down has no start."""
    made = meter()
    made.create_up_down_counter("open").add(3)
    made.create_observable_gauge("level", [lambda _: [Observation(0.5)]])
    made.create_observable_counter("total", [lambda _: [Observation(7)]])
    kinds = {each[0][0]: (each[0][3], each[2][0][1:]) for each in shown()}
    assert kinds == {
        "open": (MetricDescriptorType.GAUGE_INT64, (False, "ValueLong", 3)),
        "level": (MetricDescriptorType.GAUGE_DOUBLE, (False, "ValueDouble", 0.5)),
        "total": (MetricDescriptorType.CUMULATIVE_INT64, (True, "ValueLong", 7)),
    }


def test_exponential_histograms(meter, caplog):
    """One that OpenCensus has no metric for is left out, with a warning, and the others are there."""
    made = meter(views=[View(instrument_name="spread", aggregation=ExponentialBucketHistogramAggregation())])
    made.create_histogram("spread").record(1)
    made.create_counter("n").add(1)
    assert [each[0][0] for each in shown()] == ["n"]
    assert "exponential histogram" in caplog.text


def test_views_come_once(meter):
    """Views that are instruments of the same provider, too, are exported as views alone, beside the instruments."""
    opencensus_compat.configure(meter_provider=(provider := MeterProvider([LegacyStatsReader(), InMemoryMetricReader()])))
    in_opencensus()
    provider.get_meter("application").create_counter("n").add(1)
    assert sorted(each[0][0] for each in shown()) == ["Shop/Latency", "n", "shop/count", "shop/orders", "shop/plain", "shop/time"]
    provider.shutdown()


def test_exporters_to_application_insights(meter):
    """They get no instruments by it: those have an exporter of OpenTelemetry's."""
    meter().create_counter("n").add(1)
    exporter = MetricsExporter(connection_string="InstrumentationKey=00000000-0000-0000-0000-000000000000")
    task = get_exporter_thread([stats], exporter, 1_000)
    assert [metric for get in task._gets for metric in get()()] == []
    task.cancel()
    assert [each[0][0] for each in shown()] == ["n"]


def test_a_provider_that_was_shut_down():
    """Its instruments are exported no more."""
    provider = MeterProvider([LegacyStatsReader()], shutdown_on_exit=False)
    provider.get_meter("application").create_counter("n").add(1)
    provider.shutdown()
    assert shown() == []


def test_points_without_their_values():
    """Where a release does not show the values, of a distribution the buckets are known, as OpenTelemetry counts, without those up to 0."""
    provider = MeterProvider([reader := InMemoryMetricReader()], shutdown_on_exit=False)
    spread = provider.get_meter("application").create_histogram("spread", explicit_bucket_boundaries_advisory=[0, 1, 5])
    spread.record(1)
    (metric,) = _otel_metrics.Described({}, ()).metrics(reader.get_metrics_data(), NOW)
    assert _shown(metric)[2] == [([], True, "ValueDistribution", (1, 1, 0, [1, 0, 0], [1, 5]))]
