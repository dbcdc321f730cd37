"""Values of the two APIs in each other's form."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from opentelemetry import trace as trace_api
from opentelemetry.trace import SpanKind, StatusCode, TraceFlags, TraceState

from opencensus_compat._bridge.convert import oc_to_otel
from opencensus_compat._bridge.convert.span_data import ended_span
from opencensus_compat.trace import _otel_to_oc as otel_to_oc
from opencensus_compat.trace import link as link_module
from opencensus_compat.trace._bounded import BoundedDict
from opencensus_compat.trace.span_context import SpanContext
from opencensus_compat.trace.span_data import SpanData
from opencensus_compat.trace.status import Status

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

TIMES = [
    ("1970-01-01T00:00:00.000000Z", 0),
    ("2020-01-31T10:20:30.123456Z", 1580466030123456000),
    ("1969-12-31T23:59:59.999999Z", -1000),
    (datetime(2020, 1, 31, 10, 20, 30, 123456), 1580466030123456000),  # noqa: DTZ001 - as OpenCensus made them
    (datetime(2020, 1, 31, 11, 20, 30, 123456, tzinfo=timezone(timedelta(hours=1))), 1580466030123456000),
    ("2020-01-31T10:20:30Z", None),
    ("2020-W05-5T10:20:30.123456Z", None),
    ("2020-01-31T10:20:30.12345Z", 1580466030123450000),
    ("yesterday", None),
    (1580466030, None),
    (None, None),
]  # fmt: skip


@pytest.mark.parametrize(("timestamp", "expected"), TIMES)
def test_nanoseconds(timestamp, expected):
    """A time is UTC whatever the machine's zone is; what is no time is None."""
    assert oc_to_otel.nanoseconds(timestamp) == expected


@pytest.mark.parametrize("time_ns", [0, 1580466030123456000, 253402300799999999000])
def test_iso_time_and_back(time_ns):
    """Whole microseconds survive the way to text and back."""
    assert oc_to_otel.nanoseconds(otel_to_oc.iso_time(time_ns)) == time_ns


def test_iso_time_cuts():
    """Below a microsecond it is cut off."""
    assert otel_to_oc.iso_time(1_580_466_030_123_456_999) == "2020-01-31T10:20:30.123456Z"


IDS = [
    (SPAN, 16, int(SPAN, 16)),
    (SPAN.upper(), 16, int(SPAN, 16)),
    ("0" * 16, 16, None),
    (SPAN[:-1], 16, None),
    ("g" * 16, 16, None),
    (None, 16, None),
    (7, 16, None),
    (TRACE, 32, int(TRACE, 16)),
]


@pytest.mark.parametrize(("text", "digits", "expected"), IDS)
def test_id_number(text, digits, expected):
    """An id is that many hexadecimal digits, not all zeros."""
    assert oc_to_otel.id_number(text, digits) == expected


@pytest.mark.parametrize("text", ["-7ad6b7169203331", "+7ad6b7169203331", " 7ad6b7169203331", "0x7ad6b716920333", "b7ad_b7169203331"])
def test_what_python_reads_as_a_number_is_no_id(text):
    """Signs, spaces, prefixes and underscores, which `int` takes, are no digits."""
    assert oc_to_otel.id_number(text, 16) is None


@pytest.mark.parametrize("sampled", [True, False])
def test_span_context(sampled):
    """A context keeps ids, the sampled flag and trace state, both ways."""
    otel = oc_to_otel.span_context(TRACE, SPAN, sampled, {"k": "v"})
    assert (otel.trace_id, otel.span_id, otel.is_remote) == (int(TRACE, 16), int(SPAN, 16), True)
    assert (otel.trace_flags.sampled, dict(otel.trace_state)) == (sampled, {"k": "v"})
    back = otel_to_oc.span_context(otel)
    assert isinstance(back, SpanContext)
    assert (back.trace_id, back.span_id, back.trace_options.get_enabled(), dict(back.tracestate)) == (TRACE, SPAN, sampled, {"k": "v"})


def test_trace_state_that_opencensus_refuses():
    """Entries that OpenCensus's grammar refuses are left out; none left is None."""
    state = TraceState([("1digit@tenant", "v"), ("good", "v")])
    kept = otel_to_oc.span_context(trace_api.SpanContext(1, 2, False, TraceFlags(0), state)).tracestate
    assert "good" in kept
    assert otel_to_oc.span_context(trace_api.SpanContext(1, 2, False)).tracestate is None


@pytest.mark.parametrize(("trace_id", "span_id"), [("x", SPAN), (TRACE, ""), (None, None)])
def test_links_without_ids(trace_id, span_id):
    """A link whose ids are no ids is None."""
    assert oc_to_otel.link(trace_id, span_id, None, None) is None


def test_ended_span():
    """SpanData as an ended span: ids, kind, status code, times, links, and attribute values of any type."""
    span_data = SpanData(
        name="s", context=SpanContext(TRACE), span_id=SPAN, parent_span_id="1" * 16, attributes={"k": {"nested": 1}, "none": None},
        start_time="2020-01-31T10:20:30.000000Z", end_time="2020-01-31T10:20:31.000000Z", child_span_count=0, stack_trace=None,
        annotations=[], message_events=[], links=[link_module.Link(TRACE, SPAN), link_module.Link("x", "y")], status=Status(5, "gone"),
        same_process_as_parent_span=None, span_kind=1,
    )  # fmt: skip
    span = ended_span(span_data, "scope", span_data.attributes)
    assert (span.name, span.kind, span.context.span_id, span.parent.span_id) == ("s", SpanKind.SERVER, int(SPAN, 16), int("1" * 16, 16))
    assert (span.status.status_code, span.attributes["census.status_code"]) == (StatusCode.ERROR, 5)
    assert (span.end_time - span.start_time, len(span.links)) == (1_000_000_000, 1)
    assert span.attributes["k"] == {"nested": 1}
    assert span.instrumentation_scope.name == "scope"


def test_ended_span_with_little_in_it():
    """Ids that are no ids are kept as attributes; without times, status and links it is a span all the same."""
    fields = dict.fromkeys(SpanData._fields)
    span_data = SpanData(**{**fields, "name": "s", "context": SpanContext(TRACE), "span_id": "a", "parent_span_id": "b"})
    span = ended_span(span_data, "scope", None)
    assert (span.attributes["census.span_id"], span.attributes["census.parent_span_id"]) == ("a", "b")
    assert (span.parent, span.start_time, span.end_time) == (None, None, None)


@pytest.mark.parametrize("attributes", [{"a": 1}, {"a": 1, 5: 2}, BoundedDict.from_map(2, {"a": 1, "b": 2})])
def test_ended_span_has_attributes_of_its_own(attributes):
    """What a conversion adds to the attributes is not in the span's; all keys are texts."""
    fields = dict.fromkeys(SpanData._fields)
    span = ended_span(SpanData(**{**fields, "name": "s", "context": SpanContext(TRACE), "status": Status(5)}), "scope", attributes)
    assert span.attributes == {**{str(key): value for key, value in attributes.items()}, "census.status_code": 5, "census.span_id": "None"}
    assert "census.status_code" not in attributes
