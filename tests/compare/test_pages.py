from __future__ import annotations

import json

import pytest

from opencensus_compat.compare import compare
from opencensus_compat.compare.accepted import read
from opencensus_compat.compare.model import Change, Comparison, Difference, TableChange
from opencensus_compat.compare.pages import ComparisonPage
from opencensus_compat.compare.reports import Sides
from opencensus_compat.local.store import Accepted, Store
from opencensus_compat.local.tables import row

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

    return ComparisonPage(compared, Sides("old", "new", None), tmp_path / "accept.toml", ("before.db", "after.db"))


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


ENVELOPE = {
    "time": "2023-11-14T22:13:20.000000Z",
    "iKey": "00000000-0000-0000-0000-000000000001",
    "tags": {"ai.cloud.role": "shop"},
    "data": {"baseType": "MessageData", "baseData": {"ver": 2, "message": "", "severityLevel": 1, "properties": {}}},
}


def _recording(path, *lines):
    """Write a recording of log records, each a message and a severity."""
    store = Store(path)
    accepted = []
    for number, (message, severity) in enumerate(lines, 1):
        envelope = json.loads(json.dumps(ENVELOPE))
        envelope["time"] = f"2023-11-14T22:13:{20 + number}.000000Z"
        envelope["data"]["baseData"].update({"message": message, "severityLevel": severity})
        accepted.append(Accepted(number, row(envelope, number), json.dumps(envelope), ()))
    store.add(accepted)
    store.close()
    return str(path)


def test_counterparts(tmp_path):
    """Each item has its counterpart with what differs, where the comparison found that; an item more has none."""
    files = (
        _recording(tmp_path / "before.db", ("one order", 1), ("no credit", 2)),
        _recording(tmp_path / "after.db", ("a new line", 1), ("one order", 1), ("no credit", 3)),
    )
    page = ComparisonPage(lambda accepted: compare(*files, accepted=accepted), Sides("old", "new", None), tmp_path / "accept.toml", files)
    assert page.changes() == {"changed": {3: ("severityLevel",)}, "added": (1,)}
    assert page.counterpart(1) is None
    found = page.counterpart(3)
    assert (found["number"], found["table"], found["row"]["message"], found["row"]["severityLevel"]) == (2, "traces", "no credit", 2)
