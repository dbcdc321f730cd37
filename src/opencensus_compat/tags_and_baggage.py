"""OpenCensus tags and OpenTelemetry baggage, carried across where a program asks for it.

Tags break measurements down, and baggage goes with every request, so neither becomes the other by itself. Three ways to ask::

    with tags_as_baggage():            # what follows sees the current tags in its baggage, and sends them along
        call_new_service()

    with baggage_as_tags("tenant"):    # what is recorded without a tag map has the entry `tenant` as a tag
        measurement_map.record()

and ``OTEL_PROPAGATORS=…,opencensus_tags``, which reads and writes the header that OpenCensus programs of other languages send their tags in.

Loses: baggage that cannot be a tag, that is keys and values other than printable ASCII of at most 255 characters; the metadata of tags and
of baggage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import baggage as baggage_api
from opentelemetry.context import Context, attach, detach

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge.process import report
from opencensus_compat.tags import Tag, TagMap
from opencensus_compat.tags.validation import is_valid_tag_name, is_valid_tag_value

__all__ = ["baggage_as_tags", "baggage_of", "tags_as_baggage", "tags_of"]


def tags_of(baggage: Mapping[str, object], *names: str) -> TagMap:
    """Return baggage as tags.

    Args:
        baggage: Entries by name, as `opentelemetry.baggage.get_all` returns them.
        names: Only these; without any, all.
    Loses: entries that cannot be tags, which the log tells once.
    """
    tags = TagMap()
    for key, entry in baggage.items():
        if names and key not in names:
            continue
        value = str(entry)
        if is_valid_tag_name(key) and is_valid_tag_value(value):
            tags.insert(*Tag(key, value))
        else:
            report("a baggage entry cannot be a tag, whose key and value are at most 255 printable ASCII characters: %r", key)
    return tags


def baggage_of(tags: TagMap, context: Context | None = None) -> Context:
    """Return a context with tags in its baggage, in place of entries of the same names.

    Args:
        tags: The tags.
        context: What to add to; the current context without.
    """
    made = _context.get_current() if context is None else context
    for key, value in tags:
        made = baggage_api.set_baggage(str(key), str(value), made)
    return made


@contextmanager
def tags_as_baggage(tags: TagMap | None = None) -> Iterator[None]:
    """Have tags in the baggage inside a `with` block.

    Args:
        tags: The tags; those of the current `TagContext` without.
    """
    from opencensus_compat.tags import TagContext

    given = TagContext.get() if tags is None else tags
    token = attach(baggage_of(TagMap() if given is None else given))
    try:
        yield
    finally:
        detach(token)


@contextmanager
def baggage_as_tags(*names: str) -> Iterator[TagMap]:
    """Have baggage in the current `TagContext` inside a `with` block, beside the tags that are there; a tag wins over an entry of its name.

    Args:
        names: Only these entries; without any, all. Each value of each makes a time series of its own, so name those that have few.
    Returns: The tag map.
    """
    from opencensus_compat.tags import TagContext

    before = TagContext.get()
    tags = TagMap(() if before is None else before)
    for key, value in tags_of(baggage_api.get_all(), *names):
        tags.insert(key, value)
    TagContext.set(tags)
    try:
        yield tags
    finally:
        TagContext.set(before)
