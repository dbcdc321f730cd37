from __future__ import annotations

import json

import pytest

from opencensus_compat.local import queries
from opencensus_compat.local.filters import Filter, FilterError, as_query, conditions, from_query, instant
from opencensus_compat.local.store import Accepted, Refused, Store
from opencensus_compat.local.tables import row

EVERY = [
    Filter(),
    Filter(tables=("traces", "requests")),
    Filter(where=conditions({"customDimensions.cart": "c-42"})),
    Filter(where=conditions({"name": "GET /orders", "customDimensions.cart": "c-42"})),
    Filter(where=conditions({'customDimensions.od"d.key\\': "é"})),
    Filter(where=conditions({"customMeasurements.weight": "2.5"})),
    Filter(text="100% _sure"),
    Filter(text='say "é"'),
    Filter(text="ORDERS", tables=("requests",)),
    Filter(since=instant("2023-11-14T22:13:21Z")),
    Filter(until=instant("2023-11-14T22:13:21Z"), severity=1),
    Filter(severity=3),
    Filter(failed=True),
]


def _passes(table, found, wanted):
    """Say in Python what the filter says."""
    whole = json.dumps(found, ensure_ascii=False).lower()
    text = json.dumps(wanted.text, ensure_ascii=False)[1:-1].lower()
    values = []
    for entry in wanted.where:
        column = found.get(entry.column)
        value = column if entry.key is None else (column or {}).get(entry.key)
        values.append(str(value) == entry.value)
    return (
        (not wanted.tables or table in wanted.tables)
        and all(values)
        and (not wanted.text or text in whole)
        and (wanted.severity is None or (found.get("severityLevel") is not None and found["severityLevel"] >= wanted.severity))
        and (not wanted.failed or table == "exceptions" or found.get("success") == "False")
        and (not wanted.since or found["timestamp"] >= wanted.since)
        and (not wanted.until or found["timestamp"] < wanted.until)
    )


@pytest.fixture(scope="module")
def store():
    """Open a store with two operations, and what has none."""
    opened = Store()
    items = [
        (
            "RequestData",
            {"id": "a1", "name": "GET /orders", "duration": "00:00:00.020", "responseCode": "200", "success": True},
            "op-1",
            None,
        ),
        ("MessageData", {"message": "100% _sure", "severityLevel": 1}, "op-1", "a1"),
        ("MessageData", {"message": '100 is sure, they say "é"', "severityLevel": 2}, "op-1", "a1"),
        (
            "RequestData",
            {"id": "b1", "name": "POST /orders", "duration": "00:00:00.100", "responseCode": "500", "success": False},
            "op-2",
            None,
        ),
        ("RemoteDependencyData", {"id": "b2", "name": "SELECT", "duration": "00:00:00.010", "success": True}, "op-2", "b1"),
        ("ExceptionData", {"exceptions": [{"typeName": "ValueError", "message": "bad"}], "severityLevel": 3}, "op-2", "b1"),
        ("MetricData", {"metrics": [{"name": "queue", "value": 3}]}, None, None),
        (
            "EventData",
            {"name": "checkout", "properties": {"cart": "c-42", "a.b": "1", 'od"d.key\\': "é"}, "measurements": {"weight": 2.5}},
            "op-1",
            "a1",
        ),
    ]
    accepted = []
    for number, (kind, base, operation, parent) in enumerate(items, 1):
        base.setdefault("properties", {"cart": "c-42"} if number == 1 else {})
        tags = {"ai.cloud.role": "shop"}
        if operation:
            tags.update({"ai.operation.id": operation, "ai.operation.parentId": parent or operation})
        envelope = {
            "time": f"2023-11-14T22:13:2{number // 3}.000000Z",
            "iKey": "00000000-0000-0000-0000-000000000001",
            "tags": tags,
            "data": {"baseType": kind, "baseData": base},
        }
        accepted.append(Accepted(number, row(envelope, number), json.dumps(envelope), ()))
    opened.add(accepted, [Refused(0, 400, "102: Field 'time'", "{}"), Refused(3, 400, "109: Field 'name'", '{"a": 1}')])
    yield opened
    opened.close()


def _rows(store):
    return {int(found["itemId"][-12:], 16): (table, found) for table in store.counts() for found in store.rows(table)}


@pytest.mark.parametrize("wanted", EVERY, ids=str)
def test_a_filter_selects_what_it_says(store, wanted):
    """Numbers, counts and rows of a filter are those that the same conditions in Python select."""
    expected = sorted(number for number, (table, found) in _rows(store).items() if _passes(table, found, wanted))
    assert expected, "an example that selects nothing shows nothing"
    assert queries.numbers(store, wanted) == expected
    assert queries.numbers(store, wanted, after=expected[0]) == expected[1:]
    assert queries.numbers(store, wanted, most=1) == expected[-1:]
    assert queries.count(store, wanted) == len(expected)


@pytest.mark.parametrize("wanted", EVERY, ids=str)
def test_a_filter_crosses_a_query_string(wanted):
    """What a page or a remote command asks for is the filter that it was made from."""
    query: dict[str, list[str]] = {}
    for name, value in as_query(wanted):
        query.setdefault(name, []).append(value)
    assert from_query(query) == wanted


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"table": ["orders"]}, "no table 'orders'; the tables are requests, "),
        ({"where": ["name"]}, "expected COLUMN=VALUE, got 'name'"),
        ({"since": ["yesterday"]}, "expected a time such as 2026-11-30T14:05:00Z, got 'yesterday'"),
        ({"severity": ["high"]}, "expected a severity from 0 to 4, got 'high'"),
        ({"where": ["colour=red"]}, "no table has a column 'colour'"),
        ({"where": ["name.first=x"]}, "column 'name' has no properties; customDimensions and customMeasurements have"),
    ],
)
def test_a_filter_that_cannot_be_understood(store, query, message):
    """It is refused in words."""
    with pytest.raises(FilterError) as refused:
        queries.numbers(store, from_query(query))
    assert refused.value.args[0].startswith(message)


def test_a_window_of_a_list(store):
    """Items come in the order asked for, without their dynamic columns; those that do not exist are left out."""
    found = queries.items(store, [8, 99, 2])
    assert [(item.number, item.table) for item in found] == [(8, "customEvents"), (2, "traces")]
    assert found[1].row["message"] == "100% _sure"
    assert "customDimensions" not in found[0].row


def test_long_texts_are_short_in_a_list_only(message):
    """A list has the beginning of a text of any length; the item has all of it."""
    with_text = message("x" * 10_000)
    opened = Store()
    opened.add([Accepted(1, row(with_text, 1), json.dumps(with_text), ())])
    [listed] = queries.items(opened, [1])
    whole = queries.item(opened, 1)
    opened.close()
    assert (len(listed.row["message"]), len(whole.row["message"])) == (queries.SHORT_CHARS, 10_000)
    assert json.loads(whole.envelope) == with_text


def test_newest_operations(store):
    """Operations are listed by their newest call, page by page, with their first request, and whether all went well."""
    [second, first] = queries.operations(store)
    assert (second.operation_id, second.name, second.success, second.counts) == (
        "op-2",
        "POST /orders",
        False,
        {"requests": 1, "dependencies": 1, "exceptions": 1},
    )
    assert (first.operation_id, first.success, first.duration_ms, first.role) == ("op-1", True, 20.0, "shop")
    assert queries.operations(store, limit=1) == [second]
    assert queries.operations(store, before=second.last_number) == [first]
    assert queries.operations(store, failed=True) == [second]


def test_refused_items_newest_first(store):
    """Each has its number, its place in its request, its status, what was said of it, and the item."""
    [newest, oldest] = queries.refused(store)
    assert (newest["index"], newest["message"], newest["envelope"]) == (3, "109: Field 'name'", '{"a": 1}')
    assert queries.refused(store, before=newest["number"]) == [oldest]
