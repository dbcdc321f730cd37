"""An end-to-end transaction as a tree, with a time line where there is room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..times import parse_time
from .items import description, mark_of, severity
from .style import GAP, Style, ellipsis, painted, painted_cell
from .text import clean, columns, duration, fit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from ..transaction import Node, Transaction

_LEAST_LABEL_COLUMNS = 30
_BAR_COLUMNS = 20
_BAR_FROM_WIDTH = 100


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
    room = style.width - (_BAR_COLUMNS + len(GAP) if bar else 0)
    widths = [max((columns(fact[place]) for fact in facts), default=0) for place in range(4)]
    while widths and room - _reserved(widths) < min(_LEAST_LABEL_COLUMNS, room):
        widths.pop()
    room -= _reserved(widths)
    # Half of the label's room at most goes to indentation, three columns per level.
    labels = [
        (_branch(depth, flags, room // 6, style), mark_of(node.table, node.row, style), *description(node.table, node.row)[1:])
        for depth, flags, node in walked
    ]
    room = min(room, max((columns(f"{branch}{mark.text} {text}") for branch, mark, text, _ in labels), default=0))
    lines = [_heading(found, end_ms - begin_ms, style)]
    for (branch, mark, text, colour), fact, (begin, length) in zip(labels, facts, spans, strict=True):
        left = max(1, room - columns(branch) - columns(mark.text) - 1)
        line = f"{painted(branch, 'dim', style)}{painted_cell(mark, style)} {painted(fit(text, left, mark=ellipsis(style)), colour, style)}"
        for place, width in enumerate(widths):
            if width:
                line += GAP + painted(fit(fact[place], width, right=place in (1, 2)), "dim" if place == 3 else "", style)
        if bar and begin is not None:
            line += GAP + painted(_bar(begin - begin_ms, length, end_ms - begin_ms, style), "dim", style)
        lines.append(line.rstrip())
    return "\n".join(lines)


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
    return "\n".join(painted(fit(line, style.width, mark=ellipsis(style)).rstrip(), "bold", style) for line in lines)


def _facts(node: Node, *, show_role: bool) -> tuple[str, str, str, str]:
    """Return type, result, duration, and role with the note."""
    row = node.row
    if node.table == "dependencies":
        kind = clean(row.get("type") or "dependency")
        target = row.get("target")
        kind = f"{kind} {clean(target)}" if target else kind
    elif node.table == "traces":
        level = row.get("severityLevel")
        kind = severity(level) if isinstance(level, int) else "trace"
    else:
        kind = description(node.table, row)[0]
    role = clean(row.get("cloud_RoleName") or "") if show_role else ""
    if node.note == "orphan":
        role += f"{GAP if role else ''}(parent {clean(node.parent_id)} is not here)"
    elif node.note == "cycle":
        role += f"{GAP if role else ''}(its parents lead back to it)"
    elif node.note == "duplicate":
        role += f"{GAP if role else ''}(second item with this id)"
    return kind[:40], clean(row.get("resultCode") or ""), duration(row.get("duration")), role


def _span_ms(row: Mapping[str, object]) -> tuple[float | None, float]:
    """Return start and length, milliseconds."""
    parsed = parse_time(str(row.get("timestamp", "")))
    length = row.get("duration")
    start: datetime | None = parsed[0] if parsed is not None else None
    return (start.timestamp() * 1000 if start is not None else None), float(length) if isinstance(length, (int, float)) else 0.0


def _reserved(widths: Sequence[int]) -> int:
    return sum(width + len(GAP) for width in widths if width)


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


def _bar(offset_ms: float, length_ms: float, total_ms: float, style: Style) -> str:
    scale = _BAR_COLUMNS / total_ms if total_ms > 0 else 0.0
    first = min(_BAR_COLUMNS - 1, int(offset_ms * scale))
    filled = max(1, min(_BAR_COLUMNS - first, round(length_ms * scale)))
    on, off = ("━" if length_ms else "•", "┈") if style.unicode else ("=" if length_ms else "*", ".")
    return off * first + on * filled + off * (_BAR_COLUMNS - first - filled)
