"""Headers of 64 KiB that anybody may send: reading them takes time in proportion to their length, in every format."""

from __future__ import annotations

import contextlib
import time

import pytest
from opentelemetry.context import Context

from opencensus_compat import propagators
from opencensus_compat.tags.propagation.binary_serializer import BinarySerializer
from opencensus_compat.trace.propagation.b3_format import B3FormatPropagator
from opencensus_compat.trace.propagation.binary_format import BinaryFormatPropagator
from opencensus_compat.trace.propagation.google_cloud_format import GoogleCloudFormatPropagator
from opencensus_compat.trace.propagation.text_format import TextFormatPropagator
from opencensus_compat.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus_compat.trace.propagation.tracestate_string_format import TracestateStringFormatter

pytestmark = pytest.mark.usefixtures("caplog")

LONG = 64 * 1024
TRACE_ID, SPAN_ID = "6e0c63257de34c92bf9efcd03927272e", "00f067aa0ba902b7"
PARENT = f"00-{TRACE_ID}-{SPAN_ID}-01"

HOSTILE = {
    "blanks": lambda n: " " * n,
    "tabs": lambda n: "\t" * n,
    "blanks around commas": lambda n: (" " * (n // 4) + ",") * 4,
    "commas": lambda n: "," * n,
    "blanks and commas": lambda n: " ," * (n // 2),
    "members": lambda n: ",".join(f"k{number:x}=v" for number in range(n // 8)),
    "one member again and again": lambda n: "a=1," * (n // 4),
    "long key": lambda n: "a" * n,
    "long value": lambda n: "a=" + "b" * n,
    "value of blanks": lambda n: "a=" + " " * n,
    "signs": lambda n: "a@" * (n // 2),
    "nearly ids": lambda n: ("0" * 31 + "x") * (n // 32),
    "digits": lambda n: "0" * n,
    "dashes": lambda n: "-" * n,
    "span of digits": lambda n: f"{TRACE_ID}/{'1' * n}",
    "options of digits": lambda n: f"{TRACE_ID};o={'1' * n}",
    "rest of blanks": lambda n: f"cc{PARENT[2:]}-{' ' * n}\nx",
    "blanks before": lambda n: " " * n + PARENT,
    "digits of another script": lambda n: "\u0661" * n,
}
"""Kind to a header of about so many characters."""

READERS = {
    "traceparent": lambda text: TraceContextPropagator().from_headers({"traceparent": text}),
    "tracestate": lambda text: TraceContextPropagator().from_headers({"traceparent": PARENT, "tracestate": text}),
    "tracestate alone": TracestateStringFormatter().from_string,
    "b3": lambda text: B3FormatPropagator().from_headers({"b3": text}),
    "b3 ids": lambda text: B3FormatPropagator().from_headers({"x-b3-traceid": text, "x-b3-spanid": text, "x-b3-sampled": text}),
    "google": GoogleCloudFormatPropagator().from_header,
    "text": lambda text: TextFormatPropagator().from_carrier(
        {f"opencensus-trace-{key}": text for key in ("traceid", "spanid", "traceoptions")}
    ),
    "binary": lambda text: BinaryFormatPropagator().from_header(text.encode()),
    "tags": lambda text: BinarySerializer().from_byte_array(b"\x00" + text.encode()),
    "OpenTelemetry's": lambda text: propagators.OpenTelemetryPropagator().from_headers({"traceparent": PARENT, "tracestate": text}),
    **{
        f"{kind.__name__} {name}": lambda text, kind=kind, name=name: kind().extract(
            {**dict.fromkeys(kind._names, "1" * 16), name: text}, Context()
        )
        for kind in (
            propagators.OpenCensusB3Propagator,
            propagators.OpenCensusCloudTracePropagator,
            propagators.OpenCensusTextPropagator,
        )
        for name in kind._names
    },
    **{
        kind.__name__: lambda text, kind=kind: kind().extract({kind._name: text}, Context())
        for kind in (propagators.OpenCensusBinaryPropagator, propagators.OpenCensusTagsPropagator)
    },
}
"""Header to what reads it."""


def work_s(read, text):
    """Return the least processor time that reading took, seconds."""
    times = []
    for _ in range(3):
        start_s = time.thread_time()
        with contextlib.suppress(ValueError):
            read(text)
        times.append(time.thread_time() - start_s)
    return min(times)


@pytest.mark.parametrize("reader", READERS)
def test_the_time_grows_with_the_length_and_no_faster(reader):
    """Four times the length takes about four times as long; if blanks were looked for at each blank, it would be sixteen times."""
    read = READERS[reader]
    too_much = {}
    for kind, make in HOSTILE.items():
        short_s, long_s = work_s(read, make(LONG // 4)), work_s(read, make(LONG))
        # The rest is for what both take, and for a machine that does something else meanwhile.
        if long_s > 10 * short_s + 0.05:
            too_much[kind] = (short_s, long_s)
    assert too_much == {}


BINARY = {
    "zeros": lambda n: b"\x00" * n,
    "tags": lambda n: b"\x00" + b"\x00\x01a\x00" * (n // 4),
    "many tags": lambda n: b"\x00" + b"".join(b"\x00\x02%c%c\x00" % (33 + number % 90, 33 + number // 90 % 90) for number in range(n // 5)),
    "a length without end": lambda n: b"\x00\x00" + b"\xff" * n,
}


@pytest.mark.parametrize("make", BINARY.values(), ids=BINARY)
def test_tags_of_any_length(make):
    """Binary tags are read in proportion to their length, and not beyond their limit."""
    read = BinarySerializer().from_byte_array
    assert work_s(read, make(LONG)) <= 10 * work_s(read, make(LONG // 4)) + 0.05


def test_blanks_around_commas_are_no_part_of_members():
    """Members are as they were, whatever stands around the commas."""
    state = TracestateStringFormatter().from_string("a=1 \t, b=2,\tc= 3 4")
    assert dict(state) == {"a": "1", "b": "2", "c": " 3 4"}
    with pytest.raises(ValueError, match="illegal key-value format ' a=1'"):
        TracestateStringFormatter().from_string(" a=1")


def test_a_member_ends_where_w3c_has_it_end():
    """The longest member is whole, and of a longer one the value is cut."""
    longest = f"{'k' * 256}={'v' * 256}"
    assert TracestateStringFormatter().to_string(TracestateStringFormatter().from_string(longest)) == longest
    context = TraceContextPropagator().from_headers({"traceparent": PARENT, "tracestate": f"a={'v' * 1000},b=2"})
    assert {key: len(value) for key, value in context.tracestate.items()} == {"a": 256, "b": 1}


@pytest.mark.parametrize(("members", "is_kept"), [(32, True), (33, False)])
def test_most_members(members, is_kept):
    """A trace state of more than 32 members is none."""
    header = ",".join(f"k{number}=v" for number in range(members))
    context = TraceContextPropagator().from_headers({"traceparent": PARENT, "tracestate": header})
    assert (context.tracestate is not None) is is_kept
