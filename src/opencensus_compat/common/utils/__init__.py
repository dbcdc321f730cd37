"""Strings, times, sequences and weak references: the small helpers that OpenCensus exporters build upon."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import datetime, timezone
from typing import Any, TypedDict, TypeVar
from weakref import WeakMethod as WeakMethod  # under this name OpenCensus exports it

UTF8 = "utf-8"

MAX_LENGTH = 128
"""Longest text that is kept whole, bytes of UTF-8."""

ISO_DATETIME_REGEX = "%Y-%m-%dT%H:%M:%S.%fZ"
"""Shape of every time in span data, for `strftime` and `strptime` (it never was a regular expression)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# Before this year strftime leaves the year unpadded on some systems and isoformat does not, so the short way would differ.
_FIRST_FOUR_DIGIT_YEAR = 1000

_T = TypeVar("_T")
_H = TypeVar("_H", bound=Hashable)


class _TruncatableString(TypedDict):
    value: str
    truncated_byte_count: int


def get_truncatable_str(str_to_convert: str) -> _TruncatableString:
    """Return a text cut to `MAX_LENGTH` bytes, together with the number of bytes cut off."""
    value, truncated_byte_count = check_str_length(str_to_convert, MAX_LENGTH)
    return {"value": value, "truncated_byte_count": truncated_byte_count}


def check_str_length(str_to_check: str, limit: int = MAX_LENGTH) -> tuple[str, int]:
    """Return a text cut to a limit and how much was cut.

    Args:
        str_to_check: The text.
        limit: Longest result, bytes of UTF-8.

    Returns:
        The text and the bytes over the limit, 0 when nothing was cut.

    Loses:
        A character that straddles the limit; it is dropped whole, and its bytes before the limit are not in the count.
    """
    encoded = str_to_check.encode(UTF8)
    surplus = len(encoded) - limit
    if surplus <= 0:
        return str_to_check, 0
    return encoded[:limit].decode(UTF8, errors="ignore"), surplus


def to_iso_str(ts: datetime | None = None) -> str:
    """Return a time as text with six decimals and a `Z`, for example ``2024-09-30T08:15:00.000250Z``.

    Args:
        ts: The time, taken to be UTC: as in OpenCensus a zone is neither read nor converted. Now, when None.
    Source: https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/common/utils/__init__.py#L72-L76.
    """
    if ts is None:
        ts = datetime.now(timezone.utc)
    # Every span is stamped twice, and isoformat is several times as fast as strftime. Subclasses may format in their own way.
    if type(ts) is datetime and ts.year >= _FIRST_FOUR_DIGIT_YEAR:
        return ts.isoformat("T", "microseconds")[:26] + "Z"
    return ts.strftime(ISO_DATETIME_REGEX)


def timestamp_to_microseconds(timestamp: str) -> float:
    """Return a time written by `to_iso_str` as microseconds since the Unix epoch.

    Raises:
        ValueError: The text has another shape.
    """
    since = datetime.strptime(timestamp, ISO_DATETIME_REGEX).replace(tzinfo=timezone.utc) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1e6 + since.microseconds


def iuniq(ible: Iterable[_H]) -> Iterator[_H]:
    """Yield each distinct item when it is first met."""
    seen: set[_H] = set()
    for item in ible:
        if item not in seen:
            seen.add(item)
            yield item


def uniq(ible: Iterable[_H]) -> list[_H]:
    """Return the distinct items in the order in which they are first met."""
    return list(iuniq(ible))


def window(ible: Iterable[_T], length: int) -> Iterator[list[_T]]:
    """Yield the items in lists of the given length; the last list may be shorter.

    Raises:
        ValueError: On the first step, when length is not positive.
    """
    if length <= 0:
        raise ValueError(f"window length must be at least 1, got {length}")
    items = iter(ible)
    while chunk := list(itertools.islice(items, length)):
        yield chunk


def get_weakref(func: Callable[..., Any]) -> weakref.ref[Callable[..., Any]]:
    """Return a weak reference to a function, or to a bound method that lives as long as its object.

    Raises:
        ValueError: func is None.
    """
    if func is None:
        raise ValueError("a callable is needed to make a weak reference, got None")
    if hasattr(func, "__self__"):
        return WeakMethod(func)
    return weakref.ref(func)
