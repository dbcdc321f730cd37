"""One item in a few words: its kind, its text, its mark; and as one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..shapes import SEVERITY_NAMES
from .style import GAP, Cell, Style, ellipsis, painted, painted_cell, success_cell
from .text import clean, clock, columns, duration, fit, number, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

_SEVERITY_COLOURS = ("dim", "", "warn", "bad", "bad")
_LEAST_COLUMNS = 20


def item(name: str, row: Mapping[str, object], style: Style) -> str:
    """Return one arriving item as one line."""
    kind, what, colour = description(name, row)
    mark = mark_of(name, row, style)
    facts = [clock(row.get("timestamp")), painted_cell(mark, style), painted(f"{kind:<10}", "dim", style)]
    head = GAP.join(facts)
    used = columns(f"{clock(row.get('timestamp'))}{GAP}{mark.text}{GAP}{kind:<10}{GAP}")
    tail = [clean(text) for text in (row.get("resultCode"), duration(row.get("duration")), row.get("cloud_RoleName")) if text]
    end = GAP.join(tail)
    room = style.width - used - columns(end) - len(GAP)
    if room < _LEAST_COLUMNS:
        end, room = "", style.width - used
    return f"{head}{GAP}{painted(fit(what, room, mark=ellipsis(style)), colour, style)}{GAP}{painted(end, 'dim', style)}".rstrip()


def description(name: str, row: Mapping[str, object]) -> tuple[str, str, str]:
    """Return kind, text and colour of an item."""
    kind = clean(row.get("itemType") or name)
    if name == "traces":
        level = row.get("severityLevel")
        return "trace", shortened(row.get("message")), severity_colour(level) if isinstance(level, int) else ""
    if name == "exceptions":
        message = row.get("outerMessage") or row.get("message")
        return kind, shortened(f"{row.get('type')}: {message}"), "bad"
    if name == "customMetrics":
        return "metric", shortened(f"{row.get('name')} = {number(row.get('valueSum'))}{_spread(row)}"), ""
    if name == "performanceCounters":
        instance = f"({row['instance']})" if row.get("instance") else ""
        return "counter", shortened(f"{row.get('category') or ''}{instance} {row.get('name')} = {number(row.get('value'))}".strip()), ""
    return {"customEvent": "event", "availabilityResult": "available"}.get(kind, kind), shortened(row.get("name")), ""


def mark_of(name: str, row: Mapping[str, object], style: Style) -> Cell:
    """Return the mark before an item: whether it succeeded, or whether it is an exception."""
    if "success" in row:
        return success_cell(row["success"], style)
    if name == "exceptions":
        return Cell("!", "bad")
    return Cell("·" if style.unicode else "-", "dim")


def severity(level: int) -> str:
    """Return the name of a severity level."""
    return SEVERITY_NAMES[level] if 0 <= level < len(SEVERITY_NAMES) else f"severity {level}"


def severity_colour(level: int) -> str:
    """Return the name of its colour."""
    return _SEVERITY_COLOURS[level] if 0 <= level < len(_SEVERITY_COLOURS) else "bad"


def _spread(row: Mapping[str, object]) -> str:
    count = row.get("valueCount")
    return f" ({count} values, {number(row.get('valueMin'))} to {number(row.get('valueMax'))})" if count not in (None, 1) else ""
