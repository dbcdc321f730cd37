"""The facade's OpenTelemetry spans: made without what the SDK's constructor makes, and nobody can tell."""

from __future__ import annotations

import json
import logging
import threading
from types import SimpleNamespace

import pytest
from opentelemetry import context as context_api
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from appinsights_exporter.convert.ended import rows
from opencensus_compat._bridge.spans import FacadeSpan, SpanFactory
from opencensus_compat.trace.link import Link as OpenCensusLink
from opencensus_compat.trace.span import Span as OpenCensusSpan
from opencensus_compat.trace.stack_trace import StackTrace
from opencensus_compat.trace.status import Status as OpenCensusStatus

ATTRIBUTES = {"http.method": "GET", "ratio": 0.5, "count": 7, "ok": True, "list": ("a", "b")}
START_NS, END_NS = 1_700_000_000_000_000_000, 1_700_000_000_250_000_000
PARENT = SpanContext(0xABC, 0xDEF, True, TraceFlags(1))


class Seen(SpanProcessor):
    """Keeps what processors are given, and may do something with it."""

    def __init__(self):
        self.started = []
        self.ending = []
        self.ended = []
        self.at_start = bool

    def on_start(self, span, parent_context=None):
        """Keep a span that starts."""
        self.started.append((span, parent_context))
        self.at_start(span)

    def _on_ending(self, span):
        self.ending.append(span)

    def on_end(self, span):
        """Keep a span that has ended."""
        self.ended.append(span)


class Place:
    """A provider, its processor, and the two ways to make a span in it."""

    def __init__(self, limits=None):
        self.seen = Seen()
        self.provider = TracerProvider(shutdown_on_exit=False, span_limits=limits)
        self.provider.add_span_processor(self.seen)
        self.factory = SpanFactory(self.provider, "opencensus_compat", "1")
        self.tracer = self.provider.get_tracer("opencensus_compat", "1")

    def facade(self, attributes=None):
        """Start a facade span."""
        return self.factory.start("work", context_api.Context(), None, attributes, 0xABC, None)


@pytest.fixture
def place():
    """A place for one test."""
    return Place()


def shown(span):
    """Return all that a span shows, ids and times apart."""
    text = json.loads(span.to_json())
    for key in ("context", "start_time", "end_time"):
        del text[key]
    return {
        **text,
        "name": span.name,
        "attributes": dict(span.attributes),
        "events": [(event.name, dict(event.attributes)) for event in span.events],
        "links": [(link.context, dict(link.attributes)) for link in span.links],
        "kind": span.kind,
        "status": (span.status.status_code, span.status.description),
        "dropped": (span.dropped_attributes, span.dropped_events, span.dropped_links),
        "scope": (span.instrumentation_scope.name, span.instrumentation_scope.version),
        "resource": span.resource,
        "parent": span.parent,
    }


def test_it_ends_as_the_sdks_own(place):
    """Processors get a ReadableSpan that shows the same as one that the SDK's tracer made."""
    span = place.facade()
    assert isinstance(span, Span)
    span.kind = SpanKind.CLIENT
    span.census_fill(dict(ATTRIBUTES))
    span.census_set_status(Status(StatusCode.ERROR, "why"))
    span.census_add_event("event", {"a": 1}, START_NS)
    span.census_add_link(PARENT, {"b": 2})
    span.end(END_NS)
    theirs = place.tracer.start_span("work", context_api.Context(), SpanKind.CLIENT, ATTRIBUTES)
    theirs.set_status(Status(StatusCode.ERROR, "why"))
    theirs.add_event("event", {"a": 1}, START_NS)
    theirs.add_link(PARENT, {"b": 2})
    theirs.end(END_NS)
    ours, theirs = place.seen.ended
    assert type(ours) is type(theirs) is ReadableSpan
    assert shown(ours) == shown(theirs)
    assert (ours.context, ours.end_time) == (span.get_span_context(), END_NS)
    assert span.context.is_valid
    with pytest.raises(TypeError):
        ours.attributes["later"] = 1


def test_what_this_package_exports_of_it(place):
    """An ended span itself shows what processors get, and need not be made whole for that."""
    span = place.factory.start("work", context_api.Context(), place.facade({"_MS.sampleRate": 25.0}), None, None, None)
    span.kind = SpanKind.CLIENT
    span.census_fill(dict(ATTRIBUTES))
    span.census_add_event("message", {"id": 1}, START_NS)
    span.census_add_link(PARENT, {"id": 2})
    status = Status(StatusCode.ERROR, "why")
    span.census_set_status(status)
    span.end(END_NS)
    (ended,) = place.seen.ended
    fields = (
        "name",
        "context",
        "parent",
        "kind",
        "links",
        "events",
        "start_time",
        "end_time",
        "status",
        "resource",
        "instrumentation_scope",
    )
    assert [getattr(span, field) for field in fields] == [getattr(ended, field) for field in fields]
    assert dict(span.attributes) == dict(ended.attributes) == {**ATTRIBUTES, "_MS.sampleRate": 25.0}
    assert span.status is status
    read, shown_to_others = rows([span, ended])
    assert [*map(tuple, read[-2:])] == [*map(tuple, shown_to_others[-2:])]
    assert read[:-2] == shown_to_others[:-2]
    assert not span._census_is_whole


@pytest.mark.parametrize("status", [Status(StatusCode.OK), Status(StatusCode.ERROR, "why")], ids=["ok", "error"])
@pytest.mark.parametrize("becomes_whole", [False, True], ids=["afterwards", "before"])
def test_a_status_and_a_link_stay_when_it_becomes_whole(place, status, becomes_whole):
    """What code reads that uses a facade span as one of the SDK's has both, whichever came first."""
    span = place.facade()
    if becomes_whole:
        span.set_attribute("early", 1)
    span.census_set_status(status)
    span.census_add_link(PARENT, {"b": 2})
    span.set_attribute("late", 1)
    span.end(END_NS)
    (ended,) = place.seen.ended
    assert (ended.status.status_code, ended.status.description) == (status.status_code, status.description)
    assert [(link.context, dict(link.attributes)) for link in ended.links] == [(PARENT, {"b": 2})]


SET = {
    "status": lambda span: span.set_status(OpenCensusStatus(0)),
    "failure": lambda span: span.set_status(OpenCensusStatus(5, "none")),
    "annotation": lambda span: span.add_annotation("said", by="me"),
    "link": lambda span: span.add_link(OpenCensusLink("6e0c63257de34c92bf9efcd03927272e", "00f067aa0ba902b7")),
    "stack trace": lambda span: setattr(span, "stack_trace", StackTrace()),
}


@pytest.mark.parametrize("put", SET.values(), ids=SET)
def test_what_integrations_set_makes_no_span_whole(place, put, monkeypatch):
    """A status, an annotation, a link and an exception reach processors without the SDK's constructor, which takes longer than all the rest."""
    made = []
    monkeypatch.setattr(FacadeSpan, "_make_whole", made.append)
    span = OpenCensusSpan("call")
    span._otel = place.facade()
    put(span)
    span._export(SimpleNamespace(exporter=None))
    assert made == []
    (ended,) = place.seen.ended
    assert ended.events or ended.links or not ended.status.is_unset


def use(span):
    """Do everything that OpenTelemetry lets code do with a span."""
    span.update_name("renamed")
    span.set_attribute("one", 1)
    span.set_attributes({"two": 2})
    span.add_event("event", {"a": 1}, START_NS)
    span.add_link(PARENT, {"b": 2})
    span.record_exception(ValueError("no"), timestamp=START_NS)
    span.set_status(Status(StatusCode.ERROR, "why"))


def without_stack(found):
    """Return what a span shows without the text of stack traces, which name lines."""
    for _, attributes in found["events"]:
        attributes.pop("exception.stacktrace", None)
    found["events_count"] = len(found.pop("events"))
    return found


@pytest.mark.parametrize("filled_first", [True, False], ids=["filled before", "filled after"])
def test_opentelemetry_code_uses_it(place, filled_first):
    """What OpenTelemetry code does with a running facade span arrives, beside what the facade gives it."""
    spans = [place.facade(), place.tracer.start_span("work", context_api.Context())]
    for span in spans:
        fill = getattr(span, "census_fill", span.set_attributes)
        if filled_first:
            fill({"first": "x"})
        use(span)
        if not filled_first:
            fill({"first": "x"})
        assert span.is_recording()
        span.end(END_NS)
        assert not span.is_recording()
    ours, theirs = place.seen.ended
    assert without_stack(shown(ours)) == without_stack(shown(theirs))
    assert ours.name == "renamed"
    assert dict(ours.attributes) == {"first": "x", "one": 1, "two": 2}


def test_processors_use_it_when_it_starts(place):
    """A processor that reads and changes a span that starts finds a whole one."""
    found = []
    place.seen.at_start = lambda span: found.append((span.name, span.parent, dict(span.attributes))) or span.set_attribute("tenant", "a")
    span = place.facade({"_MS.sampleRate": 25.0})
    span.census_fill({"k": "v"})
    span.end()
    assert found == [("work", None, {"_MS.sampleRate": 25.0})]
    assert dict(place.seen.ended[0].attributes) == {"_MS.sampleRate": 25.0, "tenant": "a", "k": "v"}
    assert len(place.seen.started) == 1


def test_attributes_from_the_start_stay(place):
    """What a span starts with stays beside what it is given when it ends."""
    rate = {"_MS.sampleRate": 25.0}
    for _ in range(2):
        span = place.facade(rate)
        span.census_fill({"k": "v"})
        span.end()
    place.facade(rate).end()
    assert [dict(span.attributes) for span in place.seen.ended] == [{"_MS.sampleRate": 25.0, "k": "v"}] * 2 + [rate]
    assert rate == {"_MS.sampleRate": 25.0}


LIMITS = {
    "count": SpanLimits(max_attributes=1, max_span_attributes=1, max_events=1, max_links=1),
    "length": SpanLimits(max_attribute_length=1),
    "none": SpanLimits(max_span_attributes=SpanLimits.UNSET),
}


@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("is_whole", [False, True], ids=["never looked at", "used"])
def test_the_providers_limits_are_not_those_of_facade_spans(limits, is_whole):
    """OpenCensus has limits of its own; what it let through stays whole, also in events and links."""
    place = Place(limits)
    span = place.facade()
    attributes = {"a": "long", "b": "longer", "c": "longest"}
    if is_whole:
        for _ in range(200):
            span.add_event("event", attributes)
            span.add_link(span.get_span_context(), attributes)
    span.census_fill(dict(attributes))
    span.end()
    (ended,) = place.seen.ended
    assert (dict(ended.attributes), ended.dropped_attributes) == (attributes, 0)
    assert [dict(each.attributes) for each in (*ended.events, *ended.links)] == [attributes] * (400 if is_whole else 0)


def test_attributes_have_an_end(place):
    """A span does not grow without end."""
    span = place.facade()
    span.census_fill({str(number): number for number in range(2000)})
    span.end()
    assert len(place.seen.ended[0].attributes) == 1024


def test_events_have_an_end(place):
    """Of more events than a span takes the last ones stay, as the SDK has it."""
    span = place.facade()
    for number in range(2000):
        span.census_add_event(str(number), {}, START_NS)
    span.end()
    (ended,) = place.seen.ended
    assert [event.name for event in ended.events] == [str(number) for number in range(976, 2000)]


def test_an_empty_key_is_dropped_and_counted(place):
    """OpenTelemetry refuses an empty key; the others stay."""
    span = place.facade()
    span.census_fill({"": "x", "k": "v"})
    span.end()
    (ended,) = place.seen.ended
    assert dict(ended.attributes) == {"k": "v"}


@pytest.mark.parametrize("is_whole", [False, True], ids=["never looked at", "used"])
def test_a_new_name(place, is_whole, caplog):
    """It counts until the span has ended, and does not make it whole: each request of a web framework is given one."""
    span = place.facade()
    if is_whole:
        span.set_attribute("early", 1)
    span.update_name("GET /items")
    assert span._census_is_whole is is_whole
    span.end(END_NS)
    with caplog.at_level(logging.WARNING):
        span.update_name("late")
    assert "update_name" in caplog.text
    assert (place.seen.ended[0].name, span.name) == ("GET /items", "GET /items")


@pytest.mark.parametrize("is_whole", [False, True], ids=["never looked at", "used"])
def test_after_its_end(place, is_whole, caplog):
    """An ended span can be read, takes nothing more, and is exported once, with the SDK's own words."""
    span = place.facade()
    if is_whole:
        span.set_attribute("early", 1)
    span.census_fill({"k": "v"})
    span.end(END_NS)
    with caplog.at_level(logging.WARNING):
        span.set_attribute("late", 1)
        span.end()
    assert [record.getMessage() for record in caplog.records] == ["Setting attribute on ended span.", "Calling end() on an ended span."]
    assert (len(place.seen.ended), len(place.seen.started)) == (1, 1)
    assert (span.end_time, span.is_recording()) == (END_NS, False)
    assert dict(span.attributes) == ({"early": 1, "k": "v"} if is_whole else {"k": "v"})


def test_processors_hear_of_the_end_twice_as_the_sdk_lets_them(place):
    """Where the SDK tells processors that a span is ending, they hear it of facade spans too, whole or not."""
    ordinary = place.tracer.start_span("work", context_api.Context())
    ordinary.end()
    heard = len(place.seen.ending)
    first, second = place.facade(), place.facade()
    second.set_attribute("k", "v")
    first.end()
    second.end()
    assert place.seen.ending[1:] == [first, second][: 2 * heard]


def test_what_nobody_has(place):
    """A field that no span has is missing from facade spans too."""
    span = place.facade()
    assert not hasattr(span, "nonsense")
    with pytest.raises(AttributeError, match="'FacadeSpan' object has no attribute 'nonsense'"):
        span.nonsense  # noqa: B018 - the reading is the point
    assert "work" in repr(span)
    span.end()


def test_threads_make_it_whole_once(place):
    """What several threads set at the same time on a span that nobody has looked at is all there."""
    for _ in range(20):
        span = place.facade()
        gate = threading.Barrier(4)

        def work(number, span=span, gate=gate):
            gate.wait()
            span.set_attribute(f"k{number}", number)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        span.end()
    assert [len(span.attributes) for span in place.seen.ended] == [4] * 20


def test_nobody_sees_it_half_made(place, monkeypatch):
    """A thread that uses a span while another one is the first to do so waits for all of it."""
    span = place.facade()
    other = threading.Thread(target=span.set_attribute, args=("other", 1))

    class Limits(SpanLimits):
        def __getattribute__(self, name):
            # The SDK's constructor asks for it when it has made a part of the fields.
            if name == "max_span_attributes" and other.ident is None:
                other.start()
                other.join(0.2)
            return super().__getattribute__(name)

    monkeypatch.setattr(span._census_source, "limits", Limits())
    span.set_attribute("first", 2)
    other.join()
    span.end()
    assert dict(place.seen.ended[0].attributes) == {"first": 2, "other": 1}


@pytest.mark.parametrize("is_whole", [False, True], ids=["never looked at", "used"])
def test_replacing(place, is_whole):
    """A span that takes another's place has all that it had, with the id and start that are asked for."""
    old = place.facade({"_MS.sampleRate": 25.0})
    old.kind = SpanKind.SERVER
    if is_whole:
        use(old)
    new = place.factory.replace(old, context_api.Context(), 0x123, START_NS)
    new.end(END_NS)
    (ended,) = place.seen.ended
    assert isinstance(new, FacadeSpan)
    assert (ended.context.span_id, ended.context.trace_id, ended.start_time, ended.end_time) == (0x123, 0xABC, START_NS, END_NS)
    assert (new.census_rate, ended.kind) == (25.0, SpanKind.SERVER)
    old.end(END_NS)
    _, of_old = place.seen.ended
    assert {**shown(ended), "links": None} == {**shown(of_old), "links": None}
