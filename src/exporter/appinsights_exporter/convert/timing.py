"""Wire forms of times and durations, by integer arithmetic on nanoseconds."""

from __future__ import annotations

import datetime
import functools

_DAY_MS = 24 * 60 * 60 * 1000
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_DATE_AND_TIME = len("YYYY-MM-DDTHH:MM:SS")
_LONGEST = "999.23:59:59.999"


def timestamp(ns: int) -> str:
    """Return the wire form of a time.

    Args:
        ns: Nanoseconds since the Unix epoch.
    Returns: ``YYYY-MM-DDTHH:MM:SS.ffffffZ``: UTC, always six fraction digits.

    Raises:
        ValueError: Outside of years 1 to 9999.
    Loses: anything below one microsecond (rounded down, as OpenCensus did).
    Source: specification section 1.2; https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/common/utils/__init__.py#L72-L76.
    """
    if ns >= 1_000_000_000:
        # Cutting the digits is faster than computing and padding them.
        digits = str(ns)
        return f"{_second_of(digits[:-9])}{digits[-9:-3]}Z"
    second, fraction_us = divmod(ns // 1000, 1_000_000)
    return f"{_second(second)}.{fraction_us:06d}Z"


def timestamp_of_microseconds(us: int) -> str:
    """Return the wire form of a time; shape, errors and source as of :func:`timestamp`, in two thirds of the time.

    Args:
        us: Microseconds since the Unix epoch.
    """
    second, fraction_us = divmod(us, 1_000_000)
    return f"{_known_second(second)}{fraction_us:06d}Z"


def duration(start_ns: int, end_ns: int) -> str:
    """Return the wire form of the time between two moments.

    Args:
        start_ns: Nanoseconds since the Unix epoch.
        end_ns: Same unit; earlier than the start counts as zero.
    Returns: ``D.HH:MM:SS.fff``: days always present and never padded, at most ``999.23:59:59.999``.
    Loses: anything below one millisecond (rounded half up).
    Source: specification section 1.2.
    """
    return milliseconds((end_ns - start_ns + 500_000) // 1_000_000)


def duration_of_microseconds(start_ns: int, end_ns: int) -> str:
    """Return the duration that OpenCensus would have computed: both times are cut to microseconds before they are subtracted.

    Args and shape as :func:`duration`; the two differ by one millisecond for about one span in two thousand.
    Source: https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/common/utils.py#L50-L54,
        on texts with six fraction digits.
    """
    return milliseconds((end_ns // 1000 - start_ns // 1000 + 500) // 1000)


@functools.lru_cache(maxsize=1024)
def milliseconds(total_ms: int) -> str:
    """Return the wire form of a number of whole milliseconds; shape and limits as in :func:`duration`. Remembered: durations repeat."""
    if total_ms < 60_000:
        if total_ms <= 0:
            return "0.00:00:00.000"
        second, ms = divmod(total_ms, 1000)
        return f"0.00:00:{second:02d}.{ms:03d}"
    day, rest_ms = divmod(total_ms, _DAY_MS)
    if day > 999:
        return _LONGEST
    second, ms = divmod(rest_ms, 1000)
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    return f"{day}.{hour:02d}:{minute:02d}:{second:02d}.{ms:03d}"


@functools.lru_cache(maxsize=512)
def _second_of(digits: str) -> str:
    # The spans of a batch share a few seconds, so the calendar is asked once for each.
    return f"{_second(int(digits))}."


@functools.lru_cache(maxsize=512)
def _known_second(second: int) -> str:
    return f"{_second(second)}."


def _second(second: int) -> str:
    try:
        moment = _EPOCH + datetime.timedelta(seconds=second)
    except OverflowError as error:
        raise ValueError(f"{second} s is outside of the calendar") from error
    return moment.isoformat(timespec="seconds")[:_DATE_AND_TIME]
