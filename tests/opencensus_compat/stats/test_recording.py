"""What becomes of measurements. That each call answers as OpenCensus's does is for `tests/parity/test_pure_modules.py`."""

from __future__ import annotations

import copy
import json
import logging
import subprocess
import sys
from datetime import datetime

import pytest

from opencensus_compat.metrics.export.gauge import LongGauge
from opencensus_compat.stats import aggregation, view_data
from opencensus_compat.stats.aggregation_data import CountAggregationData, DistributionAggregationData
from opencensus_compat.stats.measure import BaseMeasure
from opencensus_compat.tags import TagContext, TagMap


def test_points_count_up(census):
    """The documentation's program prints a point that counts up, for a view whose name OpenTelemetry would refuse."""
    census.count("prompt view", columns=[])
    printed = []
    for _ in range(3):
        census.record(census.whole, 1)
        printed += census.points()["prompt view",]
    assert printed == [f"Point(value=ValueLong({count}), timestamp=2024-09-30 09:00:00.000005)" for count in (1, 2, 3)]


def test_each_aggregation(census):
    """Count, sum, last value and distribution of the same measurements, by tag."""
    for name in ("Count", "Sum", "LastValue"):
        census.view(name, census.broken, getattr(aggregation, f"{name}Aggregation")())
    census.spread()
    for value, route in [(0.5, "/a"), (2.0, "/a"), (7.0, "/b")]:
        census.record(census.broken, value, route=route, ignored="x")
    when = "timestamp=2024-09-30 09:00:00.000005)"
    assert census.points() == {
        ("Count", "/a"): [f"Point(value=ValueLong(2), {when}"],
        ("Count", "/b"): [f"Point(value=ValueLong(1), {when}"],
        ("Sum", "/a"): [f"Point(value=ValueDouble(2.5), {when}"],
        ("Sum", "/b"): [f"Point(value=ValueDouble(7.0), {when}"],
        ("LastValue", "/a"): [f"Point(value=ValueDouble(2.0), {when}"],
        ("LastValue", "/b"): [f"Point(value=ValueDouble(7.0), {when}"],
        ("spread", "/a"): [f"Point(value=ValueDistribution(([1, 2, 5],)), {when}"],
        ("spread", "/b"): [f"Point(value=ValueDistribution(([1, 2, 5],)), {when}"],
    }
    spread = census.series("spread")["/a",]
    assert (spread.count_data, spread.sum, spread.variance, spread.counts_per_bucket) == (2, 2.5, 1.125, [1, 0, 1, 0])


def test_a_missing_tag_is_none(census):
    """A column whose tag a measurement does not have is None, and its own series."""
    census.count(columns=["route", "status"])
    census.record(census.whole, 1, route="/a")
    census.record(census.whole, 1, route="/a", status="")
    assert census.counts() == {("/a", None): 1, ("/a", ""): 1}


def test_tags_of_the_context(census):
    """Without a tag map, that of the context counts."""
    census.count()
    TagContext.set(TagMap([("route", "/context")]))
    try:
        measurements = census.recorder.new_measurement_map()
        measurements.measure_int_put(census.whole, 1)
        measurements.record()
    finally:
        TagContext.clear()
    assert census.counts() == {("/context",): 1}


def test_exemplars(census):
    """The attachments of the latest measurement in a bucket come with the point; a later measurement does not change those read before."""
    census.spread(columns=[])
    for value, trace in [(1.5, "first"), (1.6, "second"), (9.0, "third")]:
        measurements = census.recorder.new_measurement_map()
        measurements.measure_float_put(census.broken, value)
        measurements.measure_put_attachment("trace", trace)
        measurements.record(TagMap())
        if trace == "second":
            (metric,) = census.map.get_metrics(None)
    buckets = metric.time_series[0].points[0].value.buckets
    assert [(bucket.count, bucket.exemplar and (bucket.exemplar.value, bucket.exemplar.attachments)) for bucket in buckets] == [
        (0, None),
        (2, (1.6, {"trace": "second"})),
        (0, None),
        (0, None),
    ]


@pytest.mark.parametrize("value", [-1, -0.5, float("nan"), float("-inf")])
def test_values_below_zero(census, caplog, value):
    """A value below 0, or that is no number, keeps all measurements of its map from being recorded, with a warning."""
    census.count()
    census.spread()
    measurements = census.recorder.new_measurement_map()
    measurements.measure_int_put(census.whole, 1)
    measurements.measure_float_put(census.broken, value)
    measurements.record(TagMap())
    measurements.record(TagMap())
    assert census.points() == {}
    assert [record.getMessage() for record in caplog.records][-2:] == [
        "Measurements are dropped, for values below 0 are not recorded",
        "Nothing is recorded from measurements that had a value below 0",
    ]


def test_a_measure_without_a_view(census):
    """A measure that no view shows does not keep others of the same map from being recorded."""
    census.count()
    measurements = census.recorder.new_measurement_map()
    measurements.measure_float_put(census.broken, 1.0)
    measurements.measure_int_put(census.whole, 1)
    measurements.record(TagMap())
    assert census.counts() == {(None,): 1}


def test_a_view_that_fails(census, caplog):
    """A view that cannot take a measurement is told of once, the application goes on, and other views count."""
    odd = BaseMeasure("odd", "neither whole nor broken")
    census.view("sum of odd", odd, aggregation.SumAggregation())
    census.view("count of odd", odd, aggregation.CountAggregation())
    for _ in range(3):
        census.record(odd, 1)
    assert census.counts("count of odd") == {(None,): 3}
    (record,) = caplog.records
    assert record.getMessage() == "Telemetry was lost: the view 'sum of odd' cannot take a measurement (said once)"
    assert record.exc_info[0] is ValueError
    assert census.map._failures == {"the view 'sum of odd' cannot take a measurement": 3}


def test_a_view_that_cannot_be_converted(census, caplog):
    """A view whose points cannot be made keeps no other from being read, and is told of once."""

    class Unreadable(CountAggregationData):
        def to_point(self, timestamp):
            raise RuntimeError("no point")

    class Counting(aggregation.CountAggregation):
        def new_aggregation_data(self, measure=None):
            return Unreadable(0)

    census.view("unreadable", census.whole, Counting())
    census.count()
    census.record(census.whole, 1)
    for _ in range(2):
        assert [name for name, *_ in census.points()] == ["count"]
    assert [record.getMessage() for record in caplog.records] == [
        "Telemetry was lost: the view 'unreadable' cannot be made into a metric (said once)"
    ]


def test_copies_stay_as_they_are(census):
    """What `get_view` returns does not change with later measurements, and changing it changes nothing."""
    census.spread()
    census.record(census.broken, 1.0, route="/a")
    first = census.manager.get_view("spread")
    census.record(census.broken, 3.0, route="/a")
    census.record(census.broken, 3.0, route="/b")
    data = first.tag_value_aggregation_data_map["/a",]
    assert (len(first.tag_value_aggregation_data_map), data.count_data, data.counts_per_bucket) == (1, 1, [0, 1, 0, 0])
    data.add_sample(4.0, None, {"k": "v"})
    now = census.series("spread")["/a",]
    assert (now.count_data, now.counts_per_bucket, now.exemplars) == (2, [0, 1, 1, 0], dict.fromkeys(range(4)))


def test_deep_copies(census):
    """`copy.deepcopy` of what a view has added up, and of a gauge, is a copy that later measurements leave alone."""
    census.count("seen", columns=[])
    census.record(census.whole, 1)
    gauge = LongGauge("g", "", "1", [])
    gauge.get_or_create_default_time_series().set(1)
    data, copied = copy.deepcopy(census.manager.get_view("seen")), copy.deepcopy(gauge)
    census.record(census.whole, 1)
    gauge.get_or_create_default_time_series().set(2)
    assert [each.count_data for each in data.tag_value_aggregation_data_map.values()] == [1]
    assert copied.get_metric(datetime(2024, 9, 30)).time_series[0].points[0].value.value == 1  # noqa: DTZ001 - OpenCensus's times have no zone


def test_a_programs_own_data_class(census):
    """A data class of the program's own is copied whole, though nothing is known of it."""

    class Values(DistributionAggregationData):
        def __init__(self):
            super().__init__(0, 0, 0)
            self.values = []

        def add_sample(self, value, timestamp, attachments):
            self.values.append(value)

    class Keeping(aggregation.DistributionAggregation):
        def new_aggregation_data(self, measure=None):
            return Values()

    census.view("values", census.broken, Keeping())
    census.record(census.broken, 1.0)
    before = census.series("values")[None,].values
    census.record(census.broken, 2.0)
    assert (before, census.series("values")[None,].values) == ([1.0], [1.0, 2.0])


def test_view_data_made_by_hand():
    """View data that belong to no manager can be filled and read, as exporters' own tests do."""
    made = view_data.ViewData(None, "2024-09-30T08:00:00.000000Z", "2024-09-30T08:00:00.000000Z")
    made.tag_value_aggregation_data_map["/a",] = CountAggregationData(5)
    assert made.tag_value_aggregation_data_map["/a",].count_data == 5
    assert made.get_tag_values({"a": "1"}, ["b", "a"]) == [None, "1"]


def test_nothing_heavy_is_loaded():
    """Recording and reading need neither OpenTelemetry nor pipelines nor protobuf."""
    program = (
        "import json, sys\n"
        "import opencensus_compat.stats.stats, opencensus_compat.tags.propagation.binary_serializer\n"
        "from opencensus_compat.stats import aggregation, base_exporter, measurement, view\n"
        "print(json.dumps([n for n in sys.modules if n.split('.')[0] in ('opentelemetry', 'google', 'requests', 'psutil', 'six')"
        " or n.startswith('opencensus_compat._')]))"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    light = (
        "_alias",
        "_integrations",
        "_bridge",
        "_bridge.handles",
        "_bridge.process",
        "_bridge.providers",
        "_bridge.providers.viewers",
        "_lookup",
    )
    assert set(json.loads(done.stdout)) <= {f"opencensus_compat.{name}" for name in light}


def test_loggers_have_the_names_of_opencensus(census, caplog):
    """Log lines come from the loggers that programs have filters and levels for."""
    with caplog.at_level(logging.INFO):
        census.record(census.whole, -1)
        census.count()
        census.count()
        aggregation.DistributionAggregation([0, 1])
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        ("opencensus.stats.measurement_map", "WARNING", "Values below 0 are not recorded, got -1 for 'whole'"),
        ("opencensus.stats.measurement_map", "WARNING", "Measurements are dropped, for values below 0 are not recorded"),
        ("opencensus.stats.measurement_map", "INFO", "It was -1 for the measure 'whole'"),
        ("opencensus.stats.measure_to_view_map", "WARNING", "A different view with the name 'count' is registered already"),
        ("opencensus.stats.aggregation", "WARNING", "Dropped the 1 lowest of the boundaries [0, 1]: they are not above 0"),
    ]
