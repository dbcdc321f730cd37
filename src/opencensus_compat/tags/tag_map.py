"""Tags by key."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from opencensus_compat.tags.tag_key import TagKey
from opencensus_compat.tags.tag_value import TagValue


class TagMap:
    """Tags by key, in the order in which they were put in.

    Args:
        tags: What it holds first. As in OpenCensus, pairs that are no `Tag` are taken unchecked.
    """

    map: OrderedDict[TagKey, TagValue]

    def __init__(self, tags: Iterable[tuple[TagKey, TagValue]] | None = None) -> None:
        self.map = OrderedDict(tags or [])

    def __iter__(self) -> Iterator[tuple[TagKey, TagValue]]:
        return iter(self.map.items())

    def insert(self, key: str, value: str) -> None:
        """Add a tag, unless its key is there already.

        Raises:
            ValueError: Key or value is not legal.
        """
        if key not in self.map:
            tag_key = TagKey(key)
            self.map[tag_key] = TagValue(value)

    def delete(self, key: str) -> None:
        """Take a tag out, if it is there."""
        self.map.pop(key, None)  # type: ignore[call-overload] # a text equals the key made of it

    def update(self, key: str, value: str) -> None:
        """Give a tag that is there another value, unchecked as in OpenCensus; a key that is not there is passed over."""
        if key in self.map:
            self.map[key] = value  # type: ignore[index, assignment] # the same

    def tag_key_exists(self, key: str) -> bool:
        """Return whether there is a tag of this key."""
        return key in self.map

    def get_value(self, key: str) -> TagValue:
        """Return the value of a tag.

        Raises:
            KeyError: There is none of this key.
        """
        try:
            return self.map[key]  # type: ignore[index] # the same
        except KeyError:
            raise KeyError(f"key is not in map: {key!r}") from None
