from __future__ import annotations

import pytest

from opencensus_compat.local.times import parse_time, parse_timespan


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-11-14T22:13:20Z", "2023-11-14T22:13:20+00:00"),
        ("2023-11-14T22:13:20.5z", "2023-11-14T22:13:20.500000+00:00"),
        ("2023-11-14T22:13:20.1234567Z", "2023-11-14T22:13:20.123456+00:00"),
        ("2023-11-14 22:13:20", "2023-11-14T22:13:20+00:00"),
        ("2023-11-14T22:13:20+02:00", "2023-11-14T20:13:20+00:00"),
        ("2023-11-14T22:13:20-0130", "2023-11-14T23:43:20+00:00"),
    ],
)
def test_parse_time(text, expected):
    """Times of every client come out as aware UTC."""
    moment, _ = parse_time(text)
    assert moment.isoformat() == expected


@pytest.mark.parametrize(
    "text", ["", "now", "2023-11-14", "2023-13-14T00:00:00Z", "2023-02-30T00:00:00Z", "2023-11-14T24:00:00Z", "2023-11-14T22:13:20.Z", "٢"]
)
def test_parse_time_refuses(text):
    """What is no instant is none."""
    assert parse_time(text) is None


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("0.00:00:00.000", 0.0),
        ("00:00:00.001", 1.0),
        ("1.01:01:01.001", 90061001.0),
        ("00:00:02.6802651", 2680.2651),
        ("0.00:00:00.1", 100.0),
        ("-1.23:59:59.999", -172799999.0),
        ("999.23:59:59.999", 86399999999.0),
    ],
)
def test_parse_timespan(text, milliseconds):
    """A .NET time span reads as milliseconds."""
    assert parse_timespan(text) == milliseconds


@pytest.mark.parametrize("text", ["", "1", "1:2", "0.24:00:00", "0.00:60:00", "0.00:00:60", "P1D", "00:00:00.12345678", " 00:00:00"])
def test_parse_timespan_refuses(text):
    """What is no time span is none."""
    assert parse_timespan(text) is None
