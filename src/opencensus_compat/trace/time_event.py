"""What happened at a moment inside a span: annotations and messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opencensus_compat.common import utils

if TYPE_CHECKING:
    from datetime import datetime

    from opencensus_compat.trace.attributes import Attributes


class Type:
    """Which way a message went."""

    TYPE_UNSPECIFIED = 0
    SENT = 1
    RECEIVED = 2


class Annotation:
    """A text with attributes.

    Args:
        timestamp: When it happened, UTC. The instance keeps it as text in the form of `to_iso_str`.
        description: The text.
        attributes: The attributes.
    """

    def __init__(self, timestamp: datetime | None, description: str, attributes: Attributes | None = None) -> None:
        self.timestamp = utils.to_iso_str(timestamp)
        self.description = description
        self.attributes = attributes

    def format_annotation_json(self) -> dict[str, Any]:
        """Return the text, cut to 128 bytes, and the attributes if there are any. The time is not in it."""
        formatted: dict[str, Any] = {"description": utils.get_truncatable_str(self.description)}
        if self.attributes is not None:
            formatted["attributes"] = self.attributes.format_attributes_json()
        return formatted


class MessageEvent:
    """A message sent or received.

    Args:
        timestamp: When it happened, UTC. The instance keeps it as text in the form of `to_iso_str`.
        id: Tells the message from others of the span; sender and receiver use the same.
        type: Which way it went, a constant of `Type`.
        uncompressed_size_bytes: Size before compression.
        compressed_size_bytes: Size as sent; that before compression when None.
    """

    def __init__(
        self,
        timestamp: datetime | None,
        id: Any,
        type: int | None = None,
        uncompressed_size_bytes: Any = None,
        compressed_size_bytes: Any = None,
    ) -> None:
        self.timestamp = utils.to_iso_str(timestamp)
        self.id = id
        self.type = Type.TYPE_UNSPECIFIED if type is None else type
        self.uncompressed_size_bytes = uncompressed_size_bytes
        self.compressed_size_bytes = uncompressed_size_bytes if compressed_size_bytes is None else compressed_size_bytes

    def format_message_event_json(self) -> dict[str, Any]:
        """Return id, type and the sizes that are known. The time is not in it."""
        formatted = {"id": self.id, "type": self.type}
        if self.uncompressed_size_bytes is not None:
            formatted["uncompressed_size_bytes"] = self.uncompressed_size_bytes
        if self.compressed_size_bytes is not None:
            formatted["compressed_size_bytes"] = self.compressed_size_bytes
        return formatted
