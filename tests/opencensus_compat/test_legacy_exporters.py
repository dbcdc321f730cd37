"""Exporters of OpenCensus behind a provider of OpenTelemetry's: what they get, from whose spans, and what happens when they fail."""

from __future__ import annotations

import re
import threading

import pytest
from opentelemetry import context as context_api
from opentelemetry import trace as trace_api
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from tests.opencensus_compat.conftest import Keeping

import opencensus_compat
from opencensus_compat.common.transports.async_ import AsyncTransport
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.legacy_exporters import LegacyExporterProcessor
from opencensus_compat.trace import execution_context, samplers
from opencensus_compat.trace import span as span_module
from opencensus_compat.trace.base_exporter import Exporter
from opencensus_compat.trace.link import Link as CensusLink
from opencensus_compat.trace.span_data import format_legacy_trace_json
from opencensus_compat.trace.status import Status as CensusStatus
from opencensus_compat.trace.time_event import MessageEvent, Type
from opencensus_compat.trace.tracer import Tracer

ON = samplers.AlwaysOnSampler()
LINKED = "a" * 32, "b" * 16


def provider_of(exporter, **options):
    """Return a provider that hands its spans to an exporter of OpenCensus, and its tracer."""
    provider = TracerProvider(shutdown_on_exit=False, **options)
    provider.add_span_processor(LegacyExporterProcessor(exporter))
    return provider, provider.get_tracer("application")


def shown(kept):
    """Return what exporters read of spans, without times and with ids by the order in which they come."""
    names: dict[str, str] = {}
    return [_without(format_legacy_trace_json([each]), names) for each in kept.spans]


def _without(value, names):
    if isinstance(value, dict):
        return {key: _without(each, names) for key, each in value.items() if key not in ("startTime", "endTime", "time", "line_number")}
    if isinstance(value, list):
        return [_without(each, names) for each in value]
    if isinstance(value, str) and re.fullmatch("[0-9a-f]{32}|[0-9a-f]{16}", value) and value not in LINKED:
        return names.setdefault(value, f"id {len(names)}")
    return value


def in_opencensus(exporter):
    """Do some work in OpenCensus."""
    tracer = Tracer(sampler=ON, exporter=exporter)
    with tracer.span("order") as span:
        span.span_kind = span_module.SpanKind.SERVER
        span.add_attribute("cart", "c-42")
        span.add_attribute("items", 3)
        span.add_annotation("taken", by="Ann")
        span.add_message_event(MessageEvent(None, 7, type=Type.SENT, uncompressed_size_bytes=120))
        span.add_link(CensusLink(*LINKED, attributes={"why": "retry"}))
        with tracer.span("charge") as charge:
            charge.set_status(CensusStatus(2, "no money"))


def in_opentelemetry(exporter):
    """Do the same work in OpenTelemetry."""
    _, tracer = provider_of(exporter)
    with tracer.start_as_current_span("order", kind=SpanKind.SERVER) as span:
        span.set_attribute("cart", "c-42")
        span.set_attribute("items", 3)
        span.add_event("taken", {"by": "Ann"})
        span.add_event("message", {"message.type": "SENT", "message.id": 7, "message.uncompressed_size": 120})
        span.add_link(SpanContext(int(LINKED[0], 16), int(LINKED[1], 16), is_remote=True, trace_flags=TraceFlags(1)), {"why": "retry"})
        with tracer.start_as_current_span("charge") as charge:
            charge.set_status(Status(StatusCode.ERROR, "no money"))


def test_the_same_span_data():
    """An exporter gets of OpenTelemetry code what it gets of OpenCensus code that does the same."""
    old, new = Keeping(), Keeping()
    in_opencensus(old)
    in_opentelemetry(new)
    assert shown(new) == shown(old)
    assert new.names == ["charge", "order"]
    for data in new.spans:
        assert data.context.trace_options.get_enabled()
        assert data.start_time < data.end_time


def test_the_same_exception():
    """The exception that leaves a span is its status and stack trace, with the frames that OpenCensus has."""
    old, new = Keeping(), Keeping()
    _, otel = provider_of(new)

    def work(start):
        with start("outer"), start("inner"):
            raise ValueError("no money")

    for start in (Tracer(sampler=ON, exporter=old).span, otel.start_as_current_span):
        with pytest.raises(ValueError, match="no money"):
            work(start)
    assert [each.stack_trace.stack_frames for each in new.spans] == [each.stack_trace.stack_frames for each in old.spans]
    assert shown(new) == shown(old)
    assert new.spans[0].status.message == "no money"


def test_what_is_not_sampled(kept):
    """A span that is not sampled reaches no exporter."""
    _, tracer = provider_of(kept, sampler=ALWAYS_OFF)
    with tracer.start_as_current_span("work"):
        pass
    assert kept.lists == []


def test_spans_of_opencensus_code(kept):
    """Old code without an exporter of its own has its spans handed over, codes of their status included."""
    provider, tracer = provider_of(kept)
    opencensus_compat.configure(tracer_provider=provider)
    with tracer.start_as_current_span("new"), execution_context.get_opencensus_tracer().span("old") as span:
        span.set_status(CensusStatus(5, "not there"))
    old, new = kept.spans
    assert (old.name, old.parent_span_id, old.status.code) == ("old", new.span_id, 5)


def test_spans_of_a_tracer_with_an_exporter(kept):
    """A span whose tracer has an exporter is handed to that alone."""
    provider, _ = provider_of(kept)
    opencensus_compat.configure(tracer_provider=provider)
    own = Keeping()
    with Tracer(sampler=ON, exporter=own).span("work"):
        pass
    assert (own.names, kept.names) == (["work"], [])


def test_quiet_while_it_exports():
    """Neither API's integrations trace what the exporter does, and both go on afterwards."""
    seen = []

    class Looking(Exporter):
        def export(self, span_datas):
            seen.append((execution_context.is_exporter(), context_api.get_value("suppress_instrumentation")))

    _, tracer = provider_of(Looking())
    with tracer.start_as_current_span("work"):
        pass
    assert seen == [(True, True)]
    assert (execution_context.is_exporter(), context_api.get_value("suppress_instrumentation")) == (False, None)


def test_an_exporter_that_fails(caplog):
    """What an exporter raises is logged, and the program goes on."""

    class Failing(Exporter):
        def export(self, span_datas):
            raise ConnectionError("nobody there")

    _, tracer = provider_of(Failing())
    with tracer.start_as_current_span("work"):
        pass
    assert [record.getMessage() for record in caplog.records] == ["Failing failed to export; a span is lost"]


def test_what_is_no_exporter():
    """An exporter of OpenTelemetry's, and anything without `export`, is refused with what to do."""
    with pytest.raises(TypeError, match="got ConsoleSpanExporter of OpenTelemetry: hand it to a BatchSpanProcessor"):
        LegacyExporterProcessor(ConsoleSpanExporter())
    with pytest.raises(TypeError, match="with the method export, got object"):
        LegacyExporterProcessor(object())


def test_flush(kept):
    """A flush waits for the exporter's transport, and no longer than it may."""
    done, go_on = threading.Event(), threading.Event()

    class Sending(Exporter):
        def __init__(self):
            self.transport = AsyncTransport(self, wait_period=0.0)

        def emit(self, span_datas):
            go_on.wait(60.0)
            done.set()

        def export(self, span_datas):
            self.transport.export(span_datas)

    sending = Sending()
    provider, tracer = provider_of(sending)
    with tracer.start_as_current_span("work"):
        pass
    assert not provider.force_flush(10)
    go_on.set()
    assert provider.force_flush(60_000)
    assert done.is_set()
    assert sending.transport.worker.stop()
    assert provider_of(kept)[0].force_flush(60_000)


def test_an_exporter_to_application_insights(endpoint):
    """A subclass of AzureExporter sends spans of OpenTelemetry code in their shape, by its telemetry processors, once."""

    class Marking(AzureExporter):
        def __init__(self, **options):
            super().__init__(**options)
            self.add_telemetry_processor(mark)

    def mark(envelope):
        envelope.data.baseData.properties["marked"] = "yes"

    provider, tracer = provider_of(Marking(connection_string=endpoint.connection_string, export_interval=3600.0))
    opencensus_compat.configure(tracer_provider=provider)
    with tracer.start_as_current_span("work"):
        assert trace_api.get_current_span().is_recording()
    assert opencensus_compat.flush(60.0)
    (envelope,) = endpoint.envelopes()
    base = envelope["data"]["baseData"]
    assert (base["name"], base["type"], base["properties"]) == ("work", "InProc", {"marked": "yes"})


def test_counts_of_an_exporter_with_steps_of_its_own(endpoint):
    """A subclass of AzureExporter that converts spans itself sends them with the rate of OpenTelemetry's sampler, so that counts are right."""

    class Converting(AzureExporter):
        def span_data_to_envelope(self, span_data):
            (envelope,) = super().span_data_to_envelope(span_data)
            envelope.data.baseData.properties["own"] = "yes"
            yield envelope

    exporter = Converting(connection_string=endpoint.connection_string, export_interval=3600.0)
    provider, tracer = provider_of(exporter, sampler=ParentBased(TraceIdRatioBased(0.999999)))
    opencensus_compat.configure(tracer_provider=provider)
    with tracer.start_as_current_span("outer"), tracer.start_as_current_span("inner"):
        pass
    assert opencensus_compat.flush(60.0)
    envelopes = endpoint.envelopes()
    assert [(each["data"]["baseData"]["name"], each["data"]["baseData"]["properties"]["own"]) for each in envelopes] == [
        ("inner", "yes"),
        ("outer", "yes"),
    ]
    assert all(99 < each["sampleRate"] < 100 for each in envelopes)
