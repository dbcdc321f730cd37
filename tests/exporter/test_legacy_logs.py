"""Facade log records to the envelopes of the retired handlers."""

from __future__ import annotations

import pytest

from appinsights_exporter import ConversionError
from appinsights_exporter._sdk_logs import record_of
from appinsights_exporter.convert import legacy_logs
from appinsights_exporter.testing import KEY, log_record

TAGS = {"ai.cloud.role": "app.py"}
OWN = {
    "census.level": 30,
    "census.process_name": "MainProcess",
    "census.module": "orders",
    "code.file.path": "/srv/orders.py",
    "code.line.number": 17,
    "code.function.name": "pay",
    "census.logger": "shop.orders",
}
PROPERTIES = {"process": "MainProcess", "module": "orders", "fileName": "/srv/orders.py", "lineNumber": 17, "level": "WARNING"}
STACK = """\
Traceback (most recent call last):
  File "/srv/db.py", line 3, in query
    raise KeyError("id")
KeyError: 'id'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/orders.py", line 20, in main
    pay()
  File "/srv/orders.py", line 17, in pay
    query()
ValueError: bad
"""


def converted(body="said", attributes=None, **fields):
    """Return the item of a facade record."""
    record = record_of(log_record(body, {**OWN, **(attributes or {})}, severity_text="WARNING", **fields))
    return legacy_logs.envelope(record, instrumentation_key=KEY, context_tags=TAGS)


def data(*given, **fields):
    """Return an item's fields."""
    return converted(*given, **fields)["data"]["baseData"]


def test_whole_message():
    """A record of AzureLogHandler becomes exactly the retired item, with W3C ids instead of the form ``|trace.span.``."""
    assert converted("no stock", {"tenant": "t1", "n": 3, "rate": 0.5, "gift": True}) == {
        "name": "Microsoft.ApplicationInsights.Message",
        "iKey": KEY,
        "tags": {
            "ai.cloud.role": "app.py",
            "ai.operation.id": "aabbccddeeff00112233445566778899",
            "ai.operation.parentId": "1111111111111111",
        },
        "time": "2023-11-14T22:13:20.123456Z",
        "data": {
            "baseType": "MessageData",
            "baseData": {
                "ver": 2,
                "message": "no stock",
                "severityLevel": 2,
                "properties": {**PROPERTIES, "tenant": "t1", "n": 3, "rate": 0.5, "gift": True},
            },
        },
    }


def test_whole_exception():
    """A record with exc_info: the formatted text is the message, frames begin with the innermost at level 0, causes follow."""
    attributes = {"exception.type": "ValueError", "exception.message": "bad", "exception.stacktrace": STACK, "tenant": "t1"}
    item = converted("pay failed\n" + STACK, attributes)
    assert item["name"] == "Microsoft.ApplicationInsights.Exception"
    assert item["data"] == {
        "baseType": "ExceptionData",
        "baseData": {
            "ver": 2,
            "exceptions": [
                {
                    "id": 1,
                    "outerId": 0,
                    "typeName": "ValueError",
                    "message": "pay failed\n" + STACK,
                    "hasFullStack": True,
                    "parsedStack": [
                        {"level": 0, "method": "pay", "fileName": "/srv/orders.py", "line": 17},
                        {"level": 1, "method": "main", "fileName": "/srv/orders.py", "line": 20},
                    ],
                },
                {
                    "id": 2,
                    "outerId": 1,
                    "typeName": "KeyError",
                    "message": "'id'",
                    "hasFullStack": True,
                    "parsedStack": [{"level": 0, "method": "query", "fileName": "/srv/db.py", "line": 3}],
                },
            ],
            "severityLevel": 2,
            "properties": {**PROPERTIES, "tenant": "t1"},
        },
    }


EXCEPTIONS = {
    "logger.exception outside of except": (
        ("what?", {"exception.type": "N/A"}),
        {"id": 1, "outerId": 0, "typeName": "N/A", "message": "what?", "hasFullStack": False, "parsedStack": []},
    ),
    "an error that was never raised": (
        ("pay failed", {"exception.type": "ValueError", "exception.stacktrace": "ValueError: bad\n"}),
        {
            "id": 1,
            "outerId": 0,
            "typeName": "ValueError",
            "message": "pay failed",
            "hasFullStack": False,
            "parsedStack": [],
            "stack": "ValueError: bad\n",
        },
    ),
    "a stack of another form is text, never a refused parsedStack": (
        ("pay failed", {"exception.type": "E", "exception.stacktrace": "at pay.js:3"}),
        {
            "id": 1,
            "outerId": 0,
            "typeName": "E",
            "message": "pay failed",
            "hasFullStack": True,
            "parsedStack": [],
            "stack": "at pay.js:3",
        },
    ),
    "nothing said": (
        ("", {"exception.type": ""}),
        {"id": 1, "outerId": 0, "typeName": "Exception", "message": "Exception", "hasFullStack": False, "parsedStack": []},
    ),
}


@pytest.mark.parametrize(("given", "entry"), EXCEPTIONS.values(), ids=EXCEPTIONS)
def test_exceptions(given, entry):
    """Type and message are always there, and a stack that cannot be read is refused by nobody."""
    assert data(*given)["exceptions"] == [entry]


def test_whole_event():
    """A record of AzureEventHandler has its dimensions and measurements, and nothing of the handler's own."""
    event = {"microsoft.custom_event.name": "order placed", "microsoft.custom_measurements": '{"eur": 9.5}', "sku": "a"}
    item = converted("order placed", event)
    assert item["name"] == "Microsoft.ApplicationInsights.Event"
    assert item["data"] == {
        "baseType": "EventData",
        "baseData": {"ver": 2, "name": "order placed", "properties": {"sku": "a"}, "measurements": {"eur": 9.5}},
    }


def test_events_have_names():
    """A name is cut to what the service takes, and one that is missing has a stand-in."""
    assert [data(body, {"microsoft.custom_event.name": "x"})["name"] for body in ("e" * 600, "")] == ["e" * 512, "n/a"]


LEVELS = [(0, 0), (5, 0), (10, 0), (11, 1), (20, 1), (25, 2), (30, 2), (40, 3), (50, 4), (51, 4), (1000, 4), (-5, 0)]


@pytest.mark.parametrize(("level", "severity"), LEVELS)
def test_severity(level, severity):
    """As ever, one for each ten from 11 on, but never above critical (peer defect 51)."""
    assert data(attributes={"census.level": level})["severityLevel"] == severity


def test_severity_without_a_level():
    """A record that came another way has the severity of its OpenTelemetry number, or none."""
    bare = [legacy_logs.envelope(record_of(log_record(severity=number)), instrumentation_key=KEY, context_tags={}) for number in (17, None)]
    assert [item["data"]["baseData"].get("severityLevel") for item in bare] == [3, None]


IDS = {
    "no span": ({"trace_id": 0, "span_id": 0}, {}, {}),
    "ids of the program's own": (
        {},
        {"census.trace_id": "run-7", "census.span_id": "step-1"},
        {"ai.operation.id": "run-7", "ai.operation.parentId": "step-1"},
    ),
    "operation name": ({"trace_id": 0, "span_id": 0}, {"ai.operation.name": "GET /a"}, {"ai.operation.name": "GET /a"}),
}


@pytest.mark.parametrize(("fields", "attributes", "tags"), IDS.values(), ids=IDS)
def test_ids(fields, attributes, tags):
    """Without a span there are no ids (peer defect 29), and the program's own win."""
    assert converted(attributes=attributes, **fields)["tags"] == {**TAGS, **tags}


def test_dimensions_win():
    """A dimension of the name of one of the handler's properties wins; None and what is too long is cut or left out."""
    found = data(attributes={"module": "mine", "k" * 200: "v" * 9000})["properties"]
    assert found == {**PROPERTIES, "module": "mine", "k" * 150: "v" * 8192}


def test_values():
    """Numbers and bools stay native, as the retired handlers sent them; lists, which the schema does not know, are JSON text."""
    found = data(attributes={"n": 1, "f": 0.5, "b": True, "inf": float("inf"), "list": ["a", "b"]})["properties"]
    assert found == {**PROPERTIES, "n": 1, "f": 0.5, "b": True, "inf": "inf", "list": '["a","b"]'}


def test_dimensions_with_names_of_attributes():
    """Dimensions whose names mean something elsewhere are kept apart, mean nothing, and are shown."""
    given = {
        "census.properties": '{"code.function.name": "mine", "exception.type": 1, "none": null}',
        "code.function.name": "main",
        "other": 1,
    }
    assert data(attributes=given)["properties"] == {**PROPERTIES, "code.function.name": "mine", "exception.type": 1, "other": 1}


@pytest.mark.parametrize("kept", ["{", "[1]", 7, "[" * 100_000])
def test_dimensions_that_are_no_object(kept):
    """What cannot be read as kept dimensions is left out, and the item is sent."""
    assert data(attributes={"census.properties": kept, "other": 1})["properties"] == {**PROPERTIES, "other": 1}


def test_sample_rate():
    """The rate at which the record was kept is the item's."""
    item = converted(attributes={"_MS.sampleRate": 50.0})
    assert item["sampleRate"] == 50.0
    assert item["data"]["baseData"]["properties"] == PROPERTIES


def test_texts():
    """An empty message has a stand-in, and a long one is cut."""
    assert [data(body)["message"] for body in ("", None, "m" * 40_000)] == ["n/a", "n/a", "m" * 32_768]


def test_no_time():
    """A record without a time cannot become an item."""
    with pytest.raises(ConversionError, match="no time"):
        converted(at_ns=0)
