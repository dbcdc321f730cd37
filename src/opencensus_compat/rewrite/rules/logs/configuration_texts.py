"""Logging configurations that a program has as text: YAML, JSON or an INI file in a string literal."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Keep
from opencensus_compat.rewrite.texts import configurations

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome
    from opencensus_compat.scan.python_uses import Found

_LITERAL = re.compile(r"""([rRuU]?)(\"{3}|'{3}|["'])(.*)\2""", re.DOTALL)
_SECTION = re.compile(r"^\[\w+\]\s*$", re.MULTILINE)


def is_text(use: Found) -> bool:
    """Return whether a use is one of several in the text of a literal, and not all of it."""
    if isinstance(use.node, ast.JoinedStr):
        return True
    return (
        isinstance(use.node, ast.Constant) and isinstance(use.node.value, str) and use.node.value != f"opencensus.{use.symbol}".rstrip(".")
    )


def named(use: Found, file: File) -> Outcome:
    """A handler or a logger, wherever the text names it → that of the native exporter, with its options."""
    literal = _LITERAL.fullmatch(file.text(use.node))
    plain = literal[3].replace("\r\n", "\n").removeprefix("\\\n") if literal else ""
    if literal is None or not isinstance(use.node, ast.Constant) or plain != use.node.value:
        return Ask(
            "Which handlers and loggers does this text name? It is put together, or has escapes: write it as one literal without them."
        )
    # One character for each byte, as places in a file are bytes.
    text = literal[3].encode().decode("latin-1")
    found, left = configurations.read("a.ini" if _SECTION.search(text) else "a.yaml", text)
    for each in left:
        if each.rule == use.rule and each.name == use.symbol:
            return Keep(each.reason)
    start = file.start(use.node) + len(f"{literal[1]}{literal[2]}")
    edits = [edit for each in found if each.rule == use.rule and each.name == use.symbol for edit in each.edits]
    if not edits:
        return Ask(
            "Who reads this text, and does it import what it names? Write the name of what takes its place there, or delete the text."
        )
    return [file.splice(start + edit.start, start + edit.end, edit.text, use.node) for edit in edits]
