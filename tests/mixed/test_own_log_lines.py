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
from appinsights_exporter.settings import resolve
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
def test_other_delivery_settings_are_a_warning(caplog, first, second, expected):
    """Only what the second exporter was given, and the first one has otherwise, is logged."""
    made = AzureExporter(connection_string=TEXT, **first)
    handler = AzureLogHandler(connection_string=TEXT, **second)
    assert handler._pipeline.destination is made._pipeline.destination
    line = f"another exporter for this resource was created with different settings ({expected}); the first exporter's settings are kept"
    assert caplog.messages == ([] if expected is None else [f"{line} (said once)"])


def test_delivery_settings_other_than_an_opentelemetry_exporters_are_a_warning(caplog):
    """The same where the first exporter is one of OpenTelemetry's."""
    first = ApplicationInsightsSpanExporter(TEXT)
    AzureExporter(connection_string=TEXT, timeout=3, storage_max_size=1000)
    first.shutdown()
    given = "connect_timeout_s, read_timeout_s, storage_max_bytes"
    line = f"Another exporter for this resource was created with different settings ({given}); the first exporter's settings are kept."
    assert caplog.messages == [line]


def test_other_batching_is_no_warning(caplog):
    """Handles that differ in their intervals alone are those of a healthy program, where OpenCensus said nothing: it is an INFO line."""
    caplog.set_level(logging.INFO, "opencensus_compat")
    AzureExporter(connection_string=TEXT, max_batch_size=20, grace_period=2)
    AzureExporter(connection_string=TEXT)
    assert caplog.messages == []
    AzureExporter(connection_string=TEXT, max_batch_size=20, export_interval=3.0)
    line = "another exporter for this resource was created with different settings (%s); the first exporter's settings are kept"
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("INFO", line % "export_interval_s=3.0")]
    AzureExporter(connection_string=TEXT, queue_capacity=7)
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("options", "given"),
    [
        ({"queue_capacity": 7, "timeout": 3}, "connect_timeout_s, read_timeout_s, queue_capacity=7"),
        ({"grace_period": 1, "export_interval": 3.0}, "export_interval_s=3.0, grace_period_s=1"),
    ],
)
def test_a_difference_in_delivery_is_a_warning_after_one_in_batching(caplog, options, given):
    """Time limits are delivery: what an INFO line said of intervals before does not hide the warning."""
    for more in ({}, {"export_interval": 5.0}, options):
        AzureExporter(connection_string=TEXT, **more)
    line = "another exporter for this resource was created with different settings (%s); the first exporter's settings are kept (said once)"
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [line % given]


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
        # Through a proxy, which the endpoint itself is: on the way there urllib3 logs.
        proxies = {"http": endpoint.connection_string.rpartition("=")[2]}
        exporter = ApplicationInsightsLogRecordExporter(settings=resolve(endpoint.connection_string, proxies=proxies))
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
