"""Texts, times and the other helpers."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opencensus_compat.common import utils
from opencensus_compat.trace import utils as trace_utils

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
LONG = "x" * 127 + "é"


@given(st.datetimes(timezones=st.sampled_from([None, timezone.utc, timezone(timedelta(hours=-3, minutes=-30))])))
def test_time_text_is_that_of_strftime(moment):
    """The quick way gives the same text as the format, for every time and zone."""
    assert utils.to_iso_str(moment) == moment.strftime(utils.ISO_DATETIME_REGEX)


def test_time_text_of_subclasses_is_their_own():
    """Dates and subclasses of datetime format themselves."""

    class Moment(datetime):
        def strftime(self, format):
            return f"formatted with {format}"

    assert utils.to_iso_str(Moment(2024, 1, 2, tzinfo=timezone.utc)) == f"formatted with {utils.ISO_DATETIME_REGEX}"
    assert utils.to_iso_str(date(2024, 1, 2)) == "2024-01-02T00:00:00.000000Z"


def test_time_text_of_now_is_utc():
    """Without an argument it is the present, in UTC."""
    before = datetime.now(timezone.utc)
    text = utils.to_iso_str()
    assert before <= datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc) <= datetime.now(timezone.utc)


@given(st.integers(min_value=0, max_value=4_102_444_800_000_000).map(lambda us: EPOCH + timedelta(microseconds=us)))
def test_time_text_and_microseconds_agree(moment):
    """Text to microseconds loses nothing."""
    expected = (moment - EPOCH) // timedelta(microseconds=1)
    assert utils.timestamp_to_microseconds(utils.to_iso_str(moment)) == expected


@pytest.mark.parametrize(
    ("text", "cut", "surplus"),
    [("", "", 0), ("x" * 128, "x" * 128, 0), ("x" * 130, "x" * 128, 2), (LONG, "x" * 127, 1), ("€" * 43, "€" * 42, 1)],
)
def test_text_is_cut_at_128_bytes(text, cut, surplus):
    """A character that straddles the limit is left out whole."""
    assert utils.get_truncatable_str(text) == {"value": cut, "truncated_byte_count": surplus}


def test_window_and_uniq():
    """Lists of a length, and first occurrences."""
    assert list(utils.window(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert utils.uniq([3, 1, 3, 2, 1]) == [3, 1, 2]
    with pytest.raises(ValueError, match="at least 1, got 0"):
        list(utils.window([1], 0))


def test_weak_reference_to_a_method_lives_with_its_object():
    """A bound method's reference ends when the object does, not at once."""

    class Thing:
        def method(self):
            return "called"

    thing = Thing()
    reference = utils.get_weakref(thing.method)
    assert reference()() == "called"
    del thing
    assert reference() is None


@pytest.mark.parametrize(
    ("url", "excluded"),
    [("https://host/_ah/health?x", True), ("/_ah/health", True), ("http://host/other/_ah/health", False), ("http://host", False)],
)
def test_health_checks_are_not_traced(url, excluded):
    """The path's beginning decides; a URL without a path is traced."""
    assert trace_utils.disable_tracing_url(url) is excluded
