"""Envelopes to bytes: JSON that the service takes, whatever the values are, in batches within its limits.

The fast encoder is orjson: on whole envelopes it took 0.45 µs where msgspec took 0.80 µs and the standard library 6.4 µs. What it
refuses (numbers over 64 bits, lone surrogates, keys that are not text, cycles) goes through a plain copy first.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from ..errors import EncodingError
from ..foreign import failure

MAX_ITEM_BYTES = 65536
"""Longest item that the service takes, bytes of JSON."""
MAX_BATCH_ITEMS = 512
"""Most items in one request: what the SDK's processors hand over at a time. With fewer, each of their batches would take two requests."""
MAX_BATCH_BYTES = 1024 * 1024
"""Longest request, bytes before compression."""

_COMPRESSION_LEVEL = 3
"""Takes no longer than level 1 for a body that is a tenth smaller. Level 4 takes twice the time for another tenth."""
_PIECE_BYTES = 64 * 1024
"""What is compressed at a time. Each time lets another thread run, which keeps the interpreter for 5 ms where it is busy. A whole batch at
once takes 1 us more for each item, since it does not fit the processor's cache."""
_MAX_TOGETHER_BYTES = MAX_BATCH_BYTES // 4
_BETWEEN = b'},{"name":"Microsoft.ApplicationInsights.'
"""What stands between two items that this package made: in texts there is no bare quotation mark."""
_GZIP_FORMAT = 16 + zlib.MAX_WBITS
_MAX_DEPTH = 32
_INT64_MIN, _UINT64_MAX = -(2**63), 2**64 - 1
_NULL = b"null"
_SHORTEST_TEXT = 128
_BULK_FIELDS = ("message", "stack", "parsedStack", "data", "url", "name")
# Dates and dataclasses become str(value) as in the retired exporter, not orjson's own forms.
_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


def item(envelope: Mapping[str, object], are_numbers_finite: bool = False) -> bytes:
    """Return the JSON of one envelope, at most 65536 bytes.

    NaN and infinities become their text in properties, leave measurements, and are null elsewhere; values that JSON cannot hold become their text, and what is too long is shortened: the longest
    properties first, then message, stack and the rest.

    Args:
        envelope: Not changed.
        are_numbers_finite: Whether the conversion has made text of all other numbers. To look for them takes half a microsecond.

    Raises:
        EncodingError: It cannot be made short enough.
    Loses: what is cut to fit.
    """
    try:
        encoded = orjson.dumps(envelope, _stand_in, _OPTIONS)
        # From the end, which takes a quarter of a microsecond; from the beginning it is half of one.
        if not are_numbers_finite and encoded.rfind(_NULL) >= 0:
            careful = orjson.dumps(_plain(envelope, _MAX_DEPTH), option=_OPTIONS)
            if careful.count(_NULL) != encoded.count(_NULL):
                # Not each is a None.
                encoded = careful
    except (TypeError, ValueError, RecursionError):
        encoded = orjson.dumps(_plain(envelope, _MAX_DEPTH), option=_OPTIONS)
    return encoded if len(encoded) <= MAX_ITEM_BYTES else _shrunk(encoded)


class Together(NamedTuple):
    """Items that were encoded in one go, which takes half as long as one by one."""

    json: bytes
    """The items, with commas between them."""
    number: int
    """How many they are."""
    is_ours: bool = True
    """Whether this package has made them: then `_BETWEEN` stands between them."""

    def items(self) -> list[bytes]:
        """Return the single items, in order."""
        if self.number == 1:
            return [self.json]
        if not self.is_ours:
            return [orjson.dumps(one) for one in orjson.loads(b"[%b]" % self.json)]
        first, *others = self.json.split(_BETWEEN)
        if len(others) + 1 != self.number:
            # What stands between items stands in one of them, too.
            return [orjson.dumps(one) for one in orjson.loads(b"[%b]" % self.json)]
        opening, closing = _BETWEEN[2:], _BETWEEN[:1]
        return [first + closing, *(opening + other + closing for other in others[:-1]), opening + others[-1]]


def together(envelopes: list[Mapping[str, object]]) -> Together | None:
    """Return envelopes encoded in one go; None where they have to go through :func:`item`, because one is too long or refused.

    Args:
        envelopes: Whose numbers are finite.
    """
    try:
        encoded = orjson.dumps(envelopes, _stand_in, _OPTIONS)
    except (TypeError, ValueError, RecursionError):
        return None
    found = Together(encoded[1:-1], len(envelopes))
    if len(encoded) <= MAX_ITEM_BYTES:
        # All of them are no longer than one may be.
        return found
    return found if len(encoded) <= _MAX_TOGETHER_BYTES and max(map(len, found.items())) <= MAX_ITEM_BYTES else None


def written(items: list[str]) -> Together:
    """Return items that are JSON already, as :mod:`..convert.patterns` writes them: each short enough."""
    joined = ",".join(items)
    try:
        return Together(joined.encode(), len(items))
    except UnicodeEncodeError:
        return Together(_valid(joined).encode(), len(items))


def brought(items: list[bytes]) -> Sequence[bytes | Together]:
    """Return items that programs have made, each as :func:`item` encoded it, in one piece where that is short enough."""
    joined = b",".join(items)
    return (Together(joined, len(items), is_ours=False),) if len(joined) <= _MAX_TOGETHER_BYTES else items


@dataclass(frozen=True, slots=True)
class Batch:
    """Items as one request carries them. Kept compressed: :meth:`items` unpacks them."""

    body: bytes
    """A gzipped JSON array."""
    parts: tuple[tuple[int, int, bool], ...]
    """Of the items that were encoded together, in order: bytes, number, and whether this package has made them."""
    number: int
    """How many items there are."""

    def __len__(self) -> int:
        """Return the number of items."""
        return self.number

    def items(self) -> list[bytes]:
        """Return the single items, in order."""
        array = zlib.decompress(self.body, _GZIP_FORMAT)
        found: list[bytes] = []
        start = 1
        for length, number, is_ours in self.parts:
            found += Together(array[start : start + length], number, is_ours).items()
            start += length + 1
        return found


def batches(items: Iterable[bytes | Together]) -> Iterator[Batch]:
    """Yield the items in order, in batches of at most 512 items and 1 MiB before compression.

    Items are packed as they come and not collected: memory for a batch's JSON would be asked from the system, and given back, each time.
    """
    packer = _Packer()
    for encoded in items:
        json, number, is_ours = encoded if isinstance(encoded, Together) else (encoded, 1, False)
        if packer.number and (packer.size + len(json) + 1 > MAX_BATCH_BYTES or packer.number + number > MAX_BATCH_ITEMS):
            yield packer.batch()
            packer = _Packer()
        packer.add(json, number, is_ours)
    if packer.number:
        yield packer.batch()


class _Packer:
    """Builds one batch."""

    def __init__(self) -> None:
        self.number = 0
        """Of items."""
        self.size = 1
        """Bytes of all of it, before compression."""
        self._parts: list[tuple[int, int, bool]] = []
        self._waiting: list[bytes] = [b"["]
        """What is not compressed yet: with commas, since what is put around it later is copied once more."""
        self._until_packing = _PIECE_BYTES
        self._compress = zlib.compressobj(_COMPRESSION_LEVEL, zlib.DEFLATED, _GZIP_FORMAT)
        self._pieces: list[bytes] = []

    def add(self, json: bytes, number: int, is_ours: bool) -> None:
        """Add items that stand together."""
        self._parts.append((len(json), number, is_ours))
        if self.number:
            self._waiting.append(b",")
        self._waiting.append(json)
        self.number += number
        self.size += len(json) + 1
        if self.size > self._until_packing:
            self._pack()

    def batch(self) -> Batch:
        """Return the batch; nothing may be added after that."""
        self._waiting.append(b"]")
        self._pack()
        self._pieces.append(self._compress.flush())
        return Batch(b"".join(self._pieces), tuple(self._parts), self.number)

    def _pack(self) -> None:
        """Compress what is waiting."""
        self._pieces.append(self._compress.compress(b"".join(self._waiting)))
        self._waiting.clear()
        self._until_packing = self.size + _PIECE_BYTES


def _stand_in(value: object) -> object:
    """Return what stands for a value that the encoder has no form for: a list, a dict, or else its text."""
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    return _text(value)


def _text(value: object) -> str:
    """Return a value's text, as the retired exporter's ``default=str`` gave."""
    try:
        # repr is what str gives for bytes, but is no error under python -bb.
        return _valid(repr(value) if isinstance(value, (bytes, bytearray)) else str(value))
    except failure():  # str() of a foreign object may raise anything, and its item must not be lost for it.
        return f"<{type(value).__name__}>"


def _plain(value: object, depth: int, *, is_property: bool = False) -> object:
    """Return a copy that orjson takes for certain; below the given depth everything is text.

    Args:
        value: Anything.
        depth: How many levels there may be.
        is_property: Whether it is a custom dimension, or in one: numbers that are not finite are text then.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _valid(str(value))
    if isinstance(value, int):
        return int(value) if _INT64_MIN <= value <= _UINT64_MAX else _text(int(value))
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else _text(float(value)) if is_property else None
    if depth > 0:
        if isinstance(value, Mapping):
            return {
                _key(key): _numbers(inner)
                if key == "measurements" and isinstance(inner, Mapping) and not is_property
                else _plain(inner, depth - 1, is_property=is_property or key == "properties")
                for key, inner in list(value.items())
            }
        if isinstance(value, (list, tuple)):
            return [_plain(inner, depth - 1, is_property=is_property) for inner in value]
    return _text(value)


def _numbers(measurements: Mapping[object, object]) -> dict[str, object]:
    """Return measurements without numbers that are not finite. Those of more than 64 bits are the nearest float."""
    found: dict[str, object] = {}
    for key, value in list(measurements.items()):
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            try:
                number = float(value)
            except OverflowError:
                continue
            if math.isfinite(number):
                found[_key(key)] = int(value) if isinstance(value, int) and _INT64_MIN <= value <= _UINT64_MAX else number
        else:
            found[_key(key)] = _plain(value, 1)
    return found


def _key(key: object) -> str:
    if isinstance(key, str):
        return _valid(key)
    # The three below as the standard library's json writes them.
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    return _text(key)


def _valid(text: str) -> str:
    """Return the text with surrogate pairs joined and lone surrogates replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _shrunk(encoded: bytes) -> bytes:
    """Return a too long item shortened to the limit. Source: specification section 1.4 (DO)."""
    envelope = orjson.loads(encoded)
    data = envelope.get("data") if isinstance(envelope, dict) else None
    fields = data.get("baseData") if isinstance(data, dict) else None
    if isinstance(fields, dict):
        properties = fields.get("properties")
        details = fields.get("exceptions")
        for entry in details if isinstance(details, list) else ():
            if isinstance(entry, dict) and entry.get("parsedStack") and "stack" in entry:
                # The frames are there a second time.
                encoded = _shortened(envelope, entry, encoded, ["stack"])
        if isinstance(properties, dict):
            encoded = _shortened(envelope, properties, encoded, sorted(properties, key=lambda key: -_size(properties[key])))
        holders = [fields, *(entry for entry in details if isinstance(entry, dict))] if isinstance(details, list) else [fields]
        for holder in holders:
            encoded = _shortened(envelope, holder, encoded, [name for name in _BULK_FIELDS if name in holder])
        if len(encoded) > MAX_ITEM_BYTES and isinstance(properties, dict):
            # Thousands of small properties: the last ones go.
            while properties and len(encoded) > MAX_ITEM_BYTES:
                for key in list(properties)[-max(1, len(properties) // 8) :]:
                    del properties[key]
                encoded = orjson.dumps(envelope)
    if len(encoded) > MAX_ITEM_BYTES:
        raise EncodingError(f"an item of {len(encoded)} bytes cannot be shortened to {MAX_ITEM_BYTES}")
    return encoded


def _shortened(envelope: dict[str, object], holder: dict[str, object], encoded: bytes, keys: list[str]) -> bytes:
    """Shorten the values under the keys, in order, until the whole item fits; return its new encoding."""
    for key in keys:
        excess = len(encoded) - MAX_ITEM_BYTES
        if excess <= 0:
            break
        value = holder[key]
        if key == "parsedStack" and isinstance(value, list):
            # The innermost frames say most.
            while len(value) > 1 and excess > 0:
                excess -= _size(value.pop()) + 1
        elif key == "stack" and isinstance(value, str):
            # The error and its innermost frames stand at the end.
            holder[key] = _cut(value[::-1], _size(value) - excess)[::-1]
        elif isinstance(value, (str, list, dict)):
            holder[key] = _cut(value if isinstance(value, str) else orjson.dumps(value).decode(), _size(value) - excess)
        encoded = orjson.dumps(envelope)
    return encoded


def _cut(text: str, allowed: int) -> str:
    """Return the text's beginning that takes at most so many bytes of JSON, or its shortest useful form."""
    while len(text) > _SHORTEST_TEXT:
        size = _size(text)
        if size <= allowed:
            break
        text = text[: max(_SHORTEST_TEXT, min(len(text) - 1, len(text) * max(allowed, 0) // size))]
    return text


def _size(value: object) -> int:
    return len(orjson.dumps(value))
