"""Comments for a person: one above a line where a question is open, found again by later runs, gone with the use."""

from __future__ import annotations

import ast
import re
from operator import itemgetter
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Refused
from opencensus_compat.rewrite.edits import Edit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.scan.python_uses import Found

_MARKER = re.compile(rb"^([ \t]*)# census-compat: ([A-Z]\d{3})\b[^\r\n]*", re.MULTILINE)


def text(rule: str, question: str) -> str:
    """Return the comment."""
    return f"# census-compat: {rule} {question}"


def questions(file: File) -> list[tuple[Found, str]]:
    """Return the uses of a file that wait for a person, with their questions."""
    found = []
    for use in file.uses:
        if use in file.covered:
            continue
        try:
            file.outcome(use)
        except Refused as refused:
            if isinstance(refused.outcome, Ask):
                found.append((use, refused.outcome.question))
    return found


def edits(file: File, asked_of: Iterable[tuple[ast.AST, str, str]], *, write: bool) -> list[Edit]:
    """Return the edits that write markers, and that take away those which are no longer needed.

    Args:
        file: The file after all other edits.
        asked_of: Node, rule and question of each use that waits for a person; one that a function has several times stands above the first.
        write: New markers are written.
    """
    wanted: dict[int, dict[str, str]] = {}
    asked = set()
    for at, node, rule, question in sorted(
        ((at, node, rule, question) for node, rule, question in asked_of if (at := place(file, node)) is not None), key=itemgetter(0)
    ):
        function = file.function(node)
        if function is None or (function, rule, question) not in asked:
            asked.add((function, rule, question))
            wanted.setdefault(at, {}).setdefault(rule, question)
    result, kept = [], set()
    for match in _MARKER.finditer(file.source):
        if not _is_comment(file, match.start()):
            continue
        below = _below(file.source, match.end())
        rule = match[2].decode()
        if rule in wanted.get(below, {}) and (below, rule) not in kept:
            kept.add((below, rule))
        else:
            result.append(Edit(match.start(), _next_line(file.source, match.end()), b""))
    if write:
        for at, rules in wanted.items():
            blanks = re.match(rb"[ \t]*", file.source[at:])
            indentation = blanks[0].decode() if blanks else ""
            lines = [f"{indentation}{text(rule, question)}{file.line_end}" for rule, question in rules.items() if (at, rule) not in kept]
            if lines:
                result.append(Edit(at, at, "".join(lines).encode()))
    return result


def place(file: File, node: ast.AST) -> int | None:
    """Return the byte at which the line begins that a marker stands above; None where no comment can stand."""
    statement: ast.AST = file.statement(node)
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and statement.decorator_list:
        statement = statement.decorator_list[0]
    at = file.line_start(statement)
    first = next((each for each in file.up(statement) if isinstance(each, ast.stmt) and file.line_start(each) == at), None)
    at = file.line_start(first) if first is not None else at
    before = file.source[:at].rstrip(b"\r\n")
    return None if before.endswith(b"\\") else at


def stale(source: bytes) -> bool:
    """Return whether a file that has no use any more has markers."""
    return _MARKER.search(source) is not None


def _is_comment(file: File, at: int) -> bool:
    """Return whether a line is not inside a string."""
    return not any(start <= at < end for start, end in strings(file))


def strings(file: File) -> list[tuple[int, int]]:
    """Return where the strings of several lines are."""
    return [
        (file.start(node), file.end(node))
        for node in [*file.kinds[ast.Constant], *file.kinds[ast.JoinedStr]]
        if getattr(node, "lineno", 0) != getattr(node, "end_lineno", 0)
    ]


def _below(source: bytes, at: int) -> int:
    """Return where the line begins that a marker is for: the next one that is no marker."""
    at = _next_line(source, at)
    while match := _MARKER.match(source, at):
        at = _next_line(source, match.end())
    return at


def _next_line(source: bytes, at: int) -> int:
    match = re.compile(rb"\r\n|\r|\n").search(source, at)
    return match.end() if match else len(source)
