"""The labelled corpus: every form is found at its line, and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from opencensus_compat.scan.project import scan
from opencensus_compat.scan.rules import RULES

_CORPUS = Path(__file__).with_name("corpus")
_LABEL = re.compile(r"#: ([A-Z]\d{3}(?: [A-Z]\d{3})*)(?: @(-\d+))?")
_ELSEWHERE = {"R001", "R002", "F001", "F002", "R003", *(f"Q{number:03}" for number in range(1, 13))}
"""Rules for other files than those of the corpus."""
_UNSEEN = {"T033", "T052", "T063", "T071", "T072", "T074", "T075", "T076", "W003", "W015", "W016", "V003", "V004", "A011", "S007", "S012"} | {
    "M003", "M004", "C001", "C002", "C003",
}  # fmt: skip
"""Rows for names that no public program was seen to use; `test_rules.py` has them."""


def _labels() -> Counter[tuple[str, int, str]]:
    labels: Counter[tuple[str, int, str]] = Counter()
    for path in _CORPUS.rglob("*.py"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for rules, offset in _LABEL.findall(line):
                labels.update((str(path), number + int(offset or 0), rule) for rule in rules.split())
    return labels


@pytest.fixture(scope="module")
def found() -> Counter[tuple[str, int, str]]:
    """The uses that a scan of the corpus finds."""
    result = scan([str(_CORPUS)])
    assert result.problems == []
    return Counter((use.path, use.line, use.rule_id) for use in result.uses)


def _shown(uses: Counter[tuple[str, int, str]]) -> list[str]:
    return [f"{Path(path).name}:{line} {rule}" for path, line, rule in sorted(uses.elements())]


def test_no_use_is_missed(found):
    """Every label has its use."""
    assert _shown(_labels() - found) == []


def test_nothing_else_is_found(found):
    """Every use has its label."""
    assert _shown(found - _labels()) == []


def test_the_corpus_has_every_form():
    """Each row of the rule table for Python is in the corpus, but for names that nobody was seen to use."""
    assert {rule.id for rule in RULES} - {rule for _, _, rule in _labels()} == _ELSEWHERE | _UNSEEN
