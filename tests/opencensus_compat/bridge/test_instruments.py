"""Views, gauges and producers as OpenTelemetry instruments, read by another reader than ours."""

from __future__ import annotations

import inspect
import threading
from unittest import mock

import pytest
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import opencensus_compat
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.providers import metrics as meter_providers
from opencensus_compat._bridge.providers import viewers
from opencensus_compat._bridge.providers.instruments import Instruments, valid_name, valid_unit
from opencensus_compat._bridge.providers.lifecycle import reset
from opencensus_compat.metrics import transport
from opencensus_compat.metrics._instruments import ProducerInstruments
from opencensus_compat.metrics.export import metric_descriptor, metric_producer, point, time_series, value
from opencensus_compat.metrics.export.cumulative import LongCumulative
from opencensus_compat.metrics.export.gauge import DerivedDoubleGauge, DoubleGauge, LongGauge, Registry
from opencensus_compat.metrics.export.metric import Metric
from opencensus_compat.metrics.label_key import LabelKey
from opencensus_compat.metrics.label_value import LabelValue
from opencensus_compat.stats import aggregation
from opencensus_compat.stats.measure import MeasureFloat, MeasureInt
from opencensus_compat.stats.measure_to_view_map import MeasureToViewMap
from opencensus_compat.stats.stats import stats
from opencensus_compat.stats.view import View
from opencensus_compat.tags.tag import Tag
from opencensus_compat.tags.tag_map import TagMap

TAKES_BOUNDARIES = "explicit_bucket_boundaries_advisory" in inspect.signature(Meter.create_histogram).parameters

WHOLE, BROKEN = MeasureInt("whole", "", "By"), MeasureFloat("broken", "", "ms")


class Exporter:
    """Another vendor's: takes metrics and does nothing."""

    def export_metrics(self, metrics):
        """Take them."""


class Read:
    """A meter provider, and what its reader sees of the facade's instruments."""

    def __init__(self):
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader], shutdown_on_exit=False)

    @property
    def metrics(self):
        """Metrics by name."""
        data = self.reader.get_metrics_data()
        scopes = [] if data is None else data.resource_metrics[0].scope_metrics
        return {metric.name: metric for scope in scopes for metric in scope.metrics if scope.scope.name == "opencensus_compat"}

    @property
    def values(self):
        """Name -> kind, and the value of each point by its attributes; of a histogram count, sum and bucket counts."""
        return {name: (type(metric.data).__name__, _points(metric)) for name, metric in self.metrics.items()}


def _points(metric):
    return {
        tuple(sorted(each.attributes.items())): each.value if hasattr(each, "value") else (each.count, each.sum, _buckets(each))
        for each in metric.data.data_points
    }


def _buckets(point):
    # Older releases of OpenTelemetry take no boundaries from instruments.
    return tuple(point.bucket_counts) if TAKES_BOUNDARIES else mock.ANY


@pytest.fixture(autouse=True)
def _fresh_stats(monkeypatch):
    """The process's views, as if nobody had registered any."""
    fresh = MeasureToViewMap()
    monkeypatch.setattr(stats.view_manager, "_measure_view_map", fresh)
    monkeypatch.setattr(stats.stats_recorder, "measure_to_view_map", fresh)
    yield
    # Here, and not in the fixture that all tests have: the views that are listened to are these.
    reset()


@pytest.fixture
def read():
    """A configured provider."""
    made = Read()
    opencensus_compat.configure(meter_provider=made.provider)
    yield made
    made.provider.shutdown()


def _view(name, how, measure=WHOLE, columns=("route",)):
    stats.view_manager.register_view(View(name, f"shows {name}", list(columns), measure, how))


def _record(number, measure=WHOLE, **tags):
    measurements = stats.stats_recorder.new_measurement_map()
    measurements.measure_float_put(measure, number)
    measurements.record(TagMap([Tag(key, text) for key, text in tags.items()]))


def test_views(read):
    """Each aggregation has its kind of instrument, with the measure's unit, the view's description, and tags as attributes."""
    _view("count", aggregation.CountAggregation())
    _view("sum", aggregation.SumAggregation())
    _view("last", aggregation.LastValueAggregation())
    _view("spread", aggregation.DistributionAggregation([2, 5]))
    for number, route in ((1, "/a"), (4, "/a"), (8, "/b")):
        _record(number, route=route)
    a, b = (("route", "/a"),), (("route", "/b"),)
    assert read.values == {
        "count": ("Sum", {a: 2, b: 1}),
        "sum": ("Sum", {a: 5, b: 8}),
        "last": ("Gauge", {a: 4, b: 8}),
        "spread": ("Histogram", {a: (2, 5, (1, 1, 0)), b: (1, 8, (0, 0, 1))}),
    }
    metrics = read.metrics
    assert {(metric.unit, metric.description) for metric in metrics.values()} == {
        ("By", "shows sum"), ("By", "shows last"), ("By", "shows spread"), ("By", "shows count"),
    }  # fmt: skip
    assert metrics["count"].data.is_monotonic
    if TAKES_BOUNDARIES:
        assert metrics["spread"].data.data_points[0].explicit_bounds == (2, 5)


def test_views_that_were_there_before():
    """A provider that is configured later sees what was counted until then; of a distribution, what is measured from then on."""
    _view("count", aggregation.CountAggregation())
    _view("spread", aggregation.DistributionAggregation())
    _record(1)
    read = Read()
    opencensus_compat.configure(meter_provider=read.provider)
    _record(3)
    assert read.values == {"count": ("Sum", {(): 2}), "spread": ("Histogram", {(): (1, 3, (1,))})}
    read.provider.shutdown()


def test_no_provider_no_instruments():
    """While there is no provider nobody listens, and a measurement costs nothing for it."""
    _view("count", aggregation.CountAggregation())
    registry = Registry()
    task = transport.get_exporter_thread([registry], Exporter(), interval=3600)
    assert stats.view_manager.measure_to_view_map._listeners == ()
    assert meter_providers._state.instruments == {}
    task.cancel()


def test_a_provider_from_before_the_first_import_of_stats(monkeypatch):
    """A provider that is configured before anything of OpenCensus's is loaded sees what is registered after that, once."""
    kinds = dict(viewers._makers)
    monkeypatch.setattr(viewers, "_makers", {})
    read = Read()
    opencensus_compat.configure(meter_provider=read.provider)
    viewers._makers.update(kinds)
    _view("count", aggregation.CountAggregation())
    _view("sum", aggregation.SumAggregation())
    _record(3)
    assert read.values == {"count": ("Sum", {(): 1}), "sum": ("Sum", {(): 3})}
    assert len(stats.view_manager.measure_to_view_map._listeners) == 1
    read.provider.shutdown()


def test_missing_tags_and_the_overflow(read, monkeypatch):
    """A tag without a value is no attribute; what is beyond the limit has OpenTelemetry's own attribute."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_MAX_TAG_SETS", "1")
    _view("count", aggregation.CountAggregation(), columns=("route", "method"))
    _view("spread", aggregation.DistributionAggregation(), columns=("route", "method"))
    _record(1, route="/a")
    _record(1, route="/b")
    a, overflow = (("route", "/a"),), (("otel.metric.overflow", True),)
    assert read.values == {
        "count": ("Sum", {a: 1, overflow: 1}),
        "spread": ("Histogram", {a: (1, 1, (1,)), overflow: (1, 1, (1,))}),
    }


def test_gauges_of_a_registry(read):
    """Those that are in it, and those that come later, whoever exports the registry."""
    registry = Registry()
    long = LongGauge("queue length", "how long", "1", [LabelKey("queue", "")])
    long.get_or_create_time_series([LabelValue("in")]).set(5)
    registry.add_gauge(long)
    task = transport.get_exporter_thread([registry], Exporter(), interval=3600)
    double, grown, function = DoubleGauge("load", "", "1", []), LongCumulative("grown", "", "1", []), lambda: 2.5
    derived = DerivedDoubleGauge("derived", "", "1", [])
    double.get_or_create_default_time_series().set(0.75)
    grown.get_or_create_default_time_series().add(3)
    derived.create_default_time_series(function)
    for gauge in (double, grown, derived):
        registry.add_gauge(gauge)
    expected = {
        "queue_length": ("Gauge", {(("queue", "in"),): 5}),
        "load": ("Gauge", {(): 0.75}),
        "grown": ("Sum", {(): 3}),
        "derived": ("Gauge", {(): 2.5}),
    }
    assert read.values == expected
    long.get_or_create_time_series([LabelValue("in")]).set(6)
    assert read.values == {**expected, "queue_length": ("Gauge", {(("queue", "in"),): 6})}
    task.cancel()


class Producer(metric_producer.MetricProducer):
    """A program's own."""

    def __init__(self, *names):
        self.names = names
        self.reads = 0

    def get_metrics(self):
        """Return a metric for each name, the number of the reading, and None."""
        self.reads += 1
        kinds, made = metric_descriptor.MetricDescriptorType, [None]
        for name in self.names:
            series = time_series.TimeSeries([LabelValue("v"), LabelValue(None)], [point.Point(value.ValueLong(self.reads), None)], None)
            keys = [LabelKey("k", ""), LabelKey("none", "")]
            made.append(Metric(metric_descriptor.MetricDescriptor(name, "", "1", kinds.GAUGE_INT64, keys), [series]))
        return made


def test_a_producer_is_read_once_for_all_its_metrics(read):
    """One reading for each collection, however many metrics there are."""
    producer = Producer("a", "b", "c")
    task = transport.get_exporter_thread([producer], Exporter(), interval=3600)
    before = producer.reads
    labels = (("k", "v"),)
    assert read.values == {name: ("Gauge", {labels: before + 1}) for name in "abc"}
    assert read.values == {name: ("Gauge", {labels: before + 2}) for name in "abc"}
    task.cancel()


def test_a_producer_that_cannot_be_read(read, caplog):
    """It costs its own metrics: nothing is raised, and other instruments are read."""

    class Bad(metric_producer.MetricProducer):
        def get_metrics(self):
            raise RuntimeError("not ready")

    _view("count", aggregation.CountAggregation())
    _record(1)
    bad = Bad()
    task = transport.get_exporter_thread([bad], Exporter(), interval=3600)
    assert read.values == {"count": ("Sum", {(): 1})}
    assert caplog.text.count("a metric producer could not be read: RuntimeError('not ready')") == 1
    task.cancel()


def test_a_producer_that_cannot_be_read_any_more(read, caplog):
    """Its metrics are left out where others are read, and that is said once for all of them and all readings."""

    class Bad(Producer):
        fails = False

        def get_metrics(self):
            if self.fails:
                raise RuntimeError("gone")
            return super().get_metrics()

    bad = Bad("one", "two")
    task = transport.get_exporter_thread([bad], Exporter(), interval=3600)
    _view("count", aggregation.CountAggregation())
    _record(1)
    assert sorted(read.values) == ["count", "one", "two"]
    bad.fails = True
    assert [sorted(read.values) for _ in range(2)] == [["count"], ["count"]]
    assert caplog.messages == ["a metric could not be read, and is skipped: RuntimeError('gone') (said once)"]
    task.cancel()


def test_producers_that_were_there_before():
    """A provider that is configured later sees them; one that is gone it does not."""
    kept, gone = Producer("kept"), Producer("gone")
    tasks = [transport.get_exporter_thread([producer], Exporter(), interval=3600) for producer in (kept, gone)]
    del gone
    read = Read()
    opencensus_compat.configure(meter_provider=read.provider)
    assert set(read.values) == {"kept"}
    for task in tasks:
        task.cancel()
    read.provider.shutdown()


@pytest.mark.parametrize(
    ("given", "valid"),
    [
        ("requests", "requests"),
        ("shop/orders.total-1_x", "shop/orders.total-1_x"),
        ("prompt view", "prompt_view"),
        ("5xx count", "n5xx_count"),
        ("\\Memory\\Available Bytes", "Memory_Available_Bytes"),
        ("größe", "gr__e"),
        ("_private", "private"),
        ("", "unnamed"),
        ("  ", "unnamed"),
        ("漢字", "unnamed"),
        ("n" * 300, "n" * 255),
    ],
)
def test_valid_name(given, valid):
    """A name that OpenTelemetry accepts stays; another becomes one that it accepts."""
    assert valid_name(given) == valid
    reader = InMemoryMetricReader()
    MeterProvider([reader], shutdown_on_exit=False).get_meter("m").create_counter(valid).add(1)
    assert reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics[0].name == valid.lower()


@pytest.mark.parametrize(("given", "valid"), [("By", "By"), (None, ""), ("µs", ""), ("u" * 63, "u" * 63), ("u" * 64, "")])
def test_valid_unit(given, valid):
    """A unit that OpenTelemetry refuses is none."""
    assert valid_unit(given) == valid


def test_what_a_function_brings_about_while_it_is_read(read):
    """A derived gauge's function may register views and add gauges: their instruments are there at the next reading."""
    registry, function_calls = Registry(), []

    def function():
        if not function_calls:
            function_calls.append(1)
            later = LongGauge("later", "", "1", [])
            later.get_or_create_default_time_series().set(2)
            registry.add_gauge(later)
            _view("spread", aggregation.DistributionAggregation())
            _record(1)
        return 1

    derived = DerivedDoubleGauge("first", "", "1", [])
    derived.create_default_time_series(function)
    registry.add_gauge(derived)
    task = transport.get_exporter_thread([registry], Exporter(), interval=3600)
    assert set(read.values) == {"first"}
    for thread in threading.enumerate():
        if thread.name == "opencensus-instruments":
            thread.join(60)
    _record(3)
    assert read.values == {
        "first": ("Gauge", {(): 1.0}),
        "later": ("Gauge", {(): 2}),
        "spread": ("Histogram", {(): (1, 3, _buckets_of(1))}),
    }
    task.cancel()


def _buckets_of(*counts):
    return counts if TAKES_BOUNDARIES else mock.ANY


def test_names_mean_the_same_with_all_meter_providers():
    """An exporter knows a metric by its name alone: another one of that name has a number also with a provider that has only that one."""
    others = Read(), Read()
    for other, name in zip(others, ("a b", "a_b"), strict=True):
        registry = Registry()
        gauge = LongGauge(name, "", "1", [])
        gauge.get_or_create_default_time_series().set(7)
        registry.add_gauge(gauge)
        ProducerInstruments(Instruments(other.provider)).producer_added(registry)
        assert set(other.values) == {"a_b" if name == "a b" else "a_b_2"}
        other.provider.shutdown()
    assert {given: name for name, given in _exporter.instrument_names().items()} == {"a b": "a_b", "a_b": "a_b_2"}


def test_names_that_become_the_same(read, caplog):
    """Each has an instrument of its own, and one line says so; names differ by more than case for the SDK."""
    for name in ("a b", "a_b", "A B"):
        _view(name, aggregation.CountAggregation())
    _record(1)
    assert set(read.values) == {"a_b", "a_b_2", "a_b_3"}
    assert caplog.text.count("several OpenCensus metrics have the OpenTelemetry name") == 1
