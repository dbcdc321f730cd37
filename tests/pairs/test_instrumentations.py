"""What instrumentations change is known by its row, and what is lost beside it is not."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from opencensus_compat.compare import compare
from opencensus_compat.compare.known_instrumentations import KNOWN_INSTRUMENTATIONS
from opencensus_compat.compare.steps import STEPS

_HERE = Path(__file__).parent
_PAIRS = {
    "W001_requests_by_name": "http-clients",
    "W010_flask": "servers",
    "W011_django": "servers",
    "W012_fastapi": "servers",
}
_PROGRAMS = {path.name.removesuffix(".py"): path for path in (_HERE / "programs").iterdir()}
_GUIDE = _HERE.parents[1] / "migration_guide" / "instrumentations.md"
_KNOWN = STEPS["instrumentations"].accepted()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("name", _PAIRS)
def test_what_changes_has_a_row(record, name):
    """Of programs with an integration and with its instrumentation nothing differs but what the row says."""
    before, twin, after = (record(_PROGRAMS[f"{name}.{side}"]) for side in ("before", "before", "after"))
    found = compare(before, after, twins=[twin], known=_KNOWN)
    assert not [f"{lost.table}.{lost.column}: {lost.changes[0]}" for lost in found.open_differences]
    assert {difference.accepted.known for difference in found.differences} == {_PAIRS[name]}


def test_the_guide():
    """Each row is on the page, in its order."""
    text = _GUIDE.read_text(encoding="utf-8").partition("\n## What is accepted")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE) == [row.id for row in KNOWN_INSTRUMENTATIONS]
    assert {row.id for row in KNOWN_INSTRUMENTATIONS} == set(_PAIRS.values())
