"""How many sets of tag values a view may have, or of label values a gauge, and where the rest goes."""

from __future__ import annotations

import os
from collections.abc import Sequence

from opencensus_compat.tags.tag_value import TagValue

TagValues = tuple[TagValue | None, ...]
"""One value for each column of a view; None where a measurement came without that tag."""

LIMIT_VARIABLE = "OPENCENSUS_COMPAT_MAX_TAG_SETS"
DEFAULT_LIMIT = 2000
"""Most sets of tag values of one view: the number that OpenTelemetry specifies. A tag that is different for each request would otherwise
fill the memory, and what is exported each minute would grow for ever."""
OVERFLOW = TagValue("otel.metric.overflow")
"""Stands in every column of the series that takes the measurements beyond the limit; the name is OpenTelemetry's."""


def limit() -> int:
    """Return how many sets of tag values a view may have, the overflow not counted.

    Raises:
        ValueError: The environment names no whole number above 0.
    """
    text = os.environ.get(LIMIT_VARIABLE, "").strip(" \"'")
    if not text:
        return DEFAULT_LIMIT
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{LIMIT_VARIABLE}: expected a whole number of at least 1, got {text!r}")
    return int(text)


def overflow(columns: int) -> TagValues:
    """Return the tag values of the series beyond the limit, for a view with so many columns."""
    return (OVERFLOW,) * columns


def is_overflow(values: Sequence[object]) -> bool:
    """Return whether tag values or label values are those of the series that takes what is beyond the limit."""
    return len(values) > 0 and all(value == OVERFLOW for value in values)
