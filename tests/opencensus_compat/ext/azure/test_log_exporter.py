"""The log handlers in one process: what they take, what of it they send, and what clients reach for."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import sys
import threading
import time
from types import SimpleNamespace
from unittest.mock import Mock, patch

import pytest
from opentelemetry import trace as trace_api
from opentelemetry.context import attach, detach, set_value
from opentelemetry.sdk.trace import TracerProvider

import opencensus_compat
from appinsights_exporter import _sdk_logs
from opencensus_compat.common.schedule import QueueEvent
from opencensus_compat.ext.azure import log_exporter
from opencensus_compat.ext.azure.common import utils
from opencensus_compat.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler, BaseLogHandler, SamplingFilter, create_envelope
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.trace import samplers
from opencensus_compat.trace.tracer import Tracer

KEY = "11111111-2222-3333-4444-555555555555"
NOWHERE = f"InstrumentationKey={KEY};IngestionEndpoint=http://127.0.0.1:9"
SILENT = SimpleNamespace(export=lambda _spans: None)
"""Keeps a tracer from printing its spans, as it does without an exporter."""
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def made(endpoint):
    """Return a function that makes a logger with handlers on the endpoint; afterwards they are gone."""
    loggers = []

    def make(*handlers, name="app", level=logging.DEBUG, cls=AzureLogHandler, **options):
        logger = logging.getLogger(name)
        loggers.append(logger)
        logger.setLevel(level)
        # Not to the test runner's handlers, which format each record, and raise where they cannot.
        logger.propagate = "." in name
        if not handlers:
            handlers = (cls(connection_string=endpoint.connection_string, export_interval=3600.0, **options),)
        for handler in handlers:
            logger.addHandler(handler)
        return logger

    yield make
    for logger in loggers:
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
        logger.propagate = True


@pytest.fixture
def sent(endpoint):
    """Return a function that flushes and returns the items that arrived, as dicts."""

    def items(count):
        assert opencensus_compat.flush(60.0)
        found = endpoint.wait_for(count)
        assert endpoint.refused == []
        assert len(found) == count
        return found

    return items


def _data(envelopes):
    return [envelope["data"]["baseData"] for envelope in envelopes]


def _messages(envelopes):
    return [data["message"] for data in _data(envelopes)]


# --- Items -----------------------------------------------------------------------------------------------------------------------


def test_a_message(made, sent):
    """A record arrives as the real handler would have sent it: message, severity, and who logged it where."""
    made().warning("hello %s", "world")
    line = sys._getframe().f_lineno - 1
    [envelope] = sent(1)
    assert (envelope["name"], envelope["data"]["baseType"]) == ("Microsoft.ApplicationInsights.Message", "MessageData")
    assert envelope["tags"] == utils.azure_monitor_context
    assert envelope["data"]["baseData"] == {
        "ver": 2,
        "message": "hello world",
        "severityLevel": 2,
        "properties": {
            "process": "MainProcess",
            "module": "test_log_exporter",
            "fileName": __file__,
            "lineNumber": line,
            "level": "WARNING",
        },
    }
    assert "sampleRate" not in envelope


def test_an_exception_with_its_cause(made, sent):
    """`logger.exception` sends the exception and its cause, message and traceback text as the handler formats them."""
    logger = made()
    try:
        try:
            {}["key"]
        except KeyError as error:
            raise ValueError("no such thing") from error
    except ValueError:
        logger.exception("it failed for %s", "somebody")
    [envelope] = sent(1)
    data = envelope["data"]["baseData"]
    assert (envelope["name"], data["severityLevel"]) == ("Microsoft.ApplicationInsights.Exception", 3)
    outer, inner = data["exceptions"]
    assert outer["message"].startswith("it failed for somebody\nTraceback (most recent call last):\n")
    assert outer["message"].endswith("ValueError: no such thing")
    assert (outer["typeName"], outer["hasFullStack"], outer["parsedStack"][0]["method"]) == (
        "ValueError",
        True,
        "test_an_exception_with_its_cause",
    )
    assert (inner["typeName"], inner["message"], inner["outerId"]) == ("KeyError", "'key'", outer["id"])


class OutOfStock(Exception):
    """An exception of the program's own."""


def _fall(depth):
    if not depth:
        raise OutOfStock("none left")
    _fall(depth - 1)


def test_all_frames_and_short_names(made, sent):
    """Frames that a printed traceback leaves out are there, and causes are named by their class alone, as the exception itself always was."""
    logger = made()
    try:
        try:
            _fall(40)
        except OutOfStock as error:
            raise OutOfStock("cannot order") from error
    except OutOfStock:
        logger.exception("failed")
    [envelope] = sent(1)
    outer, inner = envelope["data"]["baseData"]["exceptions"]
    assert (outer["typeName"], inner["typeName"], inner["message"]) == ("OutOfStock", "OutOfStock", "none left")
    assert [frame["method"] for frame in inner["parsedStack"]] == ["_fall"] * 41 + ["test_all_frames_and_short_names"]
    assert "Previous line repeated" in outer["message"]


def test_an_exception_in_the_shape_of_opentelemetry(made, sent, monkeypatch):
    """The message is what the program said; the traceback, which the formatter has put behind it, is the stack."""
    monkeypatch.setenv("OPENCENSUS_COMPAT_ENVELOPES", "otel")
    logger = made()
    try:
        _fall(2)
    except OutOfStock:
        logger.exception("it failed for %s", "somebody")
    [envelope] = sent(1)
    [entry] = envelope["data"]["baseData"]["exceptions"]
    assert (entry["typeName"], entry["message"]) == ("OutOfStock", "it failed for somebody")
    assert entry["stack"].endswith("OutOfStock: none left\n")
    assert envelope["data"]["baseData"]["properties"]["exception.message"] == "none left"


@pytest.mark.parametrize(
    ("exc_info", "type_name"),
    [((None, None, None), "N/A"), ((ValueError, ValueError("no"), None), "ValueError"), (ValueError("no"), "ValueError")],
    ids=["outside an except block", "no traceback", "an exception"],
)
def test_exceptions_of_odd_kinds(made, sent, exc_info, type_name):
    """Whatever `exc_info` is, an exception arrives, with a type and a message."""
    made().error("odd", exc_info=exc_info)
    [envelope] = sent(1)
    [exception] = envelope["data"]["baseData"]["exceptions"]
    assert (exception["typeName"], exception["message"].split("\n", 1)[0]) == (type_name, "odd")


def test_an_event(made, sent):
    """An event carries its dimensions and measurements, and nothing of the record but its message."""
    extra = {"custom_dimensions": {"page": "home"}, "custom_measurements": {"seconds": 2.5}}
    made(cls=AzureEventHandler).info("visited %d", 3, extra=extra)
    [envelope] = sent(1)
    assert (envelope["name"], envelope["data"]["baseType"]) == ("Microsoft.ApplicationInsights.Event", "EventData")
    assert envelope["data"]["baseData"] == {
        "ver": 2,
        "name": "visited 3",
        "properties": {"page": "home"},
        "measurements": {"seconds": 2.5},
    }


class Hostile:
    """An object without a text."""

    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        ("text", "text"),
        (7, 7),
        (True, True),
        (0.5, 0.5),
        ({"a": {"b": 1}}, '{"a": {"b": 1}}'),
        ([1, "x", None], '[1, "x", null]'),
        (float("nan"), "nan"),
        ([1.0, float("inf")], '[1.0,"inf"]'),
        ({"a": [float("-inf"), 1]}, '{"a": ["-inf", 1]}'),
        (b"raw", "b'raw'"),
        (SimpleNamespace(a=1), "namespace(a=1)"),
        (Hostile(), "<Hostile>"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_custom_dimensions_of_any_type(made, sent, value, arrives):
    """Scalars arrive as they are, everything else as text; one bad value loses nothing else."""
    made().info("x", extra={"custom_dimensions": {"key": value, "other": 1, 5: "five"}})
    [data] = _data(sent(1))
    assert {key: data["properties"][key] for key in ("key", "other", "5")} == {"key": arrives, "other": 1, "5": "five"}


@pytest.mark.parametrize("dimensions", [["a"], "text", 7, None], ids=repr)
def test_custom_dimensions_that_are_no_dict(made, sent, dimensions):
    """They are ignored, as documented."""
    made().info("x", extra={"custom_dimensions": dimensions})
    [data] = _data(sent(1))
    assert sorted(data["properties"]) == ["fileName", "level", "lineNumber", "module", "process"]


def test_dimensions_win_over_properties_and_names_with_a_meaning(made, sent):
    """A dimension named like a property replaces it, and one named like an attribute with a meaning stays a property."""
    made().info("x", extra={"custom_dimensions": {"level": "mine", "thread.name": "mine too", "census.level": 3}})
    [data] = _data(sent(1))
    assert (data["properties"]["level"], data["properties"]["thread.name"], data["properties"]["census.level"]) == ("mine", "mine too", 3)


class Changing(dict):
    """A dict of the program's own class."""


ARGUMENTS = {
    "list": ("%s", [[1, "two", None]], lambda values: values.append(3)),
    "list by repr": ("%-12r|", [["a"]], lambda values: values.append("b")),
    "list of lists": ("%s", [[["a"]]], lambda values: values[0].append("b")),
    "list beside others": ("%s, %d and %s", [["a"], 5, "b"], lambda values: values.clear()),
    "dict": ("%(a)s", [{"a": 1}], lambda values: values.update(a=2)),
    "whole dict": ("%s", [{"a": 1, 2: None}], lambda values: values.clear()),
    "dict of lists": ("%(a)s", [{"a": ["b"]}], lambda values: values["a"].clear()),
    "set": ("%s", [set(range(0, 800, 80))], lambda values: values.clear()),
    "bytearray": ("%s", [bytearray(b"ab")], lambda values: values.clear()),
    "tuple of lists": ("%s of %s", [(["a"],), 2], lambda values: values[0].clear()),
}


@pytest.mark.parametrize(("form", "arguments", "change"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_the_message_is_that_of_the_arguments_when_it_was_logged(made, sent, form, arguments, change):
    """Whatever an argument is, and however it is put: what becomes of it afterwards does not count."""
    expected = logging.LogRecord("app", logging.INFO, __file__, 1, form, tuple(arguments), None).getMessage()
    logger = made()
    logger.info(form, *arguments)
    change(arguments[0])
    assert [item["data"]["baseData"]["message"] for item in sent(1)] == [expected]


def test_conversions_find_the_arguments_as_they_were(made, sent):
    """A list is a list there, a dict a dict; the program's own are another."""
    found = []

    class Mine(AzureLogHandler):
        def log_record_to_envelope(self, record):
            found.append(record.args)
            return super().log_record_to_envelope(record)

    logger = made(cls=Mine)
    names, ages = ["a"], {"a": 1}
    logger.info("%s", names)
    logger.info("%s", ages)
    names.append("b")
    ages["b"] = 2
    sent(2)
    assert found == [(["a"],), {"a": 1}]


@pytest.mark.parametrize("kind", [dict, Changing], ids=["dict", "subclass"])
def test_what_changes_after_the_call_does_not_change_what_was_logged(made, sent, kind):
    """Arguments and dimensions are sent as they were when the line was logged, also those in containers inside them."""
    logger = made()
    things, flat, nested = ["before"], kind(key="before"), kind(key=["before"])
    logger.info("%s", things, extra={"custom_dimensions": flat})
    logger.info("%(key)s", {"key": things}, extra={"custom_dimensions": nested})
    things.append("after")
    flat.update(key="after", more="after")
    nested["key"].append("after")
    first, second = _data(sent(2))
    assert (first["message"], second["message"]) == ("['before']", "['before']")
    assert (first["properties"]["key"], second["properties"]["key"], "more" in first["properties"]) == ("before", '["before"]', False)


@pytest.mark.parametrize(
    ("message", "arguments"), [("%d", ("x",)), ("%s %s", (1,)), ("%s", (Hostile(),))], ids=["type", "number", "object"]
)
def test_messages_that_cannot_be_formatted(made, sent, message, arguments, caplog):
    """They arrive as they are, with their arguments, and one warning says so."""
    made().info(message, *arguments)
    [text] = _messages(sent(1))
    assert text.startswith(message)
    assert "could not be formatted" in caplog.text


class BraceRecord(logging.LogRecord):
    """A record whose message is formatted in another style."""

    def getMessage(self):  # noqa: N802 - the standard library's name
        """Return it."""
        return self.msg.format(*self.args)


def test_records_of_other_classes(made, sent):
    """A record class with a message of its own keeps it."""
    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(BraceRecord)
    try:
        made().info("{} of {}", 1, 2)
    finally:
        logging.setLogRecordFactory(before)
    assert _messages(sent(1)) == ["1 of 2"]


def test_formatters_levels_and_filters(made, sent):
    """A formatter makes the message; records below the handler's level, and those that a filter drops, do not arrive."""
    logger = made()
    [handler] = logger.handlers
    handler.setFormatter(logging.Formatter("%(levelname)s|%(name)s|%(message)s|%(traceId)s"))
    handler.setLevel(logging.INFO)
    handler.addFilter(lambda record: "secret" not in record.getMessage())
    logger.debug("below")
    logger.info("secret")
    logger.info("seen", extra={"traceId": TRACE})
    assert _messages(sent(1)) == [f"INFO|app|seen|{TRACE}"]


def test_a_formatter_that_fails(made, sent, caplog):
    """The message arrives without it, and one warning says so."""
    logger = made()
    logger.handlers[0].setFormatter(logging.Formatter("%(no_such_thing)s"))
    logger.info("seen")
    assert _messages(sent(1)) == ["seen"]
    assert "could not be formatted" in caplog.text


def test_a_logger_adapter(made, sent):
    """The adapter's `extra` arrives."""
    adapter = logging.LoggerAdapter(made(), {"custom_dimensions": {"tenant": "a"}})
    adapter.info("x")
    assert _data(sent(1))[0]["properties"]["tenant"] == "a"


def test_the_record_itself_is_left_alone(made):
    """Other handlers see the record as it was logged: no trace id, no message, no text of an exception that we made."""
    logger = made()
    seen = []
    logger.addHandler(SimpleNamespace(level=0, handle=seen.append))
    with Tracer(sampler=samplers.AlwaysOnSampler(), exporter=SILENT).span("x"):
        logger.info("x %s", "y")
    assert opencensus_compat.flush(60.0)
    [record] = seen
    assert set(record.__dict__) == set(logging.makeLogRecord({}).__dict__)


# --- Correlation -----------------------------------------------------------------------------------------------------------------


def _ids(envelope):
    return envelope["tags"].get("ai.operation.id"), envelope["tags"].get("ai.operation.parentId")


def test_correlation_with_the_current_span_of_either_api(made, sent, otel, endpoint):
    """A record belongs to the span that is current when it is logged, also where `traceId` is zeros because a logger was made early."""
    logger = made()
    tracer = Tracer(sampler=samplers.AlwaysOnSampler(), exporter=AzureExporter(connection_string=endpoint.connection_string))
    logger.info("outside")
    logger.info("zeros", extra={"traceId": "0" * 32, "spanId": "0" * 16})
    with tracer.span("oc") as span:
        expected = (tracer.span_context.trace_id, span.span_id)
        logger.info("oc")
        logger.info("oc, zeros", extra={"traceId": "0" * 32, "spanId": "0" * 16})
        with otel.tracer.start_as_current_span("otel") as inner:
            logger.info("otel")
            nested = f"{inner.get_span_context().span_id:016x}"
    found = {envelope["data"]["baseData"].get("message"): _ids(envelope) for envelope in sent(7)}
    del found[None]
    assert found == {
        "outside": (None, None),
        "zeros": (None, None),
        "oc": expected,
        "oc, zeros": expected,
        "otel": (expected[0], nested),
    }


@pytest.mark.parametrize(
    ("extra", "ids"),
    [
        ({"traceId": TRACE, "spanId": SPAN}, (TRACE, SPAN)),
        ({"traceId": TRACE}, (TRACE, None)),
        ({"traceId": "request-17", "spanId": "a"}, ("request-17", "a")),
        ({"traceId": None, "spanId": 5}, (None, None)),
    ],
    ids=["both", "trace only", "ids of another kind", "nonsense"],
)
def test_ids_that_the_program_put_on_the_record(made, sent, extra, ids):
    """What a program puts on a record wins over what is current, whatever form it has."""
    made().info("x", extra=extra)
    assert _ids(sent(1)[0]) == ids


# --- Twice, and never ------------------------------------------------------------------------------------------------------------


def test_a_record_meets_two_handlers_of_one_destination(made, sent, endpoint):
    """It is delivered once, by the first; an event handler sends another item."""
    options = {"connection_string": endpoint.connection_string, "export_interval": 3600.0}
    parent = made(AzureLogHandler(**options), AzureEventHandler(**options), name="app")
    child = made(AzureLogHandler(**options), name="app.child")
    assert parent is child.parent
    child.info("x")
    items = sent(2)
    assert sorted(envelope["data"]["baseType"] for envelope in items) == ["EventData", "MessageData"]


def test_a_filter_that_logs_between_two_handlers(made, sent, endpoint):
    """The record that it looks at is sent once all the same, and so is its own."""
    options = {"connection_string": endpoint.connection_string, "export_interval": 3600.0}
    first, second = AzureLogHandler(**options), AzureLogHandler(**options)
    outer = made(first, name="app")
    inner = made(second, name="app.inner")
    aside = made(second, name="aside")

    def looks(record):
        if record.name != "aside":
            aside.info("looked at %s", record.getMessage())
        return True

    first.addFilter(looks)
    inner.info("line")
    outer.info("another")
    assert sorted(_messages(sent(4))) == ["another", "line", "looked at another", "looked at line"]


def test_a_telemetry_processor_that_flushes(made, sent):
    """It does not wait for the export that it is part of."""
    logger = made(grace_period=60)
    [handler] = logger.handlers
    took_s = []

    def flushes(envelope):
        started = time.monotonic()
        handler.flush()
        took_s.append(time.monotonic() - started)

    handler.add_telemetry_processor(flushes)
    logger.info("line")
    assert _messages(sent(1)) == ["line"]
    assert max(took_s) < 30


def test_a_record_meets_handlers_of_two_destinations(made, endpoint):
    """Each resource gets it, and nothing that is not its own."""
    other = f"InstrumentationKey={KEY};IngestionEndpoint={endpoint.url}"
    made(*(AzureLogHandler(connection_string=text) for text in (endpoint.connection_string, other))).info("x")
    made(AzureLogHandler(connection_string=other), name="other").info("y")
    assert opencensus_compat.flush(60.0)
    found = sorted((envelope["data"]["baseData"]["message"], envelope["iKey"] == KEY) for envelope in endpoint.wait_for(3))
    assert found == [("x", False), ("x", True), ("y", True)]


def test_the_same_handler_may_be_given_a_record_again(made, sent):
    """Only another handler's is a duplicate."""
    logger = made()
    record = logger.makeRecord("app", logging.INFO, "f", 1, "again", (), None)
    logger.handlers[0].handle(record)
    logger.handlers[0].handle(record)
    assert _messages(sent(2)) == ["again", "again"]


def test_own_conversions_are_items_of_their_own(made, sent, endpoint):
    """A subclass that makes other envelopes is no duplicate of the plain handler."""

    class Mine(AzureLogHandler):
        def log_record_to_envelope(self, record):
            envelope = super().log_record_to_envelope(record)
            envelope.data.baseData.message = "mine"
            return envelope

    options = {"connection_string": endpoint.connection_string, "export_interval": 3600.0}
    made(AzureLogHandler(**options), Mine(**options)).info("plain")
    assert sorted(_messages(sent(2))) == ["mine", "plain"]


@pytest.mark.parametrize("name", ["opencensus", "opencensus.ext.x", "opencensus_compat.y", "appinsights_exporter.delivery"])
def test_our_own_loggers_are_never_taken(made, sent, name):
    """What the telemetry itself logs is not the application's; a name that only begins alike is."""
    handler = made().handlers[0]
    for logger_name in (name, "opencensusless"):
        handler.handle(logging.LogRecord(logger_name, logging.ERROR, "f", 1, logger_name, (), None))
    assert _messages(sent(1)) == ["opencensusless"]


@pytest.mark.parametrize("key", ["suppress_instrumentation", "suppress_instrumentation-3"])
def test_libraries_are_not_taken_from_other_exporters(made, sent, key):
    """What HTTP libraries log while anybody's exporter works is not the application's; what the application logs there is."""
    handler = made().handlers[0]
    token = attach(set_value(key, True))
    try:
        for name in ("urllib3.connectionpool", "app"):
            handler.handle(logging.LogRecord(name, logging.ERROR, "f", 1, name, (), None))
    finally:
        detach(token)
    handler.handle(logging.LogRecord("urllib3", logging.ERROR, "f", 1, "outside", (), None))
    assert _messages(sent(2)) == ["app", "outside"]


def test_a_telemetry_processor_that_logs(made, sent):
    """What is logged by code that runs in the export is not taken: there is no loop."""
    logger = made()
    calls = []

    def processor(envelope):
        calls.append(envelope.data.baseData.message)
        logger.info("about %s", envelope.data.baseData.message)

    logger.handlers[0].add_telemetry_processor(processor)
    logger.info("x")
    assert _messages(sent(1)) == ["x"]
    assert opencensus_compat.flush(60.0)
    assert calls == ["x"]


# --- Formatters that change the record -------------------------------------------------------------------------------------------


class Marking(logging.Formatter):
    """A formatter that counts its calls and changes whatever it is given."""

    def __init__(self):
        super().__init__("%(levelname)s %(message)s")
        self.calls = 0

    def format(self, record):
        """Return a text that shows how often the record has been here."""
        self.calls += 1
        record.msg = f"[{record.msg}]"
        record.levelname = f"<{record.levelname}>"
        record.levelno, record.created = 10, 0.0
        record.exc_info = record.exc_text = None
        record.pathname = record.module = record.processName = "short"
        record.lineno = 0
        record.custom_dimensions = record.custom_measurements = {"made": "up"}
        return super().format(record)


class AddingTo(AzureLogHandler):
    """A conversion that calls the one that it replaces."""

    def log_record_to_envelope(self, record):
        """Add a property."""
        envelope = super().log_record_to_envelope(record)
        envelope.data.baseData.properties["added"] = "yes"
        return envelope


class Own(AzureLogHandler):
    """A conversion that formats the record itself."""

    def log_record_to_envelope(self, record):
        """Return an envelope of the program's own, but for exceptions."""
        if record.exc_info:
            return super().log_record_to_envelope(record)
        envelope = create_envelope(self.options.instrumentation_key, record)
        envelope.name = "Microsoft.ApplicationInsights.Message"
        properties = {"level": record.levelname, "lineNumber": record.lineno, **record.custom_dimensions}
        message = log_exporter.Message(message=self.format(record), properties=properties)
        envelope.data = log_exporter.Data(baseData=message, baseType="MessageData")
        return envelope


WAYS = {
    "plain": lambda text: AzureLogHandler(connection_string=text),
    "telemetry processor": lambda text: _with(AzureLogHandler(connection_string=text), "add_telemetry_processor", lambda _: True),
    "subclass": lambda text: AddingTo(connection_string=text),
    "subclass that formats": lambda text: Own(connection_string=text),
    "conversion on the object": lambda text: _replaced(AzureLogHandler(connection_string=text)),
    "sampled": lambda text: AzureLogHandler(connection_string=text, logging_sampling_rate=0.9999999),
}


def _with(handler, method, argument):
    getattr(handler, method)(argument)
    return handler


def _replaced(handler):
    before = handler.log_record_to_envelope
    handler.log_record_to_envelope = lambda record: _tagged(before(record))
    return handler


def _tagged(envelope):
    envelope.tags["ai.user.id"] = "somebody"
    return envelope


class Keeps(_sdk_logs.LogRecordProcessor):
    """A processor of the application's own."""

    def __init__(self):
        self.bodies = []

    def on_emit(self, log_record):
        """Keep the text."""
        self.bodies.append(_sdk_logs.record_of(log_record).body)


@pytest.mark.parametrize("audience", [False, True], ids=["", "with another processor"])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_formatter_changes_the_text_alone(made, sent, endpoint, way, audience):
    """It runs once for each record, whatever converts that, and all else is as it was logged; other processors get the text."""
    others = Keeps()
    if audience:
        provider = _sdk_logs.new_provider(shutdown_on_exit=False)
        provider.add_log_record_processor(others)
        opencensus_compat.configure(logger_provider=provider)
    handler = way(endpoint.connection_string)
    formatter = Marking()
    handler.setFormatter(formatter)
    made(handler).error("x", extra={"custom_dimensions": {"kept": 1}})
    [envelope] = sent(1)
    data = envelope["data"]["baseData"]
    assert data["message"] == "<ERROR> [x]"
    assert (data["properties"]["level"], data["properties"]["kept"], "made" in data["properties"]) == ("ERROR", 1, False)
    assert data["properties"]["lineNumber"] not in (0, "0")
    assert not envelope["time"].startswith("1970")
    assert formatter.calls == 1
    assert others.bodies == (["<ERROR> [x]"] if audience else [])


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_formatter_that_puts_the_traceback_away(made, sent, endpoint, way):
    """The exception is one, with its frames, and its message is the formatter's text."""
    handler = way(endpoint.connection_string)
    formatter = Marking()
    handler.setFormatter(formatter)
    logger = made(handler)
    try:
        _fall(1)
    except OutOfStock:
        logger.exception("x", extra={"custom_dimensions": {"kept": 1}})
    [envelope] = sent(1)
    [entry] = envelope["data"]["baseData"]["exceptions"]
    assert (entry["typeName"], entry["message"], len(entry["parsedStack"])) == ("OutOfStock", "<ERROR> [x]", 3)
    assert formatter.calls == 1


def test_a_formatter_changes_the_name_of_an_event_alone(made, sent):
    """The same for events: dimensions and measurements are those that were logged."""
    logger = made(cls=AzureEventHandler)
    [handler] = logger.handlers
    handler.setFormatter(Marking())
    handler.add_telemetry_processor(lambda _: True)
    logger.info("x", extra={"custom_dimensions": {"kept": 1}, "custom_measurements": {"n": 2}})
    [data] = _data(sent(1))
    assert (data["name"], data["properties"], data["measurements"]) == ("<INFO> [x]", {"kept": 1}, {"n": 2})


def test_what_a_formatter_leaves_is_there_for_the_conversion(made, sent):
    """A conversion finds `message` on the record when the one that it replaces has returned, as in OpenCensus."""

    class Mine(AzureLogHandler):
        def log_record_to_envelope(self, record):
            envelope = super().log_record_to_envelope(record)
            envelope.data.baseData.properties["raw"] = record.message
            return envelope

    logger = made(cls=Mine)
    logger.handlers[0].setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger.info("x")
    [data] = _data(sent(1))
    assert (data["message"], data["properties"]["raw"]) == ("INFO x", "x")


def test_a_conversion_that_changes_the_record_first(made, sent):
    """The formatter sees what it has made of it, once."""

    class Mine(AzureLogHandler):
        def log_record_to_envelope(self, record):
            record.msg = "other"
            record.custom_dimensions = {"added": 1}
            return super().log_record_to_envelope(record)

    logger = made(cls=Mine)
    formatter = Marking()
    logger.handlers[0].setFormatter(formatter)
    logger.info("x")
    [data] = _data(sent(1))
    assert (data["message"], data["properties"]["added"], formatter.calls) == ("<INFO> [other]", 1, 1)


def test_a_formatter_that_changes_the_record_and_fails(made, sent):
    """The message is that of the record as it was logged."""

    class Fails(logging.Formatter):
        def format(self, record):
            record.msg, record.exc_info = "half", None
            raise LookupError

    logger = made()
    logger.handlers[0].setFormatter(Fails())
    logger.info("whole %d", 1)
    assert _messages(sent(1)) == ["whole 1"]


@pytest.mark.parametrize("order", ["before", "after"])
def test_handlers_of_others_beside_ours(made, sent, endpoint, order):
    """Their formatters see the record as it was logged; what one after ours makes of level, message and exception changes nothing here."""
    seen = []

    class Stream(logging.Handler):
        def emit(self, record):
            seen.append((record.levelname, record.msg, bool(record.exc_info)))
            if order == "after":
                record.levelname, record.msg, record.exc_info = "<ERROR>", "coloured", None

    ours = AzureLogHandler(connection_string=endpoint.connection_string)
    ours.setFormatter(Marking())
    logger = made(*([Stream(), ours] if order == "before" else [ours, Stream()]))
    try:
        _fall(0)
    except OutOfStock:
        logger.exception("x")
    [envelope] = sent(1)
    data = envelope["data"]["baseData"]
    assert seen == [("ERROR", "x", True)]
    assert (data["exceptions"][0]["typeName"], data["exceptions"][0]["message"], data["properties"]["level"]) == (
        "OutOfStock",
        "<ERROR> [x]",
        "ERROR",
    )


# --- Several handlers of one resource, of which one refuses ------------------------------------------------------------------------


def _raises(record):
    raise LookupError(record.msg)


REFUSALS = {
    "telemetry processor": lambda handler: handler.add_telemetry_processor(lambda _: False),
    "conversion on the object": lambda handler: setattr(handler, "log_record_to_envelope", _raises),
    "conversion on the object that is a mock": lambda handler: setattr(handler, "log_record_to_envelope", Mock(return_value=None)),
    "export on the object": lambda handler: setattr(handler, "_export", _raises),
    "processors on the object": lambda handler: setattr(handler, "apply_telemetry_processors", lambda _: []),
    "filter": lambda handler: handler.addFilter(lambda _: False),
    "level": lambda handler: handler.setLevel(logging.CRITICAL),
    "sampling": lambda handler: setattr(handler.filters[0], "probability", 0.0),
    "a sampling filter": lambda handler: handler.addFilter(SamplingFilter(0.0)),
}


@pytest.mark.parametrize("refuse", REFUSALS.values(), ids=REFUSALS)
@pytest.mark.parametrize("also", [None, lambda _: True], ids=["plain", "with a processor"])
def test_what_one_handler_refuses_another_sends(made, sent, endpoint, refuse, also):
    """A record that the handler of a child does not send goes out by that of its parent, once."""
    options = {"connection_string": endpoint.connection_string, "export_interval": 3600.0}
    outer, inner, other = (AzureLogHandler(**options) for _ in range(3))
    made(outer, other, name="app")
    if also is not None:
        outer.add_telemetry_processor(also)
    refuse(inner)
    made(inner, name="app.child").warning("x")
    # A conversion that fails is a failure, whoever sends the record.
    opencensus_compat.flush(60.0)
    assert _messages(endpoint.wait_for(1)) == ["x"]


def test_a_record_that_a_processor_lets_pass_is_sent_once(made, sent, endpoint):
    """The first handler whose processors let it pass sends it; those behind it do not, and their formatters are not asked."""
    options = {"connection_string": endpoint.connection_string, "export_interval": 3600.0}
    outer, inner = AzureLogHandler(**options), AzureLogHandler(**options)
    formatter = Marking()
    outer.setFormatter(formatter)
    made(outer, name="app")
    inner.add_telemetry_processor(lambda envelope: "no" not in envelope.data.baseData.message)
    child = made(inner, name="app.child")
    child.warning("yes")
    child.warning("no")
    assert sorted(_messages(sent(2))) == ["<WARNING> [no]", "yes"]
    assert formatter.calls == 1


def test_other_processors_see_a_record_once(made, sent, endpoint):
    """However many handlers may send it, the application's processors get it from the first."""
    others = Keeps()
    provider = _sdk_logs.new_provider(shutdown_on_exit=False)
    provider.add_log_record_processor(others)
    opencensus_compat.configure(logger_provider=provider)
    options = {"connection_string": endpoint.connection_string, "export_interval": 3600.0}
    first, second = AzureLogHandler(**options), AzureLogHandler(**options)
    first.add_telemetry_processor(lambda _: False)
    made(first, second).info("x")
    assert _messages(sent(1)) == ["x"]
    assert others.bodies == ["x"]


def test_a_handler_that_is_made_while_another_one_handles_a_record(made, sent, endpoint):
    """It does not send that record again."""
    options = {"connection_string": endpoint.connection_string, "export_interval": 3600.0}
    parent = made(logging.NullHandler(), name="app")

    class Makes(logging.Handler):
        def emit(self, record):
            parent.addHandler(AzureLogHandler(**options))

    child = made(AzureLogHandler(**options), Makes(), name="app.child")
    child.info("x")
    assert _messages(sent(1)) == ["x"]


def test_room_for_records_that_meet_two_handlers(made, endpoint):
    """A second handler of a resource makes room in the queue for the same records once more; further ones do not."""
    handlers = [AzureLogHandler(connection_string=endpoint.connection_string, queue_capacity=10_000)]
    queue = handlers[0]._hand_over
    assert queue.capacity == 10_000
    handlers += [AzureLogHandler(connection_string=endpoint.connection_string, queue_capacity=10_000) for _ in range(3)]
    assert queue.capacity == 20_000


def test_records_that_are_gone_are_forgotten(made, sent, endpoint):
    """What is remembered of a record, for other handlers of its resource, goes with it."""
    known = log_exporter._emitting._items._known
    before = [record() for record, _ in known.values()]  # of other tests, whose failures and threads keep them
    logger = made()
    logger.addHandler(AzureLogHandler(connection_string=endpoint.connection_string))
    for number in range(20):
        logger.info("%d", number)
    sent(20)
    # The thread that has sent the last ones lets them go a moment later.
    deadline = time.monotonic() + 10
    while len(known) > len(before) and time.monotonic() < deadline:
        gc.collect()
    assert [record for reference, _ in known.values() if (record := reference()) not in before] == []


# --- Processors and subclasses ---------------------------------------------------------------------------------------------------


def test_telemetry_processors(made, sent):
    """They see the envelope, may change it, and drop it with False; one that raises changes nothing."""
    logger = made()
    [handler] = logger.handlers

    def mark(envelope):
        envelope.tags["ai.user.id"] = "somebody"
        envelope.data.baseData.properties["seen"] = "yes"

    handler.add_telemetry_processor(mark)
    handler.add_telemetry_processor(lambda _: {}["nothing"])
    handler.add_telemetry_processor(lambda envelope: "drop" not in envelope.data.baseData.message)
    logger.info("drop this")
    logger.info("keep this")
    [envelope] = sent(1)
    assert (envelope["tags"]["ai.user.id"], envelope["data"]["baseData"]["properties"]["seen"]) == ("somebody", "yes")
    handler.clear_telemetry_processors()
    logger.info("drop this too")
    assert _messages(sent(2)) == ["keep this", "drop this too"]


def test_the_queue_and_worker_that_clients_use(made, sent, endpoint):
    """`_queue` takes records, says whether it is empty, flushes and sets events; `_worker` is alive and can be stopped, more than once."""

    class Putting(AzureLogHandler):
        def emit(self, record):
            self._queue.put(record, block=False)

    logger = made(cls=Putting)
    [handler] = logger.handlers
    logger.info("x")
    event = QueueEvent("done")
    handler._queue.put(event)
    assert event.wait(0)
    assert _messages(sent(1)) == ["x"]
    assert handler._queue.is_empty()
    handler._queue.puts([logger.makeRecord("app", 20, "f", 1, "y", (), None)])
    assert handler._queue.flush(timeout=60.0) < 60.0
    assert handler._queue.gets(10, 0.0) == ()
    assert handler._worker.is_alive()
    handler._worker.stop(5.0)
    handler._worker.stop()
    assert (handler.options.instrumentation_key, handler.lock, handler.storage) == (
        endpoint.connection_string[len("InstrumentationKey=") :][:36],
        None,
        None,
    )
    assert _messages(sent(2)) == ["x", "y"]


def test_a_queue_and_thread_of_the_programs_own(made, sent):
    """Programs that put a queue and a worker in place of the handler's, against lost logs after a fork, still deliver."""
    logger = made(max_batch_size=1)
    [handler] = logger.handlers
    handler._queue = log_exporter.Queue(capacity=10)
    handler._worker = log_exporter.Worker(handler._queue, handler)
    handler._worker.start()
    logger.info("x")
    assert handler._worker.stop(10.0) is not None
    assert _messages(sent(1)) == ["x"]


def test_locks_of_the_programs_own(made, sent):
    """A subclass that makes a lock has it held around `emit`; one that makes none works on every Python."""
    held = []

    class Locked(AzureLogHandler):
        def createLock(self):  # noqa: N802 - the standard library's name
            self.lock = threading.RLock()

        def emit(self, record):
            held.append(self.lock._is_owned())
            super().emit(record)

    made(cls=Locked).info("x")
    assert _messages(sent(1)) == ["x"]
    assert held == [True]


def test_a_subclass_of_the_base(made, sent):
    """`BaseLogHandler` with the mixins and a conversion of its own."""

    class Mine(log_exporter.TransportMixin, log_exporter.ProcessorMixin, BaseLogHandler):
        def log_record_to_envelope(self, record):
            envelope = create_envelope(self.options.instrumentation_key, record)
            envelope.name = "Microsoft.ApplicationInsights.Message"
            message = log_exporter.Message(message=self.format(record), properties={"mine": "yes"})
            envelope.data = log_exporter.Data(baseData=message, baseType="MessageData")
            return envelope

    made(cls=Mine).info("x %d", 1)
    [data] = _data(sent(1))
    assert (data["message"], data["properties"]) == ("x 1", {"mine": "yes"})


def test_a_conversion_that_fails_or_returns_nothing(made, sent):
    """It loses its record and no other."""

    class Mine(AzureLogHandler):
        def log_record_to_envelope(self, record):
            if record.msg == "raises":
                raise ValueError(record.msg)
            return None if record.msg == "nothing" else super().log_record_to_envelope(record)

    logger = made(cls=Mine)
    for text in ("raises", "nothing", "arrives"):
        logger.info(text)
    opencensus_compat.flush(60.0)
    assert _messages(sent(1)) == ["arrives"]


def test_a_record_that_is_lost_on_its_way_is_counted(made, sent, caplog):
    """What raises before the exporter has a record is a loss of its resource, by reason, and one line says so."""
    logger = made()
    [handler] = logger.handlers
    logger.info("x")
    sent(1)
    logger.handle(logging.makeLogRecord({"name": "app", "levelno": 20, "msg": "no time", "created": None}))
    assert opencensus_compat.flush(60.0)
    assert handler._pipeline.exporter.counts.snapshot().dropped == {"a log record could not be converted": 1}
    assert "1 x a log record could not be converted (the last: TypeError)" in caplog.text


def test_the_base_converts_nothing():
    """As in OpenCensus, the base has no conversion."""
    with pytest.raises(NotImplementedError):
        BaseLogHandler(connection_string=NOWHERE).log_record_to_envelope(None)


def test_create_envelope():
    """The envelope has the program's tags, the record's time, and its trace: the one on the record, else the current one, else none."""
    record = logging.makeLogRecord({"created": 1580464230.123456, "msg": "x"})
    envelope = create_envelope(KEY, record)
    assert (envelope.iKey, envelope.time, envelope.tags) == (KEY, "2020-01-31T09:50:30.123456Z", utils.azure_monitor_context)
    record.traceId, record.spanId = TRACE, SPAN
    assert create_envelope(KEY, record).tags == {**utils.azure_monitor_context, "ai.operation.id": TRACE, "ai.operation.parentId": SPAN}


def test_envelopes_made_by_hand(endpoint):
    """`log_record_to_envelope` can be called on any record, and leaves it as it was."""
    record = logging.makeLogRecord({"msg": "x %s", "args": ("y",), "levelno": 40, "levelname": "ERROR", "name": "app"})
    before = dict(record.__dict__)
    envelope = AzureLogHandler(connection_string=endpoint.connection_string).log_record_to_envelope(record)
    assert (envelope.data.baseData.message, envelope.data.baseData.severityLevel) == ("x y", 3)
    assert {key: value for key, value in record.__dict__.items() if key != "message"} == before


# --- Options ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"logging_sampling_rate": 1.5}, r"range: \[0,1\].*1\.5"),
        ({"logging_sampling_rate": "1"}, r"range: \[0,1\].*'1'"),
        ({"logging_sampling_exempt_level": "LOUD"}, "expected the name or the number of a level.*'LOUD'"),
        ({"export_interval": -1}, "export_interval: expected a number of at least 0"),
        ({"connection_string": "nonsense"}, "connection_string"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_options_that_cannot_work(options, text):
    """They raise when the handler is made, saying what was expected and what came."""
    with pytest.raises(ValueError, match=text):
        AzureLogHandler(**{"connection_string": NOWHERE, **options})


def test_no_key_at_all():
    """Without a key anywhere, the error says where to put one."""
    with pytest.raises(ValueError, match="APPLICATIONINSIGHTS_CONNECTION_STRING"):
        AzureLogHandler()


def test_a_bad_level_in_the_environment(monkeypatch):
    """The error names the variable."""
    monkeypatch.setenv(log_exporter.EXEMPT_VARIABLE, "LOUD")
    with pytest.raises(ValueError, match=log_exporter.EXEMPT_VARIABLE):
        AzureLogHandler(connection_string=NOWHERE)


def test_names(made):
    """A handler can be named, and is found by its name."""
    handler = AzureLogHandler(connection_string=NOWHERE)
    handler.name = "mine"
    assert (handler.name, handler.get_name()) == ("mine", "mine")
    handler.close()


# --- Sampling --------------------------------------------------------------------------------------------------------------------


def _record(level=logging.INFO, **extra):
    return logging.makeLogRecord({"msg": "x", "levelno": level, "levelname": logging.getLevelName(level), "name": "app", **extra})


@contextlib.contextmanager
def _in_trace(trace_id, *, sampled=True):
    flags = trace_api.TraceFlags(int(sampled))
    span = trace_api.NonRecordingSpan(trace_api.SpanContext(trace_id, 1, is_remote=False, trace_flags=flags))
    with trace_api.use_span(span):
        yield


@pytest.mark.parametrize(
    ("score_below", "trace_id"), [(True, "6e0c63257de34c92bf9efcd03927272e"), (False, "5b8efff798038103d269b633813fc60c")]
)
def test_records_of_a_trace_stay_together(score_below, trace_id):
    """By the hash of the trace id all records of a trace pass or none, in every service with the same rate; vectors of the specification."""
    sampling = SamplingFilter(0.5)
    with _in_trace(int(trace_id, 16)):
        assert [sampling.filter(_record()) for _ in range(20)] == [score_below] * 20
    assert sampling.filter(_record(traceId=trace_id)) is score_below


def test_records_of_an_unsampled_trace():
    """They do not pass a filter below 1.0, and all pass at 1.0, as in OpenCensus."""
    with _in_trace(int("6e0c63257de34c92bf9efcd03927272e", 16), sampled=False):
        assert [SamplingFilter(rate).filter(_record()) for rate in (0.99, 1.0)] == [False, True]


def test_records_of_a_trace_that_was_kept_at_a_rate(made, sent, endpoint):
    """They carry the trace's rate where that is the lower one; where it is not, they are thinned further, and carry their own."""
    provider = TracerProvider(shutdown_on_exit=False)
    opencensus_compat.configure(tracer_provider=provider)
    tracer = Tracer(sampler=samplers.ProbabilitySampler(0.5), exporter=SILENT)
    logger = made(logging_sampling_rate=0.8)
    thin = made(name="thin", logging_sampling_rate=0.1)
    for _ in range(400):
        with tracer.span("x"):
            logger.info("follows")
            thin.info("thinned")
    assert opencensus_compat.flush(60.0)
    items = endpoint.envelopes()
    follows = [envelope["sampleRate"] for envelope in items if envelope["data"]["baseData"]["message"] == "follows"]
    thinned = [envelope["sampleRate"] for envelope in items if envelope["data"]["baseData"]["message"] == "thinned"]
    assert set(follows) == {50.0}
    assert 120 < len(follows) < 280
    assert set(thinned) <= {10.0}
    assert 5 < len(thinned) < 120
    provider.shutdown()


def test_records_outside_a_trace():
    """Each passes by its own chance, whatever the program seeds its own generator with."""
    sampling = SamplingFilter(0.25)
    passed = sum(sampling.filter(_record()) for _ in range(4000))
    assert 800 < passed < 1200
    assert [SamplingFilter(0.0).filter(_record()), SamplingFilter(1.0).filter(_record())] == [False, True]


def test_a_sampled_record_says_what_it_stands_for(made, sent):
    """`sampleRate` is on items of every way of conversion, and absent at 100 %."""
    logger = made(logging_sampling_rate=0.5)
    trace_id = int("6e0c63257de34c92bf9efcd03927272e", 16)
    with _in_trace(trace_id):
        logger.info("plain")
        assert opencensus_compat.flush(60.0)
        logger.handlers[0].add_telemetry_processor(lambda _: None)
        logger.info("processed")
    assert [envelope["sampleRate"] for envelope in sent(2)] == [50.0, 50.0]


@pytest.mark.parametrize("processed", [False, True], ids=["", "with a processor"])
def test_a_record_that_another_handler_sends_unsampled(made, sent, endpoint, processed):
    """It stands for itself alone: the other handler lets all records pass, whatever this one does."""
    options = {"connection_string": endpoint.connection_string, "export_interval": 3600.0}
    sampled, whole = AzureLogHandler(logging_sampling_rate=0.5, **options), AzureLogHandler(**options)
    if processed:
        sampled.add_telemetry_processor(lambda _: True)
    made(whole, name="app")
    child = made(sampled, name="app.child")
    for _ in range(40):
        child.info("x")
    assert [envelope for envelope in sent(40) if "sampleRate" in envelope] == []


@pytest.mark.parametrize("source", ["option", "number", "environment"])
def test_errors_can_be_exempted(made, sent, monkeypatch, source):
    """Records of the level and above are sent whatever the rate, and stand for themselves."""
    options = {"option": {"logging_sampling_exempt_level": "error"}, "number": {"logging_sampling_exempt_level": 40}}.get(source, {})
    if source == "environment":
        monkeypatch.setenv(log_exporter.EXEMPT_VARIABLE, "ERROR")
    logger = made(logging_sampling_rate=0.0, **options)
    logger.warning("dropped")
    logger.error("sent")
    [envelope] = sent(1)
    assert (envelope["data"]["baseData"]["message"], "sampleRate" in envelope) == ("sent", False)


def test_filters_taken_away(made, sent):
    """`handler.filters = []` switches sampling off, as in OpenCensus."""
    logger = made(logging_sampling_rate=0.0)
    logger.handlers[0].filters = []
    logger.info("sent")
    assert "sampleRate" not in sent(1)[0]


def test_a_filter_that_replaces_the_record(made, sent):
    """From Python 3.12 on a filter may return another record, and that one is sent; before, a record that is true passes."""
    logger = made()
    replacement = _record(msg="replaced")
    logger.handlers[0].addFilter(lambda _: replacement)
    logger.info("original")
    assert _messages(sent(1)) == ["replaced" if sys.version_info >= (3, 12) else "original"]


# --- Flush, and many handlers ----------------------------------------------------------------------------------------------------


def test_flush_and_close_again_and_again(made, sent):
    """They deliver, may be repeated, and a closed handler works on."""
    logger = made()
    [handler] = logger.handlers
    logger.info("one")
    handler.flush()
    handler.flush(timeout=5.0)
    handler.close()
    handler.close()
    assert _messages(sent(1)) == ["one"]
    logger.info("two")
    handler.close()
    assert _messages(sent(2)) == ["one", "two"]


def test_flush_of_a_handler_that_was_never_made():
    """A subclass that fails before the base's constructor can be closed, as `logging.shutdown` does."""
    handler = AzureLogHandler.__new__(AzureLogHandler)
    logging.Handler.__init__(handler)
    handler.flush()
    handler.close()


def test_many_handlers_are_cheap():
    """After the first one, a handler costs next to nothing, and a hundred of them no thread."""
    AzureLogHandler(connection_string=NOWHERE)
    threads = set(threading.enumerate())
    started = time.thread_time()
    handlers = [AzureLogHandler(connection_string=NOWHERE) for _ in range(100)]
    # A tenth of a millisecond where nothing else runs.
    assert (time.thread_time() - started) / 100 < 0.005
    assert set(threading.enumerate()) - threads == set()
    assert len(handlers) == 100
    assert not os.listdir(os.environ["TMPDIR"])


# --- What programs put in the place of a step between a logger and the queue


@pytest.fixture
def taken(made):
    """Return a logger's only handler, and a function that logs three lines and returns the messages that the queue took."""
    logger = made()
    [handler] = logger.handlers

    def log():
        before = len(handler._hand_over.waiting)
        with handler._hand_over._working:  # nobody takes them away meanwhile
            for line in ("a", "b", "c"):
                logger.warning(line)
            return [each.msg for each in list(handler._hand_over.waiting)[before:] if isinstance(each, logging.LogRecord)]

    return handler, log


STEPS = {
    "handle of the standard library": (logging.Handler, "handle"),
    "filter of the class": (AzureLogHandler, "filter"),
    "sampling filter": (SamplingFilter, "filter"),
    "emit of the class": (AzureLogHandler, "emit"),
}


@pytest.mark.parametrize(("owner", "name"), STEPS.values(), ids=STEPS)
def test_a_patched_step_takes_the_records(owner, name, taken):
    """What a test of a program's puts on a class after the handler was made is called for each record, and decides."""
    handler, log = taken
    with patch.object(owner, name, autospec=True, return_value=False) as step:
        assert log() == []
    assert [call.args[1].msg for call in step.call_args_list if call.args[0] in (handler, *handler.filters)] == ["a", "b", "c"]
    assert log() == ["a", "b", "c"]


@pytest.mark.parametrize("where", [lambda handler: handler, lambda handler: handler.filters[0]], ids=["handler", "sampling filter"])
def test_a_filter_on_one_object(where, taken):
    """A filter that is put on the handler, or on its sampling filter, decides, until it is taken away."""
    handler, log = taken
    with patch.object(where(handler), "filter", lambda record: record.msg == "b"):
        assert log() == ["b"]
    assert log() == ["a", "b", "c"]


def test_a_probability_that_is_set_later(taken):
    """The sampling filter's probability counts as it is."""
    handler, log = taken
    handler.filters[0].probability = 0.0
    assert log() == []
    handler.filters[0].probability = 1.0
    assert log() == ["a", "b", "c"]


def test_a_mock_in_place_of_the_sampling_filter(made, sent):
    """A mocked class of filters is made with the rate, and asked for each record."""
    with patch.object(log_exporter, "SamplingFilter") as kind:
        kind.return_value.filter.side_effect = lambda record: record.msg != "no"
        logger = made()
    logger.warning("no")
    logger.warning("yes")
    assert _messages(sent(1)) == ["yes"]
    kind.assert_called_once_with(1.0)


class _Counting:
    def __init__(self, inner):
        self.inner, self.records = inner, []

    def put(self, record, block=True, timeout=None):
        self.records.append(record.msg)
        self.inner.put(record, block, timeout)

    def __getattr__(self, name):
        return getattr(self.inner, name)


def test_a_queue_around_the_handlers_own(taken):
    """A wrapper around the queue is given each record, and what it hands on is taken."""
    handler, log = taken
    handler._queue = _Counting(handler._queue)
    assert log() == ["a", "b", "c"] == handler._queue.records


def test_a_patched_queue(taken):
    """A `put` on the handler's queue takes the records; afterwards, and where it hands on, they go where they always go."""
    handler, log = taken
    with patch.object(handler._queue, "put") as put:
        assert log() == []
    assert [call.args[0].msg for call in put.call_args_list] == ["a", "b", "c"]
    assert log() == ["a", "b", "c"]
    with patch.object(handler._queue, "put", wraps=handler._queue.put):
        assert log() == ["a", "b", "c"]


def test_handle_that_is_wrapped_for_all_handlers(taken):
    """A wrapper of the standard library's `handle` may call it, also where that wants a lock."""
    mine, log = taken
    original, seen = logging.Handler.handle, []

    def handle(handler, record):
        if handler is mine:
            seen.append(record.msg)
        return original(handler, record)

    with patch.object(logging.Handler, "handle", handle):
        assert log() == ["a", "b", "c"] == seen


class _Watched(AzureLogHandler):
    """A handler that counts how often its `__dict__` is asked for."""

    looks = 0

    def __getattribute__(self, name):
        if name == "__dict__":
            _Watched.looks += 1
        return super().__getattribute__(name)


def test_records_leave_the_handlers_dict_alone(made, sent):
    """Nobody asks for a handler's `__dict__`: Python 3.11 would take longer to read each of its attributes from then on."""
    logger = made(cls=_Watched)
    _Watched.looks = 0
    logger.warning("a")
    sent(1)
    assert _Watched.looks == 0


class SlottedRecord(logging.LogRecord):
    """A record with a field in a slot, and another one that is made when it is asked for."""

    __slots__ = ("tenant", "unset")

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.tenant = "t1"

    @property
    def custom_dimensions(self):
        """Return the dimensions."""
        return {"tenant": self.tenant}


@pytest.mark.parametrize("message", ["text", Exception("no text")], ids=["text", "object"])
def test_records_with_slots_and_properties(message, made, sent):
    """A conversion and a formatter find what is in the slots of a record's class; a property gives the dimensions."""

    class Formatter(logging.Formatter):
        def format(self, record):
            return f"{record.tenant} {record.getMessage()} {hasattr(record, 'unset')}"

    [handler] = made().handlers
    handler.setFormatter(Formatter())
    handler.handle(SlottedRecord("app", 30, "/shop/app.py", 7, message, (), None))
    [data] = _data(sent(1))
    assert (data["message"], data["properties"]["tenant"]) == (f"t1 {message} False", "t1")


def test_a_formatter_that_leaves_nothing_of_an_exception(made, sent):
    """The exception's own text is not sent where the formatter left it out: it may be what should not be seen."""
    logger = made()
    logger.handlers[0].setFormatter(SimpleNamespace(format=lambda _: ""))
    try:
        raise ValueError("secret")
    except ValueError:
        logger.exception("failed")
    assert [data["exceptions"][0]["message"] for data in _data(sent(1))] == ["Exception"]


def test_dimensions_of_a_class_with_other_items(made, sent):
    """Dimensions are what `dict` reads of a mapping, as in OpenCensus."""

    class Shown(dict):
        def items(self):
            return [("shown", 1)]

    made().warning("m", extra={"custom_dimensions": Shown(held=1)})
    properties = _data(sent(1))[0]["properties"]
    assert (properties.get("held"), "shown" in properties) == (1, False)


@pytest.mark.parametrize(("kind", "text"), [(AzureLogHandler, "message"), (AzureEventHandler, "name")])
def test_a_replaced_create_envelope(kind, text, made, sent):
    """What a program puts in the place of `create_envelope` decides tags and time; the rest is the conversion's."""
    original = log_exporter.create_envelope

    def create(key, record):
        envelope = original(key, record)
        envelope.tags["ai.user.id"] = record.name
        return envelope

    with patch.object(log_exporter, "create_envelope", create):
        made(cls=kind).warning("m", extra={"custom_dimensions": {"a": 1}})
        [envelope] = sent(1)
    data = envelope["data"]["baseData"]
    assert (envelope["tags"]["ai.user.id"], data[text], data["properties"]["a"]) == ("app", "m", 1)


@pytest.mark.parametrize("kind", [AzureLogHandler, AzureEventHandler])
def test_a_subclass_without_the_constructor(kind, made):
    """A subclass that calls the constructor of `logging.Handler` alone is given records, and can be flushed and closed."""

    class Recording(kind):
        def __init__(self):
            logging.Handler.__init__(self)
            self.records = []

        def emit(self, record):
            self.records.append(record.msg)

    handler = Recording()
    made(handler).warning("m")
    handler.flush()
    handler.close()
    assert handler.records == ["m"]


def test_mocks_in_place_of_queue_and_thread(made):
    """Mocked classes of queue and thread are made, started and given the records, as in OpenCensus."""
    with patch.object(log_exporter, "Queue") as queue, patch.object(log_exporter, "Worker") as worker:
        logger = made(queue_capacity=7)
    logger.warning("m")
    queue.assert_called_once_with(capacity=7)
    worker.assert_called_once_with(queue.return_value, logger.handlers[0])
    worker.return_value.start.assert_called_once_with()
    [call] = queue.return_value.put.call_args_list
    assert (call.args[0].msg, call.kwargs) == ("m", {"block": False})
