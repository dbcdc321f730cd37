"""What this package logs about itself: when, and that it is not sent along with what the application logs."""

from __future__ import annotations

import itertools
import logging
import warnings

import pytest
from opentelemetry import trace
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor

import opencensus_compat
from appinsights_exporter import ApplicationInsightsLogRecordExporter, ApplicationInsightsSpanExporter, _sdk_logs
from opencensus_compat.ext.azure.log_exporter import AzureLogHandler
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.local import LocalEndpoint

TEXT = "InstrumentationKey=11111111-2222-3333-4444-555555555555"

OPENTELEMETRY = {"spans": ApplicationInsightsSpanExporter, "logs": ApplicationInsightsLogRecordExporter}
OPENCENSUS = {"spans": AzureExporter, "logs": AzureLogHandler}
KINDS = {f"{api} {name}": kind for api, kinds in (("new", OPENTELEMETRY), ("old", OPENCENSUS)) for name, kind in kinds.items()}


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(KINDS, 2)))
def test_defaults_ask_for_nothing(caplog, first, second):
    """Exporters and handlers of both APIs for one resource, all with what they have unasked, are no reason to say anything."""
    made = [KINDS[name](connection_string=TEXT) for name in (first, second)]
    for each in made:
        # A handler's exporter is made with its first record.
        getattr(each, "_pipeline", None)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
    for each in made:
        getattr(each, "shutdown", lambda: None)()


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({}, {"timeout": 3}, "connect_timeout_s, read_timeout_s"),
        ({}, {"timeout": 10}, None),
        ({"timeout": 3}, {}, None),
        ({"timeout": 3}, {"timeout": 3}, None),
        ({}, {"storage_max_size": 1000}, "storage_max_bytes"),
        ({"storage_max_size": 1000}, {"storage_retention_period": 604800}, None),
    ],
)
def test_delivery_that_is_asked_for_in_vain(caplog, first, second, expected):
    """Only what the second exporter was given, and the first one has otherwise, is said."""
    made = AzureExporter(connection_string=TEXT, **first)
    handler = AzureLogHandler(connection_string=TEXT, **second)
    assert handler._pipeline.destination is made._pipeline.destination
    start = "another exporter for this resource was created with different settings"
    assert caplog.messages == ([] if expected is None else [f"{start} ({expected}); the first exporter's settings are kept (said once)"])


def test_delivery_that_is_asked_for_in_vain_of_another_exporter(caplog):
    """The same where the first exporter is one of OpenTelemetry's."""
    first = ApplicationInsightsSpanExporter(TEXT)
    AzureExporter(connection_string=TEXT, timeout=3, storage_max_size=1000)
    first.shutdown()
    asked = "connect_timeout_s, read_timeout_s, storage_max_bytes"
    assert caplog.messages == [
        f"Another exporter for this resource was created with different settings ({asked}); the first exporter's settings are kept."
    ]


def test_batching_that_is_asked_for_in_vain(caplog):
    """The same for how spans are batched."""
    AzureExporter(connection_string=TEXT, max_batch_size=20, grace_period=2)
    AzureExporter(connection_string=TEXT)
    assert caplog.messages == []
    AzureExporter(connection_string=TEXT, max_batch_size=20, export_interval=3.0)
    expected = "another exporter for this resource was created with different settings (export_interval_s=3.0); the first exporter's settings are kept (said once)"
    assert caplog.messages == [expected]


def test_they_are_not_sent():
    """Handlers of both APIs on the root logger send what the application logs, and no line of this package's, not even about its own losses."""
    with LocalEndpoint() as endpoint:
        provider = LoggerProvider(shutdown_on_exit=False)
        opencensus_compat.configure(logger_provider=provider)
        with warnings.catch_warnings():
            # Newer releases have moved it, and say so.
            warnings.simplefilter("ignore")
            handlers = [AzureLogHandler(connection_string=endpoint.connection_string), LoggingHandler(logger_provider=provider)]
        root = logging.getLogger()
        for handler in handlers:
            root.addHandler(handler)
        try:
            for name in ("opencensus_compat", "opencensus.ext.azure", "appinsights_exporter.delivery", "shop"):
                logging.getLogger(name).warning("said by %s", name)
            assert opencensus_compat.flush()
        finally:
            for handler in handlers:
                root.removeHandler(handler)
        assert [row["message"] for row in endpoint.rows("traces")] == ["said by shop"]


class Bridge(logging.Handler):
    """A program's own handler to OpenTelemetry, which this package cannot know."""

    def __init__(self, level, logger_provider):
        super().__init__(level)
        self._provider = logger_provider

    def emit(self, record):
        """Emit what the logger was told."""
        span = trace.get_current_span().get_span_context()
        made = _sdk_logs.new_record(
            timestamp_ns=int(record.created * 1e9), trace_id=span.trace_id, span_id=span.span_id, body=record.getMessage()
        )
        _sdk_logs.emit(self._provider.get_logger(record.name), made)


class AgainAndAgain(logging.Handler):
    """Counts the lines that reach handlers of the application's."""

    def __init__(self):
        super().__init__()
        self.names = []

    def emit(self, record):
        """Note whose line it is."""
        self.names.append(record.name)


HANDLERS = {
    "at once": (LoggingHandler, SimpleLogRecordProcessor),
    "batched": (LoggingHandler, _sdk_logs.BatchLogRecordProcessor),
    "a handler of the program's own": (Bridge, _sdk_logs.BatchLogRecordProcessor),
}


@pytest.mark.parametrize(("handler", "processor"), HANDLERS.values(), ids=HANDLERS)
@pytest.mark.parametrize("processes", [False, True], ids=["", "with a telemetry processor that logs"])
def test_the_exporter_does_not_feed_itself(handler, processor, processes):
    """With OpenTelemetry's handler on a root logger at DEBUG, two lines are two items: none is about the requests that send them."""
    root, other = logging.getLogger(), AgainAndAgain()
    with LocalEndpoint() as endpoint:
        exporter = ApplicationInsightsLogRecordExporter(endpoint.connection_string)
        if processes:
            exporter.add_telemetry_processor(lambda _: logging.getLogger("shop").info("processed"))
        provider = _sdk_logs.new_provider(shutdown_on_exit=False)
        provider.add_log_record_processor(processor(exporter))
        with warnings.catch_warnings():
            # Newer releases have moved it, and say so.
            warnings.simplefilter("ignore")
            added = [handler(level=1, logger_provider=provider), other]
        before = root.level
        root.setLevel(logging.DEBUG)
        for each in added:
            root.addHandler(each)
        try:
            for text in ("one", "two"):
                logging.getLogger("shop").info(text)
                logging.getLogger("appinsights_exporter.tests").warning("own")
                logging.getLogger("opencensus_compat").warning("own")
                for _ in range(3):
                    assert provider.force_flush()
        finally:
            for each in added:
                root.removeHandler(each)
            root.setLevel(before)
            provider.shutdown()
        assert sorted(row["message"] for row in endpoint.rows("traces")) == ["one", "two"]
        assert len(endpoint.requests) == 2
    # The application's other handlers see everything, as ever.
    assert "urllib3.connectionpool" in other.names
