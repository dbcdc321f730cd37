"""Times and durations as items write them. Pure: text in, values out."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from functools import lru_cache

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ]((?!24)\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|z|[+-]\d\d:?\d\d)?", re.ASCII)
_TIMESPAN = re.compile(r"(-?)(?:(\d{1,8})\.)?(\d{1,2}):(\d\d):(\d\d)(?:\.(\d{1,7}))?", re.ASCII)


@lru_cache(maxsize=4096)  # check and row ask for the same text
def parse_time(text: str) -> tuple[datetime, bool] | None:
    """Return the instant of an ISO 8601 text as aware UTC, and whether the text named its zone; ``None`` if it is no time.

    A text without a zone is read as UTC. Loses: digits below one microsecond.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    day, clock, fraction, zone = match.groups()
    offset = "+00:00"
    if zone is not None and zone not in "Zz":
        offset = zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}.{(fraction or '')[:6]:0<6}{offset}")
        return (moment if offset == "+00:00" else moment.astimezone(timezone.utc)), zone is not None
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=4096)
def parse_timespan(text: str) -> float | None:
    """Return the milliseconds of a .NET TimeSpan text ``[-][d.]hh:mm:ss[.fffffff]``, or ``None`` if it is none."""
    match = _TIMESPAN.fullmatch(text)
    if match is None:
        return None
    sign, days, hours, minutes, seconds, fraction = match.groups()
    if int(hours) > 23 or int(minutes) > 59 or int(seconds) > 59:
        return None
    whole_s = ((int(days or 0) * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(seconds)
    milliseconds = whole_s * 1000 + int(f"{fraction or '0':0<7}") / 10000
    return -milliseconds if sign else milliseconds
