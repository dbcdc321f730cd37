"""Span events: exceptions and messages."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import Event
from opentelemetry.trace import SpanKind

from appinsights_exporter.convert import spans
from appinsights_exporter.testing import KEY, START_NS, span

AT_NS = START_NS + 1_000_000

STACK = """\
KeyError: 'id'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/app.py", line 12, in main
    pay()
  File "/srv/app.py", line 7, in pay
    raise ValueError("bad") from error
ValueError: bad
"""


def converted(event, attributes=None, *, kind=SpanKind.SERVER):
    """Return the item of one event."""
    _, item = spans.envelopes(
        span("GET", kind, attributes, events=[event]), instrumentation_key=KEY, context_tags={"ai.cloud.role": "shop"}
    )
    return item


EVENTS = {
    "exception": (
        Event("exception", {"exception.type": "ValueError", "exception.message": "bad", "exception.stacktrace": "Traceback"}, AT_NS),
        "Exception",
        {"exceptions": [{"typeName": "ValueError", "message": "bad", "hasFullStack": True, "stack": "Traceback"}]},
    ),
    "exception without stack (peer defect 25)": (
        Event("exception", {"exception.type": "ValueError", "exception.message": "bad"}, AT_NS),
        "Exception",
        {"exceptions": [{"typeName": "ValueError", "message": "bad", "hasFullStack": False}]},
    ),
    "exception without anything": (
        Event("exception", None, AT_NS),
        "Exception",
        {"exceptions": [{"typeName": "Exception", "message": "Exception", "hasFullStack": False}]},
    ),
    "exception with an empty message": (
        Event("exception", {"exception.message": "", "exception.escaped": "False", "k": 1}, AT_NS),
        "Exception",
        {
            "exceptions": [{"typeName": "Exception", "message": "Exception", "hasFullStack": False}],
            "properties": {"exception.escaped": "False", "k": "1"},
        },
    ),
    "too long": (
        Event("exception", {"exception.type": "T" * 2000, "exception.message": "m" * 40000, "exception.stacktrace": "s" * 40000}, AT_NS),
        "Exception",
        {"exceptions": [{"typeName": "T" * 1024, "message": "m" * 32768, "hasFullStack": True, "stack": "s" * 32768}]},
    ),
    "exception with Python's stack": (
        Event(
            "exception",
            {"exception.type": "ValueError", "exception.message": "bad", "exception.stacktrace": STACK},
            AT_NS,
        ),
        "Exception",
        {
            "exceptions": [
                {
                    "id": 1,
                    "outerId": 0,
                    "typeName": "ValueError",
                    "message": "bad",
                    "hasFullStack": True,
                    "parsedStack": [
                        {"level": 0, "method": "pay", "fileName": "/srv/app.py", "line": 7},
                        {"level": 1, "method": "main", "fileName": "/srv/app.py", "line": 12},
                    ],
                    "stack": STACK,
                },
                {"id": 2, "outerId": 1, "typeName": "KeyError", "message": "'id'", "hasFullStack": False},
            ]
        },
    ),
    "message": (Event("cache miss", {"key": "k1"}, AT_NS), "Message", {"message": "cache miss", "properties": {"key": "k1"}}),
    "no name": (Event("", {"key": "k1"}, AT_NS), "Message", {"message": "n/a", "properties": {"key": "k1"}}),
    "blank name": (Event(" \n ", {}, AT_NS), "Message", {"message": "n/a"}),
    "blank beyond the limit": (Event(" " * 32768 + "m", {}, AT_NS), "Message", {"message": "n/a"}),
    "blank exception": (
        Event("exception", {"exception.type": " ", "exception.message": "\t"}, AT_NS),
        "Exception",
        {"exceptions": [{"typeName": "Exception", "message": "Exception", "hasFullStack": False}]},
    ),
    "long message": (Event("m" * 40000, {}, AT_NS), "Message", {"message": "m" * 32768}),
    "measurements": (
        Event("m", {"microsoft.custom_measurements": '{"a": 1}'}, AT_NS),
        "Message",
        {"message": "m", "measurements": {"a": 1}},
    ),
    "bookkeeping is hidden": (Event("m", {"census.event": "annotation"}, AT_NS), "Message", {"message": "m"}),
}


@pytest.mark.parametrize(("event", "kind", "fields"), EVENTS.values(), ids=EVENTS)
def test_events(event, kind, fields):
    """Each event gives exactly this item, below its span."""
    assert converted(event) == {
        "name": f"Microsoft.ApplicationInsights.{kind}",
        "iKey": KEY,
        "tags": {
            "ai.cloud.role": "shop",
            "ai.operation.id": "aabbccddeeff00112233445566778899",
            "ai.operation.parentId": "1111111111111111",
            "ai.operation.name": "GET",
        },
        "time": "2023-11-14T22:13:20.124456Z",
        "data": {"baseType": f"{kind}Data", "baseData": {"ver": 2, **fields}},
    }


def test_tags_of_the_span_come_along():
    """User, session, synthetic source, operation name and sample rate are the span's; an own session wins."""
    attributes = {
        "enduser.id": 5,
        "enduser.pseudo.id": "p",
        "session.id": "s",
        "user_agent.synthetic.type": "bot",
        "client.address": "203.0.113.9",
        "_MS.sampleRate": 25.0,
    }
    item = converted(Event("m", {"session.id": "own"}, AT_NS), attributes)
    assert item["tags"] == {
        "ai.cloud.role": "shop",
        "ai.operation.id": "aabbccddeeff00112233445566778899",
        "ai.operation.parentId": "1111111111111111",
        "ai.operation.name": "GET",
        "ai.operation.syntheticSource": "True",
        "ai.session.id": "own",
        "ai.user.authUserId": "5",
        "ai.user.id": "p",
    }
    assert item["sampleRate"] == 25.0


def test_events_of_dependencies():
    """A dependency whose request is not known has events without an operation name."""
    assert "ai.operation.name" not in converted(Event("m", None, AT_NS), kind=SpanKind.CLIENT)["tags"]


def test_items_share_nothing():
    """Two events of a span have tags of their own."""
    events = [Event("a", None, AT_NS), Event("b", None, AT_NS)]
    first, second, third = spans.envelopes(span(events=events), instrumentation_key=KEY, context_tags={})
    second["tags"]["x"] = "y"
    assert "x" not in first["tags"]
    assert "x" not in third["tags"]
