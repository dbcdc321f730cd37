"""`differences.md`: a narrow table leads to the details of each row, which name the test that holds them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
TEXT = (TESTS.parent / "migration_guide" / "differences.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| \[([^]]+)\]\(#([\w-]+)\) \| ([^|]+) \|(?: (\w+) \|)?$", TEXT, re.MULTILINE)
DETAILS = dict(re.findall(r"^### (.+)\n((?:.+\n)+)", TEXT, re.MULTILINE))
REASONS = set(re.findall(r"^\| (\w+) \| [^|]+ \|$", TEXT.partition("\n## ")[0], re.MULTILINE)) - {"reason"}


def test_rows_are_narrow():
    """A row is one line of at most 120 characters."""
    assert [line for line in TEXT.splitlines() if line.startswith("|") and len(line) > 120] == []


def test_rows_lead_to_details_in_their_order():
    """Each row has details, and all details have a row."""
    assert [name for name, _, _, _ in ROWS] == list(DETAILS)
    assert len(ROWS) > 130


@pytest.mark.parametrize("row", ROWS, ids=[anchor for _, anchor, _, _ in ROWS])
def test_details_are_whole(row):
    """They say what both do, why, and which test holds it, in this order; the reason is the row's."""
    name, _, _, reason = row
    fields = re.findall(r"^- (Retired SDK|This package|Reason|Way back|Test): (.+)", DETAILS[name], re.MULTILINE)
    names = [field for field, _ in fields]
    assert names == [field for field in ("Retired SDK", "This package", "Reason", "Way back", "Test") if field in names]
    said = dict(fields)
    assert "This package" in said
    if reason:
        assert reason in REASONS
        assert re.match(rf"{reason}\b", said["Reason"])
        assert "Retired SDK" in said


def test_named_tests_exist():
    """The names are those of functions, or of files, of tests."""
    paths = list(TESTS.rglob("test_*.py"))
    functions = {name for path in paths for name in re.findall(r"^ *def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)}
    named = {re.sub(r"\[.*", "", text) for text in re.findall(r"^- Test: `([^`]+)`$", TEXT, re.MULTILINE)}
    files = {name for name in named if name.endswith(".py")}
    assert len(named) > 50
    assert named - files - functions == set()
    assert [name for name in files if not any(path.as_posix().endswith(f"/{name}") for path in paths)] == []


def test_the_ten_lead_to_rows():
    """The short page has ten differences; each says what to do, and names a row, a reason or a part of the table."""
    page = (TESTS.parent / "migration_guide" / "what_differs.md").read_text(encoding="utf-8")
    ten = re.findall(r"^### (\d+)\. .+\n((?:(?!#).*\n)+)", page, re.MULTILINE)
    assert [int(number) for number, _ in ten] == list(range(1, 11))
    assert [number for number, text in ten if not re.search(r"^- Do: ", text, re.MULTILINE)] == []
    assert [
        number
        for number, text in ten
        if not re.search(r"^- Rows?: (\[[\w-]+\]\(differences\.md#|those with the reason)", text, re.MULTILINE)
    ] == []
