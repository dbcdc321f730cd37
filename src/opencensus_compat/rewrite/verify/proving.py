"""Which edits leave the telemetry as it was, and which do not. Pure: what runs programs is handed in.

The program runs with all edits. Where that makes a difference, halves of them are tried, on top of those that are known to make none, until
each edit that makes one is named: about ``log2(n)`` runs for each of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from opencensus_compat.compare import Comparison

Result: TypeAlias = Literal["equal", "different", "failed"]


class Place(Protocol):
    """What becomes of one use."""

    @property
    def path(self) -> str:
        """The file."""

    @property
    def rule(self) -> str:
        """The rule's id."""

    @property
    def line(self) -> int:
        """Line in the file as it was, from 1; of the cell, in a notebook."""

    @property
    def cell(self) -> int:
        """Cell of a notebook, from 1; 0 in other files."""


class Edit(Place, Protocol):
    """What is applied as a whole or not at all; its own place is that of its first part."""

    @property
    def parts(self) -> Sequence[Place]:
        """Every place that it changes."""

    @property
    def key(self) -> Hashable:
        """What names it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run with some edits showed."""

    result: Result
    comparison: Comparison | None = None
    """With the unchanged program; None where the program failed."""
    message: str = ""
    """Of a program that failed: how."""


@dataclass(frozen=True, slots=True)
class Culprit:
    """An edit that makes a difference."""

    edit: Edit
    outcome: Outcome
    together_with: tuple[Edit, ...] = ()
    """Edits without which it makes none."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the runs showed."""

    good: tuple[Edit, ...]
    """Which make no difference together: the program ran with all of them."""
    outcome: Outcome
    """Of the run with the good ones; where there is none, of the run with all."""
    culprits: tuple[Culprit, ...] = ()
    untried: tuple[Edit, ...] = ()
    """Of which nothing is known, since there are `MOST_CULPRITS` without them."""
    is_unstable: bool = False
    """Whether a run with the same edits showed something else the second time."""


MOST_CULPRITS = 10
"""Edits that are looked for one by one: each takes some runs of the program."""


class Experiment(Protocol):
    """Runs the program with some edits."""

    def __call__(self, edits: Sequence[Edit]) -> Outcome:
        """Return what the run showed."""


@dataclass(slots=True)
class _Search:
    experiment: Experiment
    known: dict[frozenset[Hashable], Outcome] = field(default_factory=dict)
    good: list[Edit] = field(default_factory=list)
    culprits: list[Culprit] = field(default_factory=list)
    untried: list[Edit] = field(default_factory=list)
    is_unstable: bool = False

    def run(self, edits: Sequence[Edit]) -> Outcome:
        key = frozenset(edit.key for edit in edits)
        if key not in self.known:
            self.known[key] = self.experiment(edits)
        return self.known[key]

    def absorb(self, candidates: Sequence[Edit]) -> None:
        """Add candidates to the good edits, but for those that make a difference then."""
        if len(self.culprits) >= MOST_CULPRITS:
            self.untried += candidates
            return
        outcome = self.run([*self.good, *candidates])
        if outcome.result == "equal":
            self.good += candidates
        elif len(candidates) == 1:
            self._blame(candidates[0], outcome)
        else:
            half = len(candidates) // 2
            self.absorb(candidates[:half])
            self.absorb(candidates[half:])

    def _blame(self, edit: Edit, outcome: Outcome) -> None:
        """Note an edit that makes a difference on top of the good ones, and which of these it needs for that."""
        if self.good:
            alone = self.run([edit])
            if alone.result != "equal":
                self.culprits.append(Culprit(edit, alone))
                return
        # Once more, whatever is known: a program that is not the same twice must not be taken for an edit that is wrong.
        again = self.experiment([*self.good, edit])
        if again.result == "equal":
            self.is_unstable = True
        self.culprits.append(Culprit(edit, outcome, tuple(self._needed(edit)) if self.good and again.result != "equal" else ()))

    def _needed(self, edit: Edit) -> list[Edit]:
        """Return the good edits without which another one makes no difference, as few as there are."""
        needed: list[Edit] = []
        while True:
            # The shortest beginning of the good ones with which it makes a difference ends with one that is needed.
            low, high = 0, len(self.good)
            while low < high:
                middle = (low + high) // 2
                tried = [*needed, *self.good[:middle], edit]
                if self.run(_once(tried)).result == "equal":
                    low = middle + 1
                else:
                    high = middle
            if low == 0 or low > len(self.good):
                return needed
            needed.append(self.good[low - 1])
            if self.run(_once([*needed, edit])).result != "equal":
                return needed


def _once(edits: Sequence[Edit]) -> list[Edit]:
    return list({edit.key: edit for edit in edits}.values())


def prove(edits: Sequence[Edit], experiment: Experiment) -> Verdict:
    """Return which edits make a difference, and which do not.

    Args:
        edits: In the order in which they are tried.
        experiment: Runs the program with some of them.

    """
    search = _Search(experiment)
    everything = search.run(edits)
    search.absorb(edits)
    good = tuple(search.good)
    outcome = search.run(good) if good else everything
    return Verdict(good, outcome, tuple(search.culprits), tuple(search.untried), search.is_unstable)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which places ran."""

    proven: tuple[Place, ...]
    unproven: tuple[tuple[Place, str], ...]
    """With the reason."""
    whole: tuple[Edit, ...]
    """Edits of which every place ran."""


def covered(edits: Sequence[Edit], why_not: Callable[[Place], str]) -> Coverage:
    """Return which places of some edits ran in the recorded runs.

    Args:
        edits: That make no difference.
        why_not: Why a place counts as one that did not run; empty where it ran.

    """
    reasons = [(edit, [(place, why_not(place)) for place in edit.parts]) for edit in edits]
    places = [each for _, found in reasons for each in found]
    return Coverage(
        tuple(place for place, reason in places if not reason),
        tuple(each for each in places if each[1]),
        tuple(edit for edit, found in reasons if not any(reason for _, reason in found)),
    )
