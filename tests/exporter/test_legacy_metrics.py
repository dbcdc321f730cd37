"""OpenCensus metrics as envelopes: whole envelopes with literals."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from appinsights_exporter.convert import legacy_metrics as convert
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat.metrics.export.gauge import DerivedLongGauge, LongGauge
from opencensus_compat.metrics.export.metric import Metric
from opencensus_compat.metrics.export.metric_descriptor import MetricDescriptor, MetricDescriptorType
from opencensus_compat.metrics.export.point import Point
from opencensus_compat.metrics.export.summary import Snapshot, Summary, ValueAtPercentile
from opencensus_compat.metrics.export.time_series import TimeSeries
from opencensus_compat.metrics.export.value import Bucket, BucketOptions, Explicit, ValueDistribution, ValueDouble, ValueLong, ValueSummary
from opencensus_compat.metrics.label_key import LabelKey
from opencensus_compat.metrics.label_value import LabelValue

KEY = "00000000-0000-0000-0000-000000000001"
TAGS = {"ai.cloud.role": "shop"}
NOW = datetime(2024, 9, 30, 9, 0, 0, 5)  # noqa: DTZ001 -- OpenCensus's times have no zone
LONG, DOUBLE = MetricDescriptorType.CUMULATIVE_INT64, MetricDescriptorType.CUMULATIVE_DOUBLE
DISTRIBUTION = MetricDescriptorType.CUMULATIVE_DISTRIBUTION


def metric(kind, *values, name="queue.len", keys=(), labels=(), time=NOW):
    """Return a metric with one time series, of one point for each value."""
    described = MetricDescriptor(name, "what", "1", kind, [LabelKey(key, "") for key in keys])
    return Metric(described, [TimeSeries([LabelValue(label) for label in labels], [Point(value, time) for value in values], NOW)])


def fields(metric):
    """Return data points and properties of the envelopes of a metric that becomes envelopes without a problem."""
    made, problems = convert.envelopes(metric, KEY, TAGS)
    assert problems == []
    return [(envelope["data"]["baseData"]["metrics"], envelope["data"]["baseData"]["properties"]) for envelope in made]


def test_a_gauge():
    """A gauge has the retired exporter's envelope; its time says that it is UTC."""
    gauge = LongGauge("queue.len", "length", "1", [LabelKey("q", ""), LabelKey("shard", "")])
    gauge.get_or_create_time_series([LabelValue("in"), LabelValue(None)]).set(5)
    assert convert.envelopes(gauge.get_metric(NOW), KEY, TAGS) == (
        [
            {
                "iKey": KEY,
                "tags": {"ai.cloud.role": "shop"},
                "time": "2024-09-30T09:00:00.000005Z",
                "name": "Microsoft.ApplicationInsights.Metric",
                "data": {
                    "baseData": {
                        "metrics": [{"ns": "queue.len", "name": "queue.len", "value": 5}],
                        "properties": {"q": "in", "shard": "null"},
                        "ver": 2,
                    },
                    "baseType": "MetricData",
                },
            }
        ],
        [],
    )


def test_a_performance_counter():
    """A counter keeps its name, by which the service knows it."""
    name = "\\Process(??APP_WIN32_PROC??)\\% Processor Time"
    assert fields(metric(MetricDescriptorType.GAUGE_DOUBLE, ValueDouble(12.5), name=name)) == [
        ([{"ns": name, "name": name, "value": 12.5}], {})
    ]


def test_every_point_of_every_series_arrives():
    """A metric becomes as many envelopes as it has points."""
    described = MetricDescriptor("n", "", "1", LONG, [LabelKey("k", "")])
    series = [TimeSeries([LabelValue(text)], [Point(ValueLong(number), NOW) for number in (1, 2)], NOW) for text in "ab"]
    assert [(points[0]["value"], properties) for points, properties in fields(Metric(described, series))] == [
        (1, {"k": "a"}), (2, {"k": "a"}), (1, {"k": "b"}), (2, {"k": "b"}),
    ]  # fmt: skip


def test_a_distribution():
    """Count, sum and standard deviation arrive; buckets do not."""
    value = ValueDistribution(4, 10.0, 5.0, BucketOptions(Explicit([2, 4])), [Bucket(1), Bucket(2), Bucket(1)])
    assert fields(metric(DISTRIBUTION, value)) == [
        ([{"ns": "queue.len", "name": "queue.len", "kind": "Aggregation", "value": 10.0, "count": 4, "stdDev": 1.118033988749895}], {})
    ]


def test_a_distribution_that_knows_its_bounds():
    """Least and greatest number arrive where the facade's aggregation noted them."""
    value = ValueDistribution(2, 3, 0.5, BucketOptions())
    value._min, value._max = 1, 2
    assert fields(metric(DISTRIBUTION, value)) == [
        ([{"ns": "queue.len", "name": "queue.len", "kind": "Aggregation", "value": 3, "count": 2, "stdDev": 0.5, "min": 1, "max": 2}], {})
    ]


def test_a_distribution_of_nothing():
    """A distribution without numbers says nothing, and is no problem."""
    assert fields(metric(DISTRIBUTION, ValueDistribution(0, 0, 0, BucketOptions()))) == []


class AnyMetric:
    """A metric that OpenCensus's own class refuses to be, as a producer may make it."""

    def __init__(self, value):
        self.descriptor = MetricDescriptor("n", "", "1", LONG, [])
        self.time_series = [TimeSeries([], [Point(value, NOW)], None)]


def test_a_summary():
    """Count and sum arrive; percentiles do not."""
    value = ValueSummary(Summary(3, 7.5, Snapshot(1, 1, [ValueAtPercentile(50, 1)])))
    assert fields(AnyMetric(value)) == [([{"ns": "n", "name": "n", "kind": "Aggregation", "value": 7.5, "count": 3}], {})]
    assert fields(AnyMetric(ValueSummary(Summary(None, None, Snapshot(1, 1))))) == []


class Told:
    """A distribution and a summary of a program's own, by what they have."""

    def __init__(self, **fields):
        self.__dict__.update(fields)


class ToldDistribution(Told):
    """Has what OpenCensus's distribution has, and none of its classes."""

    sum_of_squared_deviation = 0.5


class ToldSummary(Told):
    """Has what OpenCensus's summary has."""

    sum_data = 7.5


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (ToldDistribution(count=2, sum=3), {"kind": "Aggregation", "value": 3, "count": 2, "stdDev": 0.5}),
        (Told(value=ToldSummary(count=3)), {"kind": "Aggregation", "value": 7.5, "count": 3}),
        (Told(value=4), {"value": 4}),
    ],
    ids=["distribution", "summary", "number"],
)
def test_values_are_known_by_their_attributes(value, shown):
    """The conversion knows no class of OpenCensus's: what has its attributes is converted."""
    assert fields(AnyMetric(value)) == [([{"ns": "n", "name": "n", **shown}], {})]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (ValueLong(-5), "-5"),
        (ValueLong(True), "1"),
        (ValueLong(2**63 - 1), "9223372036854775807"),
        (ValueLong(2**70), "1.1805916207174113e+21"),
        (ValueDouble(2.5), "2.5"),
    ],
)
def test_numbers(value, shown):
    """Numbers are as JSON has them; whole numbers that the service cannot hold become floating."""
    kind = LONG if isinstance(value, ValueLong) else DOUBLE
    assert json.dumps(fields(metric(kind, value))[0][0][0]["value"]) == shown


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        (DOUBLE, ValueDouble(float("nan")), "metric 'queue.len': expected a finite number, got nan"),
        (DOUBLE, ValueDouble(float("-inf")), "metric 'queue.len': expected a finite number, got -inf"),
        (LONG, ValueLong(10**400), "metric 'queue.len': int too large to convert to float"),
        (LONG, ValueLong(None), "metric 'queue.len': float() argument must be a string or a real number, not 'NoneType'"),
        (DISTRIBUTION, ValueDistribution(1, float("inf"), 0, BucketOptions()), "metric 'queue.len': expected a finite number, got inf"),
        (LONG, None, "metric 'queue.len': the function that returns its value is gone, or returned None"),
    ],
    ids=["nan", "infinite", "huge", "none", "distribution", "gone"],
)
def test_a_point_without_a_number_costs_itself(kind, value, problem):
    """What cannot be a number is told as a problem; the points beside it arrive."""
    good = ValueDistribution(1, 1, 0, BucketOptions()) if kind == DISTRIBUTION else ValueLong(1) if kind == LONG else ValueDouble(1)
    made, problems = convert.envelopes(metric(kind, good, value, good), KEY, TAGS)
    assert (len(made), problems) == (2, [problem])


def test_a_derived_gauge_whose_function_is_gone():
    """The old exporter stopped exporting anything; now that one number is missing."""
    gauge = DerivedLongGauge("g", "", "1", [])
    gauge.create_default_time_series(lambda: 1)
    made, problems = convert.envelopes(gauge.get_metric(NOW), KEY, TAGS)
    assert (made, problems) == ([], ["metric 'g': the function that returns its value is gone, or returned None"])


def test_the_series_without_label_values():
    """A gauge's default series has labels without values."""
    gauge = LongGauge("g", "", "1", [LabelKey("k", "")])
    gauge.get_or_create_default_time_series().set(1)
    assert fields(gauge.get_metric(NOW)) == [([{"ns": "g", "name": "g", "value": 1}], {"k": "null"})]


@pytest.mark.parametrize(
    ("labels", "properties"),
    [
        (("x", "y"), {"a": "x", "b": "y"}),
        (("x",), {"a": "x", "b": "null"}),
        (("x", "y", "z"), {"a": "x", "b": "y"}),
        ((5, True), {"a": 5, "b": True}),
        ((float("nan"), float("-inf")), {"a": "nan", "b": "-inf"}),
        ((b"x", ["y"]), {"a": "b'x'", "b": "['y']"}),
        (("v" * 9000, ""), {"a": "v" * 8192, "b": ""}),
    ],
    ids=["both", "few", "many", "numbers", "not finite", "objects", "long"],
)
def test_properties(labels, properties):
    """Labels become properties: numbers and booleans as they are, as the old exporter sent them, anything else as text."""
    assert fields(metric(LONG, ValueLong(1), keys=("a", "b"), labels=labels))[0][1] == properties


def test_long_names_are_cut():
    """Names, namespaces and keys are cut to what the service takes."""
    points, properties = fields(metric(LONG, ValueLong(1), name="n" * 2000, keys=("k" * 200,), labels=("v",)))[0]
    assert (points, properties) == ([{"ns": "n" * 256, "name": "n" * 1024, "value": 1}], {"k" * 150: "v"})


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (datetime(2024, 9, 30, 9), "2024-09-30T09:00:00.000000Z"),  # noqa: DTZ001 -- OpenCensus's times have no zone
        (datetime(2024, 9, 30, 9, tzinfo=timezone.utc), "2024-09-30T09:00:00.000000Z"),
        (datetime(2024, 9, 30, 9, tzinfo=timezone(timedelta(hours=2))), "2024-09-30T07:00:00.000000Z"),
    ],
    ids=["without a zone", "UTC", "elsewhere"],
)
def test_times(time, text):
    """Times are UTC, say so, and always have six decimals."""
    assert convert.envelopes(metric(LONG, ValueLong(1), time=time), KEY, TAGS)[0][0]["time"] == text


def test_a_time_that_is_none_costs_its_point():
    """A producer's mistake loses that point and is told."""
    assert convert.envelopes(metric(LONG, ValueLong(1), time=None), KEY, TAGS) == (
        [],
        ["metric 'queue.len': expected a datetime as time of a point, got None"],
    )


def test_envelopes_share_nothing():
    """A telemetry processor that changes one envelope changes no other one, nor the program's tags."""
    described = MetricDescriptor("n", "", "1", LONG, [LabelKey("k", "")])
    both = Metric(described, [TimeSeries([LabelValue("a")], [Point(ValueLong(number), NOW) for number in (1, 2)], NOW)])
    first, second = (_exporter.from_wire(item) for item in convert.envelopes(both, KEY, TAGS)[0])
    first.tags["ai.cloud.role"] = "other"
    first.data.baseData.properties["k"] = "changed"
    first.data.baseData.metrics[0]["value"] = 9
    assert (second.tags, TAGS, second.data.baseData.properties) == ({"ai.cloud.role": "shop"}, {"ai.cloud.role": "shop"}, {"k": "a"})
    assert second.data.baseData.metrics == [{"ns": "n", "name": "n", "value": 2}]
