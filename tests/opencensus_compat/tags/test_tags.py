"""Tags, beyond what `tests/parity/test_pure_modules.py` compares call by call."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opencensus_compat.tags import Tag, TagContext, TagKey, TagMap, TagValue
from opencensus_compat.tags.validation import is_legal_chars


@given(st.text())
def test_legal_characters(text):
    """Legal are the characters from blank to tilde."""
    assert is_legal_chars(text) == all(32 <= ord(char) <= 126 for char in text)


@pytest.mark.parametrize(
    ("cls", "text", "message"),
    [
        (TagKey, "", "tag name must not be empty,no longer than 255 characters and of ascii values between 32 - 126, got ''"),
        (TagKey, "é", "tag name must not be empty,no longer than 255 characters and of ascii values between 32 - 126, got 'é'"),
        (TagValue, "\n", r"tag value must not be longer than 255 characters and of ascii values between 32 - 126, got '\\n'"),
    ],
    ids=["empty", "accent", "control"],
)
def test_errors_say_what_came(cls, text, message):
    """An illegal key or value is named in the error."""
    with pytest.raises(ValueError, match=message):
        cls(text)


def test_a_key_finds_what_its_text_finds():
    """Keys and texts are interchangeable in a map, as views' columns are either."""
    made = TagMap([Tag("route", "/a")])
    assert (made.map["route"], made.map[TagKey("route")], made.get_value("route")) == ("/a", "/a", "/a")


def test_context_is_that_of_the_thread():
    """The tag map of a thread is not that of another."""
    seen = []
    TagContext.set(TagMap([Tag("k", "main")]))
    try:
        thread = threading.Thread(target=lambda: seen.append(TagContext.get()))
        thread.start()
        thread.join()
        assert (seen, list(TagContext.get())) == ([None], [("k", "main")])
    finally:
        TagContext.clear()
