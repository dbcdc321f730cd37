"""The AzureExporter: a cheap handle, whose steps programs replace."""

from __future__ import annotations

import gc
import logging
import os
import threading
import tracemalloc
import weakref

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider

import opencensus_compat
from appinsights_exporter import ApplicationInsightsMetricExporter, StandardMetricsProcessor
from opencensus_compat._bridge.providers.lifecycle import reset
from opencensus_compat.ext.azure.common.protocol import Envelope
from opencensus_compat.ext.azure.common.transport import TransportStatusCode
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.local import LocalEndpoint
from opencensus_compat.trace import samplers
from opencensus_compat.trace.span import Span, SpanKind
from opencensus_compat.trace.tracer import Tracer

ON = samplers.AlwaysOnSampler()


@pytest.fixture
def options(endpoint, otel):
    """Options of an exporter that sends to the local endpoint when it is flushed."""
    return {"connection_string": endpoint.connection_string, "export_interval": 3600.0}


def _span(exporter, name="s", **attributes):
    with Tracer(sampler=ON, exporter=exporter).span(name) as span:
        for key, value in attributes.items():
            span.add_attribute(key, value)


def _arrived(endpoint):
    assert opencensus_compat.flush(60.0)
    return [(envelope["data"]["baseData"]["name"], envelope["data"]["baseData"]["properties"]) for envelope in endpoint.envelopes()]


# --- Cheap -----------------------------------------------------------------------------------------------------------------------


def _open_files():
    return sorted(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else []


def test_a_thousand_exporters(options, endpoint, tmp_path):
    """They start no thread, open no file and no connection, share one pipeline and are freed; only the first stays, for its processors."""
    storage = tmp_path / "storage"
    threads, files = set(threading.enumerate()), set(_open_files())
    exporters = [AzureExporter(storage_path=str(storage), **options) for _ in range(1000)]
    # Those of earlier tests may end meanwhile.
    assert (set(threading.enumerate()) - threads, set(_open_files()) - files) == (set(), set())
    assert not storage.exists()
    assert endpoint.connections == 0
    assert len({id(exporter._pipeline) for exporter in exporters}) == 1
    references = [weakref.ref(exporter) for exporter in exporters]
    del exporters
    gc.collect()
    assert sum(reference() is not None for reference in references) == 1


def test_one_exporter_and_tracer_per_request():
    """Two thousand requests, each with an exporter and a tracer of its own: threads and memory stay flat, and every span arrives."""
    provider = TracerProvider(shutdown_on_exit=False)
    opencensus_compat.configure(tracer_provider=provider)
    with LocalEndpoint(store=False) as endpoint:

        def requests(count):
            for _ in range(count):
                exporter = AzureExporter(connection_string=endpoint.connection_string, export_interval=3600.0)
                with Tracer(sampler=ON, exporter=exporter).span("request"):
                    pass
            assert opencensus_compat.flush(60.0)
            gc.collect()

        requests(400)
        threads = set(threading.enumerate())
        tracemalloc.start()
        try:
            requests(400)
            before, _ = tracemalloc.get_traced_memory()
            requests(1200)
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert set(threading.enumerate()) - threads == set()
        assert endpoint.accepted == 2000
    # Bytes; a single object kept for each request would be more.
    assert after - before < 1200 * 48
    provider.shutdown()


# --- What programs replace -------------------------------------------------------------------------------------------------------


def test_span_data_to_envelope_overridden(options, endpoint):
    """A subclass that changes what the base class yields sees SpanData and legacy envelopes."""
    seen = []

    class Own(AzureExporter):
        def span_data_to_envelope(self, sd):
            seen.append((type(sd).__name__, sd.name, dict(sd.attributes)))
            for envelope in super().span_data_to_envelope(sd):
                assert isinstance(envelope, Envelope)
                envelope.data.baseData.properties["own"] = "yes"
                envelope.tags["ai.user.id"] = "u1"
                yield envelope

    _span(Own(**options), k="v")
    assert _arrived(endpoint) == [("s", {"k": "v", "own": "yes"})]
    assert seen == [("SpanData", "s", {"k": "v"})]
    assert endpoint.envelopes()[0]["tags"]["ai.user.id"] == "u1"


def _replacement(sd):
    sd.attributes.pop("secret", None)
    name = sd.attributes.pop("as", sd.name)
    yield Envelope(
        iKey=_replacement.key,
        tags={"ai.operation.id": sd.context.trace_id},
        time=sd.start_time,
        name="Microsoft.ApplicationInsights.RemoteDependency",
        data={
            "baseType": "RemoteDependencyData",
            "baseData": {"ver": 2, "name": name, "id": sd.span_id, "resultCode": "0", "duration": "0.00:00:00.001", "success": True,
                         "properties": dict(sd.attributes)},
        },
    )  # fmt: skip


def test_span_data_to_envelope_replaced_on_the_class(options, endpoint, monkeypatch):
    """A program that puts a function of its own in place of the method, and pops attributes, is obeyed by exporters made before."""
    exporter = AzureExporter(**options)
    _replacement.key = endpoint.instrumentation_key
    monkeypatch.setattr(AzureExporter, "span_data_to_envelope", lambda _, sd: _replacement(sd))
    _span(exporter, secret="x", kept=1, **{"as": "renamed"})
    assert _arrived(endpoint) == [("renamed", {"kept": 1})]


def test_span_data_to_envelope_replaced_on_the_object(options, endpoint):
    """The same on one exporter: the others keep theirs."""
    _replacement.key = endpoint.instrumentation_key
    exporter = AzureExporter(**options)
    exporter.span_data_to_envelope = _replacement
    _span(exporter, secret="x", **{"as": "renamed"})
    _span(AzureExporter(**options), secret="x")
    assert _arrived(endpoint) == [("renamed", {}), ("s", {"secret": "x"})]


def test_a_span_data_to_envelope_that_raises(options, endpoint, caplog):
    """Its own span is lost, and said; the spans of the batch arrive."""

    class Failing(AzureExporter):
        def span_data_to_envelope(self, sd):
            if sd.name == "bad":
                raise RuntimeError("broken")
            return super().span_data_to_envelope(sd)

    exporter = Failing(**options)
    for name in ("before", "bad", "after"):
        _span(exporter, name)
    assert [name for name, _ in _arrived(endpoint)] == ["before", "after"]
    assert [record.getMessage() for record in caplog.records] == ["Exception occurred while exporting the data."]


def test_emit_overridden(options, endpoint):
    """A subclass's `emit` gets lists of SpanData, and its call of the base class delivers."""
    batches = []

    class Own(AzureExporter):
        def emit(self, batch, event=None):
            batches.append([sd.name for sd in batch])
            super().emit(batch, event)

    _span(Own(**options))
    assert [name for name, _ in _arrived(endpoint)] == ["s"]
    assert batches == [["s"]]


def test_export_replaced_on_the_object(options, endpoint):
    """A program, or its tests, that replaces `export` on the exporter receives SpanData there, and nothing is sent."""
    calls = []
    exporter = AzureExporter(**options)
    exporter.export = calls.append
    _span(exporter)
    assert [[sd.name for sd in spans] for spans in calls] == [["s"]]
    assert _arrived(endpoint) == []


def test_export_replaced_on_the_class(options, endpoint, monkeypatch):
    """The same on the class, as `mock.patch` does it."""
    calls = []
    exporter = AzureExporter(**options)
    monkeypatch.setattr(AzureExporter, "export", lambda _, spans: calls.append(spans))
    _span(exporter)
    assert [[sd.name for sd in spans] for spans in calls] == [["s"]]
    assert _arrived(endpoint) == []


@pytest.mark.parametrize(
    ("status", "expected"), [(200, TransportStatusCode.SUCCESS), (503, TransportStatusCode.RETRY), (400, TransportStatusCode.DROP)]
)
def test_transmit(options, endpoint, status, expected):
    """`_transmit` says what became of the envelopes: what will be sent again by the pipeline is a RETRY."""
    exporter = AzureExporter(**options)
    kept = []
    exporter.add_telemetry_processor(kept.append)
    _span(exporter)
    assert opencensus_compat.flush(60.0)
    endpoint.misbehave({"rule": "status", "code": status})
    assert exporter._transmit(kept) == expected


def test_transmit_overridden(options, endpoint):
    """A subclass's `_transmit` gets the envelopes of its spans."""
    seen = []

    class Own(AzureExporter):
        def _transmit(self, envelopes):
            seen.extend(envelope.data.baseData.name for envelope in envelopes)
            return super()._transmit(envelopes)

    _span(Own(**options))
    assert [name for name, _ in _arrived(endpoint)] == ["s"]
    assert seen == ["s"]


def test_export_by_hand(options, endpoint):
    """SpanData given to `export` are queued, those given to `emit` are sent at once, and both set the event they are given."""
    kept = []

    class Keeping(AzureExporter):
        def export(self, items):
            kept.extend(items)

    _span(Keeping(**options), "a", k="v")
    exporter = AzureExporter(**options)
    event = threading.Event()
    exporter.emit(kept, event)
    assert event.is_set()
    assert [envelope["data"]["baseData"]["name"] for envelope in endpoint.envelopes()] == ["a"]
    exporter.export(kept)
    assert _arrived(endpoint) == [("a", {"k": "v"})] * 2


def test_envelopes_of_span_data(options, endpoint):
    """`span_data_to_envelope` called by the program gives the envelope that is sent."""
    kept = []

    class Keeping(AzureExporter):
        def export(self, items):
            kept.extend(items)
            super().export(items)

    exporter = Keeping(**options)
    with Tracer(sampler=ON, exporter=exporter).span("s") as span:
        span.span_kind = SpanKind.SERVER
        span.attributes = {"http.method": "GET", "http.route": "/x", "http.status_code": 200, "k": "v"}
    [envelope] = exporter.span_data_to_envelope(kept[0])
    assert opencensus_compat.flush(60.0)
    [sent] = endpoint.envelopes()
    assert sent["name"] == "Microsoft.ApplicationInsights.Request" == envelope.name
    assert dict(envelope.data.baseData)["properties"] == sent["data"]["baseData"]["properties"]
    assert {key: value for key, value in envelope.tags.items() if value is not None} == sent["tags"]


def test_the_queue_and_worker_that_programs_reach_for(options, endpoint):
    """`_queue.flush()` and `_worker.stop()` send what waits."""
    exporter = AzureExporter(**options)
    _span(exporter, "a")
    exporter._queue.flush()
    assert endpoint.accepted == 1
    _span(exporter, "b")
    exporter._worker.stop(5.0)
    assert (endpoint.accepted, exporter._worker.is_alive()) == (2, True)


def test_the_role_name_that_programs_set(options, endpoint, monkeypatch):
    """`utils.azure_monitor_context` is read when a span is sent, so that it may be changed at any time."""
    from opencensus_compat.ext.azure.common import utils

    exporter = AzureExporter(**options)
    monkeypatch.setitem(utils.azure_monitor_context, "ai.cloud.role", "shop")
    _span(exporter)
    assert opencensus_compat.flush(60.0)
    assert endpoint.envelopes()[0]["tags"]["ai.cloud.role"] == "shop"


def test_a_destination_is_key_endpoint_and_credential(options, endpoint):
    """Exporters of the same three share a pipeline; another endpoint, or another credential, is another destination."""

    class Credential:
        def get_token(self, *scopes, **options):
            raise NotImplementedError

    first, credential = AzureExporter(**options), Credential()
    other_endpoint = AzureExporter(
        connection_string=f"InstrumentationKey={endpoint.instrumentation_key};IngestionEndpoint=http://127.0.0.1:9"
    )
    with_credential = AzureExporter(credential=credential, **options)
    assert AzureExporter(**options)._pipeline is first._pipeline
    assert AzureExporter(credential=credential, **options)._pipeline is with_credential._pipeline
    assert len({id(exporter._pipeline) for exporter in (first, other_endpoint, with_credential)}) == 3


def test_other_options_for_the_same_destination(options, caplog):
    """The first exporter's batching stays; that the second's differs is logged, at INFO."""
    caplog.set_level(logging.INFO, logger="opencensus_compat")
    AzureExporter(**options)
    assert caplog.records == []
    AzureExporter(**{**options, "export_interval": 7.0})
    assert [record.name for record in caplog.records] == ["opencensus_compat"]
    assert "7.0" in caplog.records[0].getMessage()


def test_a_reset_forgets_destinations(options):
    """After a reset the same options make a new pipeline."""
    first = AzureExporter(**options)._pipeline
    reset()
    assert AzureExporter(**options)._pipeline is not first


def _one_sampled_at_half(exporter):
    tracer = Tracer(sampler=samplers.ProbabilitySampler(0.5), exporter=exporter)
    while True:
        with tracer.span("s") as span:
            if isinstance(span, Span):
                return


def test_the_sample_rate_passes_through_an_export_of_its_own(options, endpoint):
    """A subclass that overrides `export` and calls ours sends the rate, although SpanData has no place for it."""

    class Watching(AzureExporter):
        def export(self, items):
            super().export(items)

    _one_sampled_at_half(Watching(**options))
    assert opencensus_compat.flush(60.0)
    assert [envelope["sampleRate"] for envelope in endpoint.envelopes()] == [50]


def test_telemetry_processors_see_the_sample_rate(options, endpoint):
    """A processor reads the rate that the envelope will be sent with."""
    seen = []
    exporter = AzureExporter(**options)
    exporter.add_telemetry_processor(lambda envelope: seen.append(envelope.sampleRate))
    _one_sampled_at_half(exporter)
    assert opencensus_compat.flush(60.0)
    assert seen == [50]


# --- Standard metrics ------------------------------------------------------------------------------------------------------------


def _keep(envelope):
    """Let an item go out."""
    return True


class _Converts(AzureExporter):
    """Converts in its own way."""

    def span_data_to_envelope(self, sd):
        """Return what it would have been, with a property more."""
        for envelope in super().span_data_to_envelope(sd):
            envelope.data.baseData.properties["own"] = "yes"
            yield envelope


class _Exports(AzureExporter):
    """Decides itself what is exported."""

    def export(self, items):
        """Leave nothing out."""
        super().export(list(items))


@pytest.mark.parametrize(
    ("kind", "processors"),
    [
        pytest.param(AzureExporter, [], id="as it is"),
        pytest.param(AzureExporter, [_keep], id="telemetry processor"),
        pytest.param(_Converts, [], id="own envelopes"),
        pytest.param(_Exports, [], id="own export"),
        pytest.param(_Exports, [_keep], id="own export and telemetry processor"),
    ],
)
@pytest.mark.parametrize("counts", [True, False])
def test_items_in_standard_metrics_are_marked(endpoint, fresh_bridge, kind, processors, counts):
    """Spans of both APIs that are in standard metrics are marked whatever the program does to their items; others never are."""
    meters = MeterProvider(
        [PeriodicExportingMetricReader(ApplicationInsightsMetricExporter(endpoint.connection_string), export_interval_millis=3_600_000)],
        shutdown_on_exit=False,
    )
    provider = TracerProvider(shutdown_on_exit=False)
    if counts:
        provider.add_span_processor(StandardMetricsProcessor(meters))
        meters.force_flush()
    opencensus_compat.configure(tracer_provider=provider)
    exporter = kind(connection_string=endpoint.connection_string, export_interval=3600.0)
    for processor in processors:
        exporter.add_telemetry_processor(processor)
    with Tracer(sampler=ON, exporter=exporter).span("census") as span:
        span.span_kind = SpanKind.SERVER
        span.add_attribute("http.method", "GET")
        provider.get_tracer("t").start_span("otel").end()
    assert opencensus_compat.flush(60.0)
    meters.shutdown()
    rows = [row for table in ("requests", "dependencies") for row in endpoint.rows(table)]
    mark = "True" if counts else None
    seen = {row["name"]: row["customDimensions"] for row in rows}
    assert {name: found.get("_MS.ProcessedByMetricExtractors") for name, found in seen.items()} == {"GET": mark, "otel": mark}
    assert seen["GET"].get("own") == ("yes" if kind is _Converts else None)
    assert sum(row["valueCount"] for row in endpoint.rows("customMetrics")) == (2 if counts else 0)
