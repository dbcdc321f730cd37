"""What this package logs about itself: when, and that it is not sent along with what the application logs."""

from __future__ import annotations

import itertools
import logging
import warnings

import pytest
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler

import opencensus_compat
from appinsights_exporter import ApplicationInsightsLogRecordExporter, ApplicationInsightsSpanExporter
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
        ({}, {"enable_local_storage": False}, "storage_enabled"),
    ],
)
def test_delivery_that_is_asked_for_in_vain(caplog, first, second, expected):
    """Only what the second exporter was given, and the first one has otherwise, is said."""
    made = AzureExporter(connection_string=TEXT, **first)
    handler = AzureLogHandler(connection_string=TEXT, **second)
    assert handler._pipeline.destination is made._pipeline.destination
    start = "a further exporter for the same resource asks for other settings"
    assert caplog.messages == ([] if expected is None else [f"{start} ({expected}); the first one's stay (said once)"])


def test_delivery_that_is_asked_for_in_vain_of_another_exporter(caplog):
    """The same where the first exporter is one of OpenTelemetry's."""
    first = ApplicationInsightsSpanExporter(TEXT)
    AzureExporter(connection_string=TEXT, timeout=3, storage_max_size=1000)
    first.shutdown()
    asked = "connect_timeout_s, read_timeout_s, storage_max_bytes"
    assert caplog.messages == [f"A further exporter for the same resource asks for other settings ({asked}); the first one's stay."]


def test_batching_that_is_asked_for_in_vain(caplog):
    """The same for how spans are batched."""
    AzureExporter(connection_string=TEXT, max_batch_size=20, grace_period=2)
    AzureExporter(connection_string=TEXT)
    assert caplog.messages == []
    AzureExporter(connection_string=TEXT, max_batch_size=20, export_interval=3.0)
    expected = "a further exporter for the same resource asks for other settings (export_interval_s=3.0); the first one's stay (said once)"
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
