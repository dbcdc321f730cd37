from __future__ import annotations

import copy
from datetime import datetime, timezone

import pytest

from opencensus_compat.local.schema import FieldWarning, Verdict, check
from opencensus_compat.local.shapes import BASE_TYPES, ENVELOPE_NAMES, MAX_ITEM_BYTES, TAG_CHARS

NOW_S = datetime(2023, 11, 14, 22, 13, 20, tzinfo=timezone.utc).timestamp()
GONE = object()
"""Stands for: without this member."""

BASE_DATA = {
    "RequestData": {"ver": 2, "id": "1", "name": "GET /", "duration": "0.00:00:00.100", "responseCode": "200", "success": True},
    "RemoteDependencyData": {"ver": 2, "id": "1", "name": "SELECT", "duration": "00:00:01", "success": False, "type": "SQL", "data": "x"},
    "ExceptionData": {"ver": 2, "exceptions": [{"typeName": "ValueError", "message": "bad", "hasFullStack": True, "stack": "Traceback"}]},
    "MessageData": {"ver": 2, "message": "hello", "severityLevel": 1},
    "EventData": {"ver": 2, "name": "Checkout", "properties": {"a": "b"}, "measurements": {"total": 12.5}},
    "MetricData": {"ver": 2, "metrics": [{"name": "queue", "value": 10, "count": 2, "min": 1, "max": 9, "kind": "Aggregation"}]},
    "AvailabilityData": {"ver": 2, "id": "1", "name": "ping", "duration": "00:00:01.1234567", "success": True},
    "PageViewData": {"ver": 2, "name": "home", "url": "http://h/"},
    "PerformanceCounterData": {"ver": 2, "categoryName": "Process", "counterName": "% Processor Time", "value": 1.5},
}


def envelope(base_type="MessageData", **base_data):
    """Return a faultless envelope of this type, with changed members of ``baseData``."""
    data = copy.deepcopy(BASE_DATA[base_type])
    for name, value in base_data.items():
        if value is GONE:
            data.pop(name, None)
        else:
            data[name] = value
    return {
        "name": ENVELOPE_NAMES[base_type],
        "time": "2023-11-14T22:13:20.123456Z",
        "iKey": "00000000-0000-0000-0000-000000000001",
        "tags": {"ai.cloud.role": "shop"},
        "data": {"baseType": base_type, "baseData": data},
    }


def with_member(name, value):
    """Return a faultless envelope with one changed member of its own."""
    changed = envelope()
    if value is GONE:
        del changed[name]
    else:
        changed[name] = value
    return changed


def verdict(value, **options):
    """Return the verdict on a small item that arrives at ``NOW_S``."""
    return check(value, **{"size_bytes": 500, "now_s": NOW_S, **options})


def warned(value):
    """Return the warnings of an envelope that must be accepted, as (path, text) pairs."""
    found = verdict(value)
    assert (found.status, found.message) == (200, "")
    return [(warning.path, warning.text) for warning in found.warnings]


@pytest.mark.parametrize("base_type", BASE_TYPES)
def test_faultless_envelopes_pass_without_warnings(base_type):
    """An envelope of each type that keeps to the schema is accepted and draws no warning."""
    assert verdict(envelope(base_type)) == Verdict(200, "", ())


REQUIRED = [
    (base_type, name)
    for base_type, names in {
        "RequestData": ("ver", "id", "duration", "responseCode", "success"),
        "RemoteDependencyData": ("ver", "name", "duration"),
        "ExceptionData": ("ver", "exceptions"),
        "MessageData": ("ver", "message"),
        "EventData": ("ver", "name"),
        "MetricData": ("ver", "metrics"),
        "AvailabilityData": ("ver", "id", "name", "duration", "success"),
        "PageViewData": ("ver", "name"),
    }.items()
    for name in names
]


@pytest.mark.parametrize(("base_type", "name"), REQUIRED)
@pytest.mark.parametrize(("value", "actual"), [(GONE, "undefined"), (None, "null")], ids=["absent", "null"])
def test_required_members_of_base_data(base_type, name, value, actual):
    """A required member that is absent or null refuses the item, in the service's words."""
    found = verdict(envelope(base_type, **{name: value}))
    assert found.status == 400
    assert found.message.startswith(f"109: Field '{name}' on type '{base_type}' is required but missing or empty. Expected: ")
    assert found.message.endswith(f", Actual: {actual}")


@pytest.mark.parametrize(
    ("base_type", "name"),
    [
        ("MessageData", "message"),
        ("RemoteDependencyData", "name"),
        ("RequestData", "id"),
        ("RequestData", "responseCode"),
        ("EventData", "name"),
    ],
)
def test_required_texts_may_not_be_empty(base_type, name):
    """The service calls an empty required text missing."""
    expected = f"109: Field '{name}' on type '{base_type}' is required but missing or empty. Expected: string, Actual: "
    assert verdict(envelope(base_type, **{name: ""})) == Verdict(400, expected, (), f"$.data.baseData.{name}")


@pytest.mark.parametrize(
    ("base_type", "name"),
    [("RequestData", "name"), ("RequestData", "url"), ("RemoteDependencyData", "target"), ("RemoteDependencyData", "id")],
)
def test_optional_texts_may_be_empty(base_type, name):
    """An empty optional text is nothing to complain about."""
    assert warned(envelope(base_type, **{name: ""})) == []


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param([], "100: Telemetry item is not an object. Expected: object, Actual: array", id="array"),
        pytest.param(None, "100: Telemetry item is not an object. Expected: object, Actual: null", id="null"),
        pytest.param(with_member("iKey", GONE), "Invalid instrumentation key", id="no-key"),
        pytest.param(with_member("iKey", " "), "Invalid instrumentation key", id="blank-key"),
        pytest.param(with_member("iKey", 5), "Invalid instrumentation key", id="key-is-number"),
        pytest.param(
            with_member("time", GONE),
            "109: Field 'time' on type 'Envelope' is required but missing or empty. Expected: string, Actual: undefined",
            id="no-time",
        ),
        pytest.param(
            with_member("name", GONE),
            "109: Field 'name' on type 'Envelope' is required but missing or empty. Expected: string, Actual: undefined",
            id="no-name",
        ),
        pytest.param(
            with_member("data", GONE),
            "109: Field 'data' on type 'Envelope' is required but missing or empty. Expected: object, Actual: undefined",
            id="no-data",
        ),
        pytest.param(
            with_member("data", {"baseType": "MessageData"}),
            "109: Field 'baseData' on type 'Data' is required but missing or empty. Expected: object, Actual: undefined",
            id="no-base-data",
        ),
        pytest.param(
            with_member("data", {"baseType": "MetricsData", "baseData": {}}),
            "102: Field 'baseType' on type 'Data' is not a valid telemetry type. Expected: telemetry type, Actual: 'MetricsData'",
            id="unknown-base-type",
        ),
        pytest.param(
            with_member("time", "yesterday"),
            "102: Field 'time' on type 'Envelope' is not a valid time string. Expected: time string, Actual: 'yesterday'",
            id="time-is-no-time",
        ),
        pytest.param(
            with_member("time", "2023-11-12T22:13:19Z"),
            "103: Field 'time' on type 'Envelope' is older than the allowed min date. "
            "Expected: now - 172800000ms, Actual: now - 172801000ms",
            id="time-too-old",
        ),
        pytest.param(
            with_member("time", "2023-11-15T00:13:21Z"),
            "104: Field 'time' on type 'Envelope' is later than the allowed max date. Expected: now + 7200000ms, Actual: now + 7201000ms",
            id="time-too-late",
        ),
        pytest.param(
            with_member("tags", []),
            "102: Field 'tags' on type 'Envelope' is not a valid object. Expected: object, Actual: array",
            id="tags-array",
        ),
        pytest.param(
            with_member("tags", {"ai.cloud.role": ["a"]}),
            "102: Field 'ai.cloud.role' on type 'tags' is not a valid string. Expected: string, Actual: array",
            id="tag-is-array",
        ),
        pytest.param(
            with_member("sampleRate", 0),
            "102: Field 'sampleRate' on type 'Envelope' is not a valid percentage over 0 and up to 100. "
            "Expected: percentage over 0 and up to 100, Actual: 0",
            id="rate-zero",
        ),
        pytest.param(
            envelope("MetricData", metrics=[]),
            "109: Field 'metrics' on type 'MetricData' is required but missing or empty. Expected: array, Actual: []",
            id="no-points",
        ),
        pytest.param(
            envelope("ExceptionData", exceptions=[{"typeName": "E", "stack": "s"}]),
            "109: Field 'message' on type 'ExceptionDetails' is required but missing or empty. Expected: string, Actual: undefined",
            id="exception-without-message",
        ),
        pytest.param(
            envelope("ExceptionData", exceptions=[{"message": "m", "stack": "s"}]),
            "109: Field 'typeName' on type 'ExceptionDetails' is required but missing or empty. Expected: string, Actual: undefined",
            id="exception-without-type",
        ),
        pytest.param(
            envelope("ExceptionData", exceptions=[{"typeName": "E", "message": "m", "parsedStack": [{"level": 0}]}]),
            "109: Field 'method' on type 'StackFrame' is required but missing or empty. Expected: string, Actual: undefined",
            id="frame-without-method",
        ),
    ],
)
def test_refusals(value, message):
    """What the service refuses is refused, and the message names field, type, what was expected and what came."""
    found = verdict(value)
    assert (found.status, found.message, found.warnings) == (400, message, ())


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (5, "$"),
        (with_member("iKey", ""), "$.iKey"),
        (with_member("time", "yesterday"), "$.time"),
        (with_member("time", "2023-11-12T22:13:19Z"), "$.time"),
        (with_member("tags", {"ai.cloud.role": ["a"]}), "$.tags['ai.cloud.role']"),
        (envelope("MetricData", metrics=[]), "$.data.baseData.metrics"),
        (envelope("MetricData", metrics=[{"name": "a", "value": "1"}]), "$.data.baseData.metrics[0].value"),
        (envelope("ExceptionData", exceptions=[{"typeName": "E", "stack": "s"}]), "$.data.baseData.exceptions[0]"),
        (
            envelope("ExceptionData", exceptions=[{"typeName": "E", "message": "m", "parsedStack": [{"level": 0}]}]),
            "$.data.baseData.exceptions[0].parsedStack[0]",
        ),
        (envelope("RequestData", duration=100), "$.data.baseData.duration"),
    ],
    ids=str,
)
def test_the_place_of_a_refusal(value, path):
    """It is that of the field, or of the object that lacks it."""
    assert verdict(value).path == path


@pytest.mark.parametrize(
    ("base_type", "name", "value"),
    [
        ("RequestData", "success", "true"),
        ("RequestData", "success", 1),
        ("RequestData", "duration", 100),
        ("RequestData", "duration", "100 ms"),
        ("RequestData", "duration", "00:60:00"),
        ("RequestData", "duration", "1000.00:00:00"),
        ("RequestData", "duration", "-00:00:01"),
        ("RequestData", "name", {"a": 1}),
        ("RequestData", "properties", ["a"]),
        ("RequestData", "measurements", "a"),
        ("MessageData", "severityLevel", "warning"),
        ("MessageData", "severityLevel", True),
        ("MessageData", "severityLevel", 1.5),
        ("MetricData", "metrics", {"name": "a"}),
        ("MetricData", "metrics", ["a"]),
        ("MetricData", "metrics", [{"name": "a", "value": "1"}]),
        ("MetricData", "metrics", [{"name": "a", "value": True}]),
        ("MetricData", "metrics", [{"name": "a", "value": float("inf")}]),
        ("MetricData", "metrics", [{"name": "a", "value": 1, "count": 1.5}]),
        ("MetricData", "metrics", [{"name": "a", "value": 1, "count": 2**31}]),
        ("MetricData", "metrics", [{"name": "a", "value": 1, "kind": "Sum"}]),
        ("ExceptionData", "exceptions", ["bad"]),
        ("ExceptionData", "exceptions", [{"typeName": "E", "message": "m", "parsedStack": 5}]),
        ("ExceptionData", "exceptions", [{"typeName": "E", "message": "m", "stack": "s", "hasFullStack": "yes"}]),
    ],
)
def test_wrong_types_refuse(base_type, name, value):
    """A structure or type that cannot be stored refuses the item with code 102."""
    found = verdict(envelope(base_type, **{name: value}))
    assert (found.status, found.message[:5]) == (400, "102: ")


@pytest.mark.parametrize(("size_bytes", "status"), [(MAX_ITEM_BYTES, 200), (MAX_ITEM_BYTES + 1, 400)], ids=["largest", "one-byte-more"])
def test_item_size(size_bytes, status):
    """An item may have 65536 bytes of JSON."""
    assert verdict(envelope(), size_bytes=size_bytes).status == status


@pytest.mark.parametrize(
    ("time", "status"),
    [("2023-11-12T22:13:20Z", 200), ("2023-11-12T22:13:19.999Z", 400), ("2023-11-15T00:13:20Z", 200), ("2023-11-15T00:13:20.001Z", 400)],
)
def test_time_window(time, status):
    """A time may lie 48 hours back and 2 hours ahead, to the millisecond."""
    assert verdict(with_member("time", time)).status == status


@pytest.mark.parametrize(
    ("keys", "status"), [(None, 200), ({"0" * 8 + "-0000-0000-0000-000000000001"}, 200), ({"other"}, 400), (set(), 400)]
)
def test_accepted_keys(keys, status):
    """With a list of keys, only items for one of them are accepted."""
    assert verdict(envelope(), accepted_keys=None if keys is None else frozenset(keys)).status == status


def test_keys_ignore_case():
    """An instrumentation key matches in upper case."""
    assert verdict(with_member("iKey", "ABC"), accepted_keys=frozenset({"abc"})).status == 200


LIMITS = [
    (base_type, name, field.chars)
    for base_type, shape in BASE_TYPES.items()
    for name, field in shape.fields.items()
    if field.kind == "text"
]


@pytest.mark.parametrize(("base_type", "name", "chars"), LIMITS)
def test_text_limits(base_type, name, chars):
    """A text of exactly its limit is clean; one more character is accepted with a warning that counts them."""
    assert warned(envelope(base_type, **{name: "ä" * chars})) == []
    assert warned(envelope(base_type, **{name: "ä" * (chars + 1)})) == [
        (f"$.data.baseData.{name}", f"has {chars + 1} characters; the limit is {chars}")
    ]


def test_limits_of_the_specification():
    """The limits that exporters cut to are those of the specification's table."""
    found = {f"{base_type}.{name}": chars for base_type, name, chars in LIMITS}
    expected = {
        "RequestData.id": 512,
        "RequestData.name": 1024,
        "RequestData.responseCode": 1024,
        "RequestData.source": 1024,
        "RequestData.url": 2048,
        "RemoteDependencyData.id": 512,
        "RemoteDependencyData.name": 1024,
        "RemoteDependencyData.resultCode": 1024,
        "RemoteDependencyData.data": 8192,
        "RemoteDependencyData.type": 1024,
        "RemoteDependencyData.target": 1024,
        "ExceptionData.problemId": 1024,
        "MessageData.message": 32768,
        "EventData.name": 512,
        "AvailabilityData.id": 512,
        "AvailabilityData.name": 1024,
        "AvailabilityData.runLocation": 1024,
        "AvailabilityData.message": 8192,
    }
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(("tag", "chars"), TAG_CHARS.items())
def test_tag_limits(tag, chars):
    """A tag of exactly its limit is clean; one more character is a warning."""
    assert warned(with_member("tags", {tag: "x" * chars})) == []
    assert warned(with_member("tags", {tag: "x" * (chars + 1)})) == [
        (f"$.tags[{tag!r}]", f"has {chars + 1} characters; the limit is {chars}")
    ]


@pytest.mark.parametrize(
    ("value", "warnings"),
    [
        pytest.param(with_member("tags", GONE), [], id="no-tags"),
        pytest.param(with_member("tags", None), [("$.tags", "is null; leave it out")], id="tags-null"),
        pytest.param(
            with_member("tags", {"ai.device.locale": None}), [("$.tags['ai.device.locale']", "is null; leave it out")], id="tag-null"
        ),
        pytest.param(
            with_member("tags", {"ai.user.authUserId": 5}),
            [("$.tags['ai.user.authUserId']", "is a number; expected a string")],
            id="tag-number",
        ),
        pytest.param(with_member("tags", {"my.tag": "x"}), [("$.tags['my.tag']", "is not a known context tag")], id="tag-unknown"),
        pytest.param(with_member("kind", "x"), [("$.kind", "is not a field of Envelope")], id="member-unknown"),
        pytest.param(
            with_member("time", "2023-11-14T22:13:20.123456"), [("$.time", "names no zone; it is read as UTC")], id="time-without-zone"
        ),
        pytest.param(
            with_member("name", "Statsbeat"),
            [("$.name", "does not belong to MessageData; expected Microsoft.ApplicationInsights.Message")],
            id="name-of-another-type",
        ),
        pytest.param(with_member("name", "Microsoft.ApplicationInsights.0123.Message"), [], id="name-with-key"),
        pytest.param(envelope(ver=1), [("$.data.baseData.ver", "is not 2")], id="version"),
        pytest.param(envelope(extra=1), [("$.data.baseData.extra", "is not a field of MessageData")], id="base-data-unknown"),
        pytest.param(envelope(severityLevel=5), [("$.data.baseData.severityLevel", "is 5; the levels are 0 to 4")], id="severity-5"),
        pytest.param(envelope(severityLevel="Error"), [], id="severity-name"),
        pytest.param(
            envelope("RequestData", responseCode=200),
            [("$.data.baseData.responseCode", "is a number; expected a string")],
            id="code-number",
        ),
        pytest.param(
            envelope("RemoteDependencyData", type=None), [("$.data.baseData.type", "is null; leave it out")], id="dependency-type-null"
        ),
        pytest.param(
            envelope(properties={"n": 5, "b": True, "l": [1], "d": {}, "z": None, "request.name": 1}),
            [
                ("$.data.baseData.properties.n", "is a number; expected a string"),
                ("$.data.baseData.properties.b", "is a boolean; expected a string"),
                ("$.data.baseData.properties.l", "is an array; expected a string"),
                ("$.data.baseData.properties.d", "is an object; expected a string"),
                ("$.data.baseData.properties.z", "is null; expected a string"),
                ("$.data.baseData.properties['request.name']", "is a number; expected a string"),
            ],
            id="properties-of-native-type",
        ),
        pytest.param(envelope(properties={"k" * 150: "v" * 8192}), [], id="property-at-its-limits"),
        pytest.param(
            envelope(properties={"k": "v" * 8193}),
            [("$.data.baseData.properties.k", "has 8193 characters; the limit is 8192")],
            id="property-value-long",
        ),
        pytest.param(
            envelope(properties={"k" * 151: "v"}),
            [(f"$.data.baseData.properties.{'k' * 40}", "has a key of 151 characters; the limits are 1 to 150")],
            id="property-key-long",
        ),
        pytest.param(
            envelope(properties={"": "v"}),
            [("$.data.baseData.properties['']", "has a key of 0 characters; the limits are 1 to 150")],
            id="property-key-empty",
        ),
        pytest.param(envelope(properties={"gen_ai.input.messages": "v" * 262144}), [], id="gen-ai-property"),
        pytest.param(
            envelope(properties={"gen_ai.input.messages": "v" * 262145}),
            [("$.data.baseData.properties['gen_ai.input.messages']", "has 262145 characters; the limit is 262144")],
            id="gen-ai-property-long",
        ),
        pytest.param(
            envelope(measurements={"a": "1", "b": True, "c": 1}),
            [
                ("$.data.baseData.measurements.a", "is a string; expected a number, so it is not kept"),
                ("$.data.baseData.measurements.b", "is a boolean; expected a number, so it is not kept"),
            ],
            id="measurements-not-numbers",
        ),
        pytest.param(
            envelope("MetricData", measurements={}),
            [("$.data.baseData.measurements", "is not a field of MetricData")],
            id="metric-measurements",
        ),
        pytest.param(
            envelope("MetricData", metrics=[{"name": "a", "value": 1}, {"name": "b", "value": 2}]),
            [("$.data.baseData.metrics", "holds 2 points; only the first is kept")],
            id="two-points",
        ),
        pytest.param(
            envelope("ExceptionData", exceptions=[{"typeName": "E", "message": "m"}]),
            [("$.data.baseData.exceptions[0].stack", "is absent and so is parsedStack, while hasFullStack is true")],
            id="exception-without-stack",
        ),
        pytest.param(
            envelope("ExceptionData", exceptions=[{"typeName": "E", "message": "m", "hasFullStack": False}]),
            [],
            id="exception-says-no-stack",
        ),
        pytest.param(
            envelope(
                "ExceptionData", exceptions=[{"typeName": "E", "message": "m", "parsedStack": [{"level": 0, "method": "f", "line": 3}]}]
            ),
            [],
            id="exception-with-frames",
        ),
        pytest.param(
            envelope("ExceptionData", exceptions=[{"typeName": "E", "message": "m", "parsedStack": "text"}]),
            [("$.data.baseData.exceptions[0].parsedStack", "is a string; expected an array of frames")],
            id="parsed-stack-as-text",
        ),
    ],
)
def test_warnings(value, warnings):
    """What breaks the schema but is taken all the same is a warning that names its place."""
    assert warned(value) == warnings


def test_legacy_envelopes_are_accepted():
    """What the retired SDK sends, defects included, is accepted; each defect is a warning."""
    metric = envelope("MetricData", properties={"q": "in", "shard": "null"}, metrics=[{"ns": "queue.len", "name": "queue.len", "value": 5}])
    metric["time"] = "2023-11-14T22:13:20.123456"
    log = envelope(severityLevel=5, properties={"lineNumber": 12})
    log["tags"] = {"ai.device.locale": None, "ai.operation.parentId": "|aabb.1111."}
    assert [verdict(metric), verdict(log)] == [
        Verdict(200, "", (FieldWarning("$.time", "names no zone; it is read as UTC"),)),
        Verdict(
            200,
            "",
            (
                FieldWarning("$.tags['ai.device.locale']", "is null; leave it out"),
                FieldWarning("$.data.baseData.severityLevel", "is 5; the levels are 0 to 4"),
                FieldWarning("$.data.baseData.properties.lineNumber", "is a number; expected a string"),
            ),
        ),
    ]
