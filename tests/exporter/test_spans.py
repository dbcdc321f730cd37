"""What all OpenTelemetry spans share, and whole items."""

from __future__ import annotations

import json

import pytest
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

from appinsights_exporter.convert import resource, spans
from appinsights_exporter.errors import ConversionError
from appinsights_exporter.testing import END_NS, KEY, START_NS, TRACE_ID, span

RESOURCE = {"service.name": "shop", "service.namespace": "acme", "service.instance.id": "web-1", "service.version": "2.4"}
TAGS = resource.tags(RESOURCE, host_name="host-a", locale="en_US", sdk_version="py3.11.7:otel1.45.2:cc0.1.0")


def converted(made, *, tags=TAGS, **options):
    """Return the items of a span."""
    return spans.envelopes(made, instrumentation_key=KEY, context_tags=tags, **options)


def links(count):
    """Return so many links."""
    return [Link(SpanContext(TRACE_ID, number + 1, is_remote=True)) for number in range(count)]


def test_golden_request():
    """A server span of the new HTTP conventions, sampled at 25 %, as one whole item."""
    made = span(
        "GET",
        SpanKind.SERVER,
        {
            "http.request.method": "GET",
            "http.route": "/a/{id}",
            "url.scheme": "https",
            "url.path": "/a/1",
            "url.query": "x=1",
            "server.address": "h.com",
            "server.port": 443,
            "http.response.status_code": 200,
            "client.address": "203.0.113.9",
            "user_agent.original": "UA/1",
            "enduser.id": "u7",
            "session.id": "s9",
            "tenant": "t7",
            "_MS.sampleRate": 25.0,
        },
        links=links(1),
    )
    assert converted(made) == [
        {
            "name": "Microsoft.ApplicationInsights.Request",
            "iKey": "00000000-0000-0000-0000-000000000001",
            "tags": {
                "ai.application.ver": "2.4",
                "ai.cloud.role": "acme.shop",
                "ai.cloud.roleInstance": "web-1",
                "ai.device.id": "host-a",
                "ai.device.locale": "en_US",
                "ai.device.type": "Other",
                "ai.internal.nodeName": "web-1",
                "ai.internal.sdkVersion": "py3.11.7:otel1.45.2:cc0.1.0",
                "ai.location.ip": "203.0.113.9",
                "ai.operation.id": "aabbccddeeff00112233445566778899",
                "ai.operation.name": "GET /a/{id}",
                "ai.operation.parentId": "2222222222222222",
                "ai.session.id": "s9",
                "ai.user.authUserId": "u7",
                "ai.user.userAgent": "UA/1",
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
                    "properties": {
                        "tenant": "t7",
                        "_MS.links": '[{"operation_Id":"aabbccddeeff00112233445566778899","id":"0000000000000001"}]',
                    },
                },
            },
        }
    ]


@pytest.mark.parametrize(
    ("given", "shown"), [("5a9c2f60-0e4d-4f8e", "5a9c2f60-0e4d-4f8e"), (7, "7"), ("", "1111111111111111"), ("a" * 600, "a" * 512)]
)
def test_an_item_may_have_an_id_of_its_own(given, shown):
    """An attribute gives the item of a span its id, and its events their parent; the id is no property."""
    item, event = converted(span("score", SpanKind.SERVER, {"ai.span.id": given}, events=[Event("said", {}, END_NS)]))
    assert item["data"]["baseData"]["id"] == event["tags"]["ai.operation.parentId"] == shown
    assert "properties" not in item["data"]["baseData"]


def test_golden_dependency_and_events():
    """A failed client span with an exception gives two items, the dependency first."""
    made = span(
        "SELECT orders",
        SpanKind.CLIENT,
        {
            "db.system.name": "postgresql",
            "db.query.text": "SELECT 1",
            "server.address": "pg",
            "server.port": 5433,
            "db.namespace": "orders",
        },
        status=Status(StatusCode.ERROR, "timed out"),
        events=[Event("exception", {"exception.type": "TimeoutError", "exception.message": "timed out"}, END_NS)],
    )
    tags = {**TAGS, "ai.operation.id": "aabbccddeeff00112233445566778899"}
    assert converted(made) == [
        {
            "name": "Microsoft.ApplicationInsights.RemoteDependency",
            "iKey": "00000000-0000-0000-0000-000000000001",
            "tags": {**tags, "ai.operation.parentId": "2222222222222222"},
            "time": "2023-11-14T22:13:20.123456Z",
            "data": {
                "baseType": "RemoteDependencyData",
                "baseData": {
                    "ver": 2,
                    "id": "1111111111111111",
                    "name": "SELECT orders",
                    "duration": "0.00:00:01.235",
                    "resultCode": "0",
                    "success": False,
                    "type": "postgresql",
                    "data": "SELECT 1",
                    "target": "pg:5433|orders",
                    "properties": {"otel.status_description": "timed out"},
                },
            },
        },
        {
            "name": "Microsoft.ApplicationInsights.Exception",
            "iKey": "00000000-0000-0000-0000-000000000001",
            "tags": {**tags, "ai.operation.parentId": "1111111111111111"},
            "time": "2023-11-14T22:13:21.358024Z",
            "data": {
                "baseType": "ExceptionData",
                "baseData": {"ver": 2, "exceptions": [{"typeName": "TimeoutError", "message": "timed out", "hasFullStack": False}]},
            },
        },
    ]


@pytest.mark.parametrize("kind", list(SpanKind))
def test_every_kind_has_an_item(kind):
    """SERVER and CONSUMER are requests, all other kinds dependencies."""
    (item,) = converted(span(kind=kind))
    request = kind in (SpanKind.SERVER, SpanKind.CONSUMER)
    assert item["data"]["baseType"] == ("RequestData" if request else "RemoteDependencyData")


@pytest.mark.parametrize("kind", [SpanKind.SERVER, SpanKind.CLIENT, SpanKind.INTERNAL])
@pytest.mark.parametrize(("name", "shown"), [(5, "5"), (None, "None"), (StatusCode.OK, "StatusCode.OK"), (ValueError("/a"), "/a")])
def test_a_name_that_is_no_text(kind, name, shown):
    """The SDK takes any object for a name, such as a URL of a framework; its text is shown."""
    assert converted(span(name=name, kind=kind))[0]["data"]["baseData"]["name"] == shown


def test_root_span_has_no_parent():
    """A span without a parent has no parent id."""
    assert "ai.operation.parentId" not in converted(span(parent=False))[0]["tags"]


def test_span_without_end():
    """A span without an end took no time."""
    assert converted(span(end_ns=None))[0]["data"]["baseData"]["duration"] == "0.00:00:00.000"


def test_span_without_start():
    """A span that cannot have a time raises, by name."""
    with pytest.raises(ConversionError, match="span 'work' has no start time"):
        converted(span(start_ns=None))
    with pytest.raises(ConversionError, match="has no context"):
        converted(ReadableSpan("x", start_time=START_NS))


TAG_CASES = {
    "user": ({"enduser.id": "u"}, {"ai.user.authUserId": "u"}, {}),
    "user that is no text (peer defect 34)": ({"enduser.id": 5}, {"ai.user.authUserId": "5"}, {}),
    "long user (peer defect 34)": ({"enduser.pseudo.id": "u" * 3000}, {"ai.user.id": "u" * 128}, {}),
    "empty user": ({"enduser.id": ""}, {}, {"enduser.id": ""}),
    "session": ({"session.id": "s"}, {"ai.session.id": "s"}, {}),
    "agent of an HTTP span": ({"http.method": "GET", "http.user_agent": "UA"}, {"ai.user.userAgent": "UA"}, {}),
    "agent under both names": (
        {"http.method": "GET", "user_agent.original": "UA", "http.user_agent": "UA"},
        {"ai.user.userAgent": "UA"},
        {},
    ),
    "agent of another span": ({"user_agent.original": "UA"}, {}, {"user_agent.original": "UA"}),
    "bot": ({"user_agent.synthetic.type": "bot"}, {"ai.operation.syntheticSource": "True"}, {"user_agent.synthetic.type": "bot"}),
    "availability test": (
        {"user_agent.original": "x AlwaysOn y"},
        {"ai.operation.syntheticSource": "True"},
        {"user_agent.original": "x AlwaysOn y"},
    ),
    "person": ({"user_agent.synthetic.type": "x"}, {}, {"user_agent.synthetic.type": "x"}),
}


@pytest.mark.parametrize(("attributes", "tags", "properties"), TAG_CASES.values(), ids=TAG_CASES)
def test_tags_from_attributes(attributes, tags, properties):
    """User, session, agent and synthetic source."""
    (item,) = converted(span(kind=SpanKind.CLIENT, attributes=attributes), tags={})
    del item["tags"]["ai.operation.id"], item["tags"]["ai.operation.parentId"]
    assert item["tags"] == tags
    assert item["data"]["baseData"].get("properties", {}) == properties


RATES = {
    "quarter": (25.0, 25.0),
    "all": (100.0, None),
    "none": (0.0, None),
    "text": ("25", None),
    "true": (True, None),
    "over": (200, None),
}


@pytest.mark.parametrize(("rate", "sent"), RATES.values(), ids=RATES)
def test_sample_rate(rate, sent):
    """The rate is sent when it is one and not 100, and is never a property (peer defect 47)."""
    (item,) = converted(span(attributes={"_MS.sampleRate": rate}))
    assert item.get("sampleRate") == sent
    assert "properties" not in item["data"]["baseData"]


def test_measurements():
    """Custom measurements are numbers of the item and no property."""
    (item,) = converted(span(attributes={"microsoft.custom_measurements": '{"a": 1, "b": "x"}'}))
    assert item["data"]["baseData"]["measurements"] == {"a": 1}
    assert "properties" not in item["data"]["baseData"]


def test_empty_bags_are_left_out():
    """Without attributes there are neither properties nor measurements."""
    assert set(converted(span())[0]["data"]["baseData"]) == {"ver", "id", "name", "duration", "resultCode", "success", "type"}


@pytest.mark.parametrize("status", [Status(StatusCode.ERROR), Status(StatusCode.OK), Status(StatusCode.UNSET)])
def test_status_without_description(status):
    """Only the description of an error is exported."""
    assert "properties" not in converted(span(status=status))[0]["data"]["baseData"]


def test_links_fit():
    """At most 100 links, as compact JSON within the limit of a property (peer defect 33)."""
    (item,) = converted(span(links=links(128)))
    text = item["data"]["baseData"]["properties"]["_MS.links"]
    assert len(text) <= 8192
    assert len(json.loads(text)) == 100


ENQUEUED = {
    "mean over all links": ([{"enqueuedTime": START_NS // 10**6 - 100}, {"enqueuedTime": START_NS // 10**6 - 50}, {}], 50.0),
    "not below zero": ([{"enqueuedTime": START_NS // 10**6 + 100}], 0.0),
    "no link tells": ([{}], None),
    "text": ([{"enqueuedTime": "x"}], None),
}


@pytest.mark.parametrize(("attributes", "waited_ms"), ENQUEUED.values(), ids=ENQUEUED)
def test_time_since_enqueued(attributes, waited_ms):
    """The mean wait of an Azure SDK consumer's messages, in milliseconds."""
    found = [Link(SpanContext(TRACE_ID, 1, is_remote=True), one) for one in attributes]
    (item,) = converted(span(kind=SpanKind.CONSUMER, attributes={"az.namespace": "Microsoft.EventHub"}, links=found))
    assert item["data"]["baseData"].get("measurements") == (None if waited_ms is None else {"timeSinceEnqueued": waited_ms})


def test_facade_span_in_the_opentelemetry_shape():
    """Bookkeeping attributes of the facade are read and hidden; others that look alike are not, on other spans."""
    attributes = {"census.status_code": 2, "census.span_id": "abc", "census.parent_span_id": "def", "tenant": "t7"}
    attributes["census.properties"] = '{"census.span_id": "mine"}'
    (item,) = converted(span(attributes=attributes), facade=True)
    assert (item["data"]["baseData"]["id"], item["tags"]["ai.operation.parentId"]) == ("abc", "def")
    assert item["data"]["baseData"]["properties"] == {"tenant": "t7", "census.span_id": "mine"}
    (item,) = converted(span(attributes=attributes))
    assert item["data"]["baseData"]["id"] == "1111111111111111"
    assert item["data"]["baseData"]["properties"]["census.span_id"] == "abc"


def test_inputs_are_not_changed():
    """Neither the span's attributes nor the tags given are changed, and items have tags of their own."""
    attributes = {"http.method": "GET", "http.url": "http://h/", "enduser.id": "u", "k": "v"}
    made, tags = span(attributes=attributes, kind=SpanKind.CLIENT), dict(TAGS)
    (first,), (second,) = converted(made, tags=tags), converted(made, tags=tags)
    first["tags"]["x"] = "y"
    assert dict(made.attributes) == attributes
    assert tags == TAGS
    assert "x" not in second["tags"]


def test_attributes_in_a_plain_mapping():
    """A span that was made by hand may keep its attributes in any mapping, or in none."""
    context = SpanContext(TRACE_ID, 1, is_remote=False)
    for attributes, shown in (({"k": 1}, {"k": "1"}), (None, None), ({}, None)):
        made = ReadableSpan("x", context, attributes=attributes, start_time=START_NS)
        assert converted(made)[0]["data"]["baseData"].get("properties") == shown
