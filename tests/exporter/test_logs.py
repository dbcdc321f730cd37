"""OpenTelemetry log records to envelopes."""

from __future__ import annotations

import pytest
from opentelemetry._logs import SeverityNumber

from appinsights_exporter import ConversionError
from appinsights_exporter._sdk_logs import record_of
from appinsights_exporter.convert import logs
from appinsights_exporter.testing import KEY, SPAN_ID, START_NS, TRACE_ID, log_record

TAGS = {"ai.cloud.role": "shop"}
IDS = {"ai.operation.id": "aabbccddeeff00112233445566778899", "ai.operation.parentId": "1111111111111111"}


class Record:
    """A record as a program may make it by hand, past the SDK."""

    timestamp = START_NS
    observed_timestamp = None
    trace_id = TRACE_ID
    span_id = SPAN_ID
    trace_flags = 1
    severity_number = None
    severity_text = None
    body = "said"
    attributes = None
    event_name = None

    def __init__(self, **fields):
        self.__dict__.update(fields)


def converted(body="said", attributes=None, **fields):
    """Return the item of a record without a scope."""
    return logs.envelope(Record(body=body, attributes=attributes, **fields), "", instrumentation_key=KEY, context_tags=TAGS)


def test_whole_message():
    """A record of the SDK becomes exactly this item."""
    record = record_of(log_record("cache miss", {"key": "k1", "hits": 3, "cold": True}, severity=13))
    assert logs.envelope(record, "shop.cache", instrumentation_key=KEY, context_tags=TAGS) == {
        "name": "Microsoft.ApplicationInsights.Message",
        "iKey": KEY,
        "tags": {**TAGS, **IDS},
        "time": "2023-11-14T22:13:20.123456Z",
        "data": {
            "baseType": "MessageData",
            "baseData": {
                "ver": 2,
                "message": "cache miss",
                "severityLevel": 2,
                "properties": {"key": "k1", "hits": "3", "cold": "True", "logger_name": "shop.cache"},
            },
        },
    }


EXCEPTION = {"exception.type": "ValueError", "exception.message": "bad"}
STACK = 'Traceback (most recent call last):\n  File "/srv/app.py", line 7, in pay\n    check()\nValueError: bad\n'
AVAILABILITY = {
    "microsoft.availability.id": "run-1",
    "microsoft.availability.name": "home page",
    "microsoft.availability.duration": "0.00:00:01.500",
    "microsoft.availability.success": True,
}
NO_STACK = {"hasFullStack": False}
KINDS = {
    "plain": (("said", None), "Message", {"message": "said"}),
    "the body is an exception's message": (
        ("pay failed: bad", EXCEPTION),
        "Exception",
        {"exceptions": [{"typeName": "ValueError", "message": "pay failed: bad", **NO_STACK}]},
    ),
    "what the body hides of it is a property": (
        ("pay failed", EXCEPTION),
        "Exception",
        {
            "exceptions": [{"typeName": "ValueError", "message": "pay failed", **NO_STACK}],
            "properties": {"exception.message": "bad"},
        },
    ),
    "exception without a body": (
        (None, EXCEPTION),
        "Exception",
        {"exceptions": [{"typeName": "ValueError", "message": "bad", **NO_STACK}]},
    ),
    "exception with its stack": (
        ("bad", {**EXCEPTION, "exception.stacktrace": STACK}),
        "Exception",
        {
            "exceptions": [
                {
                    "typeName": "ValueError",
                    "message": "bad",
                    "hasFullStack": True,
                    "parsedStack": [{"level": 0, "method": "pay", "fileName": "/srv/app.py", "line": 7}],
                    "stack": STACK,
                }
            ]
        },
    ),
    "an empty type counts, and is never sent": (
        (None, {"exception.type": ""}),
        "Exception",
        {"exceptions": [{"typeName": "Exception", "message": "Exception", **NO_STACK}]},
    ),
    "a stack alone is no exception": (
        ("said", {"exception.stacktrace": STACK}),
        "Message",
        {"message": "said", "properties": {"exception.stacktrace": STACK}},
    ),
    "event": (
        ("ignored", {"microsoft.custom_event.name": "order placed", "sku": 5}),
        "Event",
        {"name": "order placed", "properties": {"sku": "5"}},
    ),
    "event by Microsoft's marker": (
        ("order placed", {"APPLICATION_INSIGHTS_EVENT_MARKER_ATTRIBUTE": ""}),
        "Event",
        {"name": "order placed"},
    ),
    "an empty event name is none": (
        ("said", {"microsoft.custom_event.name": ""}),
        "Message",
        {"message": "said", "properties": {"microsoft.custom_event.name": ""}},
    ),
    "an event name of more than 512 characters is cut (peer defect 35)": (
        ("", {"microsoft.custom_event.name": "e" * 600}),
        "Event",
        {"name": "e" * 512},
    ),
    "an exception wins over an event": (
        ("bad", {**EXCEPTION, "microsoft.custom_event.name": "e"}),
        "Exception",
        {
            "exceptions": [{"typeName": "ValueError", "message": "bad", **NO_STACK}],
            "properties": {"microsoft.custom_event.name": "e"},
        },
    ),
    "availability": (
        ("ok", {**AVAILABILITY, "microsoft.availability.runLocation": "west", "microsoft.availability.message": "fine", "k": "v"}),
        "Availability",
        {
            "id": "run-1",
            "name": "home page",
            "duration": "0.00:00:01.500",
            "success": True,
            "runLocation": "west",
            "message": "fine",
            "properties": {"k": "v"},
        },
    ),
    "failed availability with its body": (
        ("no answer", {**AVAILABILITY, "microsoft.availability.success": "false"}),
        "Availability",
        {"id": "run-1", "name": "home page", "duration": "0.00:00:01.500", "success": False, "message": "no answer"},
    ),
    "availability without a duration is a message": (
        ("said", {**AVAILABILITY, "microsoft.availability.duration": ""}),
        "Message",
        {
            "message": "said",
            "properties": {
                "microsoft.availability.id": "run-1",
                "microsoft.availability.name": "home page",
                "microsoft.availability.duration": "",
                "microsoft.availability.success": "True",
            },
        },
    ),
    "measurements": (
        ("said", {"microsoft.custom_measurements": '{"ms": 1.5, "text": "x"}'}),
        "Message",
        {"message": "said", "measurements": {"ms": 1.5}},
    ),
    "mappings as OpenCensus code gives them": (
        (
            "said",
            {
                "custom_dimensions": {"tenant": "t1", "n": 3, "nested": {"a": [1]}, 5: None, "k": "wins"},
                "custom_measurements": {"ms": 2},
                "microsoft.custom_measurements": {"mb": 1},
                "k": "v",
            },
        ),
        "Message",
        {
            "message": "said",
            "properties": {"k": "wins", "tenant": "t1", "n": "3", "nested": '{"a":[1]}'},
            "measurements": {"ms": 2, "mb": 1},
        },
    ),
    "dimensions of an event": (
        ("", {"microsoft.custom_event.name": "e", "custom_dimensions": {"a": 1}}),
        "Event",
        {"name": "e", "properties": {"a": "1"}},
    ),
    "dimensions that are no mapping": (
        ("said", {"custom_dimensions": "text", "custom_measurements": [1]}),
        "Message",
        {"message": "said", "properties": {"custom_dimensions": "text", "custom_measurements": "[1]"}},
    ),
    "lists and mappings are JSON (peer defect 27)": (
        ("said", {"list": ["a", 1], "map": {"ü": None}}),
        "Message",
        {"message": "said", "properties": {"list": '["a",1]', "map": '{"ü":null}'}},
    ),
    "span attributes stay": (
        ("said", {"code.function.name": "pay", "http.route": "/a", "error.type": "x"}),
        "Message",
        {"message": "said", "properties": {"code.function.name": "pay", "http.route": "/a", "error.type": "x"}},
    ),
}


@pytest.mark.parametrize(("given", "kind", "fields"), KINDS.values(), ids=KINDS)
def test_kinds(given, kind, fields):
    """Attributes decide what a record becomes, first match first, and what is in no field is a property."""
    item = converted(*given)
    assert item["name"] == f"Microsoft.ApplicationInsights.{kind}"
    assert item["data"] == {"baseType": f"{kind}Data", "baseData": {"ver": 2, **fields}}


class Bad:
    """An object whose text cannot be had."""

    def __str__(self):
        raise RuntimeError


CYCLE: list = []
CYCLE.append(CYCLE)
BODIES = {
    "text": ("a", "a"),
    "padding stays (peer defect 28)": ("  pad  ", "  pad  "),
    "none": (None, "n/a"),
    "empty": ("", "n/a"),
    "blank": (" \n", "n/a"),
    "zero (peer defect 28)": (0, "0"),
    "false (peer defect 28)": (False, "false"),
    "true": (True, "true"),
    "number": (1.5, "1.5"),
    "empty mapping": ({}, "{}"),
    "mapping": ({"ü": [1, None], "b": b"x"}, '{"ü":[1,null],"b":"x"}'),
    "list": (["a", {"b": True}], '["a",{"b":true}]'),
    "bytes": (b"caf\xc3\xa9", "café"),
    "binary": (b"\xff\x00", "/wA="),
    "exception": (ValueError("bad"), "bad"),
    "unprintable": (Bad(), "<Bad>"),
    "within itself": (CYCLE, "[[[...]]]"),
    "too long": ("m" * 40_000, "m" * 32_768),
}


@pytest.mark.parametrize(("body", "message"), BODIES.values(), ids=BODIES)
def test_bodies(body, message):
    """Every kind of body has a text; only one that says nothing is n/a."""
    assert converted(body)["data"]["baseData"]["message"] == message


SEVERITIES = [(None, None), (0, None), *((n, 0) for n in range(1, 9)), *((n, (n - 5) // 4) for n in range(9, 25)), (25, 4), (99, 4)]


@pytest.mark.parametrize(("number", "level"), SEVERITIES)
def test_severity(number, level):
    """Numbers map by fours, below INFO is verbose, none is sent when none was given (peer defect 43), and nothing is above critical."""
    assert converted(severity_number=number)["data"]["baseData"].get("severityLevel") == level


def test_every_severity_of_the_enumeration():
    """Each member of OpenTelemetry's enumeration maps as its number."""
    for member in SeverityNumber:
        assert logs.severity_level(member) == logs.severity_level(member.value)
    assert [logs.severity_level(getattr(SeverityNumber, name)) for name in ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")] == [
        0, 0, 1, 2, 3, 4,
    ]  # fmt: skip


def test_severity_belongs_to_messages_and_exceptions():
    """Events and availability results have none."""
    assert "severityLevel" in converted(None, EXCEPTION, severity_number=17)["data"]["baseData"]
    assert "severityLevel" not in converted(None, {"microsoft.custom_event.name": "e"}, severity_number=17)["data"]["baseData"]
    assert "severityLevel" not in converted(None, AVAILABILITY, severity_number=17)["data"]["baseData"]


TAGGED = {
    "no span (peer defect 29)": ({"trace_id": 0, "span_id": 0}, {}, {}),
    "no ids at all": ({"trace_id": None, "span_id": None}, {}, {}),
    "trace only": ({"trace_id": 1, "span_id": 0}, {}, {"ai.operation.id": "0" * 31 + "1"}),
    "user and session": (
        {},
        {"enduser.id": 5, "enduser.pseudo.id": "p", "session.id": "s" * 100},
        {**IDS, "ai.user.authUserId": "5", "ai.user.id": "p", "ai.session.id": "s" * 64},
    ),
    "synthetic": ({}, {"user_agent.synthetic.type": "bot"}, {**IDS, "ai.operation.syntheticSource": "True"}),
    "availability test": ({}, {"user_agent.original": "AlwaysOn 1.0"}, {**IDS, "ai.operation.syntheticSource": "True"}),
    "address": ({}, {"client.address": "203.0.113.9"}, {**IDS, "ai.location.ip": "203.0.113.9"}),
    "operation": ({}, {"ai.operation.name": "GET /a"}, {**IDS, "ai.operation.name": "GET /a"}),
}


@pytest.mark.parametrize(("fields", "attributes", "tags"), TAGGED.values(), ids=TAGGED)
def test_tags(fields, attributes, tags):
    """Ids are in W3C form or absent, and attributes that have a tag are in it."""
    assert converted(attributes=attributes, **fields)["tags"] == {**TAGS, **tags}


def test_sample_rate():
    """The rate that sampling left on a record is the item's, and no property; 100 and nonsense are left out."""
    assert converted(attributes={"_MS.sampleRate": 25.0})["sampleRate"] == 25.0
    assert "properties" not in converted(attributes={"_MS.sampleRate": 25.0})["data"]["baseData"]
    assert all("sampleRate" not in converted(attributes={"_MS.sampleRate": rate}) for rate in (100, 0, -1, "25", True, float("nan")))


def test_event_name_field():
    """OpenTelemetry's own event name makes no custom event: it is a property, unless the record has that property."""
    assert converted(event_name="device.app")["data"]["baseData"]["properties"] == {"event.name": "device.app"}
    assert converted(attributes={"event.name": "own"}, event_name="x")["data"]["baseData"]["properties"] == {"event.name": "own"}


def test_logger_name():
    """The scope names the logger, unless the record does."""
    for attributes, name in ((None, "lib"), ({"logger_name": "own"}, "own")):
        item = logs.envelope(Record(attributes=attributes), "lib", instrumentation_key=KEY, context_tags=TAGS)
        assert item["data"]["baseData"]["properties"] == {"logger_name": name}


def test_time():
    """A record without its own time has that at which it was seen; without either there is no item."""
    assert converted(timestamp=None, observed_timestamp=1_000_000_000)["time"] == "1970-01-01T00:00:01.000000Z"
    assert converted(timestamp=0, observed_timestamp=1_000_000_000)["time"] == "1970-01-01T00:00:01.000000Z"
    with pytest.raises(ConversionError, match="no time"):
        converted(timestamp=None)


def test_nothing_is_changed_or_shared():
    """Neither the record nor the context tags are written to."""
    attributes = {**EXCEPTION, "custom_dimensions": {"a": 1}, "enduser.id": "e"}
    before, tags = dict(attributes), dict(TAGS)
    item = converted("said", attributes)
    item["tags"]["x"] = "y"
    assert (attributes, TAGS) == (before, tags)


def test_facade_records_in_the_opentelemetry_shape():
    """Bookkeeping of OpenCensus handlers is hidden, and the logger's name takes the place of the scope's."""
    record = Record(attributes={"census.logger": "shop", "census.level": 25, "tenant": "t", "code.line.number": 3})
    record.attributes["census.properties"] = '{"exception.type": "mine"}'
    item = logs.envelope(record, "opencensus_compat", instrumentation_key=KEY, context_tags=TAGS, facade=True)
    assert item["data"]["baseType"] == "MessageData"
    shown = {"tenant": "t", "code.line.number": "3", "logger_name": "shop", "exception.type": "mine"}
    assert item["data"]["baseData"]["properties"] == shown
