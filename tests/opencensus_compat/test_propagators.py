"""Propagators of the two APIs read what the other wrote."""

from __future__ import annotations

import importlib.metadata
import json
from base64 import b64encode

import pytest
from opentelemetry import baggage, propagate
from opentelemetry import trace as trace_api
from opentelemetry.context import Context
from opentelemetry.propagators.b3 import B3MultiFormat, B3SingleFormat
from opentelemetry.trace import SpanContext as OtelSpanContext
from opentelemetry.trace import TraceFlags, TraceState
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from opencensus_compat import propagators
from opencensus_compat.tags import Tag, TagMap
from opencensus_compat.tags.propagation.binary_serializer import BinarySerializer
from opencensus_compat.trace import samplers
from opencensus_compat.trace.propagation.b3_format import B3FormatPropagator
from opencensus_compat.trace.propagation.binary_format import BinaryFormatPropagator
from opencensus_compat.trace.propagation.google_cloud_format import GoogleCloudFormatPropagator
from opencensus_compat.trace.propagation.text_format import TextFormatPropagator
from opencensus_compat.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus_compat.trace.span_context import SpanContext
from opencensus_compat.trace.trace_options import TraceOptions
from opencensus_compat.trace.tracer import Tracer
from opencensus_compat.trace.tracestate import Tracestate

TRACE_ID, SPAN_ID = "6e0c63257de34c92bf9efcd03927272e", "00f067aa0ba902b7"
BINARY = bytes.fromhex(f"0000{TRACE_ID}01{SPAN_ID}0201")
BASE64 = b64encode(BINARY).decode().rstrip("=")


def otel_context(sampled=True, state=None):
    """Return an OpenTelemetry context with a current span of fixed ids."""
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    span = OtelSpanContext(int(TRACE_ID, 16), int(SPAN_ID, 16), False, flags, state)
    return trace_api.set_span_in_context(trace_api.NonRecordingSpan(span), Context())


def oc_context(sampled=True, state=None):
    """Return the same as an OpenCensus context."""
    return SpanContext(TRACE_ID, SPAN_ID, TraceOptions("1" if sampled else "0"), state)


def extracted(propagator, carrier):
    """Return trace id, span id, sampled flag and remoteness that a propagator finds; None where it finds nothing."""
    found = trace_api.get_current_span(propagator.extract(carrier, Context())).get_span_context()
    if not found.is_valid:
        return None
    return f"{found.trace_id:032x}", f"{found.span_id:016x}", bool(found.trace_flags.sampled), found.is_remote


def injected(propagator, context):
    """Return what a propagator writes."""
    carrier = {}
    propagator.inject(carrier, context)
    return carrier


class Grpc(dict):
    """Stands for the metadata of gRPC."""

    __module__ = "grpc.aio._metadata"


class GrpcSetter:
    """Stands for the setter of OpenTelemetry's instrumentation of gRPC."""

    __module__ = "opentelemetry.instrumentation.grpc._client"

    def set(self, carrier, key, value):
        """Set one."""
        carrier[key] = value


# name, OpenTelemetry propagator of ours, what OpenCensus code writes, how OpenCensus code reads it
FORMATS = {
    "binary": (
        propagators.OpenCensusBinaryPropagator(as_text=False),
        lambda context: {"grpc-trace-bin": BinaryFormatPropagator().to_header(context)},
        lambda carrier: BinaryFormatPropagator().from_header(carrier["grpc-trace-bin"]),
    ),
    "b3": (propagators.OpenCensusB3Propagator(), B3FormatPropagator().to_headers, B3FormatPropagator().from_headers),
    "cloud trace": (
        propagators.OpenCensusCloudTracePropagator(),
        GoogleCloudFormatPropagator().to_headers,
        GoogleCloudFormatPropagator().from_headers,
    ),
    "text": (
        propagators.OpenCensusTextPropagator(),
        lambda context: TextFormatPropagator().to_carrier(context, {}),
        TextFormatPropagator().from_carrier,
    ),
    "w3c": (TraceContextTextMapPropagator(), TraceContextPropagator().to_headers, TraceContextPropagator().from_headers),
}


@pytest.mark.parametrize("sampled", [True, False], ids=["sampled", "unsampled"])
@pytest.mark.parametrize("name", FORMATS)
def test_opentelemetry_reads_what_opencensus_wrote(name, sampled):
    """Ids and decision arrive as a remote parent."""
    propagator, write, _ = FORMATS[name]
    assert extracted(propagator, write(oc_context(sampled))) == (TRACE_ID, SPAN_ID, sampled, True)


@pytest.mark.parametrize("sampled", [True, False], ids=["sampled", "unsampled"])
@pytest.mark.parametrize("name", FORMATS)
def test_opencensus_reads_what_opentelemetry_wrote(name, sampled):
    """Ids arrive, and the decision; but OpenCensus's text form reads every decision as sampled."""
    propagator, _, read = FORMATS[name]
    found = read(injected(propagator, otel_context(sampled)))
    decision = sampled or name == "text"
    assert (found.trace_id, found.span_id, found.trace_options.get_enabled(), found.from_header) == (TRACE_ID, SPAN_ID, decision, True)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "w3c"])
def test_both_write_the_same(name):
    """For the same span the two APIs write the same headers, and the propagator names them."""
    propagator, write, _ = FORMATS[name]
    written = injected(propagator, otel_context())
    assert written == write(oc_context())
    assert set(written) == propagator.fields


def test_trace_state():
    """The trace state goes both ways in W3C headers; a member whose key OpenCensus does not know ends at its border."""
    otel = otel_context(state=TraceState([("vendor", "a"), ("tenant@other", "b")]))
    span = trace_api.get_current_span(otel)
    with trace_api.use_span(span):
        headers = TraceContextPropagator().to_headers(Tracer(exporter=propagators, sampler=samplers.AlwaysOnSampler()).span_context)
    assert headers == {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01", "tracestate": "vendor=a,tenant@other=b"}
    state = Tracestate()
    state["vendor"] = "a"
    carrier = TraceContextPropagator().to_headers(oc_context(state=state))
    found = trace_api.get_current_span(TraceContextTextMapPropagator().extract(carrier, Context())).get_span_context()
    assert found.trace_state.to_header() == "vendor=a"


def test_trace_state_through_both_apis(otel, kept):
    """A request's trace state goes through an OpenCensus server span and an OpenTelemetry span inside it to the next call of either API."""
    headers = {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01", "tracestate": "vendor=a,tenant@other=b"}
    context = TraceContextPropagator().from_headers(headers)
    tracer = Tracer(span_context=context, sampler=samplers.AlwaysOnSampler(), exporter=kept)
    with tracer.span("server"), otel.tracer.start_as_current_span("service"):
        by_opentelemetry = injected(TraceContextTextMapPropagator(), None)
        with tracer.span("call"):
            by_opencensus = tracer.propagator.to_headers(tracer.span_context)
    assert by_opentelemetry["tracestate"] == by_opencensus["tracestate"] == "vendor=a,tenant@other=b"


B3 = {
    "multi": {"x-b3-traceid": TRACE_ID, "x-b3-spanid": SPAN_ID, "x-b3-sampled": "1"},
    "canonical case": {"X-B3-TraceId": TRACE_ID, "X-B3-SpanId": SPAN_ID, "X-B3-Sampled": "1"},
    "single": {"b3": f"{TRACE_ID}-{SPAN_ID}-1"},
    "debug": {"b3": f"{TRACE_ID}-{SPAN_ID}-d"},
    "with a parent": {"b3": f"{TRACE_ID}-{SPAN_ID}-1-05e3ac9a4f6e3b90"},
}


@pytest.mark.parametrize("carrier", B3.values(), ids=B3)
def test_b3_forms(carrier):
    """Both forms of B3 are read, header names in any case."""
    assert extracted(propagators.OpenCensusB3Propagator(), carrier) == (TRACE_ID, SPAN_ID, True, True)


def test_b3_of_64_bits():
    """A trace id of 64 bits gets zeros in front."""
    carrier = {"b3": f"a3ce929d0e0e4736-{SPAN_ID}-0"}
    assert extracted(propagators.OpenCensusB3Propagator(), carrier) == ("0" * 16 + "a3ce929d0e0e4736", SPAN_ID, False, True)


@pytest.mark.parametrize("theirs", [B3MultiFormat(), B3SingleFormat()], ids=["multi", "single"])
def test_b3_beside_the_package_of_opentelemetry(theirs):
    """OpenTelemetry's own package for B3 and ours read each other."""
    ours = propagators.OpenCensusB3Propagator()
    assert extracted(ours, injected(theirs, otel_context())) == (TRACE_ID, SPAN_ID, True, True)
    assert extracted(B3MultiFormat(), injected(ours, otel_context())) == (TRACE_ID, SPAN_ID, True, True)


BINARY_CARRIERS = {
    "bytes": {"grpc-trace-bin": BINARY},
    "list of bytes": {"grpc-trace-bin": [BINARY]},
    "base64": {"grpc-trace-bin": BASE64},
    "base64, padded": {"grpc-trace-bin": b64encode(BINARY).decode()},
}


@pytest.mark.parametrize("carrier", BINARY_CARRIERS.values(), ids=BINARY_CARRIERS)
def test_binary_forms(carrier):
    """The binary form is read as bytes and as base64, with and without padding."""
    assert extracted(propagators.OpenCensusBinaryPropagator(), carrier) == (TRACE_ID, SPAN_ID, True, True)


def test_binary_by_carrier():
    """The metadata of gRPC, known by its module or its setter's, gets bytes; other carriers get text, which headers of HTTP can hold."""
    propagator = propagators.OpenCensusBinaryPropagator()
    metadata, with_setter = Grpc(), {}
    propagator.inject(metadata, otel_context())
    propagator.inject(with_setter, otel_context(), GrpcSetter())
    assert (metadata, with_setter) == ({"grpc-trace-bin": BINARY}, {"grpc-trace-bin": BINARY})
    assert injected(propagator, otel_context()) == {"grpc-trace-bin": BASE64}
    assert injected(propagators.OpenCensusBinaryPropagator(as_text=False), otel_context()) == {"grpc-trace-bin": BINARY}
    as_text = {}
    propagators.OpenCensusBinaryPropagator(as_text=True).inject(as_text, otel_context(), GrpcSetter())
    assert as_text == {"grpc-trace-bin": BASE64}


NOTHING = [
    {},
    {"grpc-trace-bin": b""},
    {"grpc-trace-bin": BINARY[:-1]},
    {"grpc-trace-bin": "not base64!"},
    {"grpc-trace-bin": "ÄÖ"},
    {"grpc-trace-bin": [7.5]},
    {"grpc-trace-bin": bytes(29)},
    {"b3": "0"},
    {"b3": "a-b-c-d-e"},
    {"x-b3-traceid": TRACE_ID},
    {"x-b3-traceid": "0" * 32, "x-b3-spanid": SPAN_ID},
    {"x-b3-traceid": TRACE_ID, "x-b3-spanid": "0" * 16},
    {"x-b3-traceid": "g" * 32, "x-b3-spanid": SPAN_ID},
    {"x-b3-traceid": TRACE_ID + "00", "x-b3-spanid": SPAN_ID},
    {"X-Cloud-Trace-Context": "nothing"},
    {"X-Cloud-Trace-Context": TRACE_ID},
    {"X-Cloud-Trace-Context": f"{TRACE_ID}/0;o=1"},
    {"X-Cloud-Trace-Context": f"{TRACE_ID}/{'9' * 20};o={'9' * 99}"},
    {"opencensus-trace-traceid": TRACE_ID},
    {"opencensus-trace-spanid": SPAN_ID},
    {"opencensus-trace-traceid": TRACE_ID, "opencensus-trace-spanid": SPAN_ID, "opencensus-trace-traceoptions": "x"},
    {"grpc-tags-bin": b"\x07"},
    {"grpc-tags-bin": b"\x00\x00\x7f"},
]
OURS = [
    propagators.OpenCensusBinaryPropagator(),
    propagators.OpenCensusB3Propagator(),
    propagators.OpenCensusCloudTracePropagator(),
    propagators.OpenCensusTextPropagator(),
    propagators.OpenCensusTagsPropagator(),
]


@pytest.mark.parametrize("carrier", NOTHING, ids=str)
def test_what_cannot_be_read_leaves_the_context_alone(carrier):
    """Whatever a request holds, nothing raises, and the span that was current stays."""
    before = otel_context()
    for propagator in OURS:
        assert propagator.extract(carrier, before) == before


@pytest.mark.parametrize("propagator", OURS, ids=lambda propagator: type(propagator).__name__)
def test_nothing_is_written_without_a_span(propagator):
    """Outside any span, and without baggage, a propagator writes nothing."""
    assert injected(propagator, Context()) == {}


def test_the_current_context_is_the_default(otel):
    """Without a context, the current one is read and written."""
    with trace_api.use_span(trace_api.get_current_span(otel_context())):
        for propagator, header in zip(
            OURS[:4], ("grpc-trace-bin", "x-b3-spanid", "X-Cloud-Trace-Context", "opencensus-trace-spanid"), strict=True
        ):
            carrier = {}
            propagator.inject(carrier)
            assert header in carrier
            assert trace_api.get_current_span(propagator.extract({})).get_span_context().span_id == int(SPAN_ID, 16)


def test_an_opencensus_span_is_written(otel, kept):
    """A propagator of OpenTelemetry inside an OpenCensus span names that span, also an unsampled one."""
    for sampler, flag in ((samplers.AlwaysOnSampler(), "1"), (samplers.AlwaysOffSampler(), "0")):
        tracer = Tracer(sampler=sampler, exporter=kept)
        with tracer.span("s"):
            carrier = {}
            propagators.OpenCensusB3Propagator().inject(carrier)
            assert carrier == B3FormatPropagator().to_headers(tracer.span_context)
            assert carrier["x-b3-sampled"] == flag


def test_tags_over_grpc():
    """Tags that an OpenCensus program sends are baggage, and baggage is sent as tags."""
    propagator = propagators.OpenCensusTagsPropagator(as_text=False)
    sent = BinarySerializer().to_byte_array(TagMap([Tag("tenant", "t7"), Tag("tier", "gold")]))
    before = baggage.set_baggage("tier", "none", baggage.set_baggage("own", "1", Context()))
    found = propagator.extract({"grpc-tags-bin": sent}, before)
    assert dict(baggage.get_all(found)) == {"own": "1", "tenant": "t7", "tier": "gold"}
    written = injected(propagator, found)["grpc-tags-bin"]
    assert dict(BinarySerializer().from_byte_array(written)) == {"own": "1", "tenant": "t7", "tier": "gold"}
    assert propagator.fields == {"grpc-tags-bin"}


def test_baggage_that_is_too_much_for_tags(caplog):
    """More than 8,192 characters are not sent as tags, and the log says so."""
    context = Context()
    for number in range(40):
        context = baggage.set_baggage(f"key {number}", "v" * 250, context)
    assert injected(propagators.OpenCensusTagsPropagator(), context) == {}
    assert "are too many to send" in caplog.text


class TestOpenTelemetryPropagator:
    """The propagator for OpenCensus tracers that does as OpenTelemetry is configured."""

    @pytest.fixture(autouse=True)
    def _global(self, monkeypatch):
        before = propagate.get_global_textmap()
        propagate.set_global_textmap(B3MultiFormat())
        yield
        propagate.set_global_textmap(before)

    def test_headers(self):
        """Headers are those of the configured propagator."""
        headers = propagators.OpenTelemetryPropagator().to_headers(oc_context())
        assert headers == {"x-b3-traceid": TRACE_ID, "x-b3-spanid": SPAN_ID, "x-b3-sampled": "1"}

    def test_it_writes_what_it_is_given(self):
        """Another span's context is written as it is, inside whatever span; one without a span writes nothing."""
        propagator = propagators.OpenTelemetryPropagator()
        with trace_api.use_span(trace_api.NonRecordingSpan(OtelSpanContext(1, 2, False, TraceFlags(1)))):
            assert propagator.to_headers(oc_context(sampled=False))["x-b3-traceid"] == TRACE_ID
            assert propagator.to_headers(SpanContext(TRACE_ID)) == {}

    def test_requests(self, otel, kept):
        """A tracer continues the trace that a request's headers name in that format."""
        headers = propagators.OpenTelemetryPropagator().to_headers(oc_context())
        context = propagators.OpenTelemetryPropagator().from_headers(headers)
        assert (context.trace_id, context.span_id, context.trace_options.get_enabled(), context.from_header) == (
            TRACE_ID,
            SPAN_ID,
            True,
            True,
        )
        with Tracer(span_context=context, sampler=samplers.AlwaysOnSampler(), exporter=kept).span("server"):
            pass
        assert otel.parents == {"server": int(SPAN_ID, 16)}

    @pytest.mark.parametrize("headers", [None, {}, {"x-b3-traceid": "no"}], ids=str)
    def test_requests_without(self, headers):
        """Without such headers the trace is new."""
        context = propagators.OpenTelemetryPropagator().from_headers(headers)
        assert (context.from_header, context.span_id) == (False, None)

    def test_trace_state_and_baggage(self):
        """What else OpenTelemetry hands on is written, too."""
        from opentelemetry.baggage.propagation import W3CBaggagePropagator
        from opentelemetry.context import attach, detach
        from opentelemetry.propagators.composite import CompositePropagator

        propagate.set_global_textmap(CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()]))
        state = Tracestate()
        state["vendor"] = "a"
        token = attach(baggage.set_baggage("tenant", "t7"))
        headers = propagators.OpenTelemetryPropagator().to_headers(oc_context(state=state))
        detach(token)
        assert headers == {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01", "tracestate": "vendor=a", "baggage": "tenant=t7"}
        assert propagators.OpenTelemetryPropagator().from_headers(headers).tracestate == state


NAMES = {
    "opencensus_binary": propagators.OpenCensusBinaryPropagator,
    "opencensus_b3": propagators.OpenCensusB3Propagator,
    "opencensus_cloud_trace": propagators.OpenCensusCloudTracePropagator,
    "opencensus_tags": propagators.OpenCensusTagsPropagator,
    "opencensus_text": propagators.OpenCensusTextPropagator,
}


def test_entry_points():
    """Each propagator has a name of its own that no package of OpenTelemetry uses."""
    points = importlib.metadata.entry_points(group="opentelemetry_propagator")
    ours = {point.name: point.load() for point in points if point.value.startswith("opencensus_compat.")}
    assert ours == NAMES
    assert not {point.name for point in points if not point.value.startswith("opencensus_compat.")} & set(NAMES)


def test_by_environment(run_program):
    """`OTEL_PROPAGATORS` alone makes a program read and write all formats, beside OpenTelemetry's own."""
    printed = run_program(
        """
        import json
        from opentelemetry import propagate

        carrier = {"x-b3-traceid": "TRACE", "x-b3-spanid": "SPAN", "x-b3-sampled": "1"}
        written = {}
        propagate.inject(written, propagate.extract(carrier))
        print(json.dumps(written))
        """.replace("TRACE", TRACE_ID).replace("SPAN", SPAN_ID),
        OTEL_PROPAGATORS=f"tracecontext,baggage,b3,{','.join(NAMES)}",
    )
    assert json.loads(printed) == {
        "traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01",
        "b3": f"{TRACE_ID}-{SPAN_ID}-1",
        "grpc-trace-bin": BASE64,
        **FORMATS["b3"][1](oc_context()),
        **FORMATS["cloud trace"][1](oc_context()),
        **FORMATS["text"][1](oc_context()),
    }
