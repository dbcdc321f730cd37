from __future__ import annotations

import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opencensus_compat.local import render
from opencensus_compat.local.bodies import BodyError, decode, split
from opencensus_compat.local.schema import check
from opencensus_compat.local.shapes import BASE_TYPES, ENVELOPE_NAMES, TAG_CHARS
from opencensus_compat.local.store import Accepted, Store
from opencensus_compat.local.tables import row
from opencensus_compat.local.transaction import find

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(
        [
            "2023-11-14T22:13:20Z",
            "00:00:01",
            "1e400",
            "\ud800",
            "\x1b[2J",
            "Error",
            "Aggregation",
            "|op.1.",
            "\\A(b)\\C",
            2**70,
            5e-324,
            100,
        ]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
POINT = {"name": "q", "value": 1, "count": 1, "min": 1, "max": 1, "stdDev": 0, "kind": "Measurement", "ns": "n"}
FRAME = {"level": 0, "method": "m", "assembly": "a", "fileName": "f", "line": 1}
DETAILS = {"id": 1, "outerId": 0, "typeName": "E", "message": "m", "hasFullStack": True, "stack": "s", "parsedStack": [FRAME]}
TEXTS = {"duration": "00:00:01", "success": True, "ver": 2, "severityLevel": 1, "value": 1, "metrics": [POINT], "exceptions": [DETAILS]}


def whole(base_type):
    """Return an envelope of this type with every member the schema knows."""
    base = {name: TEXTS.get(name, "x") for name in BASE_TYPES[base_type].fields}
    base["properties"] = {"a": "b"}
    if "measurements" in base:
        base["measurements"] = {"a": 1}
    return {
        "ver": 1,
        "name": ENVELOPE_NAMES[base_type],
        "time": "2023-11-14T22:13:20Z",
        "sampleRate": 100,
        "iKey": "k",
        "tags": dict.fromkeys(TAG_CHARS, "x"),
        "data": {"baseType": base_type, "baseData": base},
    }


def places(value, path=()):
    """Yield the path of every member and element."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield (*path, key)
        yield from places(inner, (*path, key))


def put(value, path, new):
    """Set the value at a path, unless the path is gone."""
    try:
        for key in path[:-1]:
            value = value[key]
        value[path[-1]] = new
    except (KeyError, IndexError, TypeError):
        return


PLACES = {base_type: list(places(whole(base_type))) for base_type in BASE_TYPES}


@pytest.fixture(scope="module")
def store():
    """Open one store for all examples."""
    opened = Store()
    yield opened
    opened.close()


@given(data=st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_value_at_any_place(store, data):
    """Whatever stands anywhere in an envelope, it is refused with a message, or kept, shown and found again."""
    base_type = data.draw(st.sampled_from(list(BASE_TYPES)))
    envelope = copy.deepcopy(whole(base_type))
    for path in data.draw(st.lists(st.sampled_from(PLACES[base_type]), min_size=1, max_size=3)):
        put(envelope, path, data.draw(JSON))
    text = json.dumps(envelope)
    verdict = check(envelope, size_bytes=len(text), now_s=1700000000.0)
    if verdict.status == 400:
        assert verdict.message
        return
    made = row(envelope, 1)
    store.clear()
    store.add([Accepted(1, made, text, verdict.warnings)])
    [found] = store.rows(made.table)
    style = render.Style(width=80)
    shown = [render.table(made.table, [found], style), render.item(made.table, found, style)]
    if isinstance(found["operation_Id"], str) and found["operation_Id"]:
        tree = find(store, found["operation_Id"])
        assert tree is not None
        shown.append(render.transaction(tree, style))
    assert all(line.isprintable() and render.columns(line) <= 80 for text in shown for line in text.split("\n"))


@given(body=st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()), encoding=st.sampled_from(["", "gzip", "deflate"]))
@settings(max_examples=300, deadline=None)
def test_any_body(body, encoding):
    """Any bytes are items, or a BodyError with an HTTP status."""
    try:
        status = 200 if split(decode(body, encoding, max_bytes=1000)) is not None else None
    except BodyError as error:
        status = error.status
    assert status in (200, 400, 413)
