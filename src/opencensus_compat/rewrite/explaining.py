"""One rule: its row, and the programs that show it before and after."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.rules import REWRITERS
from opencensus_compat.rewrite.rules.exporters.makers import REWRITERS as MAKERS

if TYPE_CHECKING:
    from opencensus_compat.rewrite.reports import Look
    from opencensus_compat.scan.rule import Rule

_KINDS = {
    "exact": "the counterpart sends the same telemetry",
    "shape": "the same fact in other columns, or as another number",
    "decide": "a person must decide",
    "keep": "there is no counterpart",
}
_FOLDERS = (Path(__file__).with_name("pairs"), Path(__file__).parents[3] / "tests" / "pairs" / "programs")
"""Where an installed package has the programs, and where a working tree has them."""


def explain(rule: Rule, look: Look) -> str:
    """Return what is known of a rule."""
    lines = [
        look.paint(f"{rule.id}  {rule.form}", "1"),
        *_wrapped("becomes", rule.counterpart, look),
        *_wrapped("class", f"{rule.kind}: {_KINDS[rule.kind]}", look),
        *_wrapped("rewrite", _written(rule), look),
    ]
    if rule.arrives:
        lines += _wrapped("arrives", rule.arrives, look)
    if rule.question:
        lines += _wrapped("question", rule.question, look)
    for name in rule.pair.split():
        for side in ("before", "after"):
            text = _program(f"{name}.{side}")
            if text:
                lines += ["", look.paint(f"{side} ({name})", "36"), *(f"    {line}".rstrip() for line in text.splitlines())]
    return "\n".join(lines) + "\n"


def _written(rule: Rule) -> str:
    """Return what a run does about a rule."""
    if rule.kind == "keep":
        return "it stays as it is"
    if rule.id[0] in "IR" and rule.kind == "exact":
        return "it follows what is rewritten"
    if rule.id not in REWRITERS:
        return "a comment asks the question" if rule.kind == "decide" else "by hand"
    if rule.id in MAKERS:
        return f"with --include {rule.id}, once its program is; else a comment asks the question"
    if rule.kind == "decide":
        return "where the code answers the question; else a comment asks it"
    return "yes" if rule.kind == "exact" else "with --include shape"


def _wrapped(head: str, text: str, look: Look) -> list[str]:
    return textwrap.wrap(f"{head:<9} {text}", look.width, subsequent_indent=" " * 10, break_on_hyphens=False, break_long_words=False)


def _program(name: str) -> str:
    """Return a program of a pair, or all files of one that is a folder; empty for one that is not there."""
    for folder in _FOLDERS:
        path = folder / f"{name}.py"
        if path.is_file():
            return path.read_text(encoding="utf-8")
        if (folder / name).is_dir():
            files = sorted(each for each in (folder / name).rglob("*") if each.is_file() and each.suffix != ".pyc")
            return "\n".join(f"# {each.relative_to(folder / name)}\n{each.read_text(encoding='utf-8')}" for each in files)
    return ""
