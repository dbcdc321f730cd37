"""What came of the checks, as text for a terminal, as JSON, and as a block for an issue.

Each mark has its word beside it, so that the text says the same when it is read aloud, or in a log without its characters.
"""

from __future__ import annotations

import json
import platform
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from opencensus_compat import __version__
from opencensus_compat.doctor import counted
from opencensus_compat.doctor.check import OK, PROBLEM, SKIPPED, UNCHECKED, WARNING, Finding, Result, Verdict
from opencensus_compat.doctor.facts import Absent, Facts

__all__ = ["Look", "as_json", "as_report", "as_text", "exit_code", "without_secrets", "wrapped"]

_FORMAT = 1
"""Number of the JSON's form; a field that is new does not change it."""
_MARKS = {PROBLEM: ("✗", "x"), WARNING: ("!", "!"), UNCHECKED: ("?", "?"), SKIPPED: ("\N{EN DASH}", "-"), OK: ("✓", "+")}
_COLOURS = {PROBLEM: "31", WARNING: "33", UNCHECKED: "35", SKIPPED: "2", OK: "32"}
_PLURALS = {PROBLEM: "problems", WARNING: "warnings"}


@dataclass(frozen=True, slots=True)
class Look:
    """What the terminal can show."""

    width: int = 80
    """Columns."""
    colour: bool = False
    unicode: bool = True
    verbose: bool = False
    """Show evidence, and checks that found nothing."""


def exit_code(results: Iterable[Result], *, strict: bool) -> int:
    """Return 0 where there is no problem, 1 where there is one, 3 where something could not be checked and nothing is worse.

    Args:
        results: What the checks said.
        strict: Whether a warning counts as a problem.
    """
    verdicts = {result.verdict for result in results} | {UNCHECKED for result in results if result.failure}
    if PROBLEM in verdicts or (strict and WARNING in verdicts):
        return 1
    return 3 if UNCHECKED in verdicts else 0


def without_secrets(results: Iterable[Result], mask: Callable[[str], str]) -> tuple[Result, ...]:
    """Return results whose texts have gone through a function, before they are broken into lines or put into JSON."""
    return tuple(
        Result(
            result.check,
            tuple(
                replace(each, text=mask(each.text), step=mask(each.step), evidence=tuple(map(mask, each.evidence)))
                for each in result.findings
            ),
            mask(result.failure),
        )
        for result in results
    )


def as_text(results: Sequence[Result], look: Look) -> str:
    """Return the text for a terminal."""
    lines: list[str] = []
    for verdict in (PROBLEM, WARNING):
        for result in results:
            for finding in (finding for finding in result.findings if finding.verdict is verdict):
                lines += [*_finding(result, finding, look), ""]
    for failure, ids in _failures(results).items():
        lines += [*_item(UNCHECKED, ", ".join(ids), failure, look), ""]
    lines += _skipped(results, look)
    if look.verbose:
        for result in (result for result in results if result.verdict is OK):
            lines += _item(OK, result.check.id, result.check.title, look)
        lines.append("")
    return "\n".join([*lines, *wrapped(f"{_mark(_overall(results), look)} ", _summary(results), "  ", look)]) + "\n"


def _failures(results: Iterable[Result]) -> dict[str, list[str]]:
    """Return why checks said nothing, and which did not: one section that is not there is many checks' reason."""
    found: dict[str, list[str]] = {}
    for result in results:
        if result.failure:
            found.setdefault(result.failure, []).append(result.check.id)
    return found


def _finding(result: Result, finding: Finding, look: Look) -> list[str]:
    lines = _item(finding.verdict, result.check.id, finding.text, look)
    if finding.step:
        lines += wrapped("  next: ", finding.step, "    ", look)
    if look.verbose:
        for evidence in finding.evidence:
            lines += wrapped("  seen: ", evidence, "    ", look)
    return lines


def _item(verdict: Verdict, head: str, text: str, look: Look) -> list[str]:
    return wrapped(f"{_mark(verdict, look)} ", f"{verdict.value} {head}: {text}", "  ", look)


def _mark(verdict: Verdict, look: Look) -> str:
    mark = _MARKS[verdict][0 if look.unicode else 1]
    return f"\x1b[{_COLOURS[verdict]}m{mark}\x1b[0m" if look.colour else mark


def wrapped(first: str, text: str, rest: str, look: Look) -> list[str]:
    """Return a text in lines of the terminal's width; names and paths are not broken.

    Args:
        first: What the first line begins with; colours in it take no room.
        text: Without line ends, which would be those of somebody else's value.
        rest: What the others begin with.
        look: The terminal.
    """
    room = " " * len(_MARKS[OK][0]) + " " if "\x1b" in first else first
    clean = "".join(letter if letter.isprintable() else " " for letter in text)
    lines = textwrap.wrap(
        clean, look.width, initial_indent=room, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    ) or [room.rstrip()]
    return [first + lines[0][len(room) :], *lines[1:]]


def _skipped(results: Sequence[Result], look: Look) -> list[str]:
    """Return the reasons for which checks were skipped, each once, and how many were, or which."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for result in results:
        for finding in result.findings:
            if finding.verdict is SKIPPED:
                reasons.setdefault((finding.text, finding.step), []).append(result.check.id)
    lines = []
    for (text, step), ids in reasons.items():
        names = ", ".join(dict.fromkeys(ids))
        head = names if look.verbose or len(ids) == 1 else f"{len(ids)} checks"
        lines += [*_item(SKIPPED, head, text, look), *(wrapped("  next: ", step, "    ", look) if step and look.verbose else [])]
    return [*lines, ""] if lines else []


def _overall(results: Iterable[Result]) -> Verdict:
    verdicts = {result.verdict for result in results}
    return next((verdict for verdict in (PROBLEM, WARNING, UNCHECKED) if verdict in verdicts), OK)


def _counts(results: Sequence[Result]) -> dict[str, int]:
    found = Counter(finding.verdict for result in results for finding in result.findings)
    return {
        "problems": found[PROBLEM],
        "warnings": found[WARNING],
        "could_not_check": sum(bool(result.failure) for result in results),
        "skipped": sum(result.verdict is SKIPPED for result in results),
        "ok": sum(result.verdict is OK for result in results),
    }


def _summary(results: Sequence[Result]) -> str:
    counts = _counts(results)
    parts = [f"{number} {plural if number != 1 else plural[:-1]}" for plural in _PLURALS.values() if (number := counts[plural])]
    if counts["could_not_check"]:
        parts.append(f"{counts['could_not_check']} could not be checked")
    found = ", ".join(parts) or "no problem found"
    return f"{found}; {counts['ok']} of {len(results)} checks found nothing to say."


def as_json(facts: Facts, results: Sequence[Result], *, strict: bool, mask: Callable[[str], str]) -> str:
    """Return a JSON document.

    Args:
        facts: For what tells the environment from others.
        results: Without secrets.
        strict: Whether a warning counts as a problem.
        mask: Takes secrets out of a text; the document as a whole cannot go through it.
    """
    document = {
        "format": _FORMAT,
        "census_compat": __version__,
        "exit_code": exit_code(results, strict=strict),
        "counts": _counts(results),
        "results": [
            {
                "id": result.check.id,
                "group": result.check.group,
                "title": result.check.title,
                "verdict": result.verdict.value,
                "failure": result.failure,
                "findings": [
                    {"verdict": each.verdict.value, "text": each.text, "step": each.step, "evidence": list(each.evidence)}
                    for each in result.findings
                ],
            }
            for result in results
        ],
        "processes": _clean(counted.as_plain(facts.counts), mask),
        "test_item": _clean(counted.sent_plain(facts.network), mask),
        "environment": _clean(_environment(facts), mask),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _clean(value: object, mask: Callable[[str], str]) -> object:
    """Return a value of JSON whose texts have gone through a function."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {mask(name): _clean(each, mask) for name, each in value.items()}
    return [_clean(each, mask) for each in value] if isinstance(value, (list, tuple)) else value


def as_report(facts: Facts, results: Sequence[Result]) -> str:
    """Return a block of Markdown for an issue."""
    look = Look(width=100, verbose=True)
    told = [(result, finding) for result in results for finding in result.findings if finding.verdict is not SKIPPED]
    lines = [
        "<!-- census-compat doctor --report -->",
        *(f"- {name}: {value}" for name, value in _environment(facts).items()),
        "",
        "```text",
        *(line for result, finding in told for line in _finding(result, finding, look)),
        *(line for failure, ids in _failures(results).items() for line in _item(UNCHECKED, ", ".join(ids), failure, look)),
        _summary(results),
        "```",
    ]
    return "\n".join(lines) + "\n"


def _environment(facts: Facts) -> dict[str, str]:
    """Return what tells an environment from others: releases, and the system."""
    told = {"census-compat": __version__, "system": f"{platform.system()} {platform.release()} {platform.machine()}"}
    versions = facts.versions
    if isinstance(versions, Absent):
        return told
    told["Python"] = f"{versions.implementation} {'.'.join(map(str, versions.python))}"
    seen = {each.name: each.version for each in reversed(versions.installed)}
    told["distributions"] = ", ".join(f"{name} {version}" for name, version in sorted(seen.items()) if name != "census-compat") or "none"
    return told
