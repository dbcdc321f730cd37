"""A tag."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from opencensus_compat.tags.tag_key import TagKey
from opencensus_compat.tags.tag_value import TagValue

if TYPE_CHECKING:
    from typing_extensions import Self


class Tag_(NamedTuple):  # noqa: N801 -- OpenCensus's name
    """Key and value, as a tuple."""

    key: TagKey
    value: TagValue


class Tag(Tag_):
    """A key and a value; texts become `TagKey` and `TagValue`.

    Args:
        key: 1 to 255 characters of printable ASCII.
        value: At most 255 of them.

    Raises:
        ValueError: They are something else.
    """

    def __new__(cls, key: str, value: str) -> Self:
        """Return the tag."""
        return super().__new__(cls, TagKey(key), TagValue(value))
