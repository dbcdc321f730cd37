"""Who a certificate is of, who signed it, and until when it is valid, read from its bytes (DER). Pure.

Python shows that of certificates only that it has accepted, and here those are looked at that it has not.

Limits: names other than of hosts are not read, and of a name only its organization and common name.
Source: RFC 5280, section 4.1.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Certified", "certified"]

_SEQUENCE, _SET, _OID, _UTC_TIME, _EXPLICIT_0 = 0x30, 0x31, 0x06, 0x17, 0xA0
_NAMES = {b"\x55\x04\x03": "CN", b"\x55\x04\x0a": "O"}
"""Object identifiers 2.5.4.3 and 2.5.4.10."""
_MOST_PARTS = 64


@dataclass(frozen=True, slots=True)
class Certified:
    """What a certificate says."""

    subject: str
    """Organization and common name."""
    issuer: str
    not_before_s: float
    """Seconds since the epoch."""
    not_after_s: float


def certified(der: bytes) -> Certified:
    """Return what a certificate says.

    Raises:
        ValueError: It cannot be read.
    """
    try:
        fields = list(_parts(_content(_content(der, _SEQUENCE), _SEQUENCE)))
        if fields[0][0] == _EXPLICIT_0:
            fields = fields[1:]
        # Serial number, algorithm, issuer, validity, subject.
        _, _, issuer, validity, subject = fields[:5]
        begin, end = list(_parts(validity[1]))[:2]
        return Certified(_name(subject[1]), _name(issuer[1]), _time_s(*begin), _time_s(*end))
    except (IndexError, ValueError, OverflowError) as error:
        raise ValueError("the certificate cannot be read") from error


def _content(data: bytes, tag: int) -> bytes:
    """Return the content of the first part, which must have a tag."""
    found, content = next(_parts(data), (0, b""))
    if found != tag:
        raise ValueError
    return content


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each part."""
    at = count = 0
    while at < len(data) and count < _MOST_PARTS:
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if at + length > len(data):
            raise ValueError
        yield tag, data[at : at + length]
        at += length
        count += 1


def _name(data: bytes) -> str:
    found: dict[str, str] = {}
    for _, of_set in _parts(data):
        for _, pair in _parts(of_set):
            (_, kind), (_, value) = list(_parts(pair))[:2]
            if kind in _NAMES:
                text = value.decode("utf-8", "replace")
                found.setdefault(_NAMES[kind], "".join(letter if letter.isprintable() else " " for letter in text)[:100])
    return ", ".join(f"{key}={found[key]}" for key in ("CN", "O") if key in found)


def _time_s(tag: int, content: bytes) -> float:
    text = content.decode("ascii").rstrip("Z")
    if tag == _UTC_TIME:
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    return datetime.datetime.strptime(text + "+0000", "%Y%m%d%H%M%S%z").timestamp()
