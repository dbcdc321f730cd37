"""Texts of telemetry as harmless characters, and how wide they are."""

from __future__ import annotations

import unicodedata

MAX_CELL_CHARS = 400
"""Longer texts are cut here before they are measured."""


def clean(text: object) -> str:
    """Return a value as one line of harmless characters: whatever could move the cursor is escaped."""
    line = str(text)
    if line.isascii() and line.isprintable():
        return line
    return "".join(_escaped(character) for character in line)


def headline(text: object) -> str:
    """Return the first line of a text that has something in it, cleaned, with a mark when there is more."""
    lines = str(text).strip().splitlines()
    return (clean(lines[0].strip()[:MAX_CELL_CHARS]) + (" …" if len(lines) > 1 else "")) if lines else ""


def columns(text: str) -> int:
    """Return how many terminal columns a cleaned text takes."""
    return len(text) if text.isascii() else sum(map(_character_columns, text))


def fit(text: str, width: int, *, right: bool = False, mark: str = "…") -> str:
    """Return a cleaned text padded, or cut with ``mark``, to exactly ``width`` terminal columns."""
    missing = width - columns(text)
    if missing >= 0:
        return " " * missing + text if right else text + " " * missing
    kept, room = [], width - len(mark)
    for character in text:
        room -= _character_columns(character)
        if room < 0:
            break
        kept.append(character)
    cut = "".join(kept) + mark[: max(0, width)]
    return cut + " " * (width - columns(cut))


def duration(milliseconds: object) -> str:
    """Return a duration for people: ``0.4 ms``, ``235 ms``, ``1.24 s``, ``2 min 05 s``."""
    if not isinstance(milliseconds, (int, float)):
        return ""
    if milliseconds < 9.95:
        return f"{milliseconds:.1f} ms"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    if milliseconds < 59_995:
        return f"{milliseconds / 1000:.2f} s"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def clock(timestamp: object) -> str:
    """Return the time of day in UTC with milliseconds."""
    return str(timestamp)[11:23] if isinstance(timestamp, str) and len(timestamp) >= 23 else clean(timestamp)


def number(value: object) -> str:
    """Return a number with twelve digits at most; anything else as it is written."""
    return f"{value:.12g}" if isinstance(value, (int, float)) else str(value)


def shortened(text: object) -> str:
    """Return the headline of a text that may be absent."""
    return headline(text or "") or "(no name)"


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    # repr() escapes what is not printable: controls, line separators, direction marks, lone surrogates.
    return repr(character)[1:-1] if character != " " else character


def _character_columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
