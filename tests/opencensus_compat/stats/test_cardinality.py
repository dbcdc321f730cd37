"""A tag that is always different does not fill the memory."""

from __future__ import annotations

import pytest

from opencensus_compat.metrics import _cardinality

OVERFLOW = "otel.metric.overflow"


def test_beyond_the_limit(census, monkeypatch, caplog):
    """Tag values that are new when the limit is reached are added up in one series; those that are not new stay apart; it is said once."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_MAX_TAG_SETS", "3")
    census.count(columns=["route", "user"])
    for number in range(10):
        census.record(census.whole, 1, route="/a", user=str(number))
    census.record(census.whole, 1, route="/a", user="1")
    assert census.counts() == {("/a", "0"): 1, ("/a", "1"): 2, ("/a", "2"): 1, (OVERFLOW, OVERFLOW): 7}
    (record,) = caplog.records
    assert record.getMessage() == (
        "The view 'count' has 3 sets of tag values, as many as OPENCENSUS_COMPAT_MAX_TAG_SETS allows: measurements with others are added "
        "up under 'otel.metric.overflow' from now on"
    )
    (view_data,) = census.map._view_datas()
    assert view_data._overflowed == 7
    assert [_cardinality.is_overflow(tag_values) for tag_values in census.series("count")] == [False, False, False, True]


def test_each_view_has_its_own_limit(census, monkeypatch, caplog):
    """A view that is full does not take room from others, and one without columns is never full."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_MAX_TAG_SETS", "1")
    census.count("full")
    census.count("other", columns=["method"])
    census.count("total", columns=[])
    for number in range(3):
        census.record(census.whole, 1, route=str(number), method="GET")
    assert census.counts("full") == {("0",): 1, (OVERFLOW,): 2}
    assert census.counts("other") == {("GET",): 3}
    assert census.counts("total") == {(): 3}
    assert len(caplog.records) == 1


def test_overflow_in_a_distribution(census, monkeypatch, caplog):
    """The overflow is of the view's own kind, so that totals stay right."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_MAX_TAG_SETS", "1")
    census.spread()
    for number in range(4):
        census.record(census.broken, number + 0.5, route=str(number))
    assert census.series("spread")[OVERFLOW,].counts_per_bucket == [0, 1, 2, 0]
    assert len(caplog.records) == 1


def test_default(census, caplog):
    """Without a setting there is room for 2,000 sets."""
    census.count()
    for number in range(2001):
        census.record(census.whole, 1, route=str(number))
    assert len(census.series("count")) == 2001
    assert census.counts()[OVERFLOW,] == 1
    assert len(caplog.records) == 1


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5", "1e3"])
def test_bad_limit(census, monkeypatch, text):
    """A limit that is no number is an error where the view is registered, and leaves nothing half done."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_MAX_TAG_SETS", text)
    with pytest.raises(ValueError, match=f"OPENCENSUS_COMPAT_MAX_TAG_SETS: expected a whole number of at least 1, got '{text}'"):
        census.count()
    monkeypatch.setenv("OPENCENSUS_COMPAT_MAX_TAG_SETS", " 5 ")
    census.count()
    assert census.manager.get_view("count")._limit == 5
