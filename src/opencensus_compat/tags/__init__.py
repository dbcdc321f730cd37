"""Tags: the dimensions that measurements are broken down by."""

from __future__ import annotations

from opencensus_compat.common.runtime_context import RuntimeContext
from opencensus_compat.tags.tag import Tag
from opencensus_compat.tags.tag_key import TagKey
from opencensus_compat.tags.tag_map import TagMap
from opencensus_compat.tags.tag_value import TagValue

__all__ = ["Tag", "TagContext", "TagKey", "TagMap", "TagValue"]

TagContext = RuntimeContext.register_slot("tag_context", None)
"""The slot that holds the tag map of the current thread or task; what is recorded without a tag map takes it from here."""
