"""A scan's result: text for people, JSON for programs, annotations for GitHub's pages, a table in Markdown."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from opencensus_compat.scan.rules import RULES

if TYPE_CHECKING:
    from opencensus_compat.scan.findings import Result, Use
    from opencensus_compat.scan.rule import Kind

_WORDS: dict[Kind, str] = {"exact": "exact", "shape": "in another shape", "decide": "to be decided", "keep": "without a counterpart"}


@dataclass(frozen=True, slots=True)
class Look:
    """What the terminal can show."""

    width: int = 80
    colour: bool = False

    def paint(self, text: str, code: str) -> str:
        """Return a text in a colour, where there are colours."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text


def as_text(result: Result, look: Look, *, statistics: bool = False) -> str:
    """Return the report for people: each use below its file, then how many there are."""
    lines = []
    for path, uses in groupby(result.uses, key=lambda use: use.path):
        lines.append(look.paint(path, "1"))
        for use in uses:
            lines += _use_lines(use, look)
    if statistics:
        lines += _statistics(result)
    lines += [f"cannot read {problem.path}: {problem.reason}" for problem in result.problems]
    lines.append(_summary(result))
    return "\n".join(lines) + "\n"


def _use_lines(use: Use, look: Look) -> list[str]:
    rule = use.rule
    place = f"cell {use.cell}:{use.line}" if use.cell else str(use.line)
    head = f"{place:>5}:{use.column:<3} {rule.id}  "
    room = max(20, look.width - len(head) - 8)
    shown = use.text or use.symbol
    shown = shown if len(shown) <= room else shown[: room - 1] + "…"
    colour = {"decide": "33", "keep": "36"}.get(rule.kind, "32")
    lines = [f"{head}{shown:<{room}}  {look.paint(rule.kind, colour)}"]
    if rule.question:
        lines.append(" " * len(head) + rule.question)
    return lines


def _statistics(result: Result) -> list[str]:
    counts = Counter(use.rule_id for use in result.uses)
    return [f"{counts[rule.id]:>7}  {rule.id}  {rule.kind:<6}  {rule.form}" for rule in RULES if counts[rule.id]]


def _summary(result: Result) -> str:
    files = f"{result.files:,} {'file' if result.files == 1 else 'files'}"
    if not result.uses:
        return f"No use of OpenCensus in {files}."
    kinds = Counter(use.rule.kind for use in result.uses)
    parts = ", ".join(f"{kinds[kind]} {words}" for kind, words in _WORDS.items() if kinds[kind])
    count = len(result.uses)
    return f"{count:,} {'use' if count == 1 else 'uses'} in {len({use.path for use in result.uses}):,} of {files}: {parts}."


def as_json(result: Result) -> str:
    """Return the report for programs.

    Shape: one object with ``version``, ``files``, ``uses`` and ``problems``. A use has ``path``, ``line`` and ``column`` (from 1), in a notebook
    the line in its ``cell``, ``rule``,
    ``class``, ``form``, ``counterpart``, ``question``, ``symbol`` and ``text``.
    """
    document = {
        "version": 1,
        "files": result.files,
        "uses": [_use(use) for use in result.uses],
        "problems": [{"path": problem.path, "reason": problem.reason} for problem in result.problems],
    }
    return json.dumps(document, indent=2) + "\n"


def _use(use: Use) -> dict[str, Any]:
    rule = use.rule
    return {
        "path": use.path,
        **({"cell": use.cell} if use.cell else {}),
        "line": use.line,
        "column": use.column,
        "rule": rule.id,
        "class": rule.kind,
        "form": rule.form,
        "counterpart": rule.counterpart,
        "question": rule.question,
        "symbol": use.symbol,
        "text": use.text,
    }


def as_github(result: Result) -> str:
    """Return commands that make GitHub Actions annotate lines: a warning where a person must decide, else a notice; one for each line."""
    lines = []
    for (path, cell, number), uses in groupby(result.uses, key=lambda use: (use.path, use.cell, use.line)):
        here = list(uses)
        level = "warning" if any(use.rule.kind == "decide" for use in here) else "notice"
        rules = {use.rule_id: use.rule for use in here}
        title = f"OpenCensus: {', '.join(rules)}"
        message = "\n".join(f"{rule.form} ({rule.kind}): {rule.question or rule.counterpart}" for rule in rules.values())
        # A notebook's page has no lines of cells.
        place = f"file={_property(path)}" + ("" if cell else f",line={number},col={here[0].column}")
        lines.append(f"::{level} {place},title={_property(title)}::{_data(message)}")
    lines += [f"::error file={_property(problem.path)}::{_data(f'cannot read: {problem.reason}')}" for problem in result.problems]
    lines.append(_summary(result))
    return "\n".join(lines) + "\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text.removeprefix("./")).replace(":", "%3A").replace(",", "%2C")


def as_markdown(result: Result) -> str:
    """Return the report for a pull request or the summary of a job: how many uses of each rule, then each use."""
    lines = ["# Uses of OpenCensus", "", _summary(result)]
    if result.uses:
        counts = Counter(use.rule_id for use in result.uses)
        lines += ["", "| uses | rule | class | form | counterpart |", "|---|---|---|---|---|"]
        lines += [
            f"| {counts[rule.id]} | {rule.id} | {rule.kind} | {_cell(rule.form)} | {_cell(rule.counterpart)} |"
            for rule in RULES
            if counts[rule.id]
        ]
        lines += ["", "| place | rule | source |", "|---|---|---|"]
        for use in result.uses:
            place = f"{use.path}, cell {use.cell}, line {use.line}" if use.cell else f"{use.path}:{use.line}"
            lines.append(f"| {_cell(place)} | {use.rule_id} | {_code(use.text or use.symbol)} |")
    if result.problems:
        lines += ["", "| cannot read | reason |", "|---|---|"]
        lines += [f"| {_cell(problem.path)} | {_cell(problem.reason)} |" for problem in result.problems]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Return a text that stays in its cell and makes no markup but code."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def _code(text: str) -> str:
    """Return source as code, whatever backticks it has."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    space = " " if "`" in text else ""
    return f"{fence}{space}{text.replace('|', chr(92) + '|')}{space}{fence}"
