"""From a logger provider to the destinations: whose record goes where."""

from __future__ import annotations

import logging
import threading
import time
from types import SimpleNamespace

import pytest
from opentelemetry.sdk.resources import Resource

import opencensus_compat
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.pipeline import destinations
from opencensus_compat._bridge.providers.lifecycle import reset
from opencensus_compat.ext.azure.log_exporter import AzureLogHandler
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.local import LocalEndpoint
from opencensus_compat.local.misbehave import Silence
from opencensus_compat.trace import execution_context, samplers
from opencensus_compat.trace.tracer import Tracer

names = _exporter.sdk_logs()
OTHER = "11111111-2222-3333-4444-555555555555"


class Kept(names.LogRecordProcessor):
    """Keeps the records that pass a provider."""

    def __init__(self):
        self.records = []

    def on_emit(self, log_record):
        """Keep one."""
        self.records.append(names.record_of(log_record))


@pytest.fixture
def provider():
    """An SDK provider that the facades use, with a processor that keeps what passes."""
    made = names.new_provider(Resource({"service.name": "mine"}), shutdown_on_exit=False)
    made.kept = Kept()
    made.add_log_record_processor(made.kept)
    opencensus_compat.configure(logger_provider=made)
    yield made
    made.shutdown()


def _handler(endpoint, **options):
    return AzureLogHandler(**{"connection_string": endpoint.connection_string, "export_interval": 3600.0, **options})


def _log(handler, message="x", name="app", level=logging.INFO):
    handler.handle(logging.LogRecord(name, level, "f.py", 1, message, (), None, "function"))


def _native(provider, body="native"):
    names.emit(provider.get_logger("library"), names.new_record(timestamp_ns=time.time_ns(), body=body))


def _arrived(endpoint, count):
    assert opencensus_compat.flush(60.0)
    return endpoint.wait_for(count)


@pytest.mark.parametrize("provider", [object(), "provider", SimpleNamespace(get_logger=None)])
def test_configure_refuses_what_is_no_provider(provider):
    """Something that makes no loggers raises at once, saying what came."""
    with pytest.raises(TypeError, match=rf"expected an OpenTelemetry LoggerProvider, got {type(provider).__name__}"):
        opencensus_compat.configure(logger_provider=provider)


def test_facade_records_pass_the_applications_provider(provider, endpoint):
    """Its other processors see an OpenTelemetry record with everything, and none of the envelopes that are for our destination."""
    handler = _handler(endpoint)
    handler.add_telemetry_processor(lambda _: None)
    _log(handler, "hello", level=logging.WARNING)
    _arrived(endpoint, 1)
    [record] = provider.kept.records
    assert (record.body, record.severity_text, record.severity_number.value) == ("hello", "WARNING", 13)
    assert {key: record.attributes[key] for key in ("code.file.path", "code.line.number", "code.function.name", "census.logger")} == {
        "code.file.path": "f.py",
        "code.line.number": 1,
        "code.function.name": "function",
        "census.logger": "app",
    }
    assert not hasattr(record, "to_envelopes")


def test_records_of_opentelemetry_code(provider, endpoint):
    """They go to the destination of the first handler, once, from the moment that there is one, seen by its telemetry processors."""
    opencensus_compat.configure(adopt_providers=True)
    _native(provider, "too early")
    handler = _handler(endpoint)
    handler.add_telemetry_processor(lambda envelope: envelope.data.baseData.properties.update(seen="yes"))
    second = _handler(endpoint, connection_string=f"InstrumentationKey={OTHER};IngestionEndpoint={endpoint.url}")
    _native(provider)
    [envelope] = _arrived(endpoint, 1)
    assert (envelope["data"]["baseData"]["message"], envelope["data"]["baseData"]["properties"]["seen"]) == ("native", "yes")
    assert (envelope["tags"]["ai.cloud.role"], envelope["iKey"]) == ("mine", handler.options.instrumentation_key)
    assert second.options.instrumentation_key == OTHER


def test_records_of_opentelemetry_code_in_a_span_of_another_resource(provider, endpoint):
    """Where the application asks for them, they go where the span goes: one resource's records never reach another."""
    opencensus_compat.configure(adopt_providers=True)
    _handler(endpoint)
    other = f"InstrumentationKey={OTHER};IngestionEndpoint={endpoint.url}"
    tracer = Tracer(sampler=samplers.AlwaysOnSampler(), exporter=AzureExporter(connection_string=other, export_interval=3600.0))
    with tracer.span("work"):
        _native(provider)
    assert {envelope["iKey"] for envelope in _arrived(endpoint, 2)} == {OTHER}


def test_what_is_logged_while_exporting_goes_nowhere(provider, endpoint):
    """Records that OpenTelemetry's own handlers make of an export's chatter do not come back."""
    handler = _handler(endpoint)
    handler.add_telemetry_processor(lambda _: _native(provider, "while exporting"))
    _log(handler)
    [envelope] = _arrived(endpoint, 1)
    assert envelope["data"]["baseData"]["message"] == "x"
    assert opencensus_compat.flush(60.0)
    assert endpoint.accepted == 1
    assert [record.body for record in provider.kept.records] == ["x", "while exporting"]


def test_what_an_exporter_of_the_program_logs_is_sent(endpoint):
    """A program that keeps integrations from tracing its own exporter still logs to its handler."""
    handler = _handler(endpoint)
    execution_context.set_is_exporter(True)
    try:
        _log(handler, "mine")
        handler.flush(60.0)
    finally:
        execution_context.set_is_exporter(False)
    [envelope] = _arrived(endpoint, 1)
    assert envelope["data"]["baseData"]["message"] == "mine"


def test_a_provider_that_takes_no_processors(endpoint, caplog):
    """Logs use a provider of their own then, and one warning says so."""
    opencensus_compat.configure(logger_provider=SimpleNamespace(get_logger=lambda *_: None))
    _log(_handler(endpoint))
    _arrived(endpoint, 1)
    assert "takes no processors" in caplog.text


def test_configuring_the_same_provider_twice_exports_once(provider, endpoint):
    """The provider gets our processor once."""
    opencensus_compat.configure(logger_provider=provider)
    _log(_handler(endpoint))
    _arrived(endpoint, 1)
    assert endpoint.accepted == 1


def test_shutdown_delivers_and_ends(provider, endpoint):
    """`shutdown` delivers what was logged; what is logged later goes nowhere, which is counted, and does not raise."""
    handler = _handler(endpoint)
    _log(handler, "before")
    assert opencensus_compat.shutdown(60.0)
    _log(handler, "after")
    handler.flush()
    assert [envelope["data"]["baseData"]["message"] for envelope in endpoint.wait_for(1)] == ["before"]
    assert handler._pipeline.exporter.counts.snapshot().dropped == {"offered after shutdown": 1}


def test_the_providers_own_shutdown_and_flush(provider, endpoint):
    """They deliver what handlers have taken."""
    handler = _handler(endpoint)
    _log(handler, "one")
    assert provider.force_flush()
    assert len(endpoint.wait_for(1)) == 1
    _log(handler, "two")
    provider.shutdown()
    assert len(endpoint.wait_for(2)) == 2


def test_reset_forgets_what_waits(endpoint):
    """After `reset` a handler that was made before sends nothing to where it did, and nothing breaks."""
    handler = _handler(endpoint)
    _log(handler, "one")
    reset()
    assert opencensus_compat.flush(60.0)
    assert endpoint.received in (0, 1)
    del handler


def test_spans_and_logs_of_one_resource_share_one_destination(provider, endpoint):
    """One destination, with a part for each signal; a handler's options are its own signal's."""
    exporter = AzureExporter(connection_string=endpoint.connection_string, export_interval=7.0)
    handler = _handler(endpoint, export_interval=11.0)
    _log(handler)
    assert opencensus_compat.flush(60.0)
    assert handler._pipeline.destination is exporter._pipeline.destination
    assert (handler._pipeline.batching.export_interval_s, exporter._pipeline.batching.export_interval_s) == (11.0, 7.0)


def test_a_burst_beyond_the_batch_processors_queue_loses_nothing(provider, endpoint):
    """What has no room there waits in the hand-over, which has room for as many again."""
    handler = _handler(endpoint, queue_capacity=100, max_batch_size=50)
    handler._hand_over.ensure_capacity(2000)
    for number in range(1000):
        _log(handler, f"line {number}")
    _arrived(endpoint, 1000)
    assert endpoint.accepted == 1000


def test_a_destination_that_is_held_up_holds_up_no_other(provider, endpoint):
    """While one resource does not answer and its queue is full, another one's records arrive; what waits for the first is not lost."""
    with LocalEndpoint() as other:
        endpoint.misbehave(Silence())
        slow = _handler(endpoint, queue_capacity=100, max_batch_size=50, grace_period=1.0)
        fast = _handler(other, export_interval=0.1)
        slow._hand_over.ensure_capacity(2000)
        for number in range(1000):
            _log(slow, f"line {number}")
        _log(fast, "for the other")
        [envelope] = other.wait_for(1)
        assert envelope["data"]["baseData"]["message"] == "for the other"
        counts = slow._pipeline.exporter.counts
        # One is enough, but for a machine that has no second to store a thousand records in.
        while counts.snapshot().stored < 1000:
            slow.flush()
        assert counts.snapshot().dropped == {}


def test_threads_that_log_first_at_once(provider, endpoint):
    """The part of a destination is made once."""
    handler = _handler(endpoint)
    threads = [threading.Thread(target=_log, args=(handler,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _arrived(endpoint, 8)
    assert len(destinations.parts("logs")) == 1
