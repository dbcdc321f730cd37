"""What a process runs on: a type and labels, from the program or from the environment."""

from __future__ import annotations

import logging
import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

logger = logging.getLogger("opencensus.common.resource")

OC_RESOURCE_TYPE = "OC_RESOURCE_TYPE"
"""Environment variable with the resource's type."""
OC_RESOURCE_LABELS = "OC_RESOURCE_LABELS"
"""Environment variable with the resource's labels, in the form that `parse_labels` reads."""

_MAX_LENGTH = 256
"""Longest type, label key or label value, characters."""
_UNPRINTABLE = re.compile("[^ -~]")

_WORD = r"""(?:'[^']*'|"[^"]*"|[^\s,=]+)"""
_PAIR = rf"\s*(?P<key>{_WORD})\s*=\s*(?P<value>{_WORD})\s*"
_PAIR_RE = re.compile(_PAIR)
_PAIR_LIST_RE = re.compile(rf"\s*{_WORD}\s*=\s*{_WORD}\s*(?:,\s*{_WORD}\s*=\s*{_WORD}\s*)*")
_QUOTED_RE = re.compile(r"""^(['"])(.*)\1$""", re.DOTALL)


class Resource:
    """The entity that signals come from.

    Args:
        type_: What kind of entity it is.
        labels: What tells it from others of its kind.

    Raises:
        ValueError: An empty type or key, a missing value, or text that is not printable ASCII of at most 256 characters.
    """

    def __init__(self, type_: str | None = None, labels: Mapping[str, str] | None = None) -> None:
        if type_ is not None and not type_:
            raise ValueError("Resource type must not be empty: expected None or at least one character")
        check_ascii_256(type_)
        labels = {} if labels is None else labels
        for key, value in labels.items():
            if not key:
                raise ValueError(f"Resource key must not be null or empty, got {key!r}")
            if value is None:
                raise ValueError(f"Resource value must not be null: label {key!r}")
            check_ascii_256(key)
            check_ascii_256(value)
        self.type = type_
        self.labels = dict(labels)

    def get_type(self) -> str | None:
        """Return the kind of entity."""
        return self.type

    def get_labels(self) -> dict[str, str]:
        """Return a copy of the labels."""
        return dict(self.labels)

    def merge(self, other: Resource) -> Resource:
        """Return a new resource with the labels of both; this one's type and values win."""
        return merge_resources([self, other])


def merge_resources(resource_list: Sequence[Resource]) -> Resource:
    """Return a new resource with the labels of all; the earlier in the list wins, for the type as for each label.

    Raises:
        ValueError: The list is empty.
    """
    if not resource_list:
        raise ValueError("at least one resource is needed to merge, got none")
    labels: dict[str, str] = {}
    for resource in reversed(resource_list):
        labels.update(resource.labels)
    return Resource(next((resource.type for resource in resource_list if resource.type), None), labels)


def check_ascii_256(string: str | None) -> None:
    """Accept None and printable ASCII of at most 256 characters.

    Raises:
        ValueError: Any other text.
    """
    if string is None:
        return
    if len(string) > _MAX_LENGTH:
        raise ValueError(f"Value is longer than {_MAX_LENGTH} characters: got {len(string)}, {string[:32]!r}...")
    if bad := _UNPRINTABLE.search(string):
        raise ValueError(f'Character "{bad.group()}" at position {bad.start()} is not printable ASCII: {string!r}')


def unquote(string: str) -> str:
    """Return a text without the pair of like quotes around it, if there is one."""
    return _QUOTED_RE.sub(r"\2", string)


def parse_labels(labels_str: str) -> dict[str, str] | None:
    """Return the labels of a list like ``key=value, 'key 2'="value, 2"``, or None when the text is no such list.

    Of two values for one key the later is taken, with a warning.
    """
    if not _PAIR_LIST_RE.fullmatch(labels_str):
        return None
    labels: dict[str, str] = {}
    for pair in _PAIR_RE.finditer(labels_str):
        key = unquote(pair["key"])
        if key in labels:
            logger.warning("%s names the label %r twice; the later value is taken", OC_RESOURCE_LABELS, key)
        labels[key] = unquote(pair["value"])
    return labels


def get_from_env() -> Resource | None:
    """Return the resource that the environment describes, or None when it names no type.

    Raises:
        ValueError: A type or label that `Resource` does not accept.
    """
    type_ = os.environ.get(OC_RESOURCE_TYPE)
    if type_ is None:
        return None
    labels = os.environ.get(OC_RESOURCE_LABELS)
    return Resource(type_.strip(), None if labels is None else parse_labels(labels))
