"""The search for edits that make a difference, with experiments that are made up."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from opencensus_compat.rewrite.verify.proving import MOST_CULPRITS, Outcome, covered, prove


@dataclass(frozen=True)
class Edit:
    """An edit with a place of its own, and others that belong to it."""

    line: int
    more: tuple[int, ...] = ()
    path: str = "orders.py"
    rule: str = "T010"
    cell: int = 0

    @property
    def parts(self):
        """The places."""
        return tuple(Edit(line) for line in (self.line, *self.more))

    @property
    def key(self):
        """Its name."""
        return self.line


class Program:
    """Makes a difference with some edits, and counts how often it ran."""

    def __init__(self, is_wrong):
        self._is_wrong = is_wrong
        self.runs = 0

    def __call__(self, edits):
        """Run with some edits."""
        self.runs += 1
        return Outcome("different" if self._is_wrong({edit.line for edit in edits}) else "equal")


EDITS = [Edit(line) for line in range(1, 33)]


def _found(verdict):
    return [(culprit.edit.line, sorted(edit.line for edit in culprit.together_with)) for culprit in verdict.culprits]


def test_nothing_wrong():
    """One run with all edits is enough."""
    program = Program(lambda _: False)
    verdict = prove(EDITS, program)
    assert (program.runs, verdict.good, verdict.culprits, verdict.outcome.result) == (1, tuple(EDITS), (), "equal")


@pytest.mark.parametrize("wrong", [1, 2, 17, 31, 32])
def test_one_wrong_edit(wrong):
    """The edit is named after about log2 of their number runs, and the others are good together."""
    program = Program(lambda lines: wrong in lines)
    verdict = prove(EDITS, program)
    assert _found(verdict) == [(wrong, [])]
    assert [edit.line for edit in verdict.good] == [line for line in range(1, 33) if line != wrong]
    # With all, a half of each half, those that are left of each, and the edit by itself.
    assert program.runs <= 2 * math.log2(len(EDITS)) + 3


@pytest.mark.parametrize("wrong", [{3, 4}, {1, 32}, {5, 17, 30}, set(range(1, 6))])
def test_several_wrong_edits(wrong):
    """Each is named."""
    verdict = prove(EDITS, Program(lambda lines: bool(wrong & lines)))
    assert _found(verdict) == [(line, []) for line in sorted(wrong)]
    assert len(verdict.good) == 32 - len(wrong)


@pytest.mark.parametrize("together", [{3, 30}, {1, 2}, {16, 17}, {4, 11, 29}])
def test_edits_that_are_wrong_together(together):
    """The last of them is named, with those without which it makes no difference."""
    verdict = prove(EDITS, Program(lambda lines: together <= lines))
    *others, last = sorted(together)
    assert _found(verdict) == [(last, others)]


def test_all_are_wrong():
    """After some culprits the search ends, and nothing is said of the rest."""
    verdict = prove(EDITS, Program(bool))
    assert (len(verdict.culprits), verdict.good, verdict.outcome.result) == (MOST_CULPRITS, (), "different")
    assert [edit.line for edit in verdict.untried] == list(range(MOST_CULPRITS + 1, 33))


def test_a_program_that_is_not_the_same_twice():
    """A difference that a second run does not show is said to be none of the edit's."""
    answers = iter([True, False])
    verdict = prove(EDITS[:1], Program(lambda _: next(answers)))
    assert (_found(verdict), verdict.is_unstable) == ([(1, [])], True)


def test_an_edit_after_which_the_program_fails():
    """A failure is a result like a difference."""
    verdict = prove(
        EDITS[:4], lambda edits: Outcome("failed", message="boom") if any(edit.line == 2 for edit in edits) else Outcome("equal")
    )
    assert [(culprit.edit.line, culprit.outcome.message) for culprit in verdict.culprits] == [(2, "boom")]


def test_what_ran():
    """Each place is proven by itself; an edit is, where all of its places ran."""
    found = covered([Edit(1, (2,)), Edit(3, (4,))], lambda place: "the line did not run" if place.line == 4 else "")
    assert [place.line for place in found.proven] == [1, 2, 3]
    assert [(place.line, reason) for place, reason in found.unproven] == [(4, "the line did not run")]
    assert [edit.line for edit in found.whole] == [1]
