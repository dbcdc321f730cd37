"""Times and durations on the wire."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appinsights_exporter.convert.timing import (
    duration,
    duration_of_microseconds,
    durations,
    durations_of_microseconds,
    timestamp,
    timestamp_of_microseconds,
    timestamps,
)

TIMES = {
    "microseconds are cut, not rounded": (1_700_000_000_123_456_999, "2023-11-14T22:13:20.123456Z"),
    "six digits at a whole second": (1_700_000_000_000_000_000, "2023-11-14T22:13:20.000000Z"),
    "leading zeros": (1_700_000_000_000_001_000, "2023-11-14T22:13:20.000001Z"),
    "epoch": (0, "1970-01-01T00:00:00.000000Z"),
    "first second": (999_999_999, "1970-01-01T00:00:00.999999Z"),
    "before the epoch": (-1, "1969-12-31T23:59:59.999999Z"),
    "leap day": (1_709_164_800_000_000_000, "2024-02-29T00:00:00.000000Z"),
    "last year": (253_402_300_799_999_999_999, "9999-12-31T23:59:59.999999Z"),
}


@pytest.mark.parametrize(("ns", "text"), TIMES.values(), ids=TIMES)
def test_timestamp(ns, text):
    """Six fraction digits and a Z, always (peer defect 48: no zone)."""
    assert timestamp(ns) == text


@given(st.integers(0, 253_402_300_799_999_999_999))
def test_timestamp_reads_back(ns):
    """The text names the microsecond in which the time lies."""
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    read = datetime.datetime.strptime(timestamp(ns), "%Y-%m-%dT%H:%M:%S.%f%z")
    assert (read - epoch) // datetime.timedelta(microseconds=1) == ns // 1000


@pytest.mark.parametrize("ns", [10**21, 10**30, -(10**21)])
def test_no_such_time(ns):
    """A time outside of the calendar raises, so that its span alone is lost."""
    with pytest.raises(ValueError, match="calendar"):
        timestamp(ns)


DURATIONS = {
    "zero": (0, "0.00:00:00.000"),
    "below half a millisecond": (499_999, "0.00:00:00.000"),
    "half a millisecond": (500_000, "0.00:00:00.001"),
    "just below a minute": (59_999_499_999, "0.00:00:59.999"),
    "a minute": (60_000_000_000, "0.00:01:00.000"),
    "rounds up to a day": (86_399_999_600_000, "1.00:00:00.000"),
    "a day and more": (90_061_001_000_000, "1.01:01:01.001"),
    "clock stepped back": (-1_500_000, "0.00:00:00.000"),
    "longest": (999 * 86_400_000_000_000 + 86_399_999_000_000, "999.23:59:59.999"),
    "too long": (1000 * 86_400_000_000_000, "999.23:59:59.999"),
}


@pytest.mark.parametrize(("ns", "text"), DURATIONS.values(), ids=DURATIONS)
def test_duration(ns, text):
    """Milliseconds half up; days unpadded and always there; clamped at both ends."""
    assert duration(1_700_000_000_000_000_000, 1_700_000_000_000_000_000 + ns) == text


@pytest.mark.parametrize("us", [-62_135_596_800_000_000, -1, 0, 999_999, 1_700_000_000_123_456, 253_402_300_799_999_999])
def test_timestamp_of_microseconds(us):
    """It is that of as many nanoseconds."""
    assert timestamp_of_microseconds(us) == timestamp(us * 1000)


def test_duration_as_opencensus_computed_it():
    """Both times lose their nanoseconds first: 0.4999 ms of nanoseconds can be half a millisecond of microseconds."""
    start_ns, end_ns = 1_000_000_000_000_000_999, 1_000_000_000_000_500_000 + 1_000
    assert duration(start_ns, end_ns) == "0.00:00:00.001"
    assert duration_of_microseconds(start_ns, end_ns) == "0.00:00:00.001"
    assert duration(1_999, 501_000) == "0.00:00:00.000"
    assert duration_of_microseconds(1_999, 501_000) == "0.00:00:00.001"
    assert duration_of_microseconds(5_000_000, 1_000_000) == "0.00:00:00.000"


@pytest.mark.parametrize(
    "times_ns",
    [
        [1_700_000_000_000_000_000, 1_700_000_000_999_999_999, 1_700_000_000_123_456_789],
        [1_700_000_000_999_999_999, 1_700_000_001_000_000_000],
        [0, 1],
        [10**18 - 1, 10**18],
        [10**18, 10**18 + 1],
        [10**19 - 1, 10**19],
        [10**19, 10**19 + 5_000],
        [-1, 5],
    ],
    ids=["one second", "two", "1970", "below 2001", "2001", "below 2286", "2286", "1969"],
)
def test_many_times(times_ns):
    """Many times, and the durations between them, are written as each alone."""
    assert timestamps(times_ns) == [timestamp(ns) for ns in times_ns]
    ends_ns = [ns + 1_234_567 * index for index, ns in enumerate(times_ns)]
    pairs = list(zip(times_ns, ends_ns, strict=True))
    assert durations(times_ns, ends_ns) == [duration(*pair) for pair in pairs]
    assert durations_of_microseconds(times_ns, ends_ns) == [duration_of_microseconds(*pair) for pair in pairs]
