"""What the retired exporter stored, as the service wants it."""

from __future__ import annotations

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appinsights_exporter import reasons
from appinsights_exporter.delivery.legacy_envelopes import Dropped, normalised
from appinsights_exporter.testing import KEY

NOW_S = 1_700_000_000.0
"""2023-11-14T22:13:20Z."""
TIME = "2023-11-14T22:13:10.123456Z"
TRACE, SPAN, ZEROS = "aabbccddeeff00112233445566778899", "1111111111111111", "0" * 32
fuzz = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def envelope(base_type="MessageData", fields=None, **members):
    """Return an envelope that needs no change but for what is given."""
    made = {
        "iKey": KEY,
        "tags": {"ai.cloud.role": "app.py"},
        "time": TIME,
        "name": "Microsoft.ApplicationInsights." + base_type.removesuffix("Data"),
        "data": {"baseType": base_type, "baseData": {"ver": 2, **({"message": "m"} if fields is None else fields)}},
    }
    return {**made, **members}


def fields_of(base_type, fields):
    """Return the fields that become of the given ones."""
    result = normalised(envelope(base_type, fields), NOW_S, KEY)
    return {key: value for key, value in result["data"]["baseData"].items() if key != "ver"}


DROPPED = {
    "a list": ([], reasons.LEGACY_NOT_AN_ENVELOPE),
    "nothing": (None, reasons.LEGACY_NOT_AN_ENVELOPE),
    "no data": (envelope(data=None), reasons.LEGACY_NOT_AN_ENVELOPE),
    "no type": (envelope(data={"baseData": {}}), reasons.LEGACY_NOT_AN_ENVELOPE),
    "no fields": (envelope(data={"baseType": "MessageData", "baseData": None}), reasons.LEGACY_NOT_AN_ENVELOPE),
    "another key": (envelope(iKey="00000000-0000-0000-0000-000000000002"), reasons.LEGACY_OTHER_KEY),
    "no key": (envelope(iKey=None), reasons.LEGACY_OTHER_KEY),
    "statsbeat": (envelope(name="Statsbeat"), reasons.LEGACY_STATSBEAT),
    "no time": (envelope(time=None), reasons.LEGACY_NO_TIME),
    "time is a number": (envelope(time=5), reasons.LEGACY_NO_TIME),
    "time is none": (envelope(time="yesterday"), reasons.LEGACY_NO_TIME),
    "no such hour": (envelope(time="2023-11-14T24:00:00Z"), reasons.LEGACY_NO_TIME),
    "no such day": (envelope(time="2023-02-30T00:00:00Z"), reasons.LEGACY_NO_TIME),
    "48 hours and a bit": (envelope(time="2023-11-12T22:13:19.999999Z"), reasons.LEGACY_TOO_OLD),
    "the same without a zone": (envelope(time="2023-11-12T22:13:19.999999"), reasons.LEGACY_TOO_OLD),
    "the same elsewhere": (envelope(time="2023-11-13T00:13:19.999999+02:00"), reasons.LEGACY_TOO_OLD),
    "metric without points": (envelope("MetricData", {"metrics": []}), reasons.LEGACY_NO_VALUE),
    "metric without metrics": (envelope("MetricData", {}), reasons.LEGACY_NO_VALUE),
    "metric that is no number": (envelope("MetricData", {"metrics": [{"name": "m", "value": float("nan")}]}), reasons.LEGACY_NO_VALUE),
    "metric that is text": (envelope("MetricData", {"metrics": [{"name": "m", "value": "5"}]}), reasons.LEGACY_NO_VALUE),
}


@pytest.mark.parametrize(("value", "why"), DROPPED.values(), ids=DROPPED)
def test_not_to_be_sent(value, why):
    """What is no envelope, meant for another resource, too old, or without its content is dropped for a stated reason."""
    assert normalised(value, NOW_S, KEY) == Dropped(why)


KEPT = {
    "as it should be": ({}, {}),
    "exactly 48 hours": ({"time": "2023-11-12T22:13:20.000000Z"}, {}),
    "time without a zone": ({"time": "2023-11-14T22:13:10.123456"}, {"time": TIME}),
    "whole second without a zone": ({"time": "2023-11-14T22:13:10"}, {"time": "2023-11-14T22:13:10Z"}),
    "another zone": ({"time": "2023-11-14T23:13:10+01:00"}, {}),
    "capitals in the key": ({"iKey": KEY.upper()}, {"iKey": KEY}),
    "fields without a value": ({"sampleRate": None, "seq": None}, {"sampleRate": ..., "seq": ...}),
    "no tags": ({"tags": None}, {"tags": {}}),
    "tags without a value": ({"tags": {"ai.device.locale": None, "ai.user.id": 5}}, {"tags": {"ai.user.id": "5"}}),
    "parent of a span": ({"tags": {"ai.operation.parentId": SPAN}}, {}),
    "parent of a record": (
        {"tags": {"ai.operation.id": TRACE, "ai.operation.parentId": f"|{TRACE}.{SPAN}."}},
        {"tags": {"ai.operation.id": TRACE, "ai.operation.parentId": SPAN}},
    ),
    "record outside of a span": ({"tags": {"ai.operation.id": ZEROS, "ai.operation.parentId": f"|{ZEROS}.{'0' * 16}."}}, {"tags": {}}),
    "record in a trace, outside of a span": (
        {"tags": {"ai.operation.id": TRACE, "ai.operation.parentId": f"|{TRACE}.{'0' * 16}."}},
        {"tags": {"ai.operation.id": TRACE}},
    ),
}


@pytest.mark.parametrize(("members", "changes"), KEPT.values(), ids=KEPT)
def test_members_of_an_envelope(members, changes):
    """Times get a zone, keys small letters, parents the plain form; what has no value goes. The argument stays as it was."""
    given_envelope = envelope(**members)
    before = copy.deepcopy(given_envelope)
    expected = {key: value for key, value in {**before, **changes}.items() if value is not ...}
    assert normalised(given_envelope, NOW_S, KEY) == expected
    assert given_envelope == before


FRAMES = [{"level": 1, "method": "g", "fileName": "a.py", "line": 2}, {"level": 0, "method": "f", "fileName": "a.py", "line": 9}]


FIELDS = {
    "properties": (
        "MessageData",
        {"message": "m", "properties": {"n": 5, "f": 1.5, "b": True, "none": None, "l": [1, "ä"], "d": {"k": None}, "t": "x", "": "y"}},
        {"message": "m", "properties": {"n": "5", "f": "1.5", "b": "True", "l": '[1,"ä"]', "d": '{"k":null}', "t": "x"}},
    ),
    "properties that are none": ("MessageData", {"message": "m", "properties": [1]}, {"message": "m"}),
    "severity above critical": ("MessageData", {"message": "m", "severityLevel": 9}, {"message": "m", "severityLevel": 4}),
    "severity below all": ("MessageData", {"message": "m", "severityLevel": -1}, {"message": "m", "severityLevel": 0}),
    "severity": ("MessageData", {"message": "m", "severityLevel": 3}, {"message": "m", "severityLevel": 3}),
    "severity that is none": ("MessageData", {"message": "m", "severityLevel": "high"}, {"message": "m"}),
    "measurements": (
        "EventData",
        {"name": "e", "measurements": {"a": 1, "b": 2.5, "c": "x", "d": True, "e": float("inf"), "f": 10**400, "": 1}},
        {"name": "e", "measurements": {"a": 1, "b": 2.5}},
    ),
    "dependency without a type": ("RemoteDependencyData", {"name": "d", "type": None}, {"name": "d"}),
    "dependency without a name": ("RemoteDependencyData", {"name": ""}, {"name": "n/a"}),
    "request without a name": ("RequestData", {"name": "", "url": None}, {"name": ""}),
    "metric": (
        "MetricData",
        {"metrics": [{"ns": "q", "name": "q", "value": 5, "count": None}], "properties": {"k": "null"}},
        {"metrics": [{"ns": "q", "name": "q", "value": 5}], "properties": {"k": "null"}},
    ),
    "frames": (
        "ExceptionData",
        {"exceptions": [{"id": 1, "outerId": 0, "typeName": "E", "message": "m", "hasFullStack": True, "parsedStack": FRAMES}]},
        {
            "exceptions": [
                {
                    "id": 1,
                    "outerId": 0,
                    "typeName": "E",
                    "message": "m",
                    "hasFullStack": True,
                    "parsedStack": [{**FRAMES[0], "level": 0}, {**FRAMES[1], "level": 1}],
                }
            ]
        },
    ),
    "stack as text": (
        "ExceptionData",
        {"exceptions": [{"typeName": "E", "message": "m", "hasFullStack": True, "parsedStack": "a\nb"}]},
        {"exceptions": [{"typeName": "E", "message": "m", "hasFullStack": True, "stack": "a\nb"}]},
    ),
    "stack as lines": (
        "ExceptionData",
        {"exceptions": [{"typeName": "E", "message": "m", "hasFullStack": True, "parsedStack": ["a", "b"]}]},
        {"exceptions": [{"typeName": "E", "message": "m", "hasFullStack": True, "stack": "a\nb"}]},
    ),
    "no stack": (
        "ExceptionData",
        {"exceptions": [{"typeName": None, "message": "", "hasFullStack": True, "parsedStack": []}]},
        {"exceptions": [{"typeName": "Exception", "message": "Exception", "hasFullStack": False}]},
    ),
}


@pytest.mark.parametrize(("base_type", "fields", "expected"), FIELDS.values(), ids=FIELDS)
def test_fields_of_an_item(base_type, fields, expected):
    """Values get the type that the service wants; what has none goes."""
    assert fields_of(base_type, fields) == expected


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3), max_leaves=8
)


_fields = st.dictionaries(
    st.sampled_from(["properties", "measurements", "severityLevel", "metrics", "exceptions", "message", "name", "type"]),
    _json
    | st.dictionaries(st.text(max_size=4), _json, max_size=3)
    | st.lists(st.dictionaries(st.sampled_from(["value", "name", "typeName", "message", "parsedStack"]), _json, max_size=4), max_size=2),
)


@given(
    value=_json
    | st.builds(
        envelope,
        st.sampled_from(["MessageData", "MetricData", "ExceptionData", "RemoteDependencyData", ""]),
        _fields,
        time=_json | st.just(TIME),
        tags=_json | st.dictionaries(st.sampled_from(["ai.operation.id", "ai.operation.parentId"]), _json),
    )
)
@fuzz
def test_no_envelope_raises(value):
    """Whatever the JSON, it becomes an envelope or a reason, and then bytes or a reason."""
    assert isinstance(normalised(value, NOW_S, KEY), (dict, Dropped))
