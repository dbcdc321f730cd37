"""Rows and transactions as text for a terminal. Pure: values in, text out.

Every text from telemetry is shown on one line: control characters, line ends and invisible direction marks are escaped,
so that no item can move the cursor, change colours or break a table. Widths count terminal columns: wide characters
two, combining marks none.
"""

from __future__ import annotations

import textwrap
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .shapes import SEVERITY_NAMES
from .times import parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from .transaction import Node, Transaction

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
_MAX_CELL_CHARS = 400
_MAX_FRAMES = 12
_GAP = "  "
_LEAST_LABEL_COLUMNS = 30
_BAR_COLUMNS = 20
_BAR_FROM_WIDTH = 100

_COLOURS = {"good": "\x1b[32m", "bad": "\x1b[31m", "warn": "\x1b[33m", "dim": "\x1b[2m", "bold": "\x1b[1m"}
_COLOUR_OFF = "\x1b[0m"
_SEVERITY_COLOURS = ("dim", "", "warn", "bad", "bad")


@dataclass(frozen=True, slots=True)
class Style:
    """How the terminal wants it."""

    width: int = 100
    """Terminal columns."""
    colour: bool = False
    unicode: bool = True
    """Draw with box characters and marks; otherwise plain ASCII."""


@dataclass(frozen=True, slots=True)
class _Cell:
    text: str
    colour: str = ""


def clean(text: object) -> str:
    """Return a value as one line of harmless characters: whatever could move the cursor is escaped."""
    line = str(text)
    if line.isascii() and line.isprintable():
        return line
    return "".join(_escaped(character) for character in line)


def headline(text: object) -> str:
    """Return the first line of a text that has something in it, cleaned, with a mark when there is more."""
    lines = str(text).strip().splitlines()
    return (clean(lines[0].strip()[:_MAX_CELL_CHARS]) + (" …" if len(lines) > 1 else "")) if lines else ""


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


def table(name: str, rows: Sequence[Mapping[str, Any]], style: Style, *, total: int | None = None) -> str:
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
        _painted(f"{name} ({_share(len(rows), total)})", "bold", style),
        _painted(_line(shown, map(_Cell, headings), widths, style), "dim", style),
    ]
    lines.extend(_line(shown, row, widths, style) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def _share(shown: int, total: int | None) -> str:
    return str(shown) if total is None or total == shown else f"the latest {shown} of {total}"


def overview(counts: Mapping[str, int], style: Style) -> str:
    """Return the number of rows of each table that has any."""
    present = {table: count for table, count in counts.items() if count}
    if not present:
        return "No telemetry has arrived."
    widest = max(len(str(count)) for count in present.values())
    return "\n".join(fit(f"{count:>{widest}}  {table}", style.width).rstrip() for table, count in present.items())


def item(name: str, row: Mapping[str, Any], style: Style) -> str:
    """Return one arriving item as one line."""
    kind, what, colour = _description(name, row)
    mark = _mark(name, row, style)
    facts = [_clock(row.get("timestamp")), _paint_cell(mark, style), _painted(f"{kind:<10}", "dim", style)]
    head = _GAP.join(facts)
    used = columns(f"{_clock(row.get('timestamp'))}{_GAP}{mark.text}{_GAP}{kind:<10}{_GAP}")
    tail = [clean(text) for text in (row.get("resultCode"), duration(row.get("duration")), row.get("cloud_RoleName")) if text]
    end = _GAP.join(tail)
    room = style.width - used - columns(end) - len(_GAP)
    if room < _LEAST_COLUMNS:
        end, room = "", style.width - used
    return f"{head}{_GAP}{_painted(fit(what, room, mark=_ellipsis(style)), colour, style)}{_GAP}{_painted(end, 'dim', style)}".rstrip()


def transaction(found: Transaction, style: Style) -> str:
    """Return an end-to-end transaction: a heading, then the tree with results, durations and roles.

    A terminal of 100 columns or more also gets a time line; a narrow one loses role, then duration, then result.
    """
    walked = list(found.walk())
    roles = {node.row.get("cloud_RoleName") for _, _, node in walked}
    facts = [_facts(node, show_role=len(roles) > 1) for _, _, node in walked]
    spans = [_span_ms(node.row) for _, _, node in walked]
    begin_ms = min((begin for begin, _ in spans if begin is not None), default=0.0)
    end_ms = max((begin + length for begin, length in spans if begin is not None), default=begin_ms)
    bar = style.width >= _BAR_FROM_WIDTH
    room = style.width - (_BAR_COLUMNS + len(_GAP) if bar else 0)
    widths = [max((columns(fact[place]) for fact in facts), default=0) for place in range(4)]
    while widths and room - _reserved(widths) < min(_LEAST_LABEL_COLUMNS, room):
        widths.pop()
    room -= _reserved(widths)
    # Half of the label's room at most goes to indentation, three columns per level.
    labels = [
        (_branch(depth, flags, room // 6, style), _mark(node.table, node.row, style), *_description(node.table, node.row)[1:])
        for depth, flags, node in walked
    ]
    room = min(room, max((columns(f"{branch}{mark.text} {text}") for branch, mark, text, _ in labels), default=0))
    lines = [_heading(found, end_ms - begin_ms, style)]
    for (branch, mark, text, colour), fact, (begin, length) in zip(labels, facts, spans, strict=True):
        left = max(1, room - columns(branch) - columns(mark.text) - 1)
        line = (
            f"{_painted(branch, 'dim', style)}{_paint_cell(mark, style)} {_painted(fit(text, left, mark=_ellipsis(style)), colour, style)}"
        )
        for place, width in enumerate(widths):
            if width:
                line += _GAP + _painted(fit(fact[place], width, right=place in (1, 2)), "dim" if place == 3 else "", style)
        if bar and begin is not None:
            line += _GAP + _painted(_bar(begin - begin_ms, length, end_ms - begin_ms, style), "dim", style)
        lines.append(line.rstrip())
    return "\n".join(lines)


def stacks(found: Transaction, style: Style) -> str:
    """Return the exceptions of a transaction with their stacks: each error, then those that led to it; innermost frames first.

    Empty when no exception has a stack. Of a long stack the innermost frames are shown.
    """
    lines: list[str] = []
    for _, _, node in found.walk():
        details = node.row.get("details") if node.table == "exceptions" else None
        entries = [entry for entry in details if isinstance(entry, dict)] if isinstance(details, list) else []
        if not any(entry.get("parsedStack") or entry.get("rawStack") for entry in entries):
            continue
        for place, entry in enumerate(entries):
            title = f"{'! ' if place == 0 else '  from '}{clean(entry.get('type') or '')}: {_shortened(entry.get('message'))}"
            lines.append(_painted(fit(title, style.width, mark=_ellipsis(style)).rstrip(), "bad" if place == 0 else "", style))
            lines.extend(_painted(fit(f"    {line}", style.width, mark=_ellipsis(style)).rstrip(), "dim", style) for line in _frames(entry))
    return "\n".join(lines)


def problems(refused: Sequence[Mapping[str, Any]], warnings: Sequence[Mapping[str, Any]], style: Style) -> str:
    """Return what the check found, equal findings together; empty when it found nothing.

    Args:
        refused: ``statusCode`` and ``message`` of each refused item.
        warnings: ``path`` and ``text`` of each warning.

    """
    lines = []
    if refused:
        lines.append(_painted(f"refused ({len(refused)})", "bad", style))
        lines.extend(_counted([f"{entry['status']} {clean(entry['message'])}" for entry in refused], style))
    told = [entry for entry in warnings if not _is_as_ever(entry)]
    if told:
        lines.append(_painted(f"accepted with warnings ({len(told)})", "warn", style))
        lines.extend(_counted([f"{clean(entry['path'])} {clean(entry['text'])}" for entry in told], style))
    if len(told) < len(warnings):
        # `lineNumber` of every log record is one.
        said = f"numbers and booleans in properties, as the old SDK sent them: {len(warnings) - len(told)}; nothing to do"
        lines.append(_painted(said, "dim", style))
    return "\n".join(lines)


def _is_as_ever(warning: Mapping[str, Any]) -> bool:
    return "baseData.properties" in warning["path"] and warning["text"].startswith(("is a number; ", "is a boolean; "))


def reasons(sentences: Sequence[str], style: Style) -> str:
    """Return sentences that say why nothing arrived, as a list; empty when there is none."""
    if not sentences:
        return ""
    lines = [_painted("likely reasons", "bold", style)]
    for sentence in sentences:
        lines += textwrap.wrap(clean(sentence), style.width, initial_indent="  - ", subsequent_indent="    ", break_on_hyphens=False)
    return "\n".join([*lines, "", "More: migration_guide/troubleshooting.md"])


def redirected(endpoints: Mapping[str, int], style: Style) -> str:
    """Return which endpoints did not get the items that were meant for them; empty when there is none.

    Args:
        endpoints: The number of items of each.
        style: How the terminal wants it.
    """
    if not endpoints:
        return ""
    lines = [fit(f"{items:>5} x {clean(name)}", style.width, mark=_ellipsis(style)).rstrip() for name, items in endpoints.items()]
    return "\n".join([_painted("redirected here; nothing was sent to", "bold", style), *lines])


def _frames(entry: Mapping[str, Any]) -> list[str]:
    """Return a line for each frame of an exception, or its stack's text."""
    stack = entry.get("parsedStack")
    frames = [frame for frame in stack if isinstance(frame, dict)] if isinstance(stack, list) else []
    lines = [
        f"{clean(frame.get('method') or '?')}  {clean(frame.get('fileName') or '')}:{clean(frame.get('line', '?'))}"
        for frame in frames[:_MAX_FRAMES]
    ]
    if len(frames) > _MAX_FRAMES:
        lines.append(f"and {len(frames) - _MAX_FRAMES} more")
    raw = entry.get("rawStack")
    if not lines and isinstance(raw, str):
        # The end of a traceback says most.
        lines = [clean(line) for line in raw[-_MAX_FRAMES * 1024 :].splitlines()[-_MAX_FRAMES:]]
    return lines


def _counted(texts: list[str], style: Style) -> list[str]:
    counts: dict[str, int] = {}
    for text in texts:
        counts[text] = counts.get(text, 0) + 1
    return [fit(f"{count:>5} x {text}", style.width, mark=_ellipsis(style)).rstrip() for text, count in counts.items()]


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    # repr() escapes what is not printable: controls, line separators, direction marks, lone surrogates.
    return repr(character)[1:-1] if character != " " else character


def _character_columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _ellipsis(style: Style) -> str:
    return "…" if style.unicode else "~"


def _painted(text: str, colour: str, style: Style) -> str:
    return f"{_COLOURS[colour]}{text}{_COLOUR_OFF}" if style.colour and colour and text else text


def _paint_cell(cell: _Cell, style: Style) -> str:
    return _painted(cell.text, cell.colour, style)


def _clock(timestamp: object) -> str:
    """Return the time of day in UTC with milliseconds."""
    return str(timestamp)[11:23] if isinstance(timestamp, str) and len(timestamp) >= 23 else clean(timestamp)


def _success_cell(value: object, style: Style) -> _Cell:
    if value in ("False", "0"):
        return _Cell("✗" if style.unicode else "x", "bad")
    return _Cell("✓" if style.unicode else "+", "good")


def _cell(column: str, value: object, style: Style) -> _Cell:
    if value is None:
        return _Cell("")
    if column == "timestamp":
        return _Cell(_clock(value))
    if column == "success":
        return _success_cell(value, style)
    if column == "duration":
        return _Cell(duration(value))
    if column == "severityLevel" and isinstance(value, int):
        return _Cell(_severity(value), _severity_colour(value))
    if column == "operation_Id":
        return _Cell(clean(str(value)[:_OPERATION_CHARS]), "dim")
    if isinstance(value, float):
        return _Cell(f"{value:.12g}")
    if isinstance(value, dict):
        return _Cell(clean(", ".join(f"{key}={text}" for key, text in value.items())[:_MAX_CELL_CHARS]), "dim")
    return _Cell(headline(value))


def _widths(shown: list[str], headings: list[str], cells: list[list[_Cell]], style: Style) -> list[int]:
    """Return column widths that fit the terminal: the last columns go when even cut texts are too wide, then the widest are cut."""
    widths = [max([columns(headings[place]), *(columns(row[place].text) for row in cells)], default=0) for place in range(len(shown))]
    least = [min(width, _LEAST_COLUMNS) if column in _MAY_SHRINK else width for column, width in zip(shown, widths, strict=True)]
    while len(least) > 1 and sum(least) + len(_GAP) * (len(least) - 1) > style.width:
        least.pop()
        widths.pop()
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - style.width
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


def _line(shown: Sequence[str], cells: Any, widths: Sequence[int], style: Style) -> str:
    parts = []
    for column, cell, width in zip(shown, cells, widths, strict=False):
        parts.append(_painted(fit(cell.text, width, right=column in _RIGHT, mark=_ellipsis(style)), cell.colour, style))
    return _GAP.join(parts)


def _description(name: str, row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return kind, text and colour of an item."""
    kind = clean(row.get("itemType") or name)
    if name == "traces":
        level = row.get("severityLevel")
        return "trace", _shortened(row.get("message")), _severity_colour(level) if isinstance(level, int) else ""
    if name == "exceptions":
        message = row.get("outerMessage") or row.get("message")
        return kind, _shortened(f"{row.get('type')}: {message}"), "bad"
    if name == "customMetrics":
        return "metric", _shortened(f"{row.get('name')} = {_number(row.get('valueSum'))}{_spread(row)}"), ""
    if name == "performanceCounters":
        instance = f"({row['instance']})" if row.get("instance") else ""
        return "counter", _shortened(f"{row.get('category') or ''}{instance} {row.get('name')} = {_number(row.get('value'))}".strip()), ""
    return {"customEvent": "event", "availabilityResult": "available"}.get(kind, kind), _shortened(row.get("name")), ""


def _severity(level: int) -> str:
    return SEVERITY_NAMES[level] if 0 <= level < len(SEVERITY_NAMES) else f"severity {level}"


def _severity_colour(level: int) -> str:
    return _SEVERITY_COLOURS[level] if 0 <= level < len(_SEVERITY_COLOURS) else "bad"


def _spread(row: Mapping[str, Any]) -> str:
    count = row.get("valueCount")
    return f" ({count} values, {_number(row.get('valueMin'))} to {_number(row.get('valueMax'))})" if count not in (None, 1) else ""


def _number(value: object) -> str:
    return f"{value:.12g}" if isinstance(value, (int, float)) else str(value)


def _shortened(text: object) -> str:
    return headline(text or "") or "(no name)"


def _mark(name: str, row: Mapping[str, Any], style: Style) -> _Cell:
    if "success" in row:
        return _success_cell(row["success"], style)
    if name == "exceptions":
        return _Cell("!", "bad")
    return _Cell("·" if style.unicode else "-", "dim")


def _reserved(widths: Sequence[int]) -> int:
    return sum(width + len(_GAP) for width in widths if width)


def _branch(depth: int, flags: tuple[bool, ...], levels: int, style: Style) -> str:
    """Return the lines in front of a node; one deeper than ``levels`` says by how much instead."""
    if not flags:
        return ""
    through, gap, corner, tee = ("│  ", "   ", "└─ ", "├─ ") if style.unicode else ("|  ", "   ", "`- ", "|- ")
    above = flags[:-1]
    start = ""
    if depth > max(2, levels):
        start = f"+{depth - max(2, levels)} "
        above = above[-max(1, levels - 2) :]
    return start + "".join(gap if last else through for last in above) + (corner if flags[-1] else tee)


def _facts(node: Node, *, show_role: bool) -> tuple[str, str, str, str]:
    """Return type, result, duration, and role with the note."""
    row = node.row
    if node.table == "dependencies":
        kind = clean(row.get("type") or "dependency")
        target = row.get("target")
        kind = f"{kind} {clean(target)}" if target else kind
    elif node.table == "traces":
        level = row.get("severityLevel")
        kind = _severity(level) if isinstance(level, int) else "trace"
    else:
        kind = _description(node.table, row)[0]
    role = clean(row.get("cloud_RoleName") or "") if show_role else ""
    if node.note == "orphan":
        role += f"{_GAP if role else ''}(parent {clean(node.parent_id)} is not here)"
    elif node.note == "cycle":
        role += f"{_GAP if role else ''}(its parents lead back to it)"
    elif node.note == "duplicate":
        role += f"{_GAP if role else ''}(second item with this id)"
    return kind[:40], clean(row.get("resultCode") or ""), duration(row.get("duration")), role


def _span_ms(row: Mapping[str, Any]) -> tuple[float | None, float]:
    """Return start and length, milliseconds."""
    parsed = parse_time(str(row.get("timestamp", "")))
    length = row.get("duration")
    start: datetime | None = parsed[0] if parsed is not None else None
    return (start.timestamp() * 1000 if start is not None else None), float(length) if isinstance(length, (int, float)) else 0.0


def _bar(offset_ms: float, length_ms: float, total_ms: float, style: Style) -> str:
    scale = _BAR_COLUMNS / total_ms if total_ms > 0 else 0.0
    first = min(_BAR_COLUMNS - 1, int(offset_ms * scale))
    filled = max(1, min(_BAR_COLUMNS - first, round(length_ms * scale)))
    on, off = ("━" if length_ms else "•", "┈") if style.unicode else ("=" if length_ms else "*", ".")
    return off * first + on * filled + off * (_BAR_COLUMNS - first - filled)


def _heading(found: Transaction, total_ms: float, style: Style) -> str:
    nodes = [node for _, _, node in found.walk()]
    failed = sum(1 for node in nodes if node.row.get("success") in ("False", "0"))
    exceptions = sum(1 for node in nodes if node.table == "exceptions")
    roles = {node.row.get("cloud_RoleName") for node in nodes} - {None, ""}
    facts = [f"{len(nodes)} item{'s' if len(nodes) != 1 else ''}", duration(total_ms)]
    facts.extend([f"{len(roles)} roles"] if len(roles) > 1 else [clean(role) for role in roles])
    if failed:
        facts.append(f"{failed} failed")
    if exceptions:
        facts.append(f"{exceptions} exception{'s' if exceptions != 1 else ''}")
    start = str(found.roots[0].row.get("timestamp", ""))[:23].replace("T", " ") if found.roots else ""
    identity, summary = f"operation {clean(found.operation_id)}", f"{', '.join(facts)}   {clean(start)} UTC"
    whole = f"{identity}   {summary}"
    lines = [whole] if columns(whole) <= style.width else [identity, summary]
    return "\n".join(_painted(fit(line, style.width, mark=_ellipsis(style)).rstrip(), "bold", style) for line in lines)
