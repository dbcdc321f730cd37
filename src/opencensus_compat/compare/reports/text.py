"""A comparison as lines within the terminal's width."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from opencensus_compat.local.render import clean, columns, fit
from opencensus_compat.local.render.style import ellipsis, painted

from .sides import by_columns, by_line, code_line, conclusion, extent, is_row, only, origin, scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from opencensus_compat.local.render import Style

    from ..model import Change, Comparison, Difference, TableChange
    from .sides import Sides

_CHANGES_SHOWN = 3
_ITEMS_SHOWN = 3
_INDENT = "      "
_CONTEXT_CHARS = 12
"""Of what two long values have in common before they part."""


def as_text(comparison: Comparison, sides: Sides, style: Style) -> str:
    """Return the report: tables with their differences, what was left out and why, and the result as the last line."""
    parts = [
        [*_wrapped(f"before: {clean(sides.before)}", style, "        "), *_wrapped(f"after:  {clean(sides.after)}", style, "        ")],
        [line for table in comparison.tables for line in _table(table, comparison, sides, style)],
        [line for problem in comparison.problems for line in _wrapped(f"{_mark('bad', style)} {by_line(problem.text)}", style)],
        list(_left_out(comparison, style)),
        list(_accept_list(comparison, style)),
        [painted(conclusion(comparison), "good" if comparison.verdict == "equal" else "bad", style)],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _table(table: TableChange, comparison: Comparison, sides: Sides, style: Style) -> Iterator[str]:
    widest = max(len(each.table) for each in comparison.tables)
    digits = max(len(str(count)) for each in comparison.tables for count in (each.before, each.after))
    found = [difference for difference in comparison.differences if difference.table == table.table]
    head = f"{table.table:<{widest}}  {table.before:>{digits}} {_arrow(style)} {table.after:<{digits}}"
    if not found:
        yield painted(head, "bold", style) + ("  same" if table.before == table.after else "")
        return
    yield painted(head.rstrip(), "bold", style)
    for difference in found:
        yield from difference_lines(difference, sides, style)


def difference_lines(difference: Difference, sides: Sides, style: Style) -> Iterator[str]:
    """Yield the lines about a difference.

    Args:
        difference: The difference.
        sides: What was compared.
        style: What the terminal can show.

    """
    accepted = difference.accepted
    note = f" ({clean(difference.note)})".replace("→", _arrow(style)) if difference.note else ""
    if not is_row(difference):
        head = f"{clean(difference.column)}: {extent(difference)}{note}"
        yield from _marked(head, style, good=accepted is not None)
        for change in difference.changes[:_CHANGES_SHOWN]:
            yield from _change(change, difference, style)
    else:
        for change in difference.changes[:_CHANGES_SHOWN]:
            head = f"{only(change)}: {change.count} of {difference.of}: {_examples(change)}{note}"
            yield from _marked(head, style, good=accepted is not None)
            yield from _code(change, style)
    if difference.distinct > _CHANGES_SHOWN:
        yield f"{_INDENT}and {difference.distinct - _CHANGES_SHOWN} more changes (--format json has {len(difference.changes)})"
    if suggested := sides.suggested(difference):
        text = f"{_INDENT}perhaps known: {_some(suggested)} [{sides.guide}]"
        yield from (painted(line, "dim", style) for line in _wrapped(text, style, _INDENT))
    if accepted is not None:
        where = f" [{clean(origin(accepted))}]" if origin(accepted) else ""
        yield from (painted(line, "dim", style) for line in _wrapped(f"{_INDENT}accepted: {clean(accepted.reason)}{where}", style, _INDENT))


def _change(change: Change, difference: Difference, style: Style) -> Iterator[str]:
    before, after = clean(change.before), clean(change.after)
    count = f"  {change.count} x" if difference.distinct > 1 else ""
    arrow = f" {_arrow(style)} "
    if max(columns(before), columns(after)) > style.width - len(_INDENT) - len(_arrow(style)) - 1 - len(count):
        before, after = _parted(before, after, ellipsis(style))
    if columns(before) + columns(after) + len(arrow) + len(count) <= style.width - len(_INDENT):
        yield f"{_INDENT}{before}{arrow}{after}{count}"
    else:
        for mark, text, tail in ((" ", before, count), (_arrow(style), after, "")):
            room = style.width - len(_INDENT) - len(_arrow(style)) - 1 - len(tail)
            yield f"{_INDENT}{mark:{len(_arrow(style))}} {fit(text, min(room, columns(text)), mark=ellipsis(style))}{tail}"
    names = _examples(change)
    if names:
        yield from (painted(line, "dim", style) for line in _wrapped(f"{_INDENT}as in {names}", style, _INDENT + "   "))
    yield from _code(change, style)


def _code(change: Change, style: Style) -> Iterator[str]:
    for code in change.code:
        text = f"{_INDENT}at {code_line(code, _arrow(style))}"
        if columns(text) > style.width:
            text = f"{_INDENT}at {code_line(code, f'{chr(10)}{_INDENT}{_arrow(style):>2}')}"
        yield from (painted(line, "dim", style) for part in text.split("\n") for line in _wrapped(part, style, _INDENT + "   "))


def _examples(change: Change) -> str:
    return ", ".join(f'"{clean(example)}"' for example in change.examples)


def _parted(before: str, after: str, mark: str) -> tuple[str, str]:
    """Return two texts from shortly before the place where they part."""
    same = next(
        (place for place, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), min(len(before), len(after))
    )
    start = same - _CONTEXT_CHARS
    return (mark + before[start:], mark + after[start:]) if start > len(mark) else (before, after)


def _left_out(comparison: Comparison, style: Style) -> Iterator[str]:
    if comparison.volatile:
        found = [f"{clean(column)} ({_some(tables)})" for column, tables in by_columns(comparison.volatile).items()]
        runs = comparison.twins + 1
        yield from _wrapped(f"volatile, since it differs between {runs} runs of the program before: {', '.join(found)}", style)
    if comparison.not_compared:
        yield from _wrapped(
            f"not compared, or only by what they name: {', '.join(sorted({clean(entry.column) for entry in comparison.not_compared}))}",
            style,
        )


def _accept_list(comparison: Comparison, style: Style) -> Iterator[str]:
    for entries, what in ((comparison.unused, "accepts nothing; take it out"), (comparison.expired, "has expired")):
        for entry in entries:
            until = f" on {entry.until}" if entry in comparison.expired else ""
            text = f"{clean(origin(entry))} ({clean(scope(entry))}: {clean(entry.reason)}) {what}{until}"
            yield from _wrapped(f"{_mark('warn', style)} {text}", style)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_ITEMS_SHOWN]) + (f" and {len(names) - _ITEMS_SHOWN} more" if len(names) > _ITEMS_SHOWN else "")


def _arrow(style: Style) -> str:
    return "→" if style.unicode else "->"


def _mark(colour: str, style: Style) -> str:
    text = {"good": "✓", "bad": "✗", "warn": "!"}[colour] if style.unicode else {"good": "+", "bad": "x", "warn": "!"}[colour]
    return painted(text, colour, style)


def _marked(text: str, style: Style, *, good: bool) -> Iterable[str]:
    first, *rest = _wrapped(f"  * {text}", style, _INDENT)
    yield f"  {_mark('good' if good else 'bad', style)} {first[4:]}"
    yield from rest


def _wrapped(text: str, style: Style, indent: str = "  ") -> list[str]:
    """Return the lines of a text, each within the width; those after a line's end in the text and after the first are indented."""
    lines: list[str] = []
    for part in text.split("\n"):
        lines += textwrap.wrap(part, style.width, subsequent_indent=indent, break_on_hyphens=False, replace_whitespace=False) or [""]
    return lines
