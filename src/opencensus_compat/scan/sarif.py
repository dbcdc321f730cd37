"""A scan's result as SARIF 2.1.0, for code scanning of GitHub and Azure DevOps, and for editors."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from opencensus_compat import __version__
from opencensus_compat.scan.report import how_seen
from opencensus_compat.scan.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opencensus_compat.scan.findings import Result, Use
    from opencensus_compat.scan.rule import Rule

MOST_RESULTS = 5_000
"""GitHub shows no more of a run."""
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_UNFOUND = "U001"
_LEVELS = {"decide": "warning"}


def as_sarif(result: Result) -> str:
    """Return the report: one result for each use, those that a person must decide about first where there are too many."""
    uses = sorted(result.uses, key=lambda use: use.rule.kind != "decide")[:MOST_RESULTS] if len(result.uses) > MOST_RESULTS else result.uses
    prints = _fingerprints(uses)
    unfound = result.recorded.unfound if result.recorded is not None else ()
    shown = unfound[: max(0, MOST_RESULTS - len(uses))]
    used = {use.rule_id for use in uses}
    rules = [_rule(rule) for rule in RULES if rule.id in used]
    if shown:
        text = "line that called OpenCensus in a recording, and is no use that was found"
        rules.append({"id": _UNFOUND, "shortDescription": {"text": text}, "defaultConfiguration": {"level": "warning"}})
    at = {rule["id"]: number for number, rule in enumerate(rules)}
    results = [_result(use, print_, at[use.rule_id], result) for use, print_ in zip(uses, prints, strict=True)]
    results += [
        {
            "ruleId": _UNFOUND,
            "ruleIndex": at[_UNFOUND],
            "level": "warning",
            "message": {"text": f"Ran, and was not found: {line.symbol}."},
            "locations": [_location(line.path, {"startLine": line.line})],
            "partialFingerprints": {"censusCompat/v1": _hash(_uri(line.path), _UNFOUND, line.symbol, "0")},
        }
        for line in shown
    ]
    left_out = len(result.uses) + len(unfound) - len(results)
    notes = [_note("warning", f"cannot read {problem.path}: {problem.reason}", problem.path) for problem in result.problems]
    if left_out:
        notes.append(_note("warning", f"{left_out:,} more uses are left out: {MOST_RESULTS:,} is the most that GitHub shows of a run."))
    run: dict[str, Any] = {
        "tool": {"driver": {"name": "census-compat scan", "version": __version__, "semanticVersion": __version__, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True, **({"toolExecutionNotifications": notes} if notes else {})}],
        "results": results,
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.form},
        "fullDescription": {"text": f"{rule.form} ({rule.kind}): {rule.counterpart}"},
        "help": {
            "text": f"Counterpart: {rule.counterpart}"
            + (f"\n{rule.question}" if rule.question else "")
            + (f"\nArrives in: {rule.arrives}" if rule.arrives else "")
        },
        "defaultConfiguration": {"level": _LEVELS.get(rule.kind, "note")},
        "properties": {"tags": ["opencensus", rule.kind]},
    }


def _result(use: Use, print_: str, index: int, result: Result) -> dict[str, Any]:
    rule = use.rule
    sentences = [f"{rule.form}: {rule.counterpart}.", rule.question, f"Cell {use.cell}, line {use.line}." if use.cell else ""]
    if result.recorded is not None and use.seen is not None:
        sentences.append(f"In the recording: {how_seen(use)}.")
    # A notebook's file has other lines than its cells.
    region = {"startLine": 1} if use.cell else {"startLine": use.line, "startColumn": use.column, "snippet": {"text": use.text}}
    found: dict[str, Any] = {
        "ruleId": rule.id,
        "ruleIndex": index,
        "level": _LEVELS.get(rule.kind, "note"),
        "message": {"text": " ".join(filter(None, sentences))},
        "locations": [_location(use.path, region)],
        "partialFingerprints": {"censusCompat/v1": print_},
        "properties": {"class": rule.kind, "symbol": use.symbol},
    }
    if use.seen is not None:
        found["properties"]["seen"] = use.seen
    if result.held is not None:
        found["baselineState"] = "new" if use.is_new else "unchanged"
    return found


def _fingerprints(uses: Iterable[Use]) -> list[str]:
    """Return what each use is known by: its file, rule and symbol, and which of these it is there. A line that moves changes nothing."""
    numbers: Counter[tuple[str, str, str]] = Counter()
    found = []
    for use in uses:
        key = (_uri(use.path), use.rule_id, use.symbol)
        found.append(_hash(*key, str(numbers[key])))
        numbers[key] += 1
    return found


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _location(path: str, region: dict[str, Any]) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(path)}, "region": region}}


def _uri(path: str) -> str:
    plain = os.path.normpath(path).replace(os.sep, "/")
    return ("file://" if plain.startswith("/") else "") + quote(plain.encode("utf-8", "surrogateescape"), safe="/")


def _note(level: str, text: str, path: str = "") -> dict[str, Any]:
    printable = text.encode("utf-8", "replace").decode()
    return {
        "level": level,
        "message": {"text": printable},
        **({"locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(path)}}}]} if path else {}),
    }
