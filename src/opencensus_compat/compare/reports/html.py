"""A comparison as one HTML file: no script, and nothing that is fetched from anywhere."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from opencensus_compat.local.render import clean

from .sides import by_columns, by_line, code_line, conclusion, extent, is_row, only, origin, scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..model import Change, Comparison, Difference
    from .sides import Sides

_STYLE = """\
:root { color-scheme: light dark; --line: #8886; --good: #17692f; --bad: #b3261e; --dim: #5f6368; }
@media (prefers-color-scheme: dark) { :root { --good: #7ad694; --bad: #ff9a90; --dim: #a5abb3; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; } th, td { border-bottom: 1px solid var(--line); padding: .3rem .5rem; text-align: left;
vertical-align: top; }
th, td { min-width: 4.5rem; } td.number, th.number { min-width: 0; text-align: right; width: 1%; overflow-wrap: normal; }
td.number { white-space: nowrap; } code { font-size: .9em; white-space: pre-wrap; }
.good { color: var(--good); } .bad { color: var(--bad); } .dim { color: var(--dim); } section { border-left: 4px solid var(--bad);
margin: 1rem 0; padding: 0 1rem; } section.accepted { border-color: var(--good); } h3 { font-size: 1rem; margin: 0; }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def as_html(comparison: Comparison, sides: Sides) -> str:
    """Return the document."""
    verdict = "good" if comparison.verdict == "equal" else "bad"
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(conclusion(comparison))}</title><style>\n{_STYLE}</style></head><body>",
        f'<h1 class="{verdict}">{_text(conclusion(comparison))}</h1>',
        f"<p>before: <code>{_text(sides.before)}</code><br>after: <code>{_text(sides.after)}</code></p>",
        *(f'<p class="bad"><code>{escape(by_line(problem.text))}</code></p>' for problem in comparison.problems),
        *_tables(comparison),
        *(line for difference in comparison.differences for line in _difference(difference, sides)),
        *_left_out(comparison),
        *_accept_list(comparison),
        "</body></html>",
    ]
    return "\n".join(parts)


def _tables(comparison: Comparison) -> Iterator[str]:
    if not comparison.tables:
        return
    yield "<h2>Tables</h2>"
    rows = [
        (_text(table.table), str(table.before), str(table.after), str(sum(each.table == table.table for each in comparison.differences)))
        for table in comparison.tables
    ]
    yield from _grid(("table", "items before", "items after", "differences"), rows, numbers=3)


def _difference(difference: Difference, sides: Sides) -> Iterator[str]:
    accepted = difference.accepted
    note = f" ({_text(difference.note)})" if difference.note else ""
    title = f"{_text(difference.table)} · {'whole rows' if is_row(difference) else _text(difference.column)}"
    yield f"<section{'' if accepted is None else ' class=accepted'}><h3>{title}: {extent(difference)}{note}</h3>"
    if accepted is not None:
        yield f'<p class="good">accepted: {_text(accepted.reason)} <span class="dim">{_text(origin(accepted))}</span></p>'
    if is_row(difference):
        yield from _grid(
            ("side", "as in", "items"),
            [(only(change), _examples(change), str(change.count)) for change in difference.changes],
            numbers=1,
        )
    else:
        rows = [
            (
                f"<code>{_text(change.before)}</code>",
                f"<code>{_text(change.after)}</code>",
                _examples(change),
                str(change.count),
            )
            for change in difference.changes
        ]
        yield from _grid(("before", "after", "as in", "items"), rows, numbers=1)
    left = difference.distinct - len(difference.changes)
    if left > 0 and not is_row(difference):
        yield f'<p class="dim">and {left} more changes</p>'
    if suggested := sides.suggested(difference):
        yield f'<p class="dim">perhaps known, in {sides.guide}: {_text(", ".join(suggested))}</p>'
    yield "</section>"


def _examples(change: Change) -> str:
    """Return the items in which something changed, and the lines of code that made them."""
    lines = (f'<br><code class="dim">{_text(code_line(code, "→"))}</code>' for code in change.code)
    return _text(", ".join(change.examples)) + "".join(lines)


def _left_out(comparison: Comparison) -> Iterator[str]:
    if comparison.volatile:
        yield f"<h2>Volatile: it differs between {comparison.twins + 1} runs of the program before</h2>"
        yield from _grid(
            ("column", "tables"), [(_text(column), _text(", ".join(tables))) for column, tables in by_columns(comparison.volatile).items()]
        )
    if comparison.not_compared:
        yield "<h2>Not compared, or only by what they name</h2>"
        yield from _grid(
            ("table", "column", "reason"),
            [(_text(entry.table), _text(entry.column), _text(entry.reason)) for entry in comparison.not_compared],
        )


def _accept_list(comparison: Comparison) -> Iterator[str]:
    for title, entries in (("Accepts nothing", comparison.unused), ("Expired", comparison.expired)):
        if entries:
            yield f"<h2>{title}</h2>"
            yield from _grid(
                ("entry", "what", "reason", "until"),
                [(_text(origin(each)), _text(scope(each)), _text(each.reason), _text(each.until or "")) for each in entries],
            )


def _grid(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]], *, numbers: int = 0) -> Iterator[str]:
    """Return a table; its last ``numbers`` columns are numbers. Cells are HTML."""

    def line(cells: tuple[str, ...], tag: str) -> str:
        kinds = [""] * (len(cells) - numbers) + [' class="number"'] * numbers
        return "<tr>" + "".join(f"<{tag}{kind}>{cell}</{tag}>" for cell, kind in zip(cells, kinds, strict=True)) + "</tr>"

    yield "<table>" + line(heads, "th")
    yield from (line(row, "td") for row in rows)
    yield "</table>"


def _text(value: object) -> str:
    return escape(clean(value))
