"""The numbers that distributions keep."""

from __future__ import annotations

import copy
import itertools
import pickle
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opencensus_compat.stats import aggregation, aggregation_data

VALUES = st.lists(st.one_of(st.integers(0, 10**6), st.floats(0, 1e6, allow_subnormal=False)), min_size=1, max_size=50)
BOUNDS = st.lists(st.floats(1e-3, 1e6), max_size=12, unique=True).map(sorted)


@given(VALUES, BOUNDS)
def test_a_distribution_is_that_of_its_values(values, bounds):
    """Count, sum and variance are those of the values, and each value is in the bucket whose lower boundary it reaches."""
    data = aggregation.DistributionAggregation(bounds).new_aggregation_data()
    for value in values:
        data.add_sample(value, None, None)
    assert data.count_data == len(values)
    assert data.sum == pytest.approx(sum(values), abs=1e-6)
    assert data.variance == pytest.approx(statistics.variance(values) if len(values) > 1 else 0, rel=1e-6, abs=1e-3)
    edges = [0.0, *bounds, float("inf")]
    assert data.counts_per_bucket == [sum(low <= value < high for value in values) for low, high in itertools.pairwise(edges)]
    distribution = data.to_point(None).value
    assert (distribution.count, distribution.sum, distribution.sum_of_squared_deviation) == (
        data.count_data, data.sum, data.sum_of_sqd_deviations,
    )  # fmt: skip
    assert [bucket.count for bucket in distribution.buckets or []] == (data.counts_per_bucket if bounds else [])


@given(st.lists(st.floats(min_value=0, max_value=1e9), max_size=20))
def test_a_point_knows_the_least_and_the_greatest(values):
    """Points and copies of a distribution know both, privately, for Application Insights; without values there are none."""
    data = aggregation.DistributionAggregation([1, 5]).new_aggregation_data()
    for value in values:
        data.add_sample(value, None, None)
    expected = (min(values), max(values)) if values else (None, None)
    for each in (data, aggregation_data._copied(data)):
        distribution = each.to_point(None).value
        assert (distribution._min, distribution._max) == expected


def test_values_of_the_constructor_have_no_least_one():
    """Nobody knows which they were, so none is told."""
    data = aggregation_data.DistributionAggregationData(2.0, 3, 0.5)
    data.add_sample(1.0, None, None)
    distribution = data.to_point(None).value
    assert (distribution._min, distribution._max, distribution.count) == (None, None, 4)


def test_series_share_boundaries_and_nothing_else():
    """The series of a view have one list of boundaries, and counts and exemplars of their own."""
    how = aggregation.DistributionAggregation([1, 2])
    first, second = how.new_aggregation_data(), how.new_aggregation_data()
    first.add_sample(1.5, "now", {"k": "v"})
    assert first.bounds is second.bounds
    assert (second.count_data, second.counts_per_bucket, second.exemplars) == (0, [0, 0, 0], {0: None, 1: None, 2: None})
    assert how.new_aggregation_data().count_data == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: aggregation.DistributionAggregation([2, 1]), r"bounds must be sorted in increasing order, got \[2, 1\]"),
        (lambda: aggregation.SumAggregation().get_metric_type(None), "measure: expected a MeasureInt or MeasureFloat, got None"),
        (
            lambda: aggregation_data.DistributionAggregationData(0, 0, 0, None, [1], [None]),
            r"exemplars: expected 2 for the boundaries \[1\], got 1",
        ),
    ],
    ids=["falling", "no-measure", "exemplars"],
)
def test_errors_say_what_came(make, message):
    """A value that does not fit is named in the error, with what was expected."""
    with pytest.raises(ValueError, match=message):
        make()


def test_a_point_keeps_the_buckets_of_its_moment():
    """Buckets that are read late, or from a copy, hold what was added up when the point was made."""
    data = aggregation_data.DistributionAggregationData(0, 0, 0, None, [1, 2])
    for number in (0.5, 1.5, 1.5):
        data.add_sample(number, None, None)
    distribution = data.to_point(None).value
    others = copy.copy(distribution), copy.deepcopy(distribution), pickle.loads(pickle.dumps(distribution))
    data.add_sample(3, None, None)
    for each in (distribution, *others):
        assert [bucket.count for bucket in each.buckets] == [1, 2, 0]
        assert each.buckets is each.buckets
    assert not hasattr(distribution, "_bucket")
