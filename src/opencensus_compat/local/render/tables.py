"""Rows of a portal table as lines within the terminal's width."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .items import severity, severity_colour
from .style import GAP, Cell, Style, ellipsis, painted, success_cell
from .text import MAX_CELL_CHARS, clean, clock, columns, duration, fit, headline

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

TABLE_COLUMNS: dict[str, tuple[str, ...]] = {
    "requests": ("timestamp", "success", "name", "resultCode", "duration", "cloud_RoleName", "url", "operation_Id", "customDimensions"),
    "dependencies": (
        "timestamp",
        "success",
        "name",
        "type",
        "target",
        "resultCode",
        "duration",
        "cloud_RoleName",
        "data",
        "operation_Id",
        "customDimensions",
    ),
    "traces": ("timestamp", "severityLevel", "message", "cloud_RoleName", "operation_Id", "customDimensions"),
    "exceptions": ("timestamp", "severityLevel", "type", "outerMessage", "method", "cloud_RoleName", "operation_Id", "customDimensions"),
    "customEvents": ("timestamp", "name", "cloud_RoleName", "operation_Id", "customDimensions", "customMeasurements"),
    # The dimensions tell one series from another.
    "customMetrics": ("timestamp", "name", "valueSum", "valueCount", "customDimensions", "valueMin", "valueMax", "cloud_RoleName"),
    "performanceCounters": ("timestamp", "category", "counter", "value", "instance", "cloud_RoleName"),
    "availabilityResults": ("timestamp", "success", "name", "location", "duration", "message", "customDimensions"),
    "pageViews": ("timestamp", "name", "url", "duration", "operation_Id", "customDimensions"),
}
"""Columns that a table shows, in order; where the terminal is too narrow for all, the last ones go."""
_HEADINGS = {
    "timestamp": "time",
    "success": "ok",
    "resultCode": "result",
    "cloud_RoleName": "role",
    "operation_Id": "operation",
    "severityLevel": "severity",
    "outerMessage": "message",
    "valueSum": "sum",
    "valueCount": "count",
    "valueMin": "min",
    "valueMax": "max",
}
_RIGHT = frozenset({"duration", "resultCode", "valueSum", "valueCount", "valueMin", "valueMax", "value"})
_MAY_SHRINK = frozenset(
    {"name", "url", "data", "target", "message", "outerMessage", "method", "customDimensions", "customMeasurements", "cloud_RoleName"}
)
_OPERATION_CHARS = 8
_LEAST_COLUMNS = 20


def table(name: str, rows: Sequence[Mapping[str, object]], style: Style, *, total: int | None = None) -> str:
    """Return a portal table: a title, a heading and a line per row, within the terminal's width.

    Rows stand in order of time. Columns that are empty in every row are left out; long texts are cut.
    """
    rows = sorted(rows, key=lambda row: str(row.get("timestamp", "")))
    shown = [column for column in TABLE_COLUMNS[name] if any(row.get(column) not in (None, "", {}) for row in rows)]
    cells = [[_cell(column, row.get(column), style) for column in shown] for row in rows]
    headings = [_HEADINGS.get(column, column) for column in shown]
    widths = _widths(shown, headings, cells, style)
    shown, headings = shown[: len(widths)], headings[: len(widths)]
    lines = [
        painted(f"{name} ({_share(len(rows), total)})", "bold", style),
        painted(_line(shown, map(Cell, headings), widths, style), "dim", style),
    ]
    lines.extend(_line(shown, row, widths, style) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def overview(counts: Mapping[str, int], style: Style) -> str:
    """Return the number of rows of each table that has any."""
    present = {table: count for table, count in counts.items() if count}
    if not present:
        return "No telemetry has arrived."
    widest = max(len(str(count)) for count in present.values())
    return "\n".join(fit(f"{count:>{widest}}  {table}", style.width).rstrip() for table, count in present.items())


def _share(shown: int, total: int | None) -> str:
    return str(shown) if total is None or total == shown else f"the latest {shown} of {total}"


def _cell(column: str, value: object, style: Style) -> Cell:
    if value is None:
        return Cell("")
    if column == "timestamp":
        return Cell(clock(value))
    if column == "success":
        return success_cell(value, style)
    if column == "duration":
        return Cell(duration(value))
    if column == "severityLevel" and isinstance(value, int):
        return Cell(severity(value), severity_colour(value))
    if column == "operation_Id":
        return Cell(clean(str(value)[:_OPERATION_CHARS]), "dim")
    if isinstance(value, float):
        return Cell(f"{value:.12g}")
    if isinstance(value, dict):
        return Cell(clean(", ".join(f"{key}={text}" for key, text in value.items())[:MAX_CELL_CHARS]), "dim")
    return Cell(headline(value))


def _widths(shown: list[str], headings: list[str], cells: list[list[Cell]], style: Style) -> list[int]:
    """Return column widths that fit the terminal: the last columns go when even cut texts are too wide, then the widest are cut."""
    widths = [max([columns(headings[place]), *(columns(row[place].text) for row in cells)], default=0) for place in range(len(shown))]
    least = [min(width, _LEAST_COLUMNS) if column in _MAY_SHRINK else width for column, width in zip(shown, widths, strict=True)]
    while len(least) > 1 and sum(least) + len(GAP) * (len(least) - 1) > style.width:
        least.pop()
        widths.pop()
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - style.width
    while excess > 0:
        slack = [width - low for width, low in zip(widths, least, strict=True)]
        elastic = [place for place, room in enumerate(slack) if room > 0]
        if not elastic:
            return [style.width]  # a single column wider than the terminal
        widest = max(elastic, key=lambda place: widths[place])
        second = max((widths[place] for place in elastic if place != widest), default=0)
        step = max(1, min(excess, slack[widest], widths[widest] - second))
        widths[widest] -= step
        excess -= step
    return widths


def _line(shown: Sequence[str], cells: Iterable[Cell], widths: Sequence[int], style: Style) -> str:
    parts = []
    for column, cell, width in zip(shown, cells, widths, strict=False):
        parts.append(painted(fit(cell.text, width, right=column in _RIGHT, mark=ellipsis(style)), cell.colour, style))
    return GAP.join(parts)
