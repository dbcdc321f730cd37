"""The report of a verification, for the reviewer of the change: text, JSON, Markdown. Pure."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from opencensus_compat.compare.reports import Sides
from opencensus_compat.compare.reports import as_text as comparison_as_text
from opencensus_compat.compare.reports.sides import by_columns
from opencensus_compat.local.render import clean
from opencensus_compat.local.render.style import painted

from .account import blamed, by_rule, effects, evidence, named, places, summary, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opencensus_compat.local.render import Style

    from .account import Account
    from .proving import Culprit, Place


_UNSTABLE = (
    "Once more, the same edits made no difference: the program is not the same twice. Make its runs alike (a fixed seed, no sampling)."
)
_EFFECTS = 5
"""Of an edit that are shown; JSON has all."""


def as_text(account: Account, style: Style) -> str:
    """Return the report as lines: circumstances, tables, edits that are not proven, and the result as the last line."""
    parts = [list(_circumstances(account))]
    if account.comparison is not None:
        sides = Sides("the folder as it is", f"with {_compared_edits(account)}")
        parts += [comparison_as_text(account.comparison, sides, style).splitlines()]
    parts += [[painted(clean(line), "bad", style) for culprit in account.verdict.culprits for line in _refuted(culprit)]]
    if account.verdict.is_unstable:
        parts += [[painted(_UNSTABLE, "bad", style)]]
    parts += [[f"not tried: {named(edit)}" for edit in account.verdict.untried]]
    parts += [[f"unproven: {clean(where(edit))}: {clean(reason)}" for edit, reason in account.coverage.unproven]]
    parts += [[painted(summary(account), "good" if account.is_equal else "bad", style)]]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _compared_edits(account: Account) -> str:
    """Return with how many edits the table was made, which is without those that are refuted: ``4 edits``, ``1 of 15 edits``."""
    compared, made = len(places(account.verdict.good or account.edits)), len(places(account.edits))
    return f"{'' if compared == made else f'{compared} of '}{made} edit{'' if made == 1 else 's'}"


def _circumstances(account: Account) -> Iterator[str]:
    known = account.circumstances
    yield f"command: {clean(known.command)}"
    if known.drive:
        yield f"drive:   {clean(known.drive)}"
    if known.commit:
        yield f"commit:  {known.commit[:12]}{' and changes that are in no commit' if known.has_changes else ''}"
    if known.sets_shape:
        yield "shape:   OPENCENSUS_COMPAT_ENVELOPES=otel in all runs, which the service does not set yet: take the step shape first"


def _refuted(culprit: Culprit) -> Iterator[str]:
    together = f" (together with {', '.join(map(where, culprit.together_with))})" if culprit.together_with else ""
    found = effects(culprit)
    for effect in found[:_EFFECTS]:
        yield from f"{named(culprit.edit, blamed(culprit))}{together} {effect}".splitlines()
    if len(found) > _EFFECTS:
        yield f"{where(blamed(culprit))} changes {len(found) - _EFFECTS} more columns"


def as_json(account: Account) -> str:
    """Return the document; ``migration_guide/steps.md`` lists its keys."""
    known, comparison = account.circumstances, account.comparison
    document: dict[str, Any] = {
        "verdict": "equal" if account.is_equal else "different",
        "command": known.command,
        "drive": known.drive,
        "commit": known.commit,
        "hasChanges": known.has_changes,
        "setsShape": known.sets_shape,
        "edits": len(places(account.edits)),
        "rules": by_rule(places(account.edits)),
        "evidence": evidence(account),
        "proven": [_edit(edit) for edit in account.coverage.proven],
        "unproven": [{**_edit(place), "reason": reason} for place, reason in account.coverage.unproven],
        "refuted": [
            {
                **_edit(each.edit),
                "places": [_edit(place) for place in each.edit.parts],
                "togetherWith": [_edit(edit) for edit in each.together_with],
                "effects": effects(each),
            }
            for each in account.verdict.culprits
        ],
        "untried": [_edit(edit) for edit in account.verdict.untried],
        "unstable": account.verdict.is_unstable,
        "tables": []
        if comparison is None
        else [{"table": each.table, "before": each.before, "after": each.after} for each in comparison.tables],
        "volatile": [] if comparison is None else [{"table": each.table, "column": each.column} for each in comparison.volatile],
        "notCompared": [] if comparison is None else [{"column": each.column, "reason": each.reason} for each in comparison.not_compared],
        "recordings": dict(account.recordings),
        "runs": account.runs,
        "seconds": round(account.seconds, 1),
    }
    return json.dumps(document, indent=2)


def _edit(edit: Place) -> dict[str, Any]:
    return {"rule": edit.rule, "path": os.path.normpath(edit.path), "line": edit.line, **({"cell": edit.cell} if edit.cell else {})}


def as_markdown(account: Account) -> str:
    """Return the report for a pull request."""
    return "\n".join(_markdown(account)) + "\n"


def _markdown(account: Account) -> Iterator[str]:
    known, comparison = account.circumstances, account.comparison
    yield "### Telemetry before and after"
    yield ""
    yield f"**{summary(account)}**"
    yield ""
    yield f"Command: {_code(known.command)}" + (f", driven by {_code(known.drive)}" if known.drive else "") + "."
    if known.commit:
        yield f"Commit: {known.commit[:12]}{', with changes that are in no commit' if known.has_changes else ''}."
    if known.sets_shape:
        yield "The runs set `OPENCENSUS_COMPAT_ENVELOPES=otel`, which the service does not set yet."
    if comparison is not None:
        yield from ["", "| table | before | after |", "|---|---:|---:|"]
        yield from (f"| {table.table} | {table.before} | {table.after} |" for table in comparison.tables)
    rules = by_rule(places(account.edits))
    yield from ["", "| rule | edits | proven |", "|---|---:|---:|"]
    proven = by_rule(account.coverage.proven)
    yield from (f"| {rule} | {count} | {proven.get(rule, 0)} |" for rule, count in rules.items())
    for head, lines in (
        ("Refuted", [line for culprit in account.verdict.culprits for line in _refuted(culprit)]),
        ("Unproven", [f"{where(edit)}: {reason}" for edit, reason in account.coverage.unproven]),
        ("Not tried one by one", [named(edit) for edit in account.verdict.untried]),
    ):
        if lines:
            yield from ["", f"{head}:", ""]
            yield from (f"- {_text(line)}" for line in lines)
    if account.verdict.is_unstable:
        yield from ["", _UNSTABLE]
    if account.coverage.proven:
        yield from ["", "<details><summary>Proven</summary>", ""]
        yield from (f"- {_text(where(edit))}" for edit in account.coverage.proven)
        yield from ["", "</details>"]
    if comparison is not None:
        volatile = ", ".join(f"{column} ({', '.join(tables)})" for column, tables in by_columns(comparison.volatile).items())
        yield ""
        yield f"Differs between runs of the unchanged program, and says nothing: {_text(volatile) or 'nothing'}."
        yield f"Not compared: {', '.join(sorted({entry.column for entry in comparison.not_compared}))}."


def _code(text: str) -> str:
    # A backtick inside would end the code.
    return f"`{clean(text)}`" if "`" not in text else f"`` {clean(text)} ``"


def _text(text: str) -> str:
    return "".join(f"\\{sign}" if sign in "\\`*_<>|[]" else sign for sign in clean(text))
