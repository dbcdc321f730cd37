"""A scan's result as one HTML file: no script, and nothing that is fetched from anywhere."""

from __future__ import annotations

from collections import Counter
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from opencensus_compat.scan.report import how_seen, summary
from opencensus_compat.scan.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opencensus_compat.scan.findings import Result, Unfound, Use

_STYLE = """\
:root { color-scheme: light dark; --line: #8886; --exact: #17692f; --shape: #8a5a00; --decide: #b3261e; --keep: #24588f; --dim: #5f6368; }
@media (prefers-color-scheme: dark) { :root { --exact: #7ad694; --shape: #f0c060; --decide: #ff9a90; --keep: #8fc1ff; --dim: #a5abb3; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; } th, td { border-bottom: 1px solid var(--line); padding: .25rem .5rem; text-align: left;
vertical-align: top; }
td.number, th.number { text-align: right; white-space: nowrap; width: 1%; } td.short { white-space: nowrap; width: 1%; }
code { font-size: .9em; white-space: pre-wrap; } .dim { color: var(--dim); }
.exact { color: var(--exact); } .shape { color: var(--shape); } .decide { color: var(--decide); } .keep { color: var(--keep); }
details { border-top: 1px solid var(--line); padding: .4rem 0; } summary { cursor: pointer; font-weight: 600; }
@media (max-width: 40rem) { body { margin: 1rem auto; } tr { display: block; border-bottom: 1px solid var(--line); padding: .3rem 0; }
td, td.number, td.short { border: 0; display: inline-block; padding: 0 .5rem 0 0; white-space: normal; width: auto; } td.wide { display: block; }
th { display: none; } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def as_html(result: Result) -> str:
    """Return the document, in ASCII, which means the same in every encoding."""
    sentences = summary(result)
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Uses of OpenCensus</title><style>\n{_STYLE}</style></head><body>",
        "<h1>Uses of OpenCensus</h1>",
        *(f"<p>{_text(sentence)}</p>" for sentence in sentences),
        *_rules(result),
        *_files(result),
        *_unread(result),
        "</body></html>",
    ]
    return "\n".join(parts).encode("ascii", "xmlcharrefreplace").decode() + "\n"


def _rules(result: Result) -> Iterator[str]:
    counts = Counter(use.rule_id for use in result.uses)
    if not counts:
        return
    yield "<h2>By form</h2>"
    rows = [
        (
            f'<td class="number">{counts[rule.id]:,}</td><td class="short">{rule.id}</td><td class="short {rule.kind}">{rule.kind}</td>'
            f'<td class="wide">{_text(rule.form)}</td><td class="wide">{_text(rule.counterpart)}'
            + (f'<br><span class="decide">{_text(rule.question)}</span>' if rule.question else "")
            + f'</td><td class="wide">{_text(rule.arrives)}</td>'
        )
        for rule in RULES
        if counts[rule.id]
    ]
    yield from _grid('<th class="number">uses</th><th>rule</th><th>class</th><th>form</th><th>counterpart</th><th>arrives in</th>', rows)


def _files(result: Result) -> Iterator[str]:
    unfound = result.recorded.unfound if result.recorded is not None else ()
    by_path: dict[str, tuple[list[Use], list[Unfound]]] = {
        path: (list(uses), []) for path, uses in groupby(result.uses, key=lambda use: use.path)
    }
    for line in unfound:
        by_path.setdefault(line.path, ([], []))[1].append(line)
    if by_path:
        yield "<h2>By file</h2>"
    for path, (uses, lines) in sorted(by_path.items()):
        count = len(uses) + len(lines)
        # A long report opens as a list of files.
        is_open = " open" if len(result.uses) <= 200 else ""
        yield f'<details{is_open}><summary>{_text(path)} <span class="dim">{count:,}</span></summary>'
        ran = result.recorded is not None
        rows = [*(_unfound(line) for line in lines), *(_use(use, has_seen=ran) for use in uses)]
        yield from _grid('<th class="number">line</th><th>rule</th><th>class</th>' + "<th>seen</th>" * ran + "<th>source</th>", rows)
        yield "</details>"


def _use(use: Use, *, has_seen: bool) -> str:
    place = f"cell {use.cell}:{use.line}:{use.column}" if use.cell else f"{use.line}:{use.column}"
    seen = f'<td class="short">{how_seen(use)}</td>' if has_seen else ""
    new = ' <strong class="decide">new</strong>' if use.is_new else ""
    title = escape(use.rule.form)
    return (
        f'<td class="number">{place}</td><td class="short" title="{title}">{use.rule_id}</td><td class="short {use.rule.kind}">{use.rule.kind}</td>'
        f'{seen}<td class="wide"><code>{_text(use.text or use.symbol)}</code>{new}</td>'
    )


def _unfound(line: Unfound) -> str:
    return (
        f'<td class="number">{line.line}</td><td class="short"></td><td class="short decide">ran, not found</td>'
        f'<td class="short">seen {line.count:,}</td><td class="wide"><code>{_text(line.symbol)}</code></td>'
    )


def _unread(result: Result) -> Iterator[str]:
    if result.problems:
        yield "<h2>Not read</h2>"
        rows = [f'<td class="wide">{_text(each.path)}</td><td class="wide">{_text(each.reason)}</td>' for each in result.problems]
        yield from _grid("<th>path</th><th>reason</th>", rows)


def _grid(heads: str, rows: Iterable[str]) -> Iterator[str]:
    yield f"<table><thead><tr>{heads}</tr></thead><tbody>"
    yield from (f"<tr>{row}</tr>" for row in rows)
    yield "</tbody></table>"


def _text(value: str) -> str:
    """Return a text that is no markup, without what turns the direction of writing or cannot be seen."""
    return escape("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in value))
