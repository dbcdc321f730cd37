"""The bodies of replies, decoded within a limit. Pure.

The HTTP libraries decode as they read, and each release bounds something else: 16 KiB of a reply that is compressed twice become gigabytes.
"""

from __future__ import annotations

import zlib

MAX_LAYERS = 4
"""Most encodings of one body, one over the other."""
_OTHERS = frozenset({"br", "compress", "dcb", "dcz", "x-compress", "zstd"})
"""Encodings that were not asked for. What is none, such as the name of a character set, says nothing of the body."""
_MAX_MEMBERS = 64
"""Most gzip members of one body: taking one off copies what follows it."""
_GZIP, _ZLIB, _RAW = 31, 15, -15


class DecodeError(ValueError):
    """The body is not what its encoding says, or is encoded in a way that was not asked for."""


def decoded(body: bytes, encoding: str, limit_bytes: int) -> bytes:
    """Return a body without its encodings, cut at a limit; no step on the way there makes more than that.

    Args:
        body: As it came, perhaps cut.
        encoding: Header ``Content-Encoding``: names separated by commas, the outermost last.
        limit_bytes: Most bytes to return.

    Raises:
        DecodeError: Of an encoding that was not asked for, too many of them, or one that the body does not have.
    """
    layers = [name for name in (part.strip().lower() for part in encoding.split(",")) if name not in ("", "identity")]
    if len(layers) > MAX_LAYERS:
        raise DecodeError
    for name in reversed(layers):
        if name in ("gzip", "x-gzip"):
            body = _inflated(body, _GZIP, limit_bytes)
        elif name == "deflate":
            # By the book it has zlib's head; some send it without.
            try:
                body = _inflated(body, _ZLIB, limit_bytes)
            except DecodeError:
                body = _inflated(body, _RAW, limit_bytes)
        elif name in _OTHERS:
            raise DecodeError
    return body[:limit_bytes]


def _inflated(data: bytes, wbits: int, limit_bytes: int) -> bytes:
    found = bytearray()
    for member in range(_MAX_MEMBERS):
        if not data or len(found) >= limit_bytes:
            break
        inflater = zlib.decompressobj(wbits)
        try:
            found += inflater.decompress(data, limit_bytes - len(found))
        except zlib.error:
            if member:
                # Padding after the last member.
                break
            raise DecodeError from None
        data = inflater.unused_data
    return bytes(found)
