"""From an ended span to its resource: whose telemetry goes where, with which processors, at which rate."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from datetime import datetime, timezone

import pytest
from opentelemetry import trace as trace_api
from opentelemetry.sdk.trace import SpanProcessor, SynchronousMultiSpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

import opencensus_compat
from opencensus_compat._bridge.pipeline.ending import shut_down_parts
from opencensus_compat._bridge.process import SCOPE
from opencensus_compat.ext.azure.trace_exporter import AzureExporter
from opencensus_compat.trace import execution_context, samplers
from opencensus_compat.trace.print_exporter import PrintExporter
from opencensus_compat.trace.time_event import MessageEvent, Type
from opencensus_compat.trace.tracer import Tracer
from opencensus_compat.trace.tracers.context_tracer import PROVIDER

ON = samplers.AlwaysOnSampler()
KEYS = {"A": str(uuid.UUID(int=0xA)), "B": str(uuid.UUID(int=0xB))}


class Tenants:
    """Two resources at one endpoint, and what each received."""

    def __init__(self, endpoint):
        self._endpoint = endpoint

    def exporter(self, tenant, **options):
        """Return a new exporter for a tenant."""
        text = f"InstrumentationKey={KEYS[tenant]};IngestionEndpoint={self._endpoint.url}"
        return AzureExporter(connection_string=text, export_interval=3600.0, **options)

    def tracer(self, tenant):
        """Return a new tracer for a tenant."""
        return Tracer(sampler=ON, exporter=self.exporter(tenant))

    def received(self):
        """Tenant -> names of what it received, sorted; nothing was refused."""
        assert opencensus_compat.flush(60.0)
        names = {tenant: [] for tenant in KEYS}
        tenants = {key: tenant for tenant, key in KEYS.items()}
        for envelope in self._endpoint.envelopes():
            names[tenants[envelope["iKey"]]].append(envelope["data"]["baseData"]["name"])
        assert self._endpoint.refused == []
        return {tenant: sorted(received) for tenant, received in names.items()}


@pytest.fixture
def tenants(endpoint, otel):
    """Two resources; A is configured first, so it is the default."""
    return Tenants(endpoint)


def _span(tracer, name):
    with tracer.span(name):
        pass


def test_two_exporters_with_different_keys(tenants):
    """Each tracer's spans reach its own resource only."""
    a, b = tenants.tracer("A"), tenants.tracer("B")
    _span(a, "a")
    _span(b, "b")
    assert tenants.received() == {"A": ["a"], "B": ["b"]}


def test_nested(tenants, otel):
    """Inside each other, each span goes where its own tracer sends, in one trace; OpenTelemetry spans follow the span they are in."""
    a, b = tenants.tracer("A"), tenants.tracer("B")
    with a.span("a1"), otel.tracer.start_as_current_span("a2"):
        with b.span("b1"), otel.tracer.start_as_current_span("b2"), otel.tracer.start_as_current_span("b3"), b.span("b4"):
            pass
        with otel.tracer.start_as_current_span("a3"):
            pass
    assert tenants.received() == {"A": ["a1", "a2", "a3"], "B": ["b1", "b2", "b3", "b4"]}
    assert len(otel.trace_ids) == 1


def test_opentelemetry_spans_outside_go_to_the_first_resource(tenants, otel):
    """A span that has no OpenCensus span around it belongs to the resource configured first, where the application asks for it."""
    opencensus_compat.configure(adopt_providers=True)
    a, b = tenants.tracer("A"), tenants.tracer("B")
    with otel.tracer.start_as_current_span("outside"), b.span("b"):
        pass
    _span(a, "a")
    assert tenants.received() == {"A": ["a", "outside"], "B": ["b"]}


def test_an_opentelemetry_span_that_outlives_the_one_around_it(tenants, otel):
    """It goes where the span was that it was started in, also when it ends outside."""
    tenants.tracer("A")
    with tenants.tracer("B").span("b"):
        late = otel.tracer.start_span("late")
    late.end()
    assert tenants.received() == {"A": [], "B": ["b", "late"]}


def test_integrations_without_a_tracer_of_their_own(tenants, otel):
    """In a thread where no tracer was made, what integrations trace inside a tenant's span is the tenant's."""
    tenants.tracer("A")
    b = tenants.tracer("B")

    def work():
        with b.span("b1"):
            _span(execution_context.get_opencensus_tracer(), "b2")
            with otel.tracer.start_as_current_span("b3"):
                _span(execution_context.get_opencensus_tracer(), "b4")
                with execution_context.get_current_span().span("b5"):
                    pass
                with otel.tracer.start_as_current_span("b6"):
                    pass

    _run_in_threads([work])
    assert tenants.received() == {"A": [], "B": ["b1", "b2", "b3", "b4", "b5", "b6"]}


def _run_in_threads(calls):
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_concurrent_threads(tenants, otel):
    """Twenty threads of two tenants at once, with OpenTelemetry spans inside: nothing is mixed."""
    tracers = {tenant: tenants.tracer(tenant) for tenant in KEYS}
    barrier = threading.Barrier(20)

    def work(tenant, number):
        with tracers[tenant].span(f"{tenant} outer {number}"):
            barrier.wait()
            with otel.tracer.start_as_current_span(f"{tenant} otel {number}"):
                barrier.wait()
                _span(tracers[tenant], f"{tenant} inner {number}")

    _run_in_threads([lambda n=n: work("AB"[n % 2], n) for n in range(20)])
    received = tenants.received()
    assert {tenant: {name[0] for name in names} for tenant, names in received.items()} == {"A": {"A"}, "B": {"B"}}
    assert [len(names) for names in received.values()] == [30, 30]


def test_concurrent_tasks(tenants, otel):
    """The same in asyncio tasks."""
    tracers = {tenant: tenants.tracer(tenant) for tenant in KEYS}

    async def work(tenant):
        with tracers[tenant].span(f"{tenant} outer"):
            await asyncio.sleep(0)
            with otel.tracer.start_as_current_span(f"{tenant} otel"):
                await asyncio.sleep(0)
                _span(tracers[tenant], f"{tenant} inner")

    async def main():
        await asyncio.gather(*(work("AB"[number % 2]) for number in range(20)))

    asyncio.run(main())
    received = tenants.received()
    assert {tenant: {name[0] for name in names} for tenant, names in received.items()} == {"A": {"A"}, "B": {"B"}}
    assert [len(names) for names in received.values()] == [30, 30]


def test_an_exporter_with_an_export_of_its_own(tenants, otel):
    """OpenTelemetry spans inside a span whose exporter overrides `export` go to that exporter's resource, not to the first one."""

    class Own(AzureExporter):
        def export(self, items):
            seen.append([item.name for item in items])
            super().export(items)

    seen = []
    tenants.tracer("A")
    exporter = Own(connection_string=tenants.exporter("B").options.connection_string, export_interval=3600.0)
    with Tracer(sampler=ON, exporter=exporter).span("b1"), otel.tracer.start_as_current_span("b2"):
        pass
    assert tenants.received() == {"A": [], "B": ["b1", "b2"]}
    assert seen == [["b1"]]


def test_a_foreign_exporter_sends_nothing_to_azure(tenants, otel, kept, capsys):
    """Spans of a tracer that prints, or keeps, are not sent to a resource that another tracer uses."""
    a = tenants.tracer("A")
    _span(Tracer(sampler=ON, exporter=kept), "kept")
    _span(Tracer(sampler=ON, exporter=PrintExporter()), "printed")
    with a.span("a"):
        _span(Tracer(sampler=ON, exporter=kept), "kept inside")
    assert tenants.received() == {"A": ["a"], "B": []}
    assert kept.names == ["kept", "kept inside"]
    assert capsys.readouterr().out.startswith("[SpanData(name='printed'")


def test_spans_reach_the_applications_own_processors_once(tenants, otel):
    """A provider that the application set sees facade spans like any other, and each once."""
    with tenants.tracer("A").span("a"), otel.tracer.start_as_current_span("otel"):
        pass
    assert [span.name for span in otel.exporter.get_finished_spans()] == ["otel", "a"]
    assert tenants.received()["A"] == ["a", "otel"]


class _Seeing(SpanProcessor):
    def __init__(self):
        self.seen = []

    def on_start(self, span, parent_context=None):
        self.seen.append(f"{span.name} starts")

    def on_end(self, span):
        self.seen.append(f"{span.name} ends")


def test_a_processor_that_comes_later_sees_the_next_span_start(tenants):
    """A provider with no other processor before shows each span from then on, its start as well."""
    provider, seeing = TracerProvider(), _Seeing()
    opencensus_compat.configure(tracer_provider=provider)
    tracer = tenants.tracer("A")
    _span(tracer, "before")
    provider.add_span_processor(seeing)
    _span(tracer, "after")
    assert seeing.seen == ["after starts", "after ends"]
    assert tenants.received()["A"] == ["after", "before"]


def test_several_processors_of_a_programs_own_class_see_every_span(tenants):
    """They may do more than to call each."""
    seeing = _Seeing()

    class Several(SynchronousMultiSpanProcessor):
        def on_start(self, span, parent_context=None):
            seeing.on_start(span, parent_context)
            super().on_start(span, parent_context)

        def on_end(self, span):
            seeing.on_end(span)
            super().on_end(span)

    opencensus_compat.configure(tracer_provider=TracerProvider(active_span_processor=Several()))
    tracer = tenants.tracer("A")
    _span(tracer, "a")
    _span(tracer, "b")
    assert seeing.seen == ["a starts", "a ends", "b starts", "b ends"]
    assert tenants.received()["A"] == ["a", "b"]


# --- Telemetry processors --------------------------------------------------------------------------------------------------------


def _marking(mark):
    def processor(envelope):
        properties = envelope.data.baseData.properties
        properties["marks"] = properties.get("marks", "") + mark

    return processor


def _marks(endpoint):
    assert opencensus_compat.flush(60.0)
    found = {}
    for envelope in endpoint.envelopes():
        data = envelope["data"]["baseData"]
        found[data["name"]] = data["properties"].get("marks", "")
    return found


def test_processors_run_in_order(tenants, endpoint):
    """Processors see the envelope one after the other, in the order in which they were added; False drops it."""
    exporter = tenants.exporter("A")
    for mark in "xyz":
        exporter.add_telemetry_processor(_marking(mark))
    exporter.add_telemetry_processor(lambda envelope: envelope.data.baseData.name != "dropped")
    exporter.add_telemetry_processor(_marking("!"))
    tracer = Tracer(sampler=ON, exporter=exporter)
    _span(tracer, "kept")
    _span(tracer, "dropped")
    assert _marks(endpoint) == {"kept": "xyz!"}
    exporter.clear_telemetry_processors()
    _span(tracer, "dropped")
    assert _marks(endpoint) == {"kept": "xyz!", "dropped": ""}


def test_processors_of_one_handle_never_touch_anothers_spans(tenants, otel, endpoint):
    """Three handles of one resource, each with a processor: each sees its own spans and the OpenTelemetry spans inside them.

    OpenTelemetry spans outside get the processors of the handle made first, where the application asks for them.
    """
    opencensus_compat.configure(adopt_providers=True)
    handles = {name: tenants.exporter("A") for name in "123"}
    for name, handle in handles.items():
        handle.add_telemetry_processor(_marking(name))
    tracers = {name: Tracer(sampler=ON, exporter=handle) for name, handle in handles.items()}
    with otel.tracer.start_as_current_span("outside"):
        pass
    for name, tracer in tracers.items():
        with tracer.span(f"oc {name}"), otel.tracer.start_as_current_span(f"otel {name}"):
            pass
    with tracers["2"].span("2 around"), tracers["3"].span("3 inside"), otel.tracer.start_as_current_span("3 innermost"):
        pass
    expected = {f"{api} {name}": name for api in ("oc", "otel") for name in "123"}
    assert _marks(endpoint) == {**expected, "outside": "1", "2 around": "2", "3 inside": "3", "3 innermost": "3"}


def test_a_processor_that_raises(tenants, endpoint, caplog):
    """It is logged and skipped: the span arrives, the next processor runs, other spans are unharmed."""
    exporter = tenants.exporter("A")

    def failing(envelope):
        raise RuntimeError("broken")

    exporter.add_telemetry_processor(failing)
    exporter.add_telemetry_processor(_marking("after"))
    tracer = Tracer(sampler=ON, exporter=exporter)
    _span(tracer, "first")
    _span(tracer, "second")
    assert _marks(endpoint) == {"first": "after", "second": "after"}
    assert {record.getMessage() for record in caplog.records} == {"Telemetry processor failed with: broken."}


# --- The envelope ----------------------------------------------------------------------------------------------------------------


def test_the_sample_rate_reaches_the_envelope(tenants, otel, endpoint):
    """A root kept at rate 0.5, its children of either API, with and without telemetry processors: all say 50 percent."""
    plain = tenants.exporter("A")
    processed = tenants.exporter("A")
    processed.add_telemetry_processor(_marking("x"))
    for name, exporter in (("plain", plain), ("processed", processed)):
        tracer = Tracer(sampler=samplers.ProbabilitySampler(0.5), exporter=exporter)
        sampled = False
        while not sampled:
            with tracer.span(f"{name} root"), otel.tracer.start_as_current_span(f"{name} otel") as below, tracer.span(f"{name} inner"):
                sampled = below.is_recording()
    assert opencensus_compat.flush(60.0)
    rates = {envelope["data"]["baseData"]["name"]: envelope.get("sampleRate") for envelope in endpoint.envelopes()}
    assert rates == {f"{exporter} {name}": 50 for exporter in ("plain", "processed") for name in ("root", "otel", "inner")}


def test_everything_sampled_says_nothing(tenants, endpoint):
    """At rate one the envelope has no rate, or a hundred percent."""
    _span(Tracer(sampler=samplers.ProbabilitySampler(1.0), exporter=tenants.exporter("A")), "s")
    assert opencensus_compat.flush(60.0)
    assert endpoint.envelopes()[0].get("sampleRate", 100) == 100


def test_what_opentelemetry_code_adds_reaches_the_envelope(tenants, endpoint):
    """Attributes set through OpenTelemetry on an OpenCensus span are properties, with and without telemetry processors."""
    processed = tenants.exporter("A")
    processed.add_telemetry_processor(_marking("x"))
    for exporter in (tenants.exporter("A"), processed):
        with Tracer(sampler=ON, exporter=exporter).span("s"):
            trace_api.get_current_span().set_attribute("added", "by OpenTelemetry")
    assert opencensus_compat.flush(60.0)
    assert [envelope["data"]["baseData"]["properties"].get("added") for envelope in endpoint.envelopes()] == ["by OpenTelemetry"] * 2


HOSTILE = {"cycle": {}, "huge": 10**40, "surrogate": "\ud800", "number keys": {1: {2: 3}}, "bytes": b"\xff", "none": None, "set": {1}}
HOSTILE["cycle"]["self"] = HOSTILE["cycle"]


@pytest.mark.parametrize("processed", [False, True], ids=["plain", "with a processor"])
def test_hostile_attributes_arrive(tenants, endpoint, processed):
    """A span with values that JSON cannot hold arrives, and so do the spans around it."""
    exporter = tenants.exporter("A")
    if processed:
        exporter.add_telemetry_processor(_marking("x"))
    tracer = Tracer(sampler=ON, exporter=exporter)
    _span(tracer, "before")
    with tracer.span("hostile") as span:
        for key, value in HOSTILE.items():
            span.add_attribute(key, value)
    _span(tracer, "after")
    assert tenants.received()["A"] == ["after", "before", "hostile"]


# --- One pipeline ----------------------------------------------------------------------------------------------------------------


def test_message_events_reach_the_applications_own_processors(otel):
    """They do as the SDK's own would, whoever reads them from the span afterwards."""
    moment = datetime(2020, 1, 31, 10, 20, 30, 123456, tzinfo=timezone.utc)
    with Tracer(sampler=ON, exporter=PROVIDER).span(name="s") as span:
        for number in (1, 2):
            span.add_message_event(MessageEvent(moment, number, type=Type.SENT, uncompressed_size_bytes=7))
    sizes = {"message.uncompressed_size": 7, "message.compressed_size": 7}
    expected = [
        ("message", {"message.type": "SENT", "message.id": number, **sizes, "census.event": "message"}, 1580466030123456000)
        for number in (1, 2)
    ]
    for events in (otel.spans["s"].events, span._otel.events):
        assert [(event.name, dict(event.attributes), event.timestamp) for event in events] == expected


def test_flush_without_anything(otel):
    """Nothing waits, nothing is lost."""
    assert opencensus_compat.flush(60.0) is True
    assert opencensus_compat.shutdown(60.0) is True


def test_flush_tells_of_failure(tenants, endpoint):
    """`flush` is False when the service refused what waited."""
    endpoint.misbehave("status:code=400")
    _span(tenants.tracer("A"), "s")
    assert opencensus_compat.flush(60.0) is False


def test_flush_tells_stored_from_delivered(tenants, endpoint):
    """`flush` is False when what waited is on disk and not at the service; what an earlier flush stored does not count."""
    endpoint.stop()
    tracer = tenants.tracer("A")
    _span(tracer, "s")
    assert opencensus_compat.flush(60.0) is False
    assert opencensus_compat.flush(60.0) is True
    endpoint.start()


def test_flush_keeps_its_time(tenants, endpoint):
    """`flush` returns False when its time is over, also while the endpoint says nothing."""
    endpoint.misbehave("silence")
    _span(tenants.tracer("A"), "a")
    _span(tenants.tracer("B"), "b")
    begun_s = time.monotonic()
    assert opencensus_compat.flush(0.2) is False
    assert time.monotonic() - begun_s < 15
    assert opencensus_compat.shutdown(0.4) is False
    assert time.monotonic() - begun_s < 20


def test_what_was_stored_arrives(tenants, endpoint):
    """After an outage what was stored is sent without the program's doing anything."""
    endpoint.stop()
    tracer = Tracer(sampler=ON, exporter=tenants.exporter("A", minimum_retry_interval=0))
    _span(tracer, "s")
    assert opencensus_compat.flush(60.0) is False
    endpoint.start()
    (envelope,) = endpoint.wait_for(1)
    assert envelope["data"]["baseData"]["name"] == "s"


def test_two_threads_that_shut_down(tenants, endpoint):
    """The one that comes later returns when the other one has sent everything, and nothing is counted as lost."""
    endpoint.misbehave("delay_reply:seconds=1")
    exporter = tenants.exporter("A")
    _span(Tracer(sampler=ON, exporter=exporter), "s")
    first = threading.Thread(target=shut_down_parts, args=(None,))
    first.start()
    endpoint.wait_for(1)
    shut_down_parts(None)
    counts = exporter._pipeline.exporter.counts.snapshot()
    first.join()
    assert (counts.sent, counts.dropped) == (1, {})


def test_after_shutdown(tenants, endpoint):
    """`shutdown` sends what waits; what ends later raises nothing and sends nothing."""
    tracer = tenants.tracer("A")
    _span(tracer, "before")
    assert opencensus_compat.shutdown(60.0)
    _span(tracer, "after")
    assert [envelope["data"]["baseData"]["name"] for envelope in endpoint.envelopes()] == ["before"]


def test_exporting_is_not_traced(tenants, endpoint):
    """Code that runs while the pipeline exports knows it, as integrations ask, and the caller's thread is not touched."""
    seen = []
    exporter = tenants.exporter("A")
    exporter.add_telemetry_processor(lambda _: seen.append(execution_context.is_exporter()))
    _span(Tracer(sampler=ON, exporter=exporter), "s")
    assert opencensus_compat.flush(60.0)
    assert (seen, execution_context.is_exporter()) == ([True], False)


def test_names_of_the_pipeline():
    """The name by which the exporter knows facade spans."""
    assert SCOPE == "opencensus_compat"


def test_rates_of_opentelemetrys_own_samplers_reach_the_envelope(tenants, endpoint):
    """Where OpenTelemetry's ratio sampler keeps a trace, its spans say the rate, and so do OpenCensus spans inside."""
    provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(0.5)), shutdown_on_exit=False)
    opencensus_compat.configure(tracer_provider=provider)
    census, new = Tracer(sampler=ON, exporter=tenants.exporter("A")), provider.get_tracer("new")
    kept = False
    while not kept:
        with new.start_as_current_span("root") as root, census.span("legacy"), new.start_as_current_span("inner"):
            kept = root.is_recording()
    assert opencensus_compat.flush(60.0)
    rates = {envelope["data"]["baseData"]["name"]: envelope.get("sampleRate") for envelope in endpoint.envelopes()}
    assert rates == {"root": 50, "legacy": 50, "inner": 50}


SAMPLED_BY_ENVIRONMENT = """
import opencensus_compat
from opencensus.ext.azure.trace_exporter import AzureExporter
from opentelemetry import trace

AzureExporter()
for _ in range(200):
    with trace.get_tracer("new").start_as_current_span("work"):
        pass
assert opencensus_compat.flush(60.0)
"""


def test_a_provider_of_ours_takes_the_sampler_of_the_environment(run_program, endpoint):
    """`OTEL_TRACES_SAMPLER=microsoft.fixed_percentage` works where no provider was set, as in Microsoft's distribution."""
    run_program(
        SAMPLED_BY_ENVIRONMENT,
        APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string,
        OTEL_TRACES_SAMPLER="microsoft.fixed_percentage",
        OTEL_TRACES_SAMPLER_ARG="0.5",
    )
    assert 0 < len(endpoint.envelopes()) < 200
    assert {envelope["sampleRate"] for envelope in endpoint.envelopes()} == {50}
