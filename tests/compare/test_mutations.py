"""One thing changed in a run: the comparison names the table and the column, and nothing else."""

from __future__ import annotations

import copy

import pytest

from opencensus_compat.compare import ROW, compare


def _base(item):
    return item["data"]["baseData"]


def _all(items, kind, name=None):
    found = [item for item in items if item["data"]["baseType"] == f"{kind}Data" and name in (None, _base(item).get("name"))]
    assert found
    return found


def _first(items, kind, name=None):
    return _all(items, kind, name)[0]


def _number(items, number):
    """Return the items of one order, by kind and name."""
    [trace] = [item["tags"]["ai.operation.id"] for item in _all(items, "Message") if _base(item)["properties"]["number"] == str(number)]
    own = [item for item in items if item["tags"].get("ai.operation.id") == trace]
    return {_base(item).get("name") or item["data"]["baseType"]: item for item in own}


def _drop(items, item):
    items[:] = [other for other in items if other is not item]


def _set(item, field, value):
    _base(item)[field] = value


def _tag(item, tag, value):
    if value is None:
        del item["tags"][tag]
    else:
        item["tags"][tag] = value


def _each(items, kind, change, name=None):
    for item in _all(items, kind, name):
        change(item)


def _swap(one, other, get, put):
    first, second = get(one), get(other)
    put(one, second)
    put(other, first)


def _in_milliseconds(items):
    for item in _all(items, "Request"):
        seconds = float(_base(item)["duration"].rpartition(":")[2]) / 1000
        _base(item)["duration"] = f"0.00:00:{seconds:010.7f}"


def _swap_parents(items):
    order = _number(items, 1)
    log, audit = order["MessageData"], order["audit"]
    log["tags"]["ai.operation.parentId"] = _base(order["load"])["id"]
    del audit


def _swap_children(items):
    """The dependencies `audit` of two orders change places."""
    one, other = _number(items, 1)["audit"], _number(items, 2)["audit"]
    _swap(one, other, lambda item: item["tags"]["ai.operation.parentId"], lambda item, value: _tag(item, "ai.operation.parentId", value))


def _new_id(items):
    """A span with children has another id, which its children do not know."""
    _set(_number(items, 1)["save"], "id", "00000000000000ab")


def _same_id(items):
    """Two spans have one id."""
    one, other = _number(items, 1)["audit"], _number(items, 2)["audit"]
    _set(one, "id", _base(other)["id"])


def _legacy_parents(items):
    for item in _all(items, "Message"):
        tags = item["tags"]
        _tag(item, "ai.operation.parentId", f"|{tags['ai.operation.id']}.{tags['ai.operation.parentId']}.")


def _per_interval(items):
    last = {}
    for item in _all(items, "Metric"):
        (point,) = _base(item)["metrics"]
        shop = _base(item)["properties"]["shop"]
        before = last.get(shop, (0, 0))
        last[shop] = point["value"], point["count"]
        point["value"], point["count"] = point["value"] - before[0], point["count"] - before[1]
        point["max"] = float(point["value"])


def _property(item, key, value):
    _base(item)["properties"][key] = value


def _renamed(item, old, new):
    _base(item)["properties"][new] = _base(item)["properties"].pop(old)


def _of_metrics(items, change):
    for item in _all(items, "Metric"):
        change(_base(item)["metrics"][0])


MUTATIONS = {
    "drop a request": (
        lambda items: _drop(items, _number(items, 7)["GET /orders"]),
        {("requests", ROW), ("dependencies", "operation_ParentId")},
    ),
    "drop a leaf": (lambda items: _drop(items, _number(items, 7)["audit"]), {("dependencies", ROW)}),
    "drop a log line": (lambda items: _drop(items, _number(items, 7)["MessageData"]), {("traces", ROW)}),
    "drop an exception": (lambda items: _drop(items, _first(items, "Exception")), {("exceptions", ROW)}),
    "double a log line": (lambda items: items.append(copy.deepcopy(_first(items, "Message"))), {("traces", ROW)}),
    "double an event": (lambda items: items.append(copy.deepcopy(_first(items, "Event"))), {("customEvents", ROW)}),
    "a log line below another span": (_swap_parents, {("traces", "operation_ParentId")}),
    "swap the parents of two spans": (_swap_children, {("dependencies", "operation_ParentId")}),
    "rename a property": (
        lambda items: _each(items, "Message", lambda item: _renamed(item, "amount", "sum")),
        {("traces", "customDimensions.amount"), ("traces", "customDimensions.sum")},
    ),
    "type of a property": (
        lambda items: _each(items, "Message", lambda item: _property(item, "amount", str(_base(item)["properties"]["amount"]))),
        {("traces", "customDimensions.amount")},
    ),
    "type of a property once": (
        lambda items: _property(_number(items, 3)["MessageData"], "paid", "false"),
        {("traces", "customDimensions.paid")},
    ),
    "1 for 1.0": (
        lambda items: _each(items, "Event", lambda item: _base(item)["measurements"].update(weight=3)),
        {("customEvents", "customMeasurements.weight")},
    ),
    "null property": (
        lambda items: _each(items, "Request", lambda item: _property(item, "user", None)),
        {("requests", "customDimensions.user")},
    ),
    "another value of a property": (
        lambda items: _property(_number(items, 4)["MessageData"], "number", "44"),
        {("traces", "customDimensions.number")},
    ),
    "milliseconds for seconds": (_in_milliseconds, {("requests", "duration")}),
    "lose the sample rate": (
        lambda items: _each(items, "RemoteDependency", lambda item: item.pop("sampleRate"), "audit"),
        {("dependencies", "itemCount")},
    ),
    "an id that its children do not know": (_new_id, {("dependencies", "operation_ParentId"), ("traces", "operation_ParentId")}),
    "an id twice": (_same_id, {("dependencies", "id")}),
    "form of an id": (lambda items: _set(_number(items, 1)["audit"], "id", "|a.b."), {("dependencies", "id")}),
    "a log line's operation": (lambda items: _tag(_number(items, 6)["MessageData"], "ai.operation.id", None), {("traces", "operation_Id")}),
    "all log lines' operation": (
        lambda items: _each(items, "Message", lambda item: _tag(item, "ai.operation.id", "0" * 32)),
        {("traces", "operation_Id")},
    ),
    "a log line of another transaction": (
        lambda items: _tag(_number(items, 6)["MessageData"], "ai.operation.id", _number(items, 7)["save"]["tags"]["ai.operation.id"]),
        {("traces", "operation_Id")},
    ),
    "a log line's parent": (
        lambda items: _tag(_number(items, 6)["MessageData"], "ai.operation.parentId", None),
        {("traces", "operation_ParentId")},
    ),
    "pipe form of parents": (_legacy_parents, {("traces", "operation_ParentId")}),
    "another role": (
        lambda items: [_tag(item, "ai.cloud.role", "store") for item in _all(items, "Request")],
        {("requests", "cloud_RoleName")},
    ),
    "a name": (lambda items: _each(items, "RemoteDependency", lambda item: _set(item, "name", "read"), "load"), {("dependencies", "name")}),
    "a name once": (lambda items: _set(_number(items, 9)["load"], "name", "read"), {("dependencies", "name")}),
    "a type": (
        lambda items: _each(items, "RemoteDependency", lambda item: _set(item, "type", "INPROC"), "save"),
        {("dependencies", "type")},
    ),
    "success": (lambda items: _set(_number(items, 2)["GET /orders"], "success", False), {("requests", "success")}),
    "a result code": (lambda items: _set(_number(items, 2)["load"], "resultCode", "2"), {("dependencies", "resultCode")}),
    "a message": (lambda items: _set(_number(items, 2)["MessageData"], "message", "order two is saved"), {("traces", "message")}),
    "a severity": (lambda items: _each(items, "Message", lambda item: _set(item, "severityLevel", 2)), {("traces", "severityLevel")}),
    "a line of a stack": (
        lambda items: [_base(item)["exceptions"][0]["parsedStack"][0].update(line=29) for item in _all(items, "Exception")],
        {("exceptions", "details.parsedStack.line")},
    ),
    "a tag without a column": (
        lambda items: [_tag(item, "ai.device.locale", None) for item in _all(items, "Request")],
        {("requests", "tags.ai.device.locale")},
    ),
    "a kind": (
        lambda items: _first(items, "Event")["data"].update(baseType="MessageData", baseData={"message": "checkout", "properties": {}}),
        {("customEvents", ROW), ("traces", ROW)},
    ),
    "unit of a metric": (
        lambda items: _of_metrics(items, lambda point: point.update(value=point["value"] * 1000)),
        {("customMetrics", "valueSum")},
    ),
    "name of a metric": (lambda items: _of_metrics(items, lambda point: point.update(name="sales")), {("customMetrics", "name")}),
    "a dimension of a metric": (
        lambda items: [_property(item, "shop", "c") for item in _all(items, "Metric") if _base(item)["properties"]["shop"] == "b"],
        {("customMetrics", "customDimensions.shop")},
    ),
    "drop a series": (
        lambda items: [_drop(items, item) for item in _all(items, "Metric") if _base(item)["properties"]["shop"] == "b"],
        {("customMetrics", ROW)},
    ),
    "double a point": (
        lambda items: items.append(copy.deepcopy(_first(items, "Metric"))),
        {("customMetrics", "valueSum"), ("customMetrics", "valueCount")},
    ),
    "cumulative to per interval": (
        _per_interval,
        {("customMetrics", "valueSum"), ("customMetrics", "valueCount"), ("customMetrics", "valueMax")},
    ),
    "another resource": (lambda items: _first(items, "Message").update(iKey="00000000-0000-0000-0000-000000000002"), {("traces", "iKey")}),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_mutations(mutation, record, shop):
    """Each is one difference, in the table and the column that a user would look at."""
    change, expected = MUTATIONS[mutation]
    run = shop(1)
    change(run.items)
    comparison = compare(record(shop(0).arrived()), record(run.arrived()))
    assert {(found.table, found.column) for found in comparison.open_differences} == expected, comparison.open_differences
    assert comparison.verdict == "different"
