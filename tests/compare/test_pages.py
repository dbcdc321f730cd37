from __future__ import annotations

import pytest

from opencensus_compat.compare.accepted import read
from opencensus_compat.compare.model import Change, Comparison, Difference, TableChange
from opencensus_compat.compare.pages import ComparisonPage
from opencensus_compat.compare.reports import Sides

RENAMED = Difference("traces", "message", (Change("a", "b", 1, 1, ("a",)),), 1, 1, 1, 2)
ADDED = Difference("traces", "row", (Change("<absent>", "<row>", 1, 1, ("one more",)),), 1, 1, 1, 2)


@pytest.fixture
def page(tmp_path):
    """Return a page of two differences; what its list accepts is accepted."""

    def compared(accepted):
        def entry_of(difference):
            return next((entry for entry in accepted if entry.column == difference.column), None)

        differences = [
            Difference(one.table, one.column, one.changes, one.distinct, one.count, one.rows, one.of, entry_of(one))
            for one in (RENAMED, ADDED)
        ]
        return Comparison((TableChange("traces", 1, 2, 1, 2),), tuple(differences), (), (), (), (), (), 0)

    return ComparisonPage(compared, Sides("old", "new", None), tmp_path / "accept.toml")


def _entry(difference, reason="meant"):
    return {
        "table": difference["table"],
        "column": difference["column"],
        "reason": reason,
        "changes": [[each["before"], each["after"]] for each in difference["changes"]],
    }


def test_accepting_writes_the_list(page, tmp_path):
    """An accepted difference is written as `--review` writes it, and is accepted from then on."""
    found = page.as_json()
    assert (found["verdict"], found["list"]) == ("different", str(tmp_path / "accept.toml"))
    for difference in found["differences"]:
        page.accept(_entry(difference))
    assert page.as_json()["verdict"] == "equal"
    renamed, added = read(tmp_path / "accept.toml")
    assert (renamed.column, renamed.before, renamed.after, renamed.reason) == ("message", "a", "b", "meant")
    assert (added.column, added.where) == ("row", {"message": "one more"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reason": " "}, "expected a reason"),
        ({"reason": None}, "expected a reason"),
        ({"column": "name"}, "no longer there"),
        ({"changes": [["a", "c"]]}, "no longer there"),
        ({"changes": "x"}, "no longer there"),
    ],
)
def test_what_cannot_be_accepted(page, tmp_path, change, message):
    """A difference that is not there any more, or has no reason, changes nothing."""
    entry = {**_entry(page.as_json()["differences"][0]), **change}
    with pytest.raises(ValueError, match=message):
        page.accept(entry)
    assert not (tmp_path / "accept.toml").exists()
