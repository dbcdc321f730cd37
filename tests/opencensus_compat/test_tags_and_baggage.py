"""OpenCensus tags and OpenTelemetry baggage, carried across where a program asks for it."""

from __future__ import annotations

import pytest
from opentelemetry import baggage
from opentelemetry.context import Context, attach, detach

from opencensus_compat.tags import Tag, TagContext, TagMap
from opencensus_compat.tags_and_baggage import baggage_as_tags, baggage_of, tags_as_baggage, tags_of


@pytest.fixture(autouse=True)
def _no_tags():
    TagContext.set(None)
    yield
    TagContext.set(None)


def test_neither_becomes_the_other_by_itself():
    """Tags are not baggage and baggage is no tag until a program says so."""
    TagContext.set(TagMap([Tag("k", "v")]))
    token = attach(baggage.set_baggage("b", "1"))
    assert dict(baggage.get_all()) == {"b": "1"}
    assert dict(TagContext.get()) == {"k": "v"}
    detach(token)


def test_tags_as_baggage():
    """Inside the block the current tags are in the baggage, in place of entries of their names; afterwards it is as it was."""
    TagContext.set(TagMap([Tag("k", "v"), Tag("tier", "gold")]))
    token = attach(baggage.set_baggage("tier", "none", baggage.set_baggage("own", "1")))
    with tags_as_baggage():
        assert dict(baggage.get_all()) == {"own": "1", "k": "v", "tier": "gold"}
        assert {type(entry) for entry in baggage.get_all().values()} == {str}
    assert dict(baggage.get_all()) == {"own": "1", "tier": "none"}
    detach(token)


def test_tags_given():
    """A tag map of the caller's can be given; without any tags nothing happens."""
    with tags_as_baggage(TagMap([Tag("k", "v")])):
        assert dict(baggage.get_all()) == {"k": "v"}
    with tags_as_baggage():
        assert dict(baggage.get_all()) == {}


def test_baggage_as_tags():
    """Inside the block the named entries are tags beside those that are there, which win; afterwards all is as it was."""
    before = TagMap([Tag("tier", "gold")])
    TagContext.set(before)
    token = attach(baggage.set_baggage("tier", "none", baggage.set_baggage("tenant", "t7", baggage.set_baggage("user", "u1"))))
    with baggage_as_tags("tenant", "tier") as tags:
        assert TagContext.get() is tags
        assert dict(tags) == {"tier": "gold", "tenant": "t7"}
    assert TagContext.get() is before
    assert dict(before) == {"tier": "gold"}
    with baggage_as_tags() as tags:
        assert dict(tags) == {"tier": "gold", "tenant": "t7", "user": "u1"}
    with pytest.raises(KeyError), baggage_as_tags():
        raise KeyError
    assert TagContext.get() is before
    detach(token)


def test_what_cannot_be_a_tag(caplog):
    """Entries that no tag can hold are left out, which the log tells once; values that are no text become one."""
    found = tags_of({"ok": 7, "": "v", "long": "v" * 256, "umlaut": "ü", "k" * 256: "v"})
    assert dict(found) == {"ok": "7"}
    assert [record.getMessage() for record in caplog.records] == [
        "a baggage entry cannot be a tag, whose key and value are at most 255 printable ASCII characters: '' (said once)"
    ]


def test_there_and_back():
    """Tags survive the way through baggage."""
    tags = TagMap([Tag("k", "v"), Tag("l", "")])
    assert dict(tags_of(baggage.get_all(baggage_of(tags, Context())))) == {"k": "v", "l": ""}
