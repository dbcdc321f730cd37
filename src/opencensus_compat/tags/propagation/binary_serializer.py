"""Tag maps as bytes, as gRPC metadata carries them.

A version byte, then for each tag: a field id, the length of the key, the key, the length of the value, the value. Lengths are varints
of protocol buffers (seven bits to a byte, lowest first, the high bit says that there is more).

Source: https://github.com/census-instrumentation/opencensus-specs/blob/master/encodings/BinaryEncoding.md
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from opencensus_compat.tags.tag_map import TagMap

UTF8 = "utf-8"

VERSION_ID = 0
TAG_FIELD_ID = 0
TAG_MAP_SERIALIZED_SIZE_LIMIT = 8192
"""Most characters of all keys and values together."""

_MAX_LENGTH_BYTES = 10
"""Bytes of the longest varint, which holds 64 bits."""

_logger = logging.getLogger("opencensus.tags.propagation.binary_serializer")


class BinarySerializer:
    """Reads and writes tag maps."""

    def from_byte_array(self, binary: bytes | bytearray | memoryview) -> TagMap:
        """Return the tags that the bytes hold.

        The bytes come from anywhere, so what is not a tag ends the reading with a warning, and does not raise as it did in
        OpenCensus: the tags before it are returned.

        Raises:
            ValueError: The version is unknown.

        Loses:
            All fields behind one whose id is unknown, as in OpenCensus: nobody knows its length.
        """
        if len(binary) <= 0:
            _logger.warning("There are no bytes to read tags from")
            return TagMap()
        buffer = memoryview(binary)
        if buffer[0] != VERSION_ID:
            raise ValueError(f"Invalid version id. Expected {VERSION_ID}, got {buffer[0]}")
        tags = TagMap()
        try:
            _read_tags(buffer, tags)
        except ValueError as error:
            _logger.warning("Tags after the first %d cannot be read: %s", len(tags.map), error)
        return tags

    def to_byte_array(self, tag_context: Iterable[tuple[str, str]]) -> bytes | None:
        """Return the bytes that hold the tags; None, with a warning, when keys and values exceed `TAG_MAP_SERIALIZED_SIZE_LIMIT`."""
        parts = [_varint(VERSION_ID)]
        total_chars = 0
        for key, value in tag_context:
            total_chars += len(key) + len(value)
            parts += [_varint(TAG_FIELD_ID), *_text(key), *_text(value)]
        if total_chars > TAG_MAP_SERIALIZED_SIZE_LIMIT:
            _logger.warning("Tags of %d characters are too many to send, %d may be sent", total_chars, TAG_MAP_SERIALIZED_SIZE_LIMIT)
            return None
        return b"".join(parts)


def _read_tags(buffer: memoryview, tags: TagMap) -> None:
    """Put the tags behind the version byte into the map.

    Raises:
        ValueError: What follows is no tag, or too much. The map has the tags before it.
    """
    position, total_chars = 1, 0
    while position < len(buffer) and buffer[position] == TAG_FIELD_ID:
        key, position = _read_text(buffer, position + 1)
        value, position = _read_text(buffer, position)
        total_chars += len(key) + len(value)
        if total_chars > TAG_MAP_SERIALIZED_SIZE_LIMIT:
            raise ValueError(f"there are more than {TAG_MAP_SERIALIZED_SIZE_LIMIT} characters")
        tags.insert(key, value)


def _read_text(buffer: memoryview, position: int) -> tuple[str, int]:
    """Return the text at a position, and the position behind it."""
    length = shift = 0
    for octet in buffer[position : position + _MAX_LENGTH_BYTES]:
        length |= (octet & 0x7F) << shift
        shift += 7
        position += 1
        if octet < 0x80:
            break
    else:
        raise ValueError("a length has no end")
    end = position + length
    if end > len(buffer):
        raise ValueError(f"a text of {length} bytes is cut off")
    return str(buffer[position:end], UTF8), end


def _text(text: str) -> tuple[bytes, bytes]:
    """Return the length of a text in bytes as a varint, and the text."""
    encoded = text.encode(UTF8)
    return _varint(len(encoded)), encoded


def _varint(number: int) -> bytes:
    octets = bytearray()
    while number >= 0x80:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)
