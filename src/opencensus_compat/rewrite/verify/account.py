"""What a verification found, as plain values: `verify` makes them, reports show them."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opencensus_compat.compare import ROW
from opencensus_compat.rewrite.edits import shown_place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opencensus_compat.compare import Comparison, Difference

    from .proving import Coverage, Culprit, Edit, Place, Verdict


_LONGEST = 60
"""Characters of a value that are shown."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Under which a verification was made."""

    command: str
    """As it was typed, keys left out."""
    drive: str = ""
    """What drove the server; empty for a program that ends by itself."""
    commit: str = ""
    """Of the repository; empty without one."""
    has_changes: bool = False
    """Whether files of the repository had changes that no commit has."""
    sets_shape: bool = True
    """Whether the runs set OpenTelemetry's shape by an environment variable, since nothing else did."""


@dataclass(frozen=True, slots=True)
class Account:
    """The whole."""

    circumstances: Circumstances
    edits: tuple[Edit, ...]
    verdict: Verdict
    coverage: Coverage
    """Of the good edits."""
    chosen: tuple[Edit, ...]
    """Of the good edits, those which may be written: the program ran with exactly these."""
    runs: int
    seconds: float
    recordings: Mapping[str, str]
    """``before``, ``twin`` and ``after`` -> SHA-256 of the recording."""

    @property
    def is_equal(self) -> bool:
        """Whether the program sends the same with all edits."""
        return not self.verdict.culprits and not self.verdict.untried

    @property
    def comparison(self) -> Comparison | None:
        """Of the unchanged program with the good edits; None where there are none and the program failed."""
        return self.verdict.outcome.comparison


def by_rule(places: Iterable[Place]) -> dict[str, int]:
    """Return rule -> number of places."""
    return dict(sorted(Counter(place.rule for place in places).items()))


def places(edits: Iterable[Edit]) -> list[Place]:
    """Return the places of some edits, which is what reports count."""
    return [place for edit in edits for place in edit.parts]


def evidence(account: Account) -> str:
    """Return what proves edits, as ``412 requests``."""
    comparison = account.comparison
    counts = {} if comparison is None else {table.table: table.after for table in comparison.tables}
    if counts.get("requests"):
        return _number(counts["requests"], "request")
    return _number(sum(counts.values()), "item")


def summary(account: Account) -> str:
    """Return the result as one sentence."""
    parts = []
    if account.coverage.proven:
        parts.append(f"{len(account.coverage.proven)} proven by {evidence(account)}")
    if account.coverage.unproven:
        parts.append(f"{len(account.coverage.unproven)} unproven")
    if account.verdict.culprits:
        parts.append(f"{len(places(culprit.edit for culprit in account.verdict.culprits))} refuted")
    if account.verdict.untried:
        parts.append(f"{len(places(account.verdict.untried))} not tried one by one")
    return f"{_number(len(places(account.edits)), 'edit')}: {', '.join(parts)}."


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def effects(culprit: Culprit) -> list[str]:
    """Return what an edit does to the telemetry, or to the program, as predicates: ``adds 40 rows to traces``."""
    comparison = culprit.outcome.comparison
    if comparison is None:
        return [f"makes the program fail: {culprit.outcome.message}"]
    found = [_effect(difference) for difference in comparison.open_differences]
    return found or [f"makes the runs not comparable: {problem.text}" for problem in comparison.problems]


def _effect(difference: Difference) -> str:
    if difference.column == ROW:
        added = sum(change.rows for change in difference.changes if change.before == "<absent>")
        removed = difference.rows - added
        parts = [
            f"{verb} {_number(count, 'row')} {where} {difference.table}"
            for verb, count, where in (("adds", added, "to"), ("removes", removed, "from"))
            if count
        ]
        return " and ".join(parts)
    change = difference.changes[0]
    more = f", and {difference.distinct - 1} more changes" if difference.distinct > 1 else ""
    return f"changes {difference.column} in {difference.count} of {difference.of} {difference.table}: {_short(change.before)} → {_short(change.after)}{more}"


def _short(text: str) -> str:
    """Return a value within one line."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def where(place: Place) -> str:
    """Return what names an edit: ``T034 at orders.py:28``."""
    return f"{place.rule} at {os.path.normpath(place.path)}:{shown_place(place.cell, place.line)}"


def named(edit: Edit, first: Place | None = None) -> str:
    """Return what names an edit, with how many others belong to it.

    Args:
        edit: The edit.
        first: Which of its places is named; by default the first one.

    """
    more = len(edit.parts) - 1
    return where(first or edit) + (
        f" and {more} edit{'' if more == 1 else 's'} that belong{'s' if more == 1 else ''} to it" if more else ""
    )


def blamed(culprit: Culprit) -> Place:
    """Return the place of an edit that made the first difference, as far as its line is known; else its first place."""
    comparison = culprit.outcome.comparison
    found = (
        []
        if comparison is None
        else [code.before.partition(" ")[0] for each in comparison.open_differences for change in each.changes for code in change.code]
    )
    for line in found:
        for place in culprit.edit.parts:
            if f"/{os.path.normpath(place.path)}:{place.line}".endswith(f"/{line}"):
                return place
    return culprit.edit
