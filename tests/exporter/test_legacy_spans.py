"""Facade spans keep the retired exporter's envelopes, with its defects corrected."""

from __future__ import annotations

import json

import pytest
from opentelemetry.sdk.trace import Event
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

from appinsights_exporter.convert import legacy_spans
from appinsights_exporter.errors import ConversionError
from appinsights_exporter.testing import KEY, START_NS, TRACE_ID, span

SERVER, CLIENT, INTERNAL = SpanKind.SERVER, SpanKind.CLIENT, SpanKind.INTERNAL
TAGS = {"ai.cloud.role": "app.py", "ai.device.type": "Other"}


def converted(kind, attributes=None, **options):
    """Return the items of a facade span."""
    made = span("work", kind, attributes, scope="opencensus_compat", **options)
    return legacy_spans.envelopes(made, instrumentation_key=KEY, context_tags=TAGS)


def fields(kind, attributes=None, **options):
    """Return baseData of the only item."""
    (item,) = converted(kind, attributes, **options)
    return item["data"]["baseData"]


def test_golden_request():
    """A server span, whole."""
    attributes = {
        "http.method": "GET",
        "http.route": "/a/{id}",
        "http.path": "/a/1",
        "http.url": "https://h.com/a/1?x=1",
        "http.host": "h.com",
        "http.status_code": 200,
        "tenant": "t7",
        "n": 5,
        "_MS.sampleRate": 25.0,
    }
    assert converted(SERVER, attributes) == [
        {
            "name": "Microsoft.ApplicationInsights.Request",
            "iKey": "00000000-0000-0000-0000-000000000001",
            "tags": {
                "ai.cloud.role": "app.py",
                "ai.device.type": "Other",
                "ai.operation.id": "aabbccddeeff00112233445566778899",
                "ai.operation.name": "GET /a/{id}",
                "ai.operation.parentId": "2222222222222222",
            },
            "time": "2023-11-14T22:13:20.123456Z",
            "sampleRate": 25.0,
            "data": {
                "baseType": "RequestData",
                "baseData": {
                    "ver": 2,
                    "id": "1111111111111111",
                    "name": "GET /a/{id}",
                    "duration": "0.00:00:01.235",
                    "responseCode": "200",
                    "success": True,
                    "url": "https://h.com/a/1?x=1",
                    "properties": {"request.name": "GET /a/{id}", "request.url": "https://h.com/a/1?x=1", "tenant": "t7", "n": 5},
                },
            },
        }
    ]


def test_golden_client():
    """A client span, whole."""
    attributes = {"component": "HTTP", "http.method": "GET", "http.url": "https://h.com/p?q=1", "http.status_code": 404}
    assert converted(CLIENT, attributes) == [
        {
            "name": "Microsoft.ApplicationInsights.RemoteDependency",
            "iKey": "00000000-0000-0000-0000-000000000001",
            "tags": {
                "ai.cloud.role": "app.py",
                "ai.device.type": "Other",
                "ai.operation.id": "aabbccddeeff00112233445566778899",
                "ai.operation.parentId": "2222222222222222",
            },
            "time": "2023-11-14T22:13:20.123456Z",
            "data": {
                "baseType": "RemoteDependencyData",
                "baseData": {
                    "ver": 2,
                    "id": "1111111111111111",
                    "name": "GET /p",
                    "duration": "0.00:00:01.235",
                    "resultCode": "404",
                    "success": False,
                    "type": "HTTP",
                    "data": "https://h.com/p?q=1",
                    "target": "h.com",
                    "properties": {"component": "HTTP"},
                },
            },
        }
    ]


NAMES = {
    "nothing": ({}, "", None, None),
    "method": ({"http.method": "GET"}, "GET", None, None),
    "route": ({"http.route": "/r"}, " /r", " /r", " /r"),
    "method and route": ({"http.method": "GET", "http.route": "/r"}, "GET /r", "GET /r", "GET /r"),
    "method and path": ({"http.method": "GET", "http.path": "/p"}, "GET", "GET /p", None),
    "path": ({"http.path": "/p"}, "", " /p", None),
    "method that is no text": ({"http.method": 5}, "5", None, None),
}


@pytest.mark.parametrize(("attributes", "name", "request_name", "operation"), NAMES.values(), ids=NAMES)
def test_request_name(attributes, name, request_name, operation):
    """Name, property request.name and operation name of a request."""
    (item,) = converted(SERVER, attributes)
    assert item["data"]["baseData"]["name"] == name
    assert item["data"]["baseData"]["properties"].get("request.name") == request_name
    assert item["tags"].get("ai.operation.name") == operation


CODES = {
    "no code": ({}, 0, "0", True),
    "status": ({}, 2, "2", False),
    "status in text": ({}, "5", "5", False),
    "empty status": ({}, " ", "0", True),
    "empty code": ({"http.status_code": ""}, 0, "0", True),
    "blank code, status not OK": ({"http.status_code": " "}, 5, "5", False),
    "success": ({"http.status_code": 200}, 0, "200", True),
    "code before status": ({"http.status_code": 399}, 2, "399", True),
    "client error": ({"http.status_code": 400}, 0, "400", False),
    "below 200": ({"http.status_code": 199}, 0, "199", False),
    "number in text (peer defect 49)": ({"http.status_code": "200"}, 2, "200", True),
    "failure in text (peer defect 49)": ({"http.status_code": "500"}, 0, "500", False),
    "word, status OK (peer defect 49)": ({"http.status_code": "abc"}, 0, "abc", True),
    "word, status not OK (peer defect 49)": ({"http.status_code": "abc"}, 2, "abc", False),
    "sequence": ({"http.status_code": (1, 2)}, 0, "[1,2]", True),
    "nan": ({"http.status_code": float("nan")}, 0, "nan", False),
}


@pytest.mark.parametrize(("attributes", "status_code", "code", "success"), CODES.values(), ids=CODES)
@pytest.mark.parametrize(("kind", "field"), [(SERVER, "responseCode"), (CLIENT, "resultCode")])
def test_code_and_success(kind, field, attributes, status_code, code, success):
    """The HTTP status code if there is one, else the gRPC code of the status."""
    made = fields(kind, {**attributes, "census.status_code": status_code})
    assert (made[field], made["success"]) == (code, success)


@pytest.mark.parametrize(("status_code", "success"), [(0, True), (2, False)])
def test_in_process(status_code, success):
    """In-process spans are INPROC and follow their status (peer defect 49)."""
    made = fields(INTERNAL, {"census.status_code": status_code, "http.status_code": 500, "component": "x", "http.url": "http://h/"})
    assert made == {
        "ver": 2,
        "id": "1111111111111111",
        "name": "work",
        "duration": "0.00:00:01.235",
        "resultCode": str(status_code),
        "success": success,
        "type": "INPROC",
        "properties": {"component": "x"},
    }


def test_failure_told_through_opentelemetry():
    """A status that only OpenTelemetry set to ERROR counts as UNKNOWN, the code that OpenCensus gave an escaping exception."""
    made = fields(INTERNAL, status=Status(StatusCode.ERROR, "x"))
    assert (made["resultCode"], made["success"]) == ("2", False)
    made = fields(INTERNAL, {"census.status_code": 0}, status=Status(StatusCode.ERROR, "x"))
    assert (made["resultCode"], made["success"]) == ("0", True)


CLIENTS = {
    "nothing": ({}, {"name": "work"}),
    "component": ({"component": "mysql"}, {"name": "work", "type": "mysql"}),
    "url without method": ({"http.url": "http://h:8080/p"}, {"name": "work", "data": "http://h:8080/p", "target": "h:8080"}),
    "url without path": ({"http.method": "GET", "http.url": "http://h"}, {"name": "GET ", "data": "http://h", "target": "h"}),
    "parameters": (
        {"http.method": "GET", "http.url": "http://h/p;a/q;b?c"},
        {"name": "GET /p;a/q", "data": "http://h/p;a/q;b?c", "target": "h"},
    ),
    "relative": ({"http.method": "GET", "http.url": "/p"}, {"name": "GET /p", "data": "/p", "target": ""}),
    "credentials": ({"http.url": "https://u:pw@h/p"}, {"name": "work", "data": "https://h/p", "target": "h"}),
    "malformed": ({"http.url": "http://[::1/p"}, {"name": "work", "data": "http://[::1/p", "target": "[::1"}),
}


@pytest.mark.parametrize(("attributes", "expected"), CLIENTS.values(), ids=CLIENTS)
def test_client_fields(attributes, expected):
    """Name, type, data and target of a client span; no type rather than null (peer defect 55), no password."""
    made = fields(CLIENT, attributes)
    assert {key: made[key] for key in ("name", "type", "data", "target") if key in made} == expected
    assert "pw" not in str(made)


def test_password_in_a_request():
    """A password leaves neither in the URL nor in the property."""
    made = fields(SERVER, {"http.url": "https://u:pw@h/p?x"})
    assert (made["url"], made["properties"]) == ("https://h/p?x", {"request.url": "https://h/p?x"})


@pytest.mark.parametrize("kept", ["{", "[1]", 7, "[" * 100_000])
def test_properties_that_are_no_object(kept):
    """What cannot be read as properties that the facade kept apart is left out, and the item is sent."""
    assert fields(INTERNAL, {"census.properties": kept, "other": 1})["properties"] == {"other": 1}


@pytest.mark.parametrize("lost", [7, "error.message", ("stacktrace",)])
def test_without_a_message_of_none(lost):
    """Only a list that names the message stands for one."""
    assert len(converted(SERVER, {"census.none": lost})) == 1


def test_a_stack_that_is_none():
    """A `stacktrace` that is neither frames nor text says nothing of the stack, as ever."""
    first, _ = converted(SERVER, {"error.message": "m", "stacktrace": 5})
    (details,) = first["data"]["baseData"]["exceptions"]
    assert details == {"id": 1, "outerId": 0, "typeName": "Exception", "message": "m", "hasFullStack": True, "parsedStack": []}


def test_properties_with_names_of_attributes():
    """Attributes whose names mean something here are kept apart, mean nothing, and are shown as they are."""
    kept = '{"census.status_code": 7, "ai.operation.name": "mine", "list": [1]}'
    made = fields(INTERNAL, {"census.properties": kept, "other": 1})
    assert made["properties"] == {"other": 1, "census.status_code": 7, "ai.operation.name": "mine", "list": [1]}
    assert made["resultCode"] == "0"


def test_numbers_that_are_not_finite():
    """They are their text, and make text of a list: JSON has no such numbers."""
    attributes = {"nan": float("nan"), "inf": float("inf"), "list": [1.0, float("-inf")], "fine": [0.5]}
    properties = fields(SpanKind.INTERNAL, attributes)["properties"]
    assert properties == {"nan": "nan", "inf": "inf", "list": '[1.0,"-inf"]', "fine": (0.5,)}


def test_properties_keep_their_types():
    """Numbers, booleans and sequences stay JSON; only keys that start with http. and our own bookkeeping go."""
    attributes = {
        "i": 5,
        "f": 1.5,
        "b": True,
        "l": (1, 2),
        "s": "x" * 9000,
        "httpx": 1,
        "http.host": "h",
        "census.status_code": 0,
        "census.anything": 1,
        "_MS.sampleRate": 100.0,
        "stacktrace": "st",
        "url.full": "kept",
        "k" * 200: 1,
    }
    made = fields(INTERNAL, attributes)
    assert made["properties"] == {
        "i": 5,
        "f": 1.5,
        "b": True,
        "l": (1, 2),
        "s": "x" * 8192,
        "httpx": 1,
        "stacktrace": "st",
        "url.full": "kept",
        "census.anything": 1,
        "k" * 150: 1,
    }


def test_sample_rate():
    """The rate is sent when it is not 100 (peer defect 47)."""
    assert converted(INTERNAL, {"_MS.sampleRate": 25.0})[0]["sampleRate"] == 25.0
    assert "sampleRate" not in converted(INTERNAL, {"_MS.sampleRate": 100.0})[0]


def test_links():
    """Links are JSON with the spaces that the retired exporter had."""
    made = fields(INTERNAL, links=[Link(SpanContext(TRACE_ID, 1, is_remote=True)), Link(SpanContext(TRACE_ID, 2, is_remote=True))])
    expected = [
        {"operation_Id": "aabbccddeeff00112233445566778899", "id": "0000000000000001"},
        {"operation_Id": "aabbccddeeff00112233445566778899", "id": "0000000000000002"},
    ]
    assert made["properties"] == {"_MS.links": json.dumps(expected)}


def test_own_ids():
    """Ids that the program chose are used as they are."""
    (item,) = converted(SERVER, {"census.span_id": "abc", "census.parent_span_id": "def"})
    assert (item["data"]["baseData"]["id"], item["tags"]["ai.operation.parentId"]) == ("abc", "def")


def test_root():
    """A root span has no parent id."""
    assert "ai.operation.parentId" not in converted(SERVER, parent=False)[0]["tags"]


FRAMES = ({"level": 1, "method": "inner", "fileName": "a.py", "line": 2}, {"level": 0, "method": "outer", "fileName": "a.py", "line": 9})

EXCEPTIONS = {
    "message": ({"error.message": "bad"}, {"typeName": "Exception", "message": "bad", "hasFullStack": False, "parsedStack": []}),
    "empty message": ({"error.message": ""}, {"typeName": "Exception", "message": "Exception", "hasFullStack": False, "parsedStack": []}),
    "message of None": ({"census.none": ("error.message", "stacktrace")}, {"typeName": "Exception", "message": "Exception", "hasFullStack": True, "parsedStack": []}),
    "message zero": ({"error.message": 0}, {"typeName": "Exception", "message": "Exception", "hasFullStack": False, "parsedStack": []}),
    "no text": ({"error.message": 404, "error.name": 5}, {"typeName": "5", "message": "404", "hasFullStack": False, "parsedStack": []}),
    "type": ({"error.message": "bad", "error.name": "ValueError"}, {"typeName": "ValueError", "message": "bad", "hasFullStack": False, "parsedStack": []}),
    "stack as text": ({"error.message": "bad", "stacktrace": "a\nb"}, {"typeName": "Exception", "message": "bad", "hasFullStack": True, "stack": "a\nb"}),
    "stack that only looks like frames": ({"error.message": "bad", "stacktrace": "[{"}, {"typeName": "Exception", "message": "bad", "hasFullStack": True, "stack": "[{"}),
    "stack as lines": ({"error.message": "bad", "stacktrace": ("a", "b")}, {"typeName": "Exception", "message": "bad", "hasFullStack": True, "stack": "a\nb"}),
}  # fmt: skip


@pytest.mark.parametrize(("attributes", "details"), EXCEPTIONS.values(), ids=EXCEPTIONS)
def test_exception(attributes, details):
    """An error on a server span gives an exception before its request and below it (peer defect 50)."""
    exception, request = converted(SERVER, {**attributes, "_MS.sampleRate": 50.0})
    assert exception["name"] == "Microsoft.ApplicationInsights.Exception"
    assert exception["data"] == {"baseType": "ExceptionData", "baseData": {"ver": 2, "exceptions": [{"id": 1, "outerId": 0, **details}]}}
    assert exception["tags"]["ai.operation.parentId"] == request["data"]["baseData"]["id"]
    assert exception["tags"]["ai.operation.id"] == request["tags"]["ai.operation.id"]
    assert (exception["time"], exception["sampleRate"]) == (request["time"], request["sampleRate"])
    assert exception["tags"] is not request["tags"]


@pytest.mark.parametrize("stack", [FRAMES, json.dumps(FRAMES)], ids=["frames", "JSON of the facade"])
def test_stack_frames_are_numbered_from_the_innermost(stack):
    """Frames keep their order and count from 0 (peer defect 51)."""
    details = legacy_spans._exception({"error.message": "bad", "stacktrace": stack})["exceptions"][0]
    assert details["parsedStack"] == [
        {"level": 0, "method": "inner", "fileName": "a.py", "line": 2},
        {"level": 1, "method": "outer", "fileName": "a.py", "line": 9},
    ]


@pytest.mark.parametrize("kind", [CLIENT, INTERNAL])
def test_exceptions_of_other_spans(kind):
    """Only server spans give exceptions."""
    assert len(converted(kind, {"error.message": "bad"})) == 1


def test_events():
    """Events that OpenCensus calls made are not sent; those of OpenTelemetry calls are, below the span."""
    events = [Event("a", {"census.event": "annotation"}, START_NS), Event("cache miss", {"k": 1}, START_NS), Event("bare", None, START_NS)]
    _, first, second = converted(INTERNAL, events=events)
    assert first["data"] == {"baseType": "MessageData", "baseData": {"ver": 2, "message": "cache miss", "properties": {"k": "1"}}}
    assert first["tags"] == {
        **TAGS,
        "ai.operation.id": "aabbccddeeff00112233445566778899",
        "ai.operation.parentId": "1111111111111111",
    }
    assert second["data"]["baseData"]["message"] == "bare"


def test_fields_are_cut():
    """Fields keep the limits of the wire, which the retired exporter did not know."""
    made = fields(CLIENT, {"http.url": "http://" + "h" * 9000, "component": "c" * 2000, "http.status_code": "4" * 2000})
    assert (len(made["data"]), len(made["target"]), len(made["type"]), len(made["resultCode"])) == (8192, 1024, 1024, 1024)
    made = fields(SERVER, {"http.url": "http://" + "h" * 9000, "http.route": "r" * 2000})
    assert (len(made["url"]), len(made["name"]), len(made["properties"]["request.url"])) == (2048, 1024, 8192)


@pytest.mark.parametrize("kind", [CLIENT, INTERNAL])
def test_empty_name(kind):
    """A dependency without a name gets one, because the service refuses it otherwise."""
    (item,) = legacy_spans.envelopes(span("", kind, scope="opencensus_compat"), instrumentation_key=KEY, context_tags=TAGS)
    assert item["data"]["baseData"]["name"] == "n/a"


def test_span_without_start():
    """A span that cannot have a time raises."""
    with pytest.raises(ConversionError, match="no start time"):
        converted(SERVER, start_ns=None)
