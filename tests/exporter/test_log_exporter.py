"""The log exporter: conversion, processors, encoding and delivery put together."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
import types
import warnings

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind

from appinsights_exporter import (
    ApplicationInsightsLogRecordExporter,
    ApplicationInsightsSpanExporter,
    BringsEnvelopes,
    ConfigurationError,
    CountsSnapshot,
    LogOperationNameProcessor,
)
from appinsights_exporter import _sdk_logs as sdk
from appinsights_exporter.counts import LOGS, TRACES
from appinsights_exporter.delivery.deliver import Delivery
from appinsights_exporter.delivery.own_work import OWN_TRACE_ID
from appinsights_exporter.delivery.results import Result
from appinsights_exporter.delivery.transport import Reply
from appinsights_exporter.settings import resolve
from appinsights_exporter.testing import CONNECTION_STRING, KEY, FakeTransport, ManualClock, log_record
from opencensus_compat.local import LocalEndpoint

SUCCESS, FAILURE = sdk.LogRecordExportResult.SUCCESS, sdk.LogRecordExportResult.FAILURE
FACADE = "opencensus_compat"


def exporter(*replies, environ=None, **options):
    """Return an exporter over a scripted transport, and the transport."""
    transport = FakeTransport(replies)
    settings = resolve(CONNECTION_STRING, environ=environ or {})
    return ApplicationInsightsLogRecordExporter(settings=settings, delivery=Delivery(transport, clock=ManualClock()), **options), transport


def test_records_about_the_exporters_own_work():
    """What was logged while it sent, or by its own loggers, is no telemetry; a logger whose name only begins alike is the application's."""
    made, transport = exporter()
    own = log_record("request", trace_id=OWN_TRACE_ID, scope="urllib3.connectionpool")
    lines = [log_record(name, scope=name) for name in ("appinsights_exporter.delivery", "opencensus.ext", FACADE, "opencensusless")]
    assert made.export([own]) is SUCCESS
    assert transport.sent == []
    assert made.export([own, *lines, log_record("facade", scope=FACADE, version="1")]) is SUCCESS
    assert messages(transport) == ["opencensusless", "facade"]


def test_measurements_that_are_no_finite_number(caplog):
    """They are left out of items of both APIs, and a warning names one a minute."""
    made, transport = exporter()
    attributes = {"microsoft.custom_event.name": "e", "microsoft.custom_measurements": '{"ratio": NaN, "n": 1}', "census.level": 20}
    made.export([log_record("e", attributes=attributes), log_record("e", attributes=attributes, scope=FACADE, version="1")])
    assert [item["data"]["baseData"]["measurements"] for item in transport.items] == [{"n": 1}, {"n": 1}]
    assert caplog.messages == ["The custom measurement 'ratio' is skipped: it is not a finite number."]


def messages(transport):
    """Return the messages of the items that were sent."""
    return [item["data"]["baseData"].get("message") for item in transport.items]


def bringing(*envelopes):
    """Return a record that brings its own envelopes; raise one that is an exception."""

    def make():
        for envelope in envelopes:
            if isinstance(envelope, Exception):
                raise envelope
            yield envelope

    data = log_record("own")
    sdk.record_of(data).to_envelopes = make
    return data


def test_is_a_log_exporter():
    """The SDK takes it for one of its own kind."""
    made, _ = exporter()
    assert isinstance(made, sdk.LogRecordExporter)
    assert made.force_flush() is True
    assert made.settings.instrumentation_key == KEY


def test_records_arrive():
    """Records arrive as items in order, with the tags of their resource and the logger's name, and are counted as logs."""
    made, transport = exporter()
    assert made.export([log_record("a"), log_record("b", resource={"service.name": "other"})]) is SUCCESS
    assert messages(transport) == ["a", "b"]
    assert [item["tags"]["ai.cloud.role"] for item in transport.items] == ["shop", "other"]
    assert [item["data"]["baseData"]["properties"]["logger_name"] for item in transport.items] == ["shop.orders"] * 2
    assert made.counts.snapshot(LOGS) == CountsSnapshot(sent=2)
    assert made.counts.snapshot(TRACES) == CountsSnapshot()


@pytest.mark.parametrize(("status", "result"), [(200, SUCCESS), (503, FAILURE), (400, FAILURE)])
def test_result(status, result):
    """SUCCESS is said when everything was accepted, FAILURE when something was refused, or is only held in memory."""
    made, _ = exporter(Reply(status=status))
    assert made.export([log_record()]) is result


def test_one_bad_record_loses_no_other(caplog):
    """A record without a time is counted as lost, under the logs, and its neighbours arrive."""
    made, transport = exporter()
    assert made.export([log_record("a"), log_record(at_ns=0), log_record("c")]) is FAILURE
    assert messages(transport) == ["a", "c"]
    assert made.counts.snapshot(LOGS) == CountsSnapshot(sent=2, dropped={"a log record could not be converted": 1})
    assert "ConversionError" in caplog.text


def test_what_is_no_record_loses_nothing_else(caplog):
    """Anything at all may stand in a batch."""
    made, transport = exporter()
    assert made.export([None, log_record("a"), 5, types.SimpleNamespace(log_record=5)]) is FAILURE
    assert messages(transport) == ["a"]
    assert made.counts.snapshot(LOGS).dropped == {"a log record could not be converted": 3}


def test_telemetry_processors():
    """Processors see each item as an object and may change or drop it."""
    made, transport = exporter()

    def processor(envelope):
        envelope.data.baseData.properties["seen"] = "yes"
        return envelope.data.baseData.message != "drop"

    made.add_telemetry_processor(processor)
    assert made.export([log_record("a"), log_record("drop")]) is SUCCESS
    assert [item["data"]["baseData"]["properties"]["seen"] for item in transport.items] == ["yes"]
    assert made.counts.snapshot(LOGS) == CountsSnapshot(sent=1, filtered=1)


def test_records_that_bring_their_envelopes():
    """They pass as they are, with the key where they have none, through the SDK's batch processor, too."""
    made, transport = exporter()
    provider = sdk.new_provider(shutdown_on_exit=False)
    provider.add_log_record_processor(sdk.BatchLogRecordProcessor(made, schedule_delay_millis=60_000))
    record = sdk.new_record(timestamp_ns=1)
    record.to_envelopes = lambda: [{"name": "own"}, {"name": "own", "iKey": "theirs"}]
    assert isinstance(record, BringsEnvelopes)
    sdk.emit(provider.get_logger("test"), record)
    provider.shutdown()
    assert transport.items == [{"name": "own", "iKey": KEY}, {"name": "own", "iKey": "theirs"}]


def test_what_stands_for_a_record():
    """An object with envelopes needs to be no record at all."""

    class Own:
        def to_envelopes(self):
            return [{"name": "own"}]

    made, transport = exporter()
    assert made.deliver([Own()]) is Result.DELIVERED
    assert transport.items == [{"name": "own", "iKey": KEY}]


def test_order_of_items():
    """Items arrive in the order of their records, whoever has made them: this package, before or now, or the program."""

    class Own:
        def __init__(self, message):
            self._message = message

        def to_envelopes(self):
            if self._message is None:
                raise ValueError
            return [{"name": "own", "data": {"baseData": {"message": self._message}}}]

    made, transport = exporter()
    written = made.written(made.envelopes(log_record("d"))[0])
    assert made.deliver([log_record("a"), Own("b"), Own(None), Own("c"), written, Own("e"), log_record("f")]) is Result.LOST
    assert messages(transport) == ["a", "b", "c", "d", "e", "f"]


def test_envelopes_that_cannot_be_made(caplog):
    """What was made before the error arrives, and other records do."""
    made, transport = exporter()
    assert made.export([bringing({"name": "one"}, ValueError("secret")), log_record("b")]) is FAILURE
    assert len(transport.items) == 2
    assert "secret" not in caplog.text


SHAPES = {
    "legacy": ({}, {"n": 3}, "app.py"),
    "otel": ({"OPENCENSUS_COMPAT_ENVELOPES": "otel"}, {"n": "3"}, "shop"),
}


@pytest.mark.parametrize(("environ", "properties", "role"), SHAPES.values(), ids=SHAPES)
def test_facade_records(environ, properties, role):
    """Records of OpenCensus handlers keep the retired shape unless the settings say otherwise."""
    made, transport = exporter(environ=environ, legacy_context_tags={"ai.cloud.role": "app.py"})
    assert made.export([log_record("a", {"n": 3, "census.level": 20}, scope=FACADE, version="1")]) is SUCCESS
    [item] = transport.items
    assert item["data"]["baseData"]["properties"] == properties
    assert item["tags"]["ai.cloud.role"] == role
    [envelope] = made.envelopes(log_record("a", {"n": 3, "census.level": 20}, scope=FACADE, version="1"))
    assert envelope == item


def test_after_shutdown(caplog):
    """Records that come too late are counted as lost."""
    made, transport = exporter()
    made.shutdown()
    made.shutdown()
    assert made.export([log_record()]) is FAILURE
    assert transport.sent == []
    assert made.counts.snapshot(LOGS) == CountsSnapshot(dropped={"offered after shutdown": 1})


def test_configuration_is_checked_at_once():
    """A bad connection string, or two sources for it, is an error of the constructor."""
    with pytest.raises(ConfigurationError):
        ApplicationInsightsLogRecordExporter("InstrumentationKey=x")
    with pytest.raises(ConfigurationError, match="both"):
        ApplicationInsightsLogRecordExporter(CONNECTION_STRING, settings=resolve(CONNECTION_STRING, environ={}))


def handler_of(provider):
    """Return OpenTelemetry's handler for the logging module."""
    from opentelemetry.sdk._logs import LoggingHandler

    with warnings.catch_warnings():
        # The SDK's newer releases point to the one of opentelemetry-instrumentation-logging, which is the same code.
        warnings.simplefilter("ignore", DeprecationWarning)
        return LoggingHandler(logger_provider=provider)


def test_logging_end_to_end():
    """The logging module through OpenTelemetry's handler and batch processor, over HTTP, beside the spans of the same resource.

    Every item passes the schema, and the records are children of the span in which they were made.
    """
    with LocalEndpoint() as endpoint:
        provider = sdk.new_provider(shutdown_on_exit=False)
        made = ApplicationInsightsLogRecordExporter(endpoint.connection_string)
        provider.add_log_record_processor(LogOperationNameProcessor())
        provider.add_log_record_processor(sdk.BatchLogRecordProcessor(made, schedule_delay_millis=60_000))
        logger = logging.getLogger("shop.test_logging_end_to_end")
        handler = handler_of(provider)
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        spans = ApplicationInsightsSpanExporter(endpoint.connection_string)
        tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
        try:
            with tracer.start_as_current_span("GET /a", kind=SpanKind.SERVER) as request:
                logger.debug("looking for %s", "a")
                logger.warning("order", extra={"microsoft.custom_event.name": "order placed", "sku": 5})
                try:
                    {}["k"]
                except KeyError:
                    logger.exception("no %s", "k")
            logger.critical("outside")
            provider.force_flush()
            spans.export([request])
        finally:
            logger.removeHandler(handler)
            provider.shutdown()
            spans.shutdown()
        refused, warned, counts = endpoint.refused, endpoint.warnings, endpoint.counts()
        rows = {kind: endpoint.rows(kind) for kind in ("requests", "traces", "exceptions", "customEvents")}
    assert (refused, warned) == ([], [])
    assert {kind: number for kind, number in counts.items() if number} == {"requests": 1, "traces": 2, "exceptions": 1, "customEvents": 1}
    request_id, operation = rows["requests"][0]["id"], rows["requests"][0]["operation_Id"]
    inside = [row for kind in ("traces", "exceptions", "customEvents") for row in rows[kind] if row["operation_Id"]]
    assert {(row["operation_Id"], row["operation_ParentId"], row["operation_Name"]) for row in inside} == {
        (operation, request_id, "GET /a")
    }
    assert [(row["message"], row["severityLevel"]) for row in rows["traces"]] == [("looking for a", 0), ("outside", 4)]
    assert made.counts.snapshot(LOGS) == CountsSnapshot(sent=4)


HARD = {
    "plain": {},
    "exception": {"exception.type": "T" * 2000, "exception.message": "m" * 40_000, "exception.stacktrace": "s" * 70_000},
    "event": {"microsoft.custom_event.name": "e" * 2000, "microsoft.custom_measurements": '{"a": 1}'},
    "availability": {
        "microsoft.availability.id": "i" * 600,
        "microsoft.availability.name": "n" * 2000,
        "microsoft.availability.duration": "0.00:00:01.000",
        "microsoft.availability.success": "true",
        "microsoft.availability.message": "m" * 9000,
    },
    "long": {"k": "v" * 70_000, "x" * 200: "y", "enduser.id": "u" * 2000, "session.id": "s" * 100},
    "rate": {"_MS.sampleRate": 25.0},
}


@pytest.mark.parametrize("attributes", HARD.values(), ids=HARD)
@pytest.mark.parametrize("scope", ["lib", FACADE])
def test_every_item_passes_the_schema(scope, attributes):
    """Records of every kind, with too long texts, are accepted without a warning."""
    with LocalEndpoint() as endpoint:
        made = ApplicationInsightsLogRecordExporter(endpoint.connection_string, legacy_context_tags={"ai.cloud.role": "app.py"})
        mine = {**attributes, "census.level": 20} if scope == FACADE else attributes
        batch = [log_record(body, mine, scope=scope, version="1", at_ns=time.time_ns()) for body in ("b" * 70_000, "", "said")]
        assert made.export(batch) is SUCCESS
        made.shutdown()
        refused, warned, kept = endpoint.refused, endpoint.warnings, endpoint.counts()
    assert (refused, warned) == ([], [])
    assert sum(kept.values()) == len(batch)


def test_traces_alone_load_no_logs():
    """A program without logs does not load the SDK's, nor our exporter of them."""
    program = "import sys, appinsights_exporter.exporters; print([name for name in sys.modules if '_logs' in name or '.log_' in name])"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    ours = subprocess.run(
        [sys.executable, "-c", program.replace("appinsights_exporter.exporters", "opentelemetry.sdk.trace.export")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert loaded == ours
