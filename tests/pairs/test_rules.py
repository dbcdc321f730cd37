"""The rule table against the pairs of programs: what it says of a form is shown by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from opencensus_compat.scan.rules import RULES

PAIRS = {path.name.partition(".")[0] for path in (Path(__file__).parent / "programs").iterdir()}
WITHOUT = {
    **dict.fromkeys(["R001", "R002"], "packages are no programs"),
    **dict.fromkeys(["Q001", "Q002", "Q004", "Q005", "Q007", "Q008", "Q009", "Q010"], "queries are no programs"),
    "N004": "a name of a logger sends nothing",
    **dict.fromkeys(["T071", "V003"], "exporters of other makers send elsewhere"),
}
"""Rules that are shown by no pair, and why."""


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_has_a_pair(rule):
    """A form that can be rewritten without a person has a pair, or a reason why not; and the pairs that it names are there."""
    assert set(rule.pair.split()) <= PAIRS
    if rule.kind in ("exact", "shape"):
        assert bool(rule.pair) != (rule.id in WITHOUT)
    else:
        assert rule.id not in WITHOUT


def test_a_pair_has_a_rule():
    """Each pair shows what a row of the table says."""
    assert {name for rule in RULES for name in rule.pair.split()} == PAIRS
    assert set(WITHOUT) <= {rule.id for rule in RULES}
