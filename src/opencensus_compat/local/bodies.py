"""Request bodies and reply bodies of the ingestion protocol, as plain values.

Nothing here does I/O: a body of bytes goes in, its telemetry items come out, and a list of item errors becomes the
status and the JSON text that the service answers with.

Source: specification section 8 (ingestion protocol).
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

import orjson

JsonObject: TypeAlias = dict[str, Any]
"""A parsed JSON object, whose members anyone may have written."""

MAX_DECODED_BYTES = 64 * 1024 * 1024
"""Largest body after decompression, bytes: a gzip bomb ends here instead of in the machine's memory."""

_INFLATE_STEP_BYTES = 1024 * 1024
_JSON_SPACE = re.compile(r"[ \t\r\n]*")


class BodyError(ValueError):
    """A body that cannot be read as telemetry items.

    Attributes:
        status: HTTP status that the reply carries (400, 413 or 415).
        message: Text of the reply's single error.

    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Item:
    """One telemetry item as it came."""

    value: Any
    """The parsed JSON value; an object when the client is right."""
    text: str
    """Its JSON text exactly as sent."""
    size_bytes: int
    """Length of that text in UTF-8, bytes."""


_COUNTED = Item(None, "", 0)


@dataclass(frozen=True, slots=True)
class ItemError:
    """Why one item of a request was not accepted."""

    index: int
    """Position in the request, from 0."""
    status: int
    """Item status code, as an HTTP status."""
    message: str


def decode(raw: bytes, content_encoding: str, max_bytes: int = MAX_DECODED_BYTES) -> bytes:
    """Return the body without its content encoding.

    Args:
        raw: Body as received.
        content_encoding: Value of the ``Content-Encoding`` header; empty when absent. ``gzip``, ``deflate`` (with or
            without the zlib wrapper) and ``identity`` are known.
        max_bytes: Largest result, bytes.

    Raises:
        BodyError: 415 for an unknown encoding, 400 for broken data, 413 for a result over ``max_bytes``.

    """
    encoding = content_encoding.strip().lower()
    if encoding in ("", "identity"):
        if len(raw) > max_bytes:
            raise BodyError(413, f"Request body must not exceed {max_bytes} bytes")
        return raw
    if encoding in ("gzip", "x-gzip"):
        return _inflate(raw, zlib.MAX_WBITS | 16, max_bytes)
    if encoding == "deflate":
        # Clients disagree on whether "deflate" has the zlib header (RFC 9110 says it does); its first byte tells.
        wrapped = len(raw) >= 2 and raw[0] & 0x0F == 8 and (raw[0] << 8 | raw[1]) % 31 == 0
        return _inflate(raw, zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS, max_bytes)
    raise BodyError(415, f"Content-Encoding '{content_encoding}' is not supported. Expected: gzip, deflate or none")


def split(body: bytes) -> list[Item]:
    """Return the items of a decoded body: of a JSON array, of one object, or of objects one per line.

    Strict JSON: ``NaN`` and ``Infinity`` make the body unreadable, as they do at the service.

    Raises:
        BodyError: 400 when the body is empty, not UTF-8, not JSON, or nested too deeply.

    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BodyError(400, f"Body is not valid UTF-8 at byte {error.start}") from None
    start = _after_space(text, 0)
    if start == len(text):
        raise BodyError(400, "Body is empty. Expected: a JSON array, or JSON objects one per line")
    if text[start] not in "[{":
        raise BodyError(400, f"Body is not telemetry. Expected: '[' or '{{', Actual: {text[start]!r} at character {start}")
    try:
        spans = _array(text, start + 1) if text[start] == "[" else _objects(text, start)
    except json.JSONDecodeError as error:
        raise BodyError(400, f"Invalid JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise BodyError(400, "Invalid JSON: nested too deeply") from None
    except ValueError as error:  # a constant that is not JSON, or an integer of thousands of digits
        raise BodyError(400, f"Invalid JSON: {error}") from None
    ascii_only = text.isascii()
    items = []
    for value, first, last in spans:
        piece = text[first:last]
        items.append(Item(value, piece, last - first if ascii_only else len(piece.encode("utf-8"))))
    return items


def count(body: bytes) -> list[Item]:
    """Return as many items as `split` does, without their contents, in a quarter of the time.

    Raises:
        BodyError: As `split` does.

    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if isinstance(found, dict):
        found = [found]
    # Objects one per line, and what cannot be read, are for the other one.
    return [_COUNTED] * len(found) if isinstance(found, list) else split(body)


def reply(received: int, errors: list[ItemError]) -> tuple[int, bytes]:
    """Return status and JSON body of the answer to a request of ``received`` items, of which ``errors`` failed.

    200 when nothing failed, 206 when something was accepted, else the status of the first item.
    """
    accepted = received - len(errors)
    if not errors:
        status = 200
    elif accepted > 0:
        status = 206
    else:
        status = errors[0].status
    return status, reply_body(received, accepted, errors)


def reply_body(received: int, accepted: int, errors: list[ItemError]) -> bytes:
    """Return the JSON body of an answer, whatever its status."""
    listed = [{"index": error.index, "statusCode": error.status, "message": error.message} for error in errors]
    body = {"itemsReceived": received, "itemsAccepted": accepted, "appId": None, "errors": listed}
    return json.dumps(body, separators=(",", ":")).encode("utf-8")


def _inflate(raw: bytes, window_bits: int, max_bytes: int) -> bytes:
    """Decompress in steps, so that memory use is bounded by ``max_bytes`` whatever the data claims."""
    pieces: list[bytes] = []
    total = 0
    rest = raw
    while rest:
        engine = zlib.decompressobj(window_bits)
        pending = rest
        try:
            while True:
                piece = engine.decompress(pending, _INFLATE_STEP_BYTES)
                total += len(piece)
                if total > max_bytes:
                    raise BodyError(413, f"Decompressed request body must not exceed {max_bytes} bytes")
                pieces.append(piece)
                pending = engine.unconsumed_tail
                if engine.eof or (not pending and not piece):
                    break
        except zlib.error as error:
            raise BodyError(400, f"Body cannot be decompressed: {error}") from None
        if not engine.eof:
            raise BodyError(400, "Body cannot be decompressed: it ends too early")
        rest = engine.unused_data  # gzip allows several members, one after the other
    return b"".join(pieces)


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON value")


_DECODER = json.JSONDecoder(parse_constant=_not_json)


def _after_space(text: str, position: int) -> int:
    found = _JSON_SPACE.match(text, position)
    return found.end() if found else position


def _array(text: str, position: int) -> list[tuple[object, int, int]]:
    """Return (value, first, last) of each element; ``position`` is behind the opening bracket."""
    spans: list[tuple[object, int, int]] = []
    position = _after_space(text, position)
    if text[position : position + 1] != "]":
        while True:
            value, end = _DECODER.raw_decode(text, position)
            spans.append((value, position, end))
            position = _after_space(text, end)
            separator = text[position : position + 1]
            position = _after_space(text, position + 1)
            if separator == "]":
                break
            if separator != ",":
                raise json.JSONDecodeError("Expecting ',' delimiter", text, position)
    else:
        position = _after_space(text, position + 1)
    if position < len(text):
        raise json.JSONDecodeError("Extra data", text, position)
    return spans


def _objects(text: str, position: int) -> list[tuple[object, int, int]]:
    """Return (value, first, last) of each of the objects that follow one another."""
    spans: list[tuple[object, int, int]] = []
    while position < len(text):
        value, end = _DECODER.raw_decode(text, position)
        spans.append((value, position, end))
        position = _after_space(text, end)
    return spans
