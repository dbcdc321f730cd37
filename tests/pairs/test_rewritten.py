"""What a rewritten file changes is known by its row, and what is lost is not accepted."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from opencensus_compat.compare import compare
from opencensus_compat.compare.known_rewrite import KNOWN_REWRITE
from opencensus_compat.compare.steps import STEPS

_PROGRAMS = Path(__file__).parent / "programs"
_GUIDE = Path(__file__).resolve().parents[2] / "migration_guide" / "rewrite.md"
_KNOWN = STEPS["rewrite"].accepted()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_what_a_span_keeps(record):
    """The attribute, the annotation and the link that a span of OpenCensus gives up arrive, and only that way round is accepted."""
    before, after = (record(_PROGRAMS / f"T020_more_than_a_span_keeps.{side}.py") for side in ("before", "after"))
    found = compare(before, after, known=_KNOWN)
    assert not [f"{lost.table}.{lost.column}: {lost.changes[0]}" for lost in found.open_differences]
    assert {(each.table, each.column, each.accepted.known) for each in found.differences} == {
        ("dependencies", "customDimensions.column 0", "span-limits"),
        ("dependencies", "customDimensions._MS.links", "span-limits"),
        ("traces", "row", "span-limits"),
    }
    assert len(compare(after, before, known=_KNOWN).open_differences) == 3


def test_the_guide():
    """Each row is on the page, in its order."""
    text = _GUIDE.read_text(encoding="utf-8").partition("\n## What differs")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE) == [row.id for row in KNOWN_REWRITE]
