from __future__ import annotations

import json

import pytest

from opencensus_compat.local.tables import TABLES
from opencensus_compat.local.transaction import as_dict, build, find


def item(table, own_id, parent, second=0, operation="op"):
    """Return table and row of an item, short of what a tree does not look at."""
    row = {"timestamp": f"2023-11-14T22:13:{second:02d}.0000000Z", "operation_Id": operation, "operation_ParentId": parent}
    if own_id is not None:
        row["id"] = own_id
    return table, row


def tree(*items):
    """Return the tree as nested lists of (id or table, note, children)."""
    rows = {}
    for table, row in items:
        rows.setdefault(table, []).append(row)

    def shape(nodes):
        return [(node.row.get("id", node.table), node.note, shape(node.children)) for node in nodes]

    return shape(build("op", rows).roots)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param(
            [
                item("requests", "r", None, 0),
                item("dependencies", "d", "r", 1),
                item("requests", "s", "d", 2),
                item("traces", None, "s", 3),
                item("exceptions", None, "r", 4),
            ],
            [("r", "", [("d", "", [("s", "", [("traces", "", [])])]), ("exceptions", "", [])])],
            id="nested",
        ),
        pytest.param(
            [item("dependencies", "late", "r", 5), item("dependencies", "early", "r", 1), item("requests", "r", None, 0)],
            [("r", "", [("early", "", []), ("late", "", [])])],
            id="children-by-start",
        ),
        pytest.param(
            [item("traces", None, "r", 0), item("dependencies", "d", "r", 0), item("requests", "r", "", 0)],
            [("r", "", [("d", "", []), ("traces", "", [])])],
            id="spans-before-logs-of-the-same-instant",
        ),
        pytest.param([item("dependencies", "d", "gone", 0)], [("d", "orphan", [])], id="orphan"),
        pytest.param(
            [item("requests", "1111", None, 0), item("traces", None, "|op.1111.", 1)],
            [("1111", "", [("traces", "", [])])],
            id="legacy-pipe-parent",
        ),
        pytest.param(
            [item("requests", "|op.1111.", None, 0), item("dependencies", "d", "|op.1111.", 1), item("traces", None, "1111", 1)],
            [("|op.1111.", "", [("d", "", []), ("traces", "", [])])],
            id="legacy-pipe-id",
        ),
        pytest.param(
            [item("traces", None, "0000000000000000", 0), item("traces", None, "|op.0000000000000000.", 1), item("requests", "r", "op", 2)],
            [("traces", "", []), ("traces", "", []), ("r", "", [])],
            id="zeros-and-the-operation-itself-are-no-parents",
        ),
        pytest.param([item("requests", "r", "r", 0)], [("r", "cycle", [])], id="own-parent"),
        pytest.param(
            [item("requests", "a", "b", 1), item("dependencies", "b", "a", 0), item("traces", None, "a", 2)],
            [("b", "cycle", [("a", "", [("traces", "", [])])])],
            id="cycle-is-cut-at-its-earliest",
        ),
        pytest.param(
            [item("requests", "r", None, 0), item("requests", "r", None, 1), item("traces", None, "r", 2)],
            [("r", "", [("traces", "", [])]), ("r", "duplicate", [])],
            id="duplicate-id",
        ),
        pytest.param([], [], id="nothing"),
    ],
)
def test_tree(items, expected):
    """Items hang below the request or dependency that their parent id names, and none is lost."""
    assert tree(*items) == expected


class Rows:
    """Rows in a dict, as something to find transactions in."""

    def __init__(self, *items):
        self.items = items

    def rows(self, table, where=None):
        """Return the rows of a table that satisfy the conditions."""
        return [row for name, row in self.items if name == table and all(row[key] == value for key, value in (where or {}).items())]

    def operation_ids(self):
        """Return the operations in order of arrival."""
        return list(dict.fromkeys(row["operation_Id"] for _, row in self.items))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("abc1", "abc1"), ("latest", "xyz"), ("x", "xyz"), ("abc", None), ("none", None), ("", None)],
    ids=["exact", "latest", "beginning", "ambiguous", "unknown", "empty"],
)
def test_find(wanted, found):
    """A transaction is found by its id, by the only beginning, or as the latest."""
    source = Rows(*(item("requests", "r", None, operation=operation) for operation in ("abc1", "abc2", "xyz")))
    tree = find(source, wanted)
    assert (tree.operation_id if tree is not None else None) == found


def test_find_latest_of_nothing():
    """Nothing has no latest."""
    assert find(Rows(), "latest") is None


def test_as_dict_is_flat_and_in_display_order():
    """For programs each item carries its depth, so that a chain of any length is valid JSON."""
    chain = [item("dependencies", str(number), str(number - 1) if number > 1 else None, number % 60) for number in range(1, 5001)]
    shown = as_dict(build("op", {**dict.fromkeys(TABLES, ()), "dependencies": [row for _, row in chain]}))
    assert [(entry["depth"], entry["row"]["id"]) for entry in shown["items"]] == [(number - 1, str(number)) for number in range(1, 5001)]
    assert json.loads(json.dumps(shown)) == shown
    assert list(shown["items"][1]) == ["depth", "table", "parentId", "note", "row"]
