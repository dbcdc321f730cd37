"""One span, two interfaces: what either API sets is on the span that is exported, and legacy exporters see it, too."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from opentelemetry import trace as trace_api
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

import opencensus_compat
from opencensus_compat.trace import execution_context, link, samplers, status, time_event
from opencensus_compat.trace import span as span_module
from opencensus_compat.trace.attributes import Attributes
from opencensus_compat.trace.tracer import Tracer

TRACE_ID, SPAN_ID = "6e0c63257de34c92bf9efcd03927272e", "00f067aa0ba902b7"
LINKED = trace_api.SpanContext(int(TRACE_ID, 16), int(SPAN_ID, 16), is_remote=True)
MOMENT = datetime(2020, 1, 31, 10, 20, 30, 123456, tzinfo=timezone.utc)
MOMENT_NS = 1_580_466_030_123_456_000


class Both:
    """Both APIs over one provider, and what came out."""

    def __init__(self):
        self.finished = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.finished))
        opencensus_compat.configure(tracer_provider=self.provider)
        self.otel = self.provider.get_tracer("application")
        self.received = []
        self.oc = Tracer(sampler=samplers.AlwaysOnSampler(), exporter=self)

    def export(self, span_datas):
        """Receive SpanData: this is the OpenCensus exporter."""
        self.received += span_datas

    @property
    def ended(self):
        """The one span that ended."""
        [span] = self.finished.get_finished_spans()
        return span


@pytest.fixture
def both():
    """Both APIs, everything sampled."""
    return Both()


def events(span):
    """Return name, attributes and time of a span's events."""
    return [(event.name, dict(event.attributes), event.timestamp) for event in span.events]


def links(span):
    """Return ids and attributes of a span's links."""
    return [(f"{one.context.trace_id:032x}", f"{one.context.span_id:016x}", dict(one.attributes)) for one in span.links]


# What either API does to a span, and what the exported span has of it.
OPENTELEMETRY = {
    "attribute": lambda span: span.set_attribute("k", "v"),
    "attributes": lambda span: span.set_attributes({"k": "v"}),
    "status": lambda span: span.set_status(trace_api.Status(StatusCode.ERROR, "late")),
    "event": lambda span: span.add_event("shipped", {"k": "v"}, MOMENT_NS),
    "link": lambda span: span.add_link(LINKED, {"k": "v"}),
    "name": lambda span: span.update_name("other"),
}
OPENCENSUS = {
    "attribute": lambda span: span.add_attribute("k", "v"),
    "attributes": lambda span: span.attributes.update({"k": "v"}),
    "status": lambda span: span.set_status(status.Status(4, "late")),
    "event": lambda span: span.annotations.append(time_event.Annotation(MOMENT, "shipped", Attributes({"k": "v"}))),
    "link": lambda span: span.add_link(link.Link(TRACE_ID, SPAN_ID, attributes={"k": "v"})),
    "name": lambda span: setattr(span, "name", "other"),
}
EXPORTED = {
    "attribute": lambda span: span.attributes["k"] == "v",
    "attributes": lambda span: span.attributes["k"] == "v",
    "status": lambda span: (span.status.status_code, span.status.description) == (StatusCode.ERROR, "late"),
    "event": lambda span: (
        [(n, {**v, "census.event": 0}, t) for n, v, t in events(span)] == [("shipped", {"k": "v", "census.event": 0}, MOMENT_NS)]
    ),
    "link": lambda span: links(span) == [(TRACE_ID, SPAN_ID, {"k": "v"})],
    "name": lambda span: span.name == "other",
}
SPAN_DATA = {
    "attribute": lambda data: dict(data.attributes) == {"k": "v"},
    "attributes": lambda data: dict(data.attributes) == {"k": "v"},
    "status": lambda data: (data.status.code, data.status.message) == (2, "late"),
    "event": lambda data: (
        [(one.description, one.timestamp, one.attributes.attributes) for one in data.annotations]
        == [("shipped", "2020-01-31T10:20:30.123456Z", {"k": "v"})]
    ),
    "link": lambda data: (
        [(one.trace_id, one.span_id, one.type, one.attributes) for one in data.links] == [(TRACE_ID, SPAN_ID, 0, {"k": "v"})]
    ),
    "name": lambda data: data.name == "other",
}


@pytest.mark.parametrize("what", OPENTELEMETRY)
def test_opentelemetry_code_inside_an_opencensus_span(both, what):
    """What OpenTelemetry code sets on the current span is on the one exported span, and in the SpanData of legacy exporters."""
    with both.oc.span("s"):
        OPENTELEMETRY[what](trace_api.get_current_span())
    assert EXPORTED[what](both.ended)
    [span_data] = both.received
    assert SPAN_DATA[what](span_data)


@pytest.mark.parametrize("what", OPENCENSUS)
def test_opencensus_code_inside_an_opentelemetry_span(both, what):
    """What OpenCensus code sets on the current span is on the OpenTelemetry span at once."""
    with both.otel.start_as_current_span("s") as otel:
        OPENCENSUS[what](execution_context.get_current_span())
        assert EXPORTED[what](otel)
    assert EXPORTED[what](both.ended)


@pytest.mark.parametrize("what", OPENTELEMETRY)
def test_opencensus_code_reads_what_opentelemetry_code_set(both, what):
    """The facade of an OpenTelemetry span has name, attributes, status, events and links of that span."""
    with both.otel.start_as_current_span("s") as otel:
        OPENTELEMETRY[what](otel)
        assert SPAN_DATA[what](execution_context.get_current_span())


@pytest.mark.parametrize("what", OPENTELEMETRY)
def test_both_set_something(both, what):
    """Both APIs set the same on one OpenCensus span: nothing of either is lost, and the SpanData names one link once."""
    with both.oc.span("s") as span:
        OPENTELEMETRY[what](trace_api.get_current_span())
        OPENCENSUS[what](span)
    [span_data] = both.received
    found = both.ended
    kept = (len(found.attributes), len(found.events), len(found.links), len(span_data.annotations), len(span_data.links))
    expected = {"attribute": (1, 0, 0, 0, 0), "attributes": (1, 0, 0, 0, 0), "status": (1, 0, 0, 0, 0), "event": (0, 2, 0, 2, 0)}
    assert kept == {**expected, "link": (0, 0, 2, 0, 1), "name": (0, 0, 0, 0, 0)}[what]


def test_messages_inside_an_opentelemetry_span(both):
    """A message event becomes an event of the OpenTelemetry span, and is read back as a message."""
    with both.otel.start_as_current_span("s"):
        span = execution_context.get_current_span()
        span.add_message_event(time_event.MessageEvent(MOMENT, 7, time_event.Type.SENT, 100, 50))
        span.message_events.extend([time_event.MessageEvent(MOMENT, 8)])
        read = [(one.id, one.type, one.uncompressed_size_bytes, one.compressed_size_bytes, one.timestamp) for one in span.message_events]
        assert len(span.annotations) == 0
    moment = "2020-01-31T10:20:30.123456Z"
    assert read == [(7, 1, 100, 50, moment), (8, 0, None, None, moment)]
    assert [event.name for event in both.ended.events] == ["message", "message"]


def test_lists_assigned_to_the_facade(both):
    """Whole lists of annotations, messages and links assigned to the facade of an OpenTelemetry span are added to it."""
    with both.otel.start_as_current_span("s"):
        span = execution_context.get_current_span()
        span.annotations = [time_event.Annotation(MOMENT, "a")]
        span.message_events = [time_event.MessageEvent(MOMENT, 1)]
        span.links = [link.Link(TRACE_ID, SPAN_ID)]
        span.links = None
    assert [event.name for event in both.ended.events] == ["a", "message"]
    assert links(both.ended) == [(TRACE_ID, SPAN_ID, {})]


def test_kind_set_by_opencensus_code_inside_an_opentelemetry_span(both):
    """A legacy integration that makes the current span a server span does so for the OpenTelemetry span."""
    with both.otel.start_as_current_span("s"):
        execution_context.get_current_span().span_kind = span_module.SpanKind.SERVER
    assert both.ended.kind is SpanKind.SERVER


def test_exceptions(both):
    """An exception noted by OpenTelemetry code on an OpenCensus span is one event, and an annotation for legacy exporters."""
    with both.oc.span("s"):
        trace_api.get_current_span().record_exception(ValueError("no"))
    [(name, values, _)] = events(both.ended)
    [annotation] = both.received[0].annotations
    assert (name, values["exception.type"], values["exception.message"]) == ("exception", "ValueError", "no")
    assert (annotation.description, annotation.attributes.attributes) == (name, values)


def test_one_identity(both):
    """The current spans of the two APIs are each other's, in both directions."""
    with both.oc.span("oc") as span:
        assert span._otel is trace_api.get_current_span()
        assert execution_context.get_current_span() is span
        with both.otel.start_as_current_span("otel") as otel:
            facade = execution_context.get_current_span()
            assert facade._otel is otel is trace_api.get_current_span()
            assert facade is execution_context.get_current_span() is both.oc.current_span()


def test_a_field_that_is_no_list(both):
    """What a program put in place of a list does not keep what OpenTelemetry code added from legacy exporters."""
    with both.oc.span("s") as span:
        trace_api.get_current_span().add_event("shipped")
        trace_api.get_current_span().add_link(LINKED)
        span.annotations, span.links = 7, [object()]
    [span_data] = both.received
    assert [one.description for one in span_data.annotations] == ["shipped"]
    assert [getattr(one, "span_id", None) for one in span_data.links] == [None, SPAN_ID]
