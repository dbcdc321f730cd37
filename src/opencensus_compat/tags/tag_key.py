"""The key of a tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opencensus_compat.tags.validation import is_valid_tag_name

if TYPE_CHECKING:
    from typing_extensions import Self


class TagKey(str):
    """A text that may be the key of a tag.

    Args:
        name: 1 to 255 characters of printable ASCII.

    Raises:
        ValueError: It is something else.
    """

    __slots__ = ()

    def __new__(cls, name: str) -> Self:
        """Return the key."""
        # A key made from a key has been checked.
        if not isinstance(name, cls) and not is_valid_tag_name(name):
            raise ValueError(
                f"tag name must not be empty,no longer than 255 characters and of ascii values between 32 - 126, got {name!r:.300}"
            )
        return super().__new__(cls, name)
