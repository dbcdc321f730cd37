"""What a run made: a diff with what it could not do at its end, or JSON."""

from __future__ import annotations

import difflib
import json
import os
import re
import textwrap
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from opencensus_compat.scan import notebooks
from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
    from opencensus_compat.rewrite.edits import Change, Part
    from opencensus_compat.rewrite.model import Left, Rewritten, Why

_WHY: dict[Why, str] = {
    "decide": "to be decided",
    "keep": "stay as they are",
    "shape": "in another shape (--include shape)",
    "with": "wait for these",
    "generated": "in generated files",
}
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Look:
    """What the terminal can show."""

    width: int = 80
    colour: bool = False

    def paint(self, text: str, code: str) -> str:
        """Return a text in a colour, where there are colours."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text


def diff(result: Rewritten, *, by_cell: bool = False) -> bytes:
    """Return the changes as a patch, in the bytes of the files: `git apply` does it, and `git apply -R` undoes it, in the current folder.

    Args:
        result: What a run made.
        by_cell: For people: of notebooks the code of their cells, which is no patch.
    """
    parts = []
    for path in sorted(result.after):
        name = os.path.relpath(path).replace(os.sep, "/")
        if by_cell and path.endswith(notebooks.SUFFIX):
            before, after = notebooks.read(result.before[path]).cells(), notebooks.read(result.after[path]).cells()
            for cell in before:
                parts += _diff(before[cell].encode(), after[cell].encode(), f"{name} cell {cell}", end=b"")
        else:
            parts += _diff(result.before[path], result.after[path], name, end=b"\\ No newline at end of file\n")
    return b"".join(parts)


def _diff(before: bytes, after: bytes, name: str, end: bytes) -> list[bytes]:
    """Return the lines of a diff; what tells that a text has no end of line at its end is given."""
    lines = difflib.diff_bytes(difflib.unified_diff, _lines(before), _lines(after), f"a/{name}".encode(), f"b/{name}".encode())
    return [line if line.endswith(b"\n") else line + b"\n" + end for line in lines]


def _lines(data: bytes) -> list[bytes]:
    return re.findall(rb"[^\n]*\n|[^\n]+$", data)


def shown(patch: bytes, look: Look) -> str:
    """Return a patch for a terminal: in colours, and without what would do something to it."""
    lines = patch.decode("utf-8", "replace").replace("\r\n", "\n").splitlines()
    colours = {"+": "32", "-": "31", "@": "36"}
    clean = [_CONTROL.sub("\N{REPLACEMENT CHARACTER}", line) for line in lines]
    return "".join(f"{look.paint(line, colours.get(line[:1], '0'))}\n" for line in clean)


def left(result: Rewritten, look: Look) -> str:
    """Return what the run could not do, for people, and how much it did."""
    lines = []
    for path, uses in groupby((each for each in result.left if each.why != "with"), key=lambda each: each.path):
        lines.append(look.paint(path, "1"))
        for each in uses:
            lines += _left_lines(each, look)
    for problem in result.problems:
        lines += textwrap.wrap(
            f"cannot rewrite {problem.path}: {problem.reason}", look.width, subsequent_indent="  ", break_on_hyphens=False
        )
    lines += textwrap.wrap(_summary(result), look.width, break_on_hyphens=False)
    return "\n".join(lines) + "\n"


def _left_lines(each: Left, look: Look) -> list[str]:
    place = f"cell {each.cell}:{each.line}" if each.cell else f"{each.line}"
    head = f"{place:>5}  {each.rule}  {each.why:<9} "
    wrapped = textwrap.wrap(each.text, max(20, look.width - len(head)), break_on_hyphens=False) or [""]
    painted = f"{place:>5}  {each.rule}  {look.paint(f'{each.why:<9}', '33' if each.why == 'decide' else '36')} "
    return [painted + wrapped[0], *(" " * len(head) + line for line in wrapped[1:])]


def _summary(result: Rewritten) -> str:
    uses = sum(len(change.parts) for change in result.changes)
    text = f"{_count(uses, 'use')} rewritten in {len(result.after)} of {_count(result.files, 'file')}"
    why = Counter(each.why for each in result.left)
    rest = [f"{why[key]} {words}" for key, words in _WHY.items() if why[key]]
    if result.problems:
        rest.append(f"{_count(len(result.problems), 'file')} that could not be read")
    return f"{text}. Left: {', '.join(rest)}." if rest else f"{text}. Nothing is left."


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def as_json(result: Rewritten, *, written: bool) -> str:
    """Return everything as one JSON document."""
    document: dict[str, Any] = {
        "version": 1,
        "files": result.files,
        "written": written,
        "changes": [
            {
                "path": change.path,
                "line": change.line,
                **_cell(change),
                "rule": change.rule,
                "uses": [
                    {"path": part.path, "line": part.line, **_cell(part), "rule": part.rule, "symbol": part.symbol} for part in change.parts
                ],
            }
            for change in result.changes
        ],
        "left": [
            {"path": each.path, "line": each.line, **_cell(each), "rule": each.rule, "why": each.why, "text": each.text}
            for each in result.left
        ],
        "problems": [{"path": problem.path, "reason": problem.reason} for problem in result.problems],
        "diff": diff(result).decode("utf-8", "replace"),
    }
    return json.dumps(document, indent=2) + "\n"


def _cell(each: Change | Part | Left) -> dict[str, int]:
    return {"cell": each.cell} if each.cell else {}


def rules(look: Look, rewritten: frozenset[str]) -> str:
    """Return the rules that the command knows, one on a line."""
    lines = []
    for rule in BY_ID.values():
        if rule.id in rewritten:
            lines += textwrap.wrap(f"{rule.id}  {rule.kind:<6}  {rule.form}", look.width, subsequent_indent=" " * 14)
    return "\n".join(lines) + "\n"
