"""What is lost behind the differences that the step to OpenTelemetry's envelopes makes is found, though those are accepted."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from opencensus_compat.compare import compare
from opencensus_compat.compare.known_shape import accepted
from opencensus_compat.local.store import Accepted, Store
from opencensus_compat.local.tables import row

_HERE = Path(__file__).parent
_PROGRAMS = _HERE / "shapes" / "spans.py", _HERE / "shapes" / "records.py", _HERE.parents[1] / "examples" / "legacy" / "failing_request.py"


def _named(items, kind, name):
    return next(item for item in items if item["data"]["baseType"] == f"{kind}Data" and item["data"]["baseData"].get("name") == name)


def _set(kind, item, **values):
    return lambda items: _named(items, kind, item)["data"]["baseData"].update(values)


def _property(kind, name, key, value):
    def change(items):
        properties = _named(items, kind, name)["data"]["baseData"]["properties"]
        assert key in properties
        properties[key] = value

    return change


def _tag(kind, name, tag, value):
    def change(items):
        tags = _named(items, kind, name)["tags"]
        assert tag in tags
        tags[tag] = value

    return change


def _of(kind, text):
    """Return the first item of a kind with a text in it."""
    return lambda items: next(item for item in items if item["data"]["baseType"] == f"{kind}Data" and text in json.dumps(item))


def _without(find, *path):
    def change(items):
        inner = find(items)
        for key in path[:-1]:
            inner = inner[key]
        del inner[path[-1]]

    return change


def _stack(items):
    details = _of("Exception", "not charged")(items)["data"]["baseData"]["exceptions"][0]
    details["stack"] = details["stack"].replace("line 23", "line 24")


_BASE = ("data", "baseData")
_MUTATIONS = {
    "spans": {
        "name of a request": (_set("Request", "GET /orders", name="GET /"), "requests.name"),
        "name of a request that is named by its operation": (_set("Request", "job", name=""), "requests.operation_Name"),
        "operation's name": (_tag("Request", "job", "ai.operation.name", "GET"), "requests.operation_Name"),
        "name of a call": (_set("RemoteDependency", "GET /pay;a=1", name="GET /"), "dependencies.name"),
        "name of a span": (_set("RemoteDependency", "work", name="job"), "dependencies.row"),
        "links": (_property("RemoteDependency", "work", "_MS.links", "[]"), "dependencies.customDimensions._MS.links"),
        "number": (_property("RemoteDependency", "work", "app.number", "2"), "dependencies.customDimensions.app.number"),
        "mapping": (_property("RemoteDependency", "work", "app.map", '{"a":2}'), "dependencies.customDimensions.app.map"),
        "statement": (_set("RemoteDependency", "sql", data="SELECT"), "dependencies.data"),
        "target": (_set("RemoteDependency", "cache", target="db"), "dependencies.target"),
        "user": (_tag("Request", "job", "ai.user.authUserId", "you"), "requests.user_AuthenticatedId"),
        "session": (_without(_of("Request", '"job"'), "tags", "ai.session.id"), "requests.customDimensions.session.id"),
        "URL": (_set("Request", "GET /orders", url="http://shop/?page=1&sig=REDACTED"), "requests.url"),
        "status code": (_set("Request", "GET /orders", responseCode="0"), "requests.resultCode"),
        "exception of a span": (lambda items: _of("Exception", "no money")(items)["tags"].pop("ai.operation.parentId"), "exceptions.row"),
        "annotation": (lambda items: _of("Message", "charged")(items)["tags"].pop("ai.operation.parentId"), "traces.row"),
    },
    "records": {
        "operation of a record in a span": (_without(_of("Message", "counted"), "tags", "ai.operation.id"), "traces.operation_Id"),
        "place in the source": (
            _without(_of("Message", "sold again"), *_BASE, "properties", "code.line.number"),
            "traces.customDimensions.lineNumber",
        ),
        "traceback": (_without(_of("Exception", "not charged"), *_BASE, "exceptions", 0, "stack"), "exceptions.details.message"),
        "line of a traceback": (_stack, "exceptions.details.message"),
    },
    "failing_request": {
        "message of the request": (
            _without(_of("Request", "POST"), *_BASE, "properties", "error.message"),
            "exceptions.row",
        ),
    },
}


def _again(recording, to, change):
    """Write a recording once more, with a change of its items."""
    with closing(sqlite3.connect(recording)) as file:
        items = [json.loads(text) for (text,) in file.execute("SELECT envelope FROM envelopes ORDER BY number")]
    change(items)
    store = Store(to)
    store.add([Accepted(number, row(item, number, "census-compat"), json.dumps(item), ()) for number, item in enumerate(items, 1)], [])
    store.close()
    return to


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("program", _PROGRAMS, ids=lambda program: program.stem)
def test_a_loss_is_no_difference_of_the_step(record, tmp_path, program):
    """What is lost beside what the step changes is a difference that nothing accepts."""
    legacy, otel = (record(program, OPENCENSUS_COMPAT_ENVELOPES=shape) for shape in ("legacy", "otel"))
    assert not compare(legacy, _again(otel, tmp_path / "same.db", list.copy), known=accepted()).open_differences
    missed = []
    for number, (name, (change, place)) in enumerate(_MUTATIONS[program.stem].items()):
        found = compare(legacy, _again(otel, tmp_path / f"changed-{number}.db", change), known=accepted())
        places = {f"{each.table}.{each.column}" for each in found.open_differences}
        missed += [] if place in places else [f"{name}: {place} is not among {places}"]
    assert not missed
