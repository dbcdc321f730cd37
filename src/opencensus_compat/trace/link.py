"""A pointer from a span to another, in the same trace or not."""

from __future__ import annotations

from typing import Any


class Type:
    """What the other span is to the one that has the link."""

    TYPE_UNSPECIFIED = 0
    CHILD_LINKED_SPAN = 1
    PARENT_LINKED_SPAN = 2


class Link:
    """A pointer to a span.

    Args:
        trace_id: Trace id of the other span, 32 hex digits.
        span_id: Its span id, 16 hex digits.
        type: What it is to the span that has the link, a constant of `Type`.
        attributes: The link's attributes.
    """

    def __init__(self, trace_id: str, span_id: str, type: int | None = None, attributes: Any = None) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.type = Type.TYPE_UNSPECIFIED if type is None else type
        self.attributes = attributes

    def format_link_json(self) -> dict[str, Any]:
        """Return ids and type, and the attributes as they were given if they were."""
        formatted: dict[str, Any] = {"trace_id": self.trace_id, "span_id": self.span_id, "type": self.type}
        if self.attributes is not None:
            formatted["attributes"] = self.attributes
        return formatted
