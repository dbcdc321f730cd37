"""The value of a tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opencensus_compat.tags.validation import is_valid_tag_value

if TYPE_CHECKING:
    from typing_extensions import Self


class TagValue(str):
    """A text that may be the value of a tag.

    Args:
        value: At most 255 characters of printable ASCII.

    Raises:
        ValueError: It is something else.
    """

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        """Return the value."""
        # A value made from a value has been checked.
        if not isinstance(value, cls) and not is_valid_tag_value(value):
            raise ValueError(f"tag value must not be longer than 255 characters and of ascii values between 32 - 126, got {value!r:.300}")
        return super().__new__(cls, value)
