"""Request bodies off the wire: by length or in chunks, up to a size, cut where a rule says so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .bodies import BodyError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message
    from io import BufferedIOBase

STEP_BYTES = 256 * 1024
"""How much is moved at once."""

_LINE_BYTES = 4096


class CutError(Exception):
    """Ends a connection: the client has gone, or a rule says so."""


class ResetError(CutError):
    """Ends a connection with a reset."""


def read_body(file: BufferedIOBase, headers: Message, body: bytearray, max_bytes: int, stop_after: int | None = None) -> None:
    """Read the body of a request into ``body``, which also holds the bytes read when this raises.

    Args:
        file: The connection, behind the headers.
        headers: Those of the request.
        body: An empty one.
        max_bytes: Largest body as sent.
        stop_after: How many bytes to read at most; ``None`` for all.

    Raises:
        BodyError: Over ``max_bytes``, or its framing is broken; the rest is unread.
        ResetError: ``stop_after`` bytes have been read.
        CutError: The client has gone.

    """
    coding = headers.get("Transfer-Encoding", "identity").strip().lower()
    if coding == "chunked":
        while size := _chunk_size(file):
            _read_exactly(file, body, size, max_bytes, stop_after)
            _line(file)
        while _line(file):
            pass
    elif coding == "identity":
        length = headers.get("Content-Length", "0").strip()
        if not (length.isascii() and length.isdigit() and len(length) < 16):
            raise BodyError(400, f"Content-Length is not a number: {length[:40]!r}")
        _read_exactly(file, body, int(length), max_bytes, stop_after)
    else:
        raise BodyError(400, f"Transfer-Encoding '{coding[:40]}' is not supported")


def steps(size: int) -> Iterator[int]:
    """Yield the sizes in which ``size`` bytes are moved."""
    while size > 0:
        step = min(size, STEP_BYTES)
        yield step
        size -= step


def _read_exactly(file: BufferedIOBase, body: bytearray, size: int, max_bytes: int, stop_after: int | None) -> None:
    if len(body) + size > max_bytes:
        raise BodyError(413, f"Request body must not exceed {max_bytes} bytes")
    if stop_after is not None:
        size = min(size, max(0, stop_after - len(body)))
    for step in steps(size):
        piece = file.read(step)
        body += piece
        if len(piece) < step:
            raise CutError
    if stop_after is not None and len(body) >= stop_after:
        raise ResetError


def _chunk_size(file: BufferedIOBase) -> int:
    digits = _line(file).partition(b";")[0].strip()
    if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", digits):
        raise BodyError(400, "Chunked body is broken")
    return int(digits, 16)


def _line(file: BufferedIOBase) -> bytes:
    line = file.readline(_LINE_BYTES)
    if not line.endswith(b"\n"):
        if len(line) == _LINE_BYTES:
            raise BodyError(400, "Chunked body is broken")
        raise CutError
    return line.rstrip(b"\r\n")
