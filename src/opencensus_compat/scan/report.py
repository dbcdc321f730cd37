"""A scan's result: text for people, JSON for programs, annotations for GitHub's pages, a table in Markdown."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from opencensus_compat.scan.rules import RULES

if TYPE_CHECKING:
    from opencensus_compat.scan.findings import Result, Unfound, Use
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
    by_path = {path: list(uses) for path, uses in groupby(result.uses, key=lambda use: use.path)}
    unfound = result.recorded.unfound if result.recorded is not None else ()
    for path in sorted({use.path for use in result.uses} | {line.path for line in unfound}):
        lines.append(look.paint(path, "1"))
        placed: list[tuple[tuple[int, int, int], list[str]]] = [
            ((use.cell, use.line, use.column), _use_lines(use, look, has_seen=result.recorded is not None)) for use in by_path.get(path, ())
        ]
        placed += [((0, line.line, 0), _unfound_lines(line, look)) for line in unfound if line.path == path]
        lines += [line for _, each in sorted(placed, key=lambda part: part[0]) for line in each]
    if statistics:
        lines += _statistics(result)
    lines += [f"cannot read {problem.path}: {problem.reason}" for problem in result.problems]
    lines += summary(result)
    return "\n".join(lines) + "\n"


def _use_lines(use: Use, look: Look, *, has_seen: bool) -> list[str]:
    rule = use.rule
    place = f"cell {use.cell}:{use.line}" if use.cell else str(use.line)
    head = f"{place:>5}:{use.column:<3} {rule.id}  "
    tail = f"{rule.kind:<6}" + (f"  {how_seen(use):<9}" if has_seen else "") + "  new" * use.is_new
    room = max(20, look.width - len(head) - max(8, len(tail) + 2))
    shown = use.text or use.symbol
    shown = shown if len(shown) <= room else shown[: room - 1] + "…"
    colour = {"decide": "33", "keep": "36"}.get(rule.kind, "32")
    lines = [f"{head}{shown:<{room}}  {look.paint(tail.rstrip(), colour)}"]
    if rule.question:
        lines.append(" " * len(head) + rule.question)
    return lines


def how_seen(use: Use) -> str:
    """Return how often a use ran, in words; empty where that cannot be seen."""
    return "" if use.seen is None else f"seen {use.seen:,}" if use.seen else "not seen"


def _unfound_lines(line: Unfound, look: Look) -> list[str]:
    head = f"{line.line:>5}:    ran, not found  "
    return [f"{head}{look.paint(line.symbol, '31')}, {line.count:,} {'time' if line.count == 1 else 'times'}"]


def _statistics(result: Result) -> list[str]:
    counts = Counter(use.rule_id for use in result.uses)
    return [f"{counts[rule.id]:>7}  {rule.id}  {rule.kind:<6}  {rule.form}" for rule in RULES if counts[rule.id]]


def summary(result: Result) -> list[str]:
    """Return how many uses there are of what class, and what a recording and a baseline have beside them: one sentence for each."""
    return [_counted(result), *_seen_counted(result), *_held(result)]


def _counted(result: Result) -> str:
    files = f"{result.files:,} {'file' if result.files == 1 else 'files'}"
    if not result.uses:
        return f"No use of OpenCensus in {files}."
    kinds = Counter(use.rule.kind for use in result.uses)
    parts = ", ".join(f"{kinds[kind]} {words}" for kind, words in _WORDS.items() if kinds[kind])
    count = len(result.uses)
    return f"{count:,} {'use' if count == 1 else 'uses'} in {len({use.path for use in result.uses}):,} of {files}: {parts}."


def _seen_counted(result: Result) -> list[str]:
    recorded = result.recorded
    if recorded is None:
        return []
    ran = sum(1 for use in result.uses if use.seen)
    idle = sum(1 for use in result.uses if use.seen == 0)
    here = recorded.places - recorded.elsewhere
    beyond = f" {recorded.elsewhere:,} more are in other files." if recorded.elsewhere else ""
    lines = f"{here:,} {'line' if here == 1 else 'lines'} of these files that called OpenCensus, {len(recorded.unfound):,} not found"
    return [f"The recording has {lines}.{beyond} {ran:,} {'use' if ran == 1 else 'uses'} ran, {idle:,} did not."]


def _held(result: Result) -> list[str]:
    held = result.held
    if held is None:
        return []
    gone = f"{held.gone:,} gone" + (", and the baseline is without them" if held.is_updated and held.gone else "")
    return [f"Beside the baseline: {held.new:,} new, {gone}."]


def as_json(result: Result) -> str:
    """Return the report for programs.

    Shape: one object with ``version``, ``files``, ``uses`` and ``problems``. A use has ``path``, ``line`` and ``column`` (from 1), in a notebook
    the line in its ``cell``, ``rule``,
    ``class``, ``form``, ``counterpart``, ``question``, ``arrives`` (where Application Insights shows it: ``table`` and ``columns``, none for the
    whole row), ``symbol`` and ``text``; with a recording ``seen``, null where that cannot be seen, and
    with a baseline ``new``. ``unfound`` has the lines that ran and were not found.
    """
    document: dict[str, Any] = {
        "version": 1,
        "files": result.files,
        "uses": [_use(use, result) for use in result.uses],
        "problems": [{"path": problem.path, "reason": problem.reason} for problem in result.problems],
    }
    if result.recorded is not None:
        document["recording"] = {"lines": result.recorded.places, "elsewhere": result.recorded.elsewhere}
        document["unfound"] = [asdict(line) for line in result.recorded.unfound]
    if result.held is not None:
        document["baseline"] = {"new": result.held.new, "gone": result.held.gone}
    return json.dumps(document, indent=2) + "\n"


def _use(use: Use, result: Result) -> dict[str, Any]:
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
        "arrives": [{"table": table, "columns": list(columns)} for table, columns in rule.places()],
        "symbol": use.symbol,
        "text": use.text,
        **({"seen": use.seen} if result.recorded is not None else {}),
        **({"new": use.is_new} if result.held is not None else {}),
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
    for line in result.recorded.unfound if result.recorded is not None else ():
        place = f"file={_property(line.path)},line={line.line}"
        lines.append(f"::warning {place},title=OpenCensus%3A ran, not found::{_data(line.symbol)}".replace("ran, not", "ran%2C not"))
    lines += summary(result)
    return "\n".join(lines) + "\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text.removeprefix("./")).replace(":", "%3A").replace(",", "%2C")


def as_markdown(result: Result) -> str:
    """Return the report for a pull request or the summary of a job: how many uses of each rule, then each use."""
    lines = ["# Uses of OpenCensus", "", " ".join(summary(result))]
    if result.uses:
        counts = Counter(use.rule_id for use in result.uses)
        lines += ["", "| uses | rule | class | form | counterpart |", "|---|---|---|---|---|"]
        lines += [
            f"| {counts[rule.id]} | {rule.id} | {rule.kind} | {_cell(rule.form)} | {_cell(rule.counterpart)} |"
            for rule in RULES
            if counts[rule.id]
        ]
        ran = result.recorded is not None
        lines += ["", "| place | rule | source |" + " seen |" * ran, "|---|---|---|" + "---|" * ran]
        for use in result.uses:
            row = f"| {_cell(place_of(use))} | {use.rule_id} | {_code(use.text or use.symbol)} |"
            lines.append(row + f" {how_seen(use)} |" * ran)
    if result.recorded is not None and result.recorded.unfound:
        lines += ["", "| ran, not found | names | times |", "|---|---|---|"]
        lines += [f"| {_cell(f'{line.path}:{line.line}')} | {_code(line.symbol)} | {line.count} |" for line in result.recorded.unfound]
    if result.problems:
        lines += ["", "| cannot read | reason |", "|---|---|"]
        lines += [f"| {_cell(problem.path)} | {_cell(problem.reason)} |" for problem in result.problems]
    return "\n".join(lines) + "\n"


def place_of(use: Use) -> str:
    """Return where a use is."""
    return f"{use.path}, cell {use.cell}, line {use.line}" if use.cell else f"{use.path}:{use.line}"


def _cell(text: str) -> str:
    """Return a text that stays in its cell and makes no markup but code."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def _code(text: str) -> str:
    """Return source as code, whatever backticks it has."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    space = " " if "`" in text else ""
    return f"{fence}{space}{text.replace('|', chr(92) + '|')}{space}{fence}"
