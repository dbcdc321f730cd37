"""The span exporter: conversion, processors, encoding and delivery put together."""

from __future__ import annotations

import asyncio
import datetime
import logging

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind

import appinsights_exporter
from appinsights_exporter import ApplicationInsightsSpanExporter, BringsEnvelopes, ConfigurationError, CountsSnapshot
from appinsights_exporter.delivery.deliver import Delivery
from appinsights_exporter.delivery.transport import Reply
from appinsights_exporter.envelope import Data, Envelope, Message
from appinsights_exporter.settings import resolve
from appinsights_exporter.testing import CONNECTION_STRING, KEY, FakeTransport, ManualClock, span

SUCCESS, FAILURE = SpanExportResult.SUCCESS, SpanExportResult.FAILURE
FACADE = "opencensus_compat"


def exporter(*replies, environ=None, **options):
    """Return an exporter over a scripted transport, and the transport."""
    transport = FakeTransport(replies)
    settings = resolve(CONNECTION_STRING, environ=environ or {})
    return ApplicationInsightsSpanExporter(settings=settings, delivery=Delivery(transport, clock=ManualClock()), **options), transport


def names(transport):
    """Return the names of the items that were sent."""
    return [item["data"]["baseData"].get("name") for item in transport.items]


class Own(ReadableSpan):
    """A span that brings its own envelopes."""

    def __init__(self, *envelopes):
        super().__init__("own")
        self._envelopes = envelopes

    def to_envelopes(self):
        """Return them; raise one that is an exception."""
        for envelope in self._envelopes:
            if isinstance(envelope, BaseException):
                raise envelope
            yield envelope


def test_is_a_span_exporter():
    """The SDK takes it for one of its own kind."""
    made, _ = exporter()
    assert isinstance(made, SpanExporter)
    assert made.force_flush() is True
    assert made.settings.instrumentation_key == KEY


def test_spans_arrive():
    """Spans and their events arrive as items in order, and are counted."""
    made, transport = exporter()
    assert made.export([span("a"), span("b", events=[Event("e", None, 1)])]) is SUCCESS
    assert names(transport) == ["a", "b", None]
    assert made.counts.snapshot() == CountsSnapshot(sent=3)


def test_nothing_to_export():
    """An empty batch is a success and no request."""
    made, transport = exporter()
    assert made.export([]) is SUCCESS
    assert transport.sent == []


@pytest.mark.parametrize(("status", "result"), [(200, SUCCESS), (503, FAILURE), (400, FAILURE)])
def test_result(status, result):
    """SUCCESS is said when everything was accepted, FAILURE when something was refused, or is only held in memory."""
    made, _ = exporter(Reply(status=status))
    assert made.export([span()]) is result


class Hostile:
    """Not a span at all."""


@pytest.mark.parametrize("bad", [None, Hostile(), span(start_ns=None), span(start_ns=10**30), Own(ValueError("x"))])
def test_one_bad_span_loses_no_other(bad, caplog):
    """Whatever is wrong with one span, the others arrive, and the loss is counted and said."""
    made, transport = exporter()
    assert made.export([span("before"), bad, span("after")]) is FAILURE
    assert names(transport) == ["before", "after"]
    assert made.counts.snapshot() == CountsSnapshot(sent=2, dropped={"a span could not be converted": 1})
    assert [record.levelno for record in caplog.records if record.levelno >= logging.WARNING] == [logging.WARNING]


def test_one_bad_item_loses_no_other(caplog):
    """An item that cannot be encoded loses neither its span's other items nor other spans."""
    made, transport = exporter()
    long = {"name": "n", "tags": {"t": "x" * 70_000}}
    assert made.export([Own({"data": {"baseData": {"name": "a"}}}, long, {"data": {"baseData": {"name": "b"}}})]) is FAILURE
    assert names(transport) == ["a", "b"]
    assert made.counts.snapshot().dropped == {"an item could not be encoded": 1}
    assert "EncodingError" in caplog.text


def test_own_envelopes():
    """Envelopes that a span brings are used as they are, whatever they hold; a missing key is filled in, in a copy."""
    envelope = Envelope(
        name="n",
        time="t",
        iKey="other",
        data=Data(
            baseType="MessageData", baseData=Message(message="m", properties={"at": datetime.date(2020, 1, 2), 5: {1}, "n": float("nan")})
        ),
    )
    plain = {"name": "p"}
    made, transport = exporter()
    own = Own(envelope, plain)
    assert isinstance(own, BringsEnvelopes)
    assert made.export([own]) is SUCCESS
    assert transport.items == [
        {
            "name": "n",
            "time": "t",
            "iKey": "other",
            "data": {
                "baseType": "MessageData",
                "baseData": {"ver": 2, "message": "m", "properties": {"at": "2020-01-02", "5": "{1}", "n": "nan"}},
            },
        },
        {"name": "p", "iKey": KEY},
    ]
    assert plain == {"name": "p"}


def test_own_envelopes_before_a_failure_are_kept():
    """What a span brought before it raised is sent."""
    made, transport = exporter()
    assert made.export([Own({"data": {"baseData": {"name": "a"}}}, RuntimeError("x"))]) is FAILURE
    assert names(transport) == ["a"]


def test_resource_of_each_span():
    """Role and instance come from the span's own resource and not from a global provider."""
    made, transport = exporter()
    made.export([span(resource={"service.name": "a", "service.instance.id": "1"}), span(resource={"service.name": "b", "host.name": "h"})])
    assert [(item["tags"]["ai.cloud.role"], item["tags"]["ai.cloud.roleInstance"]) for item in transport.items] == [("a", "1"), ("b", "h")]


def test_many_resources():
    """However many resources there are, each keeps its own tags."""
    made, transport = exporter()
    made.export([span(resource={"service.name": f"s{number}"}) for number in range(200)])
    assert [item["tags"]["ai.cloud.role"] for item in transport.items] == [f"s{number}" for number in range(200)]


def test_default_instance_is_the_host():
    """A provider without a named instance reports the host, not a random id (peer defect 37)."""
    transport = FakeTransport()
    made = ApplicationInsightsSpanExporter(CONNECTION_STRING, delivery=Delivery(transport))
    provider = TracerProvider(resource=Resource.create({"service.name": "shop", "host.name": "host-a"}))
    provider.add_span_processor(BatchSpanProcessor(made))
    with provider.get_tracer("t").start_as_current_span("x"):
        pass
    provider.shutdown()
    (item,) = transport.items
    assert item["tags"]["ai.cloud.roleInstance"] == "host-a"


def test_facade_spans_keep_the_legacy_shape():
    """Spans of the facade's scope have the retired exporter's shape and tags, others have not."""
    tags = {"ai.cloud.role": "app.py", "ai.device.locale": None, "n": 5}
    made, transport = exporter(legacy_context_tags=tags)
    made.export([span("a", scope=FACADE), span("b")])
    facade, other = transport.items
    assert facade["data"]["baseData"]["type"] == "INPROC"
    assert {key: value for key, value in facade["tags"].items() if not key.startswith("ai.operation")} == {
        "ai.cloud.role": "app.py",
        "n": "5",
    }
    assert other["data"]["baseData"]["type"] == "InProc"
    assert other["tags"]["ai.cloud.role"] == "shop"


def test_context_tags_are_read_for_each_batch():
    """A role name that a program sets later counts from the next batch on."""
    tags = {"ai.cloud.role": "app.py"}
    made, transport = exporter(legacy_context_tags=tags)
    made.export([span(scope=FACADE)])
    tags["ai.cloud.role"] = "named"
    made.export([span(scope=FACADE)])
    assert [item["tags"]["ai.cloud.role"] for item in transport.items] == ["app.py", "named"]


def test_context_tags_that_cannot_be_read(caplog):
    """When the program's mapping fails, the resource's tags are used and a line says so once."""

    class Broken(dict):
        def keys(self):
            raise RuntimeError("x")

        def __iter__(self):
            raise RuntimeError("x")

    made, transport = exporter(legacy_context_tags=Broken(a=1))
    assert made.export([span(scope=FACADE)]) is SUCCESS
    assert made.export([span(scope=FACADE)]) is SUCCESS
    assert [item["tags"]["ai.cloud.role"] for item in transport.items] == ["shop", "shop"]
    assert caplog.text.count("could not be read") == 1


def test_facade_spans_without_context_tags():
    """Without the mapping, facade spans have their resource's tags."""
    made, transport = exporter()
    made.export([span(scope=FACADE)])
    assert transport.items[0]["tags"]["ai.cloud.role"] == "shop"


@pytest.mark.parametrize(("resource", "role"), [({"service.name": "shop"}, "shop"), ({"service.name": "unknown_service:python"}, "app.py")])
def test_opentelemetry_shape_for_facade_spans(resource, role):
    """With the switch, facade spans have the OpenTelemetry shape; the script's name is the role unless a service is named."""
    made, transport = exporter(environ={"OPENCENSUS_COMPAT_ENVELOPES": "otel"}, legacy_context_tags={"ai.cloud.role": "app.py"})
    made.export([span(scope=FACADE, resource=resource, attributes={"census.status_code": 0, "n": 5})])
    (item,) = transport.items
    assert item["data"]["baseData"]["type"] == "InProc"
    assert item["data"]["baseData"]["properties"] == {"n": "5"}
    assert item["tags"]["ai.cloud.role"] == role


def test_query_setting():
    """URLs keep their query, without secrets unless the setting says otherwise."""
    attributes = {"http.method": "GET", "http.url": "http://h/p?q=1&sig=x"}
    urls = {
        "": "http://h/p?q=1&sig=REDACTED",
        "redact": "http://h/p?q=1&sig=REDACTED",
        "keep": "http://h/p?q=1&sig=x",
        "drop": "http://h/p",
    }
    for word, url in urls.items():
        made, transport = exporter(environ={"APPINSIGHTS_EXPORTER_URL_QUERY": word})
        made.export([span(kind=SpanKind.CLIENT, attributes=attributes)])
        assert transport.items[0]["data"]["baseData"]["data"] == url


def test_telemetry_processors():
    """Processors see envelope objects in order, change them, and drop one by returning False and nothing else."""
    made, transport = exporter()
    order = []

    def enrich(envelope):
        order.append("enrich")
        envelope.tags["ai.cloud.role"] = "other"
        envelope.data.baseData.properties = {"k": 1}

    def select(envelope):
        order.append("select")
        return envelope.data.baseData.name != "secret"

    made.add_telemetry_processor(enrich)
    made.add_telemetry_processor(select)
    assert made.export([span("secret"), span("b")]) is SUCCESS
    assert names(transport) == ["b"]
    assert transport.items[0]["tags"]["ai.cloud.role"] == "other"
    assert transport.items[0]["data"]["baseData"]["properties"] == {"k": 1}
    assert order == ["enrich", "select"] * 2
    assert made.counts.snapshot() == CountsSnapshot(sent=1, filtered=1)
    made.clear_telemetry_processors()
    made.export([span("secret")])
    assert names(transport) == ["b", "secret"]


def test_failing_processor(caplog):
    """A processor that raises keeps the item and is logged once a minute."""
    made, transport = exporter()
    made.add_telemetry_processor(lambda _: 1 / 0)
    assert made.export([span("a"), span("b")]) is SUCCESS
    assert names(transport) == ["a", "b"]
    assert caplog.text.count("A telemetry processor failed") == 1


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError])
def test_processor_that_ends_threads(kind, caplog):
    """A processor that raises what would end the thread costs its item, counted under a reason of its own."""
    made, transport = exporter()

    def process(envelope):
        if envelope.data.baseData.name == "bad":
            raise kind

    made.add_telemetry_processor(process)
    assert made.export([span("before"), span("bad"), span("after")]) is FAILURE
    assert names(transport) == ["before", "after"]
    assert made.counts.snapshot() == CountsSnapshot(sent=2, dropped={"a telemetry processor raised": 1})
    assert kind.__name__ in caplog.text


def test_conversion_that_ends_threads(caplog):
    """A span that raises what would end the thread costs itself."""
    made, transport = exporter()
    assert made.export([span("before"), Own(SystemExit(1)), span("after")]) is FAILURE
    assert names(transport) == ["before", "after"]
    assert made.counts.snapshot().dropped == {"a span could not be converted": 1}


def test_processors_do_not_spoil_shared_tags():
    """What a processor does to one item's tags does not reach the next item."""
    made, transport = exporter()
    made.add_telemetry_processor(lambda envelope: envelope.tags.pop("ai.cloud.role", None))
    made.export([span()])
    made.clear_telemetry_processors()
    made.export([span()])
    assert ["ai.cloud.role" in item["tags"] for item in transport.items] == [False, True]


def test_after_shutdown():
    """After shutdown spans are refused and counted; a delivery that was given in is left to its owner."""
    made, transport = exporter()
    made.shutdown()
    made.shutdown()
    assert made.export([span()]) is FAILURE
    assert transport.sent == []
    assert transport.closed == 0
    assert made.counts.snapshot() == CountsSnapshot(dropped={"offered after shutdown": 1})


def test_own_delivery_is_shut_down():
    """A delivery that the exporter made is closed with it."""
    made = ApplicationInsightsSpanExporter(CONNECTION_STRING)
    made.shutdown()
    assert made._delivery.delivery._stopping.is_set()


def test_no_extra_items():
    """Nothing is sent but the spans' items: no resource item, no statistics (peer defects 39 and 42)."""
    made, transport = exporter()
    made.export([span()])
    assert len(transport.items) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"connection_string": "x"}, "connection_string"),
        ({"connection_string": CONNECTION_STRING, "credential": "x"}, "get_token"),
        ({"connection_string": CONNECTION_STRING, "settings": resolve(CONNECTION_STRING, environ={})}, "got both"),
    ],
)
def test_bad_configuration_raises_at_construction(options, words):
    """What cannot work is said at once."""
    with pytest.raises(ConfigurationError, match=words):
        ApplicationInsightsSpanExporter(**options)


def test_construction_is_cheap():
    """Making and dropping exporters starts no thread and opens no connection."""
    import threading

    before = set(threading.enumerate())
    for _ in range(100):
        ApplicationInsightsSpanExporter(CONNECTION_STRING)
    assert set(threading.enumerate()) - before == set()


def test_public_names():
    """The address book is complete and sorted, and every name in it can be had."""
    assert appinsights_exporter.__all__ == sorted(appinsights_exporter.__all__)
    for name in appinsights_exporter.__all__:
        assert getattr(appinsights_exporter, name) is not None
    assert set(appinsights_exporter.__all__) <= set(dir(appinsights_exporter))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        appinsights_exporter.nothing  # noqa: B018 - the reading is the test


NO_TIME = "no time left to convert before exit"


def at_the_end(seconds, timeout_s):
    """Return an exporter whose processor takes so many seconds for an item, as the process ends, and its transport."""
    clock, transport = ManualClock(), FakeTransport()
    made = ApplicationInsightsSpanExporter(
        settings=resolve(CONNECTION_STRING, environ={}), delivery=Delivery(transport, clock=clock, background=False)
    )
    made.add_telemetry_processor(lambda _: clock.advance(seconds))
    made.set_deadline(timeout_s)
    return made, transport


def test_slow_processors_end_with_the_process():
    """What slow code of the program leaves no time for is counted, and what was converted is sent within the time."""
    made, transport = at_the_end(1.5, 5.0)
    assert made.export([span(str(number)) for number in range(10)]) is FAILURE
    assert names(transport) == ["0", "1"]
    assert made.counts.snapshot() == CountsSnapshot(sent=2, dropped={NO_TIME: 8})
    assert made.export([span("later")]) is FAILURE
    assert made.counts.snapshot().dropped == {NO_TIME: 9}


def test_fast_processors_lose_nothing_at_the_end():
    """After the time for sending is over, everything is still converted, to be stored."""
    made, transport = at_the_end(0.00001, 0.0)
    assert made.export([span(str(number)) for number in range(1000)]) is FAILURE
    assert (transport.sent, made.counts.snapshot().held, made.counts.snapshot().dropped) == ([], 1000, {})


def test_what_is_under_way_is_given_up():
    """What a processor does not let go while the process ends is counted as lost."""
    made, _ = exporter()
    dropped = []

    def process(_):
        made.give_up()
        dropped.append(made.counts.snapshot().dropped)

    made.add_telemetry_processor(process)
    made.export([span("a"), span("b"), span("c")])
    assert dropped[0] == {NO_TIME: 3}
    made.give_up()
    assert made.counts.snapshot().dropped == {NO_TIME: 3}
