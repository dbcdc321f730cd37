"""What the OpenCensus bridges of OpenTelemetry for Go, Java and Python could not do, or got wrong: each is a test here.

Go: https://pkg.go.dev/go.opentelemetry.io/otel/bridge/opencensus. Java: opentelemetry-java 5475, opentelemetry-java-instrumentation 6876
and 8148. Python: opentelemetry-python 3210, and what running that shim shows.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timezone

import pytest
from opentelemetry import trace as trace_api
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext as OtelSpanContext
from opentelemetry.trace import SpanKind, StatusCode, TraceFlags

from opencensus_compat.trace import execution_context, link, samplers, status, time_event
from opencensus_compat.trace import span as span_module
from opencensus_compat.trace.propagation.binary_format import BinaryFormatPropagator
from opencensus_compat.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus_compat.trace.span_context import SpanContext
from opencensus_compat.trace.tracer import Tracer

TRACE_ID, SPAN_ID = "6e0c63257de34c92bf9efcd03927272e", "00f067aa0ba902b7"
TRACEPARENT = {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01"}


@pytest.fixture
def tracer(otel, kept):
    """A tracer that samples everything."""
    return Tracer(sampler=samplers.AlwaysOnSampler(), exporter=kept)


REMOTE = {
    "W3C": lambda: TraceContextPropagator().from_headers(TRACEPARENT),
    "binary": lambda: BinaryFormatPropagator().from_header(bytes.fromhex(f"0000{TRACE_ID}01{SPAN_ID}0201")),
    "by hand": lambda: SpanContext(TRACE_ID, SPAN_ID),
}


@pytest.mark.parametrize("remote", REMOTE.values(), ids=REMOTE)
def test_java_remote_parent(remote, otel, kept):
    """A remote parent is the parent, in the same trace, and no link. In Java it was a link, and the trace a new one."""
    with Tracer(remote(), samplers.AlwaysOnSampler(), kept).span("server"), otel.tracer.start_as_current_span("inside"):
        pass
    server = otel.spans["server"]
    assert (f"{server.context.trace_id:032x}", f"{server.parent.span_id:016x}", server.parent.is_remote) == (TRACE_ID, SPAN_ID, True)
    assert server.links == ()
    assert otel.parents["inside"] == "server"
    assert (kept.spans[0].parent_span_id, kept.spans[0].context.trace_id) == (SPAN_ID, TRACE_ID)


@pytest.mark.parametrize("outer", ["otel", "none"])
def test_java_unsampled_parent(outer, otel, kept):
    """An unsampled OpenCensus span keeps the context whole: what is inside it is unsampled in its trace, what is beside it is not touched.

    In Java the context broke there, and children became orphans.
    """
    off = Tracer(sampler=samplers.AlwaysOffSampler(), exporter=kept)
    with otel.tracer.start_as_current_span("outer") if outer == "otel" else off.span("unsampled root"):
        around = trace_api.get_current_span().get_span_context()
        with off.span("census"), otel.tracer.start_as_current_span("inside") as inside:
            assert inside.get_span_context().trace_id == around.trace_id
            assert inside.is_recording() is (outer == "otel")
        with otel.tracer.start_as_current_span("beside") as beside:
            assert beside.get_span_context().trace_id == around.trace_id
    expected = {"outer": None, "census": "outer", "inside": "census", "beside": "outer"} if outer == "otel" else {}
    assert otel.parents == expected


ENDINGS = {
    "with": lambda tracer: tracer.current_span().__exit__(None, None, None),
    "finish": lambda tracer: tracer.current_span().finish(),
    "end_span": lambda tracer: tracer.end_span(),
    "tracer.finish": lambda tracer: tracer.finish(),
    "clean": lambda _: execution_context.clean(),
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_java_scope_exit(ending, otel, tracer):
    """Whatever OpenCensus code ends inside an OpenTelemetry span, that span goes on, is current, and gets what comes later."""
    with otel.tracer.start_as_current_span("otel") as span:
        with tracer.span("census"):
            pass
        ending(tracer)
        assert span.is_recording()
        assert trace_api.get_current_span() is span
        span.set_attribute("late", True)
        with tracer.span("later"):
            pass
    assert otel.spans["otel"].attributes == {"late": True}
    assert otel.parents == {"census": "otel", "later": "otel", "otel": None}


class OwnSpan(trace_api.NonRecordingSpan):
    """A span of a tracer that is neither the SDK's nor ours."""


def another_sdk():
    """Return a running span of a provider that the facades do not use."""
    return TracerProvider(shutdown_on_exit=False).get_tracer("other").start_span("other")


FOREIGN = {
    "of another provider": another_sdk,
    "of another implementation": lambda: OwnSpan(OtelSpanContext(int(TRACE_ID, 16), int(SPAN_ID, 16), False, TraceFlags(1))),
    "remote": lambda: trace_api.NonRecordingSpan(OtelSpanContext(int(TRACE_ID, 16), int(SPAN_ID, 16), True, TraceFlags(1))),
}


@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN)
def test_go_foreign_spans(make, otel, tracer):
    """A span that the bridge did not make can be the current one for OpenCensus, and parents what OpenCensus code starts."""
    foreign = make()
    context = foreign.get_span_context()
    with trace_api.use_span(foreign, end_on_exit=False):
        current = execution_context.get_current_span()
        assert current.span_id == f"{context.span_id:016x}"
        current.add_attribute("k", "v")
        current.add_annotation("a")
        current.add_link(link.Link(TRACE_ID, SPAN_ID))
        with tracer.span("census"):
            pass
    census = otel.spans["census"]
    assert (census.context.trace_id, census.parent.span_id) == (context.trace_id, context.span_id)
    execution_context.set_current_span(current)
    assert trace_api.get_current_span().get_span_context() == context


def test_go_add_link(otel, tracer):
    """A link added to a running span is on the span. In Go it is ignored."""
    with tracer.span("s") as span:
        span.add_link(link.Link(TRACE_ID, SPAN_ID))
    [found] = otel.spans["s"].links
    assert (f"{found.context.trace_id:032x}", f"{found.context.span_id:016x}") == (TRACE_ID, SPAN_ID)


class Named(samplers.Sampler):
    """A program's own sampler."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def should_sample(self, span_context):
        """Answer as told."""
        self.asked.append(span_context.trace_id)
        return self.answer


@pytest.mark.parametrize("answer", [True, False])
def test_go_custom_samplers(answer, otel, kept):
    """A program's own sampler decides, for each trace. In Go it is not asked, and each span logs an error."""
    sampler = Named(answer)
    tracer = Tracer(sampler=sampler, exporter=kept)
    for _ in range(3):
        with tracer.span("s"):
            pass
    assert len(set(sampler.asked)) == 3
    assert (len(kept.spans), len(otel.exporter.get_finished_spans())) == ((3, 3) if answer else (0, 0))


def test_quiet(otel, tracer, caplog):
    """Nothing that OpenCensus programs do every day writes to the log. The bridges warn at each call."""
    with caplog.at_level(logging.DEBUG), tracer.span("s") as span:
        span.span_kind = span_module.SpanKind.CLIENT
        span.name = "other"
        span.set_status(status.Status(0, "fine"))
        span.add_link(link.Link(TRACE_ID, SPAN_ID))
        span.add_annotation("a")
        span.add_message_event(time_event.MessageEvent(None, 1))
        tracer.add_attribute_to_current_span("k", "v")
        with otel.tracer.start_as_current_span("otel"):
            execution_context.get_current_span().add_attribute("k", "v")
    tracer.finish()
    assert caplog.records == []


def test_exporters_calls(run_program, endpoint):
    """With the integrations of requests and http.client on, the exporter's own calls make no spans: three go in, three arrive, and no more.

    In Go a bridge collects from all libraries that use OpenCensus, the exporter's among them.
    """
    run_program(
        """
        from opencensus.ext.azure.trace_exporter import AzureExporter
        from opencensus.trace import config_integration
        from opencensus.trace.samplers import AlwaysOnSampler
        from opencensus.trace.tracer import Tracer
        import opencensus_compat

        tracer = Tracer(sampler=AlwaysOnSampler(), exporter=AzureExporter())
        config_integration.trace_integrations(["requests", "httplib", "threading", "logging"], tracer)
        for number in range(3):
            with tracer.span(f"work {number}"):
                # An export inside an open span, on this thread.
                opencensus_compat.flush()
        """,
        APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string,
    )
    endpoint.wait_for(3)
    endpoint.wait_idle()
    assert sorted(row["name"] for row in endpoint.rows("dependencies")) == ["work 0", "work 1", "work 2"]


@pytest.fixture(params=["UTC", "America/New_York"])
def _zone(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_zone")
def test_python_times(otel, tracer):
    """Times of message events do not depend on the local zone. In the Python shim they were off by the offset to UTC."""
    moment = datetime(2020, 1, 31, 10, 20, 30, 123456, tzinfo=timezone.utc)
    with tracer.span("s") as span:
        # Programs give UTC without saying so, as `datetime.utcnow()` returns it.
        span.add_message_event(time_event.MessageEvent(moment.replace(tzinfo=None), 1))
        span.annotations.append(time_event.Annotation(moment, "a"))
    assert [event.timestamp for event in otel.spans["s"].events] == [1_580_466_030_123_456_000] * 2


def test_python_after_start(otel, tracer):
    """Kind, name and status set after the start arrive. In the Python shim a server span arrived as an internal one called `span`."""
    with tracer.span() as span:
        span.span_kind = span_module.SpanKind.SERVER
        span.name = "GET /"
        span.set_status(status.Status(5, "not found"))
    found = otel.spans["GET /"]
    assert (found.kind, found.status.status_code, found.status.description) == (SpanKind.SERVER, StatusCode.ERROR, "not found")


def test_python_arguments(otel):
    """Sampler and exporter are what they say: an unsampled span reaches nobody, a sampled one the exporter, and `finish` ends it."""
    received = []

    class Receives:
        def export(self, span_datas):
            received.extend(span_datas)

    Tracer(sampler=samplers.AlwaysOffSampler(), exporter=Receives()).start_span("off")
    assert (received, otel.spans) == ([], {})
    execution_context.clean()
    tracer = Tracer(sampler=samplers.AlwaysOnSampler(), exporter=Receives())
    tracer.start_span("on")
    tracer.finish()
    assert ([data.name for data in received], list(otel.spans)) == (["on"], ["on"])


def test_python_fields(tracer):
    """A running span has hexadecimal ids, a start time and its attributes. In the Python shim they were a number, None and nothing."""
    with tracer.span("s") as span:
        span.add_attribute("k", "v")
        otel = trace_api.get_current_span().get_span_context()
        assert (span.span_id, dict(span.attributes)) == (f"{otel.span_id:016x}", {"k": "v"})
        assert span.start_time is not None
        assert tracer.span_context.trace_id == f"{otel.trace_id:032x}"


def test_a_sampled_opencensus_span_in_an_application_without_the_sdk(run_program):
    """Where OpenTelemetry is switched off, OpenCensus goes on: ids, parents, and SpanData for legacy exporters."""
    printed = run_program(
        """
        import logging
        from opencensus.trace.samplers import AlwaysOnSampler
        from opencensus.trace.tracer import Tracer

        logging.getLogger("opentelemetry").setLevel(logging.ERROR)  # older releases tell that they are off

        class Prints:
            def export(self, span_datas):
                for data in span_datas:
                    print(data.name, data.parent_span_id == outer.span_id)

        tracer = Tracer(sampler=AlwaysOnSampler(), exporter=Prints())
        with tracer.span("outer") as outer, tracer.span("inner"):
            pass
        """,
        OTEL_SDK_DISABLED="true",
    )
    assert printed == "inner True\nouter False\n"


def test_two_providers_of_the_application(otel, kept):
    """A span of a second provider is a parent like any other, and is not exported by the first."""
    second = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(second))
    tracer = Tracer(sampler=samplers.AlwaysOnSampler(), exporter=kept)
    with provider.get_tracer("second").start_as_current_span("second") as span, tracer.span("census"):
        pass
    assert [found.name for found in second.get_finished_spans()] == ["second"]
    assert otel.parents == {"census": span.get_span_context().span_id}
