"""The pairs of programs, by their text: `before` becomes `after` to the byte, and `after` stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from opencensus_compat.rewrite.rewriting import Options, rewrite_text

_PROGRAMS = Path(__file__).parents[1] / "pairs" / "programs"
_BEFORE = sorted(_PROGRAMS.glob("*.before.py"))
_ALL = Options(shape=True, accepted=frozenset({"W014", "W015"}))
_ASKED = "B002"
"""Exporters of the program: they stay, with the question what they do."""


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name.partition(".")[0]) for path in _BEFORE])
def test_before_becomes_after(path):
    """What `rewrite` makes of a legacy program is its pair."""
    result = rewrite_text(path.read_bytes(), options=_ALL)
    expected = path.with_name(path.name.replace(".before.", ".after.")).read_text(encoding="utf-8")
    assert b"".join(result.after.values()).decode() == expected
    assert [each for each in result.left if each.why != "keep" and each.rule != _ASKED] == []


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name.partition(".")[0]) for path in sorted(_PROGRAMS.glob("*.after.py"))])
def test_after_stays(path):
    """A program that was rewritten is not changed again."""
    assert rewrite_text(path.read_bytes(), options=_ALL).after == {}
