"""The five formats that carry a span context; `tests/parity` compares many more inputs with the real package."""

from __future__ import annotations

import pytest

from opencensus_compat.trace.propagation.b3_format import B3FormatPropagator
from opencensus_compat.trace.propagation.binary_format import BinaryFormatPropagator
from opencensus_compat.trace.propagation.google_cloud_format import GoogleCloudFormatPropagator
from opencensus_compat.trace.propagation.text_format import TextFormatPropagator
from opencensus_compat.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus_compat.trace.propagation.tracestate_string_format import TracestateStringFormatter
from opencensus_compat.trace.span_context import SpanContext
from opencensus_compat.trace.trace_options import TraceOptions

TRACE_ID = "6e0c63257de34c92bf9efcd03927272e"
SPAN_ID = "00f067aa0ba902b7"

WRITTEN = {
    "w3c": {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01"},
    "b3": {"x-b3-traceid": TRACE_ID, "x-b3-spanid": SPAN_ID, "x-b3-sampled": "1"},
    "google": {"X-Cloud-Trace-Context": f"{TRACE_ID}/67667974448284343;o=1"},
    "binary": bytes.fromhex(f"00 00{TRACE_ID} 01{SPAN_ID} 0201"),
    "text": {"opencensus-trace-traceid": TRACE_ID, "opencensus-trace-spanid": SPAN_ID, "opencensus-trace-traceoptions": "1"},
}


def write(name, context):
    """Return a context in the format of the given name."""
    return {
        "w3c": TraceContextPropagator().to_headers,
        "b3": B3FormatPropagator().to_headers,
        "google": GoogleCloudFormatPropagator().to_headers,
        "binary": BinaryFormatPropagator().to_header,
        "text": lambda context: TextFormatPropagator().to_carrier(context, {}),
    }[name](context)


def read(name, carrier):
    """Return the context that the carrier holds in the format of the given name."""
    return {
        "w3c": TraceContextPropagator().from_headers,
        "b3": B3FormatPropagator().from_headers,
        "google": GoogleCloudFormatPropagator().from_headers,
        "binary": BinaryFormatPropagator().from_header,
        "text": TextFormatPropagator().from_carrier,
    }[name](carrier)


@pytest.mark.parametrize("name", WRITTEN)
def test_written_form(name):
    """Each format writes ids and decision in its own way."""
    assert write(name, SpanContext(TRACE_ID, SPAN_ID, TraceOptions("1"))) == WRITTEN[name]


@pytest.mark.parametrize("name", WRITTEN)
def test_read_form(name):
    """Each format reads back what it wrote, as a context from a request."""
    context = read(name, WRITTEN[name])
    assert (context.trace_id, context.span_id, context.trace_options.enabled, context.from_header) == (TRACE_ID, SPAN_ID, True, True)


@pytest.mark.parametrize("name", ["w3c", "b3", "google", "binary"])
def test_unsampled_stays_unsampled(name):
    """A parent that is not sampled arrives as such."""
    context = read(name, write(name, SpanContext(TRACE_ID, SPAN_ID, TraceOptions("0"))))
    assert (context.trace_id, context.span_id, context.trace_options.enabled) == (TRACE_ID, SPAN_ID, False)


@pytest.mark.parametrize("name", ["w3c", "b3", "google", "binary"])
def test_nothing_received_is_a_new_trace(name):
    """Without headers there is a new trace that the sampler decides about."""
    for carrier in (None, b"" if name == "binary" else {}):
        context = read(name, carrier)
        assert (context.span_id, context.trace_options.enabled, context.from_header) == (None, False, False)


@pytest.mark.parametrize(
    ("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True), ("0b", True), ("fe", False), ("ff", True)]
)
def test_flags_of_traceparent_are_hexadecimal(flags, sampled):
    """The lowest bit of any flags, also of those that W3C has yet to define, is the decision."""
    context = read("w3c", {"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-{flags}"})
    assert (context.span_id, context.trace_options.enabled, context.trace_options.get_enabled()) == (SPAN_ID, sampled, sampled)


def test_tracestate_travels():
    """A tracestate header is kept and written again; a broken one is left out, and the parent stays."""
    headers = {**WRITTEN["w3c"], "tracestate": "vendor=1,tenant@vendor=2"}
    assert write("w3c", read("w3c", headers)) == headers
    assert write("w3c", read("w3c", {**WRITTEN["w3c"], "tracestate": "a=1,a=2"})) == WRITTEN["w3c"]


def test_tracestate_text_of_a_broken_member():
    """Reading a trace state alone raises ValueError and says which member."""
    with pytest.raises(ValueError, match="illegal key-value format 'b': expected key=value"):
        TracestateStringFormatter().from_string("a=1,b")


def test_b3_in_one_header():
    """The one-header form is read too; a 64-bit trace id gets zeros in front."""
    context = read("b3", {"b3": f"{TRACE_ID[:16]}-{SPAN_ID}-d-{SPAN_ID}"})
    assert (context.trace_id, context.span_id, context.trace_options.enabled) == ("0" * 16 + TRACE_ID[:16], SPAN_ID, True)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("w3c", {"traceparent": f"00-{TRACE_ID}-None-01"}),
        ("b3", {"x-b3-traceid": TRACE_ID, "x-b3-spanid": "0" * 16, "x-b3-sampled": "1"}),
        ("google", {"X-Cloud-Trace-Context": f"{TRACE_ID}/0;o=1"}),
        ("binary", bytes.fromhex(f"00 00{TRACE_ID} 01{'0' * 16} 0201")),
        ("text", {"opencensus-trace-traceid": TRACE_ID, "opencensus-trace-traceoptions": "1"}),
    ],
)
def test_a_missing_span_is_written(name, written):
    """Outside any span each format has its way to say so, and none raises."""
    assert write(name, SpanContext(TRACE_ID, None, TraceOptions("1"))) == written


def test_text_keys_in_any_case():
    """A plain dict with keys in upper case is read, and its options can be switched, as a tracer does."""
    context = read("text", {key.upper(): value for key, value in WRITTEN["text"].items()})
    context.trace_options.set_enabled(True)
    assert (context.trace_id, context.span_id, write("text", context)) == (TRACE_ID, SPAN_ID, WRITTEN["text"])
