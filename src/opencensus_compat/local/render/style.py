"""What the terminal can show: width, colours, marks."""

from __future__ import annotations

from dataclasses import dataclass

GAP = "  "
"""Between columns."""

_COLOURS = {"good": "\x1b[32m", "bad": "\x1b[31m", "warn": "\x1b[33m", "dim": "\x1b[2m", "bold": "\x1b[1m"}
_COLOUR_OFF = "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Style:
    """What the terminal can show."""

    width: int = 100
    """Terminal columns."""
    colour: bool = False
    unicode: bool = True
    """Draw with box characters and marks; otherwise plain ASCII."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cleaned text and the name of its colour."""

    text: str
    colour: str = ""


def ellipsis(style: Style) -> str:
    """Return the mark at the end of a text that is cut."""
    return "…" if style.unicode else "~"


def painted(text: str, colour: str, style: Style) -> str:
    """Return the text in a colour of ``_COLOURS``, where the terminal has colours."""
    return f"{_COLOURS[colour]}{text}{_COLOUR_OFF}" if style.colour and colour and text else text


def painted_cell(cell: Cell, style: Style) -> str:
    """Return the text of a cell in its colour."""
    return painted(cell.text, cell.colour, style)


def success_cell(value: object, style: Style) -> Cell:
    """Return the mark of a ``success`` column."""
    if value in ("False", "0"):
        return Cell("✗" if style.unicode else "x", "bad")
    return Cell("✓" if style.unicode else "+", "good")
