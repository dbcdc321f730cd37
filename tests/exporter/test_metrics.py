"""Points of metrics become items: values, names, properties, tags, limits, and what a point without a usable value becomes."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from opentelemetry.sdk.metrics.export import Buckets, ExponentialHistogramDataPoint, HistogramDataPoint, NumberDataPoint

from appinsights_exporter.convert import metrics
from appinsights_exporter.errors import ConversionError
from appinsights_exporter.testing import KEY, START_NS

TAGS = {"ai.cloud.role": "shop", "ai.cloud.roleInstance": "web-1"}


def number(value, attributes=None, *, time_ns=START_NS):
    """Return a point of a sum or a gauge."""
    return NumberDataPoint(attributes or {}, 0, time_ns, value)


def histogram(count, total, low, high, attributes=None):
    """Return a point of a histogram with boundaries."""
    return HistogramDataPoint(attributes or {}, 0, START_NS, count, total, [0, count], [5.0], low, high)


def exponential(count, total, low, high):
    """Return a point of a histogram without boundaries."""
    return ExponentialHistogramDataPoint({}, 0, START_NS, count, total, 3, 0, Buckets(0, [count]), Buckets(0, []), 0, low, high)


def converted(point, name="queue.wait", **options):
    """Return the item of a point."""
    return metrics.envelope(point, name, instrumentation_key=KEY, context_tags=TAGS, **options)


def stored(point, name="queue.wait", **options):
    """Return the point of the item of a point."""
    return converted(point, name, **options)["data"]["baseData"]["metrics"][0]


def test_whole_item():
    """A histogram point as it is sent: every field, and nothing else."""
    assert converted(histogram(2, 10.0, 1.0, 9.0, {"k": "v", "n": 5, "b": True, "l": ["a", "b"]})) == {
        "name": "Microsoft.ApplicationInsights.Metric",
        "iKey": KEY,
        "tags": {"ai.cloud.role": "shop", "ai.cloud.roleInstance": "web-1"},
        "time": "2023-11-14T22:13:20.123456Z",
        "data": {
            "baseType": "MetricData",
            "baseData": {
                "ver": 2,
                "metrics": [{"name": "queue.wait", "value": 10.0, "count": 2, "kind": "Aggregation", "min": 1.0, "max": 9.0}],
                "properties": {"k": "v", "n": "5", "b": "True", "l": '["a","b"]'},
            },
        },
    }


VALUES = {
    "whole number": (number(7), {"value": 7, "count": 1}),
    "fraction": (number(0.25), {"value": 0.25, "count": 1}),
    "zero": (number(0), {"value": 0, "count": 1}),
    "negative": (number(-3.5), {"value": -3.5, "count": 1}),
    "over 64 bits": (number(2**70), {"value": 2.0**70, "count": 1}),
    "boolean": (number(True), {"value": 1.0, "count": 1}),
    "decimal": (number(Decimal("1.5")), {"value": 1.5, "count": 1}),
    "ratio": (number(Fraction(1, 4)), {"value": 0.25, "count": 1}),
    "one measurement": (histogram(1, 4, 4, 4), {"value": 4, "count": 1, "min": 4, "max": 4}),
    "many": (histogram(3, 4.5, -1, 4), {"value": 4.5, "count": 3, "kind": "Aggregation", "min": -1, "max": 4}),
    "extremes switched off": (histogram(3, 4.5, math.inf, -math.inf), {"value": 4.5, "count": 3, "kind": "Aggregation"}),
    "extremes absent": (histogram(3, 4.5, None, None), {"value": 4.5, "count": 3, "kind": "Aggregation"}),
    "exponential": (exponential(3, 4.5, 0.5, 2.5), {"value": 4.5, "count": 3, "kind": "Aggregation", "min": 0.5, "max": 2.5}),
    "exponential, one": (exponential(1, 4, 4, 4), {"value": 4, "count": 1, "min": 4, "max": 4}),
    "count over 32 bits": (histogram(2**40, 1.0, None, None), {"value": 1.0, "count": 2**31 - 1, "kind": "Aggregation"}),
}


@pytest.mark.parametrize(("point", "expected"), VALUES.values(), ids=VALUES)
def test_values(point, expected):
    """What is stored of each kind of point (specification section 6.2; exponential histograms are peer defect 30)."""
    assert stored(point) == {"name": "queue.wait", **expected}


@pytest.mark.parametrize("point", [histogram(0, 0, math.inf, -math.inf), exponential(0, 0, None, None)])
def test_histogram_without_measurements(point):
    """It says nothing, so it is no item."""
    assert converted(point) is None


NOT_FINITE = {
    "nan": number(math.nan),
    "inf": number(math.inf),
    "-inf": number(-math.inf),
    "beyond a float": number(10**400),
    "sum": histogram(2, math.nan, 1, 2),
    "exponential sum": exponential(2, math.inf, 1, 2),
}


@pytest.mark.parametrize("point", NOT_FINITE.values(), ids=NOT_FINITE)
def test_values_that_are_not_finite(point):
    """The service takes no such number, so there is no item; null in its place would be refused."""
    with pytest.raises(metrics.NotFiniteError):
        converted(point)


BAD = {
    "text": number("x"),
    "nothing": number(None),
    "list": number([1]),
    "time": number(1, time_ns=10**30),
    "no time": number(1, time_ns=None),
}


@pytest.mark.parametrize("point", BAD.values(), ids=BAD)
def test_points_that_cannot_be_converted(point):
    """A value that is no number, or a time outside of the calendar, is an error of this one point."""
    with pytest.raises(ConversionError):
        converted(point)


NAMES = {"long": ("n" * 2000, "n" * 1024), "empty": ("", "n/a"), "spaces": ("prompt view", "prompt view"), "1024": ("n" * 1024, "n" * 1024)}


@pytest.mark.parametrize(("name", "expected"), NAMES.values(), ids=NAMES)
def test_names(name, expected):
    """At most 1,024 characters, and never empty: the service requires one."""
    assert stored(number(1), name)["name"] == expected


@pytest.mark.parametrize(("namespace", "expected"), [("", None), ("my.meter", "my.meter"), ("n" * 300, "n" * 256)])
def test_namespace(namespace, expected):
    """Only when one is given, at most 256 characters."""
    assert stored(number(1), namespace=namespace).get("ns") == expected


def test_properties_have_limits():
    """Long values are cut, long and empty keys left out, null is nothing; without any there are no properties."""
    point = number(1, {"k": "v" * 9000, "x" * 151: "a", "": "b", "none": None})
    assert converted(point)["data"]["baseData"]["properties"] == {"k": "v" * 8192}
    assert "properties" not in converted(number(1))["data"]["baseData"]
    assert "properties" not in converted(number(1, {"none": None}))["data"]["baseData"]


SYNTHETIC = {
    "bot": ({"user_agent.synthetic.type": "bot"}, True),
    "test": ({"user_agent.synthetic.type": "test"}, True),
    "other": ({"user_agent.synthetic.type": "user"}, False),
    "agent": ({"user_agent.original": "Mozilla AlwaysOn"}, True),
    "old agent": ({"http.user_agent": "AlwaysOn"}, True),
    "a browser": ({"user_agent.original": "Mozilla"}, False),
    "no text": ({"user_agent.original": 5}, False),
}


@pytest.mark.parametrize(("attributes", "synthetic"), SYNTHETIC.values(), ids=SYNTHETIC)
def test_synthetic(attributes, synthetic):
    """What robots caused is tagged, keeps its properties, and does not spoil the tags that items share (specification section 2.3)."""
    item = converted(number(1, attributes))
    assert item["tags"] == ({**TAGS, "ai.operation.syntheticSource": "True"} if synthetic else TAGS)
    assert item["data"]["baseData"]["properties"] == {key: str(value) for key, value in attributes.items()}
    assert "ai.operation.syntheticSource" not in TAGS
