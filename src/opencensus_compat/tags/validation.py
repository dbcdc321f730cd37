"""What a tag may consist of."""

from __future__ import annotations

_MAX_LENGTH = 255
"""Longest key or value, characters."""


def is_legal_chars(value: str) -> bool:
    """Return whether every character is printable ASCII, the blank included; there may be none."""
    if isinstance(value, str):
        return value.isascii() and value.isprintable()
    return all(ord(" ") <= ord(char) <= ord("~") for char in value)  # other sequences of characters, as in OpenCensus


def is_valid_tag_name(name: str) -> bool:
    """Return whether a text may be the key of a tag: 1 to 255 legal characters."""
    return 0 < len(name) <= _MAX_LENGTH and is_legal_chars(name)


def is_valid_tag_value(value: str) -> bool:
    """Return whether a text may be the value of a tag: at most 255 legal characters."""
    return len(value) <= _MAX_LENGTH and is_legal_chars(value)
