"""Headers that anybody may send: in every format there is a context, which can be handed on, and nothing raises into the request."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opencensus_compat.trace.propagation.b3_format import B3FormatPropagator
from opencensus_compat.trace.propagation.binary_format import BinaryFormatPropagator
from opencensus_compat.trace.propagation.google_cloud_format import GoogleCloudFormatPropagator
from opencensus_compat.trace.propagation.text_format import TextFormatPropagator
from opencensus_compat.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus_compat.trace.samplers import AlwaysOnSampler
from opencensus_compat.trace.span_context import SpanContext
from opencensus_compat.trace.tracer import Tracer

pytestmark = pytest.mark.usefixtures("caplog")

TRACE_ID = "6e0c63257de34c92bf9efcd03927272e"
SPAN_ID = "00f067aa0ba902b7"

PIECES = st.sampled_from(
    [TRACE_ID, SPAN_ID, "0" * 32, "0" * 16, "00", "01", "ff", "-", "/", ";o=", "=", ",", "d", "1", "\u0661", "a=1", " "]
)
TEXTS = st.one_of(
    st.text(max_size=60), st.lists(PIECES, max_size=8).map("".join), st.text(alphabet=string.hexdigits + "-/;o=", max_size=80)
)
"""Header values: anything, and pieces of good ones in any order."""

HEADERS = {
    TraceContextPropagator: ("traceparent", "tracestate"),
    B3FormatPropagator: ("b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags"),
    GoogleCloudFormatPropagator: ("X-Cloud-Trace-Context",),
}


def goes_on(context, write):
    """Check that a trace can go on from a context, and that it can be handed on in the format that it came in.

    Not in every other: an id that begins with good digits is kept whole, as in OpenCensus, and the binary format has no room for it.
    """
    assert isinstance(context, SpanContext)
    write(context)


@pytest.mark.parametrize("propagator", HEADERS)
def test_any_text_in_any_header(propagator):
    """Whatever text the headers hold, there is a context, and it can be handed on in the same format."""

    @given(st.dictionaries(st.sampled_from(HEADERS[propagator]), TEXTS))
    def run(headers):
        goes_on(propagator().from_headers(headers), propagator().to_headers)

    run()


@given(st.dictionaries(st.sampled_from(["traceid", "spanid", "traceoptions"]), TEXTS))
def test_any_text_in_the_text_format(carrier):
    """The same for the text format's keys."""
    context = TextFormatPropagator().from_carrier({f"opencensus-trace-{key}": value for key, value in carrier.items()})
    goes_on(context, lambda context: TextFormatPropagator().to_carrier(context, {}))


@given(st.one_of(st.none(), st.binary(max_size=64), st.binary(min_size=29, max_size=29)))
def test_any_bytes_in_the_binary_format(data):
    """The same for the binary format's bytes."""
    goes_on(BinaryFormatPropagator().from_header(data), BinaryFormatPropagator().to_header)


@pytest.mark.parametrize("value", [f"{TRACE_ID}/1;o={'1' * 5000}", f"{TRACE_ID}/{'1' * 5000};o=1", f"{TRACE_ID};o={'0' * 5000}1"])
def test_digits_without_end(value):
    """A header with more digits than Python makes a number of continues the trace, unsampled if they were options; OpenCensus raised."""
    context = GoogleCloudFormatPropagator().from_header(value)
    assert context.trace_id == TRACE_ID
    goes_on(context, GoogleCloudFormatPropagator().to_header)


@given(TEXTS, TEXTS)
def test_a_tracer_goes_on(traceparent, tracestate):
    """A tracer takes whatever context came of the headers, and its spans are in that trace."""
    context = TraceContextPropagator().from_headers({"traceparent": traceparent, "tracestate": tracestate})
    tracer = Tracer(span_context=context, sampler=AlwaysOnSampler())
    with tracer.span("request") as span:
        assert span.context_tracer.trace_id == context.trace_id
