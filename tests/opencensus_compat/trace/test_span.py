"""The span: what is set on it after its start arrives, in SpanData and in the OpenTelemetry span."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
import threading
import weakref
from datetime import datetime, timezone
from types import SimpleNamespace

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind as OtelSpanKind
from opentelemetry.trace import StatusCode

from opencensus_compat._bridge.convert import oc_to_otel
from opencensus_compat.trace import execution_context, samplers, time_event
from opencensus_compat.trace import link as link_module
from opencensus_compat.trace import span as span_module
from opencensus_compat.trace import stack_trace as stack_trace_module
from opencensus_compat.trace import status as status_module
from opencensus_compat.trace.span import BoundedDict, BoundedList, ForeignSpan, Span, SpanKind, format_span_json
from opencensus_compat.trace.tracer import Tracer
from opencensus_compat.trace.tracers import noop_tracer

NOW = datetime(2020, 1, 31, 10, 20, 30, 123456, tzinfo=timezone.utc)
TRACE, OTHER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def tracer(otel, kept):
    """A tracer that samples everything and gives it to `kept`."""
    return Tracer(sampler=samplers.AlwaysOnSampler(), exporter=kept)


class _GroupOfEnds(BaseException):
    exceptions = (KeyboardInterrupt(), asyncio.CancelledError())


class _GroupWithAnError(BaseException):
    exceptions = (SystemExit(0), ValueError("no"))


ENDS = [SystemExit(), SystemExit(0), SystemExit(False), GeneratorExit(), KeyboardInterrupt(), asyncio.CancelledError(), _GroupOfEnds()]
ERRORS = [
    SystemExit(1),
    SystemExit("no stock"),
    SystemExit(""),
    SystemExit(True),
    _GroupWithAnError(),
    BaseException("own"),
    ValueError("no"),
]


def _leave_with(tracer, cause):
    with tracer.span("s"):
        raise cause


def _leave_decorated(tracer, cause):
    @tracer.trace_decorator()
    def s():
        raise cause

    s()


def _leave_by_hand(tracer, cause):
    span = tracer.start_span("s")
    span.__exit__(type(cause), cause, None)
    raise cause


@pytest.mark.parametrize("leave", [_leave_with, _leave_decorated, _leave_by_hand])
@pytest.mark.parametrize(("causes", "code"), [(ENDS, 0), (ERRORS, 2)], ids=["ends", "errors"])
def test_left_by(tracer, otel, kept, leave, causes, code):
    """The end of a program, a task or a generator is no error of the span; a status that is not 0 is, and so is any other exception."""
    for cause in causes:
        with pytest.raises(type(cause)):
            leave(tracer, cause)
    assert [span_data.status.code for span_data in kept.spans] == [code] * len(causes)
    assert {span.status.status_code for span in otel.exporter.get_finished_spans()} == {StatusCode.ERROR if code else StatusCode.UNSET}
    assert [len(span.events) for span in otel.exporter.get_finished_spans()] == [int(bool(code) and leave is not _leave_by_hand)] * len(
        causes
    )


def test_a_span_of_opentelemetry_that_is_left(tracer, otel):
    """Neither does the end of a task that leaves the facade of an OpenTelemetry span give that span an error."""
    with otel.tracer.start_as_current_span("theirs"), pytest.raises(asyncio.CancelledError), execution_context.get_current_span():
        raise asyncio.CancelledError
    assert otel.spans["theirs"].status.status_code is StatusCode.UNSET


def test_a_library_of_tasks(tracer, kept, monkeypatch):
    """What ends a greenlet, or a task of trio's, is known by the library that is loaded."""
    ended = type("GreenletExit", (BaseException,), {})
    monkeypatch.setitem(sys.modules, "greenlet", SimpleNamespace(GreenletExit=ended))
    with pytest.raises(ended), tracer.span("s"):
        raise ended
    assert kept.spans[0].status.code == 0


def test_attributes_of_none(tracer, otel):
    """Which of the attributes that have an effect by being there was None is kept; others are lost."""
    with tracer.span("s") as span:
        for key in ("error.message", "stacktrace", "other"):
            span.add_attribute(key, None)
    with tracer.span("t") as span:
        span.add_attribute("other", None)
    assert dict(otel.spans["s"].attributes) == {"census.none": ("error.message", "stacktrace")}
    assert dict(otel.spans["t"].attributes) == {}


# --- Set after the start ---------------------------------------------------------------------------------------------------------


def test_name(tracer, otel, kept):
    """A name set on a running span is the one that arrives."""
    with tracer.span("before") as span:
        span.name = "after"
    assert (list(otel.spans), kept.names) == (["after"], ["after"])


KINDS = [(SpanKind.SERVER, OtelSpanKind.SERVER), (SpanKind.CLIENT, OtelSpanKind.CLIENT), (SpanKind.UNSPECIFIED, OtelSpanKind.INTERNAL)]


@pytest.mark.parametrize(("kind", "otel_kind"), [*KINDS, (7, OtelSpanKind.INTERNAL), ([], OtelSpanKind.INTERNAL)])
def test_kind(tracer, otel, kept, kind, otel_kind):
    """A kind set on a running span arrives; what OpenCensus does not know counts as unspecified."""
    with tracer.span("s") as span:
        span.span_kind = kind
    assert (otel.spans["s"].kind, kept.spans[0].span_kind) == (otel_kind, kind)


STATUS = [
    # code, message, OpenTelemetry's status code, its description
    (0, None, StatusCode.OK, None),
    (0, "fine", StatusCode.OK, None),
    (2, "unknown", StatusCode.ERROR, "unknown"),
    (16, None, StatusCode.ERROR, None),
    (None, None, StatusCode.ERROR, None),
    ("ABORTED", "by name", StatusCode.ERROR, "by name"),
    (1.5, None, StatusCode.ERROR, None),
    (False, None, StatusCode.OK, None),
]


@pytest.mark.parametrize(("code", "message", "otel_code", "description"), STATUS)
@pytest.mark.parametrize("assign", [True, False], ids=["assigned", "set_status"])
def test_status(tracer, otel, kept, code, message, otel_code, description, assign):
    """A status arrives with its gRPC code beside OpenTelemetry's; the text of what is no such code is the item's code, too."""
    status = status_module.Status(code, message)
    with tracer.span("s") as span:
        if assign:
            span.status = status
        else:
            span.set_status(status)
    ended = otel.spans["s"]
    assert (ended.status.status_code, ended.status.description) == (otel_code, description)
    kept_code = code if type(code) is int else str(code)
    assert ended.attributes.get(oc_to_otel.STATUS_CODE) == (None if code == 0 else kept_code)
    assert kept.spans[0].status is status


def test_status_that_was_never_set(tracer, otel, kept):
    """Without a status OpenTelemetry's stays unset and SpanData says OK."""
    with tracer.span("s"):
        pass
    assert otel.spans["s"].status.status_code is StatusCode.UNSET
    assert (kept.spans[0].status.code, kept.spans[0].status.message) == (0, None)


def test_an_exception_sets_status_and_stack_trace(tracer, otel, kept):
    """An error that leaves the `with` gives status UNKNOWN with its text, a stack trace, and the status and event that OpenTelemetry gives."""
    with pytest.raises(KeyError), tracer.span("s"):
        raise KeyError("missing")
    [span_data] = kept.spans
    assert otel.spans["s"].status.description == "KeyError: 'missing'"
    assert (span_data.status.code, span_data.status.message) == (2, "'missing'")
    assert span_data.stack_trace.stack_frames
    [event] = otel.spans["s"].events
    assert event.name == "exception"
    reference = TracerProvider().get_tracer("reference").start_span("s")
    try:
        raise KeyError("missing")
    except KeyError as error:
        reference.record_exception(error)
    [expected] = reference.events
    names = ("exception.type", "exception.message", "exception.escaped")
    assert {key: event.attributes[key] for key in names} == {key: expected.attributes[key] for key in names}
    shown = event.attributes["exception.stacktrace"].splitlines()
    assert (shown[0], shown[2:]) == ("Traceback (most recent call last):", ['    raise KeyError("missing")', "KeyError: 'missing'"])


def test_the_exception_of_a_module(tracer, otel):
    """The name of an exception's class has that of its module, as OpenTelemetry notes it; in the status it has not."""
    with pytest.raises(json.JSONDecodeError), tracer.span("s"):
        json.loads("[")
    assert otel.spans["s"].events[0].attributes["exception.type"] == "json.decoder.JSONDecodeError"
    assert otel.spans["s"].status.description.startswith("JSONDecodeError: ")


def test_an_exception_whose_text_cannot_be_had(tracer, otel, kept):
    """The program's own error comes through, not one about it, and the span ends."""

    class MuteError(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    with pytest.raises(MuteError), tracer.span("s"):
        raise MuteError
    assert (otel.spans["s"].status.status_code, kept.names, tracer.current_span()) == (StatusCode.ERROR, ["s"], None)


def test_links(tracer, otel, kept):
    """Links added to, or assigned as a plain list on, a running span arrive with type and attributes."""
    link = link_module.Link(TRACE, OTHER, link_module.Type.PARENT_LINKED_SPAN, {"k": "v"})
    with tracer.span("added") as span:
        span.add_link(link)
    with tracer.span("assigned") as span:
        span.links = [link]
    for name, span_data in zip(("added", "assigned"), kept.spans, strict=True):
        [arrived] = otel.spans[name].links
        assert (arrived.context.trace_id, arrived.context.span_id) == (int(TRACE, 16), int(OTHER, 16))
        assert dict(arrived.attributes) == {"k": "v", "census.link.type": 2}
        assert list(span_data.links) == [link]


def test_a_link_that_is_none(tracer, otel, caplog):
    """A link whose ids are no ids loses itself alone, with one line in the log."""
    with caplog.at_level(logging.WARNING), tracer.span("s") as span:
        span.add_link(link_module.Link("not", "hex"))
        span.add_link(link_module.Link(TRACE, OTHER))
    assert len(otel.spans["s"].links) == 1
    assert len(caplog.records) == 1


@pytest.mark.parametrize("value", ["link", None, 1])
def test_add_link_takes_links_only(tracer, value):
    """Anything else raises TypeError, as in OpenCensus."""
    with tracer.span() as span, pytest.raises(TypeError):
        span.add_link(value)


@pytest.mark.parametrize("value", [0, None, "OK"])
def test_set_status_takes_statuses_only(tracer, value):
    """Anything else raises TypeError, as in OpenCensus."""
    with tracer.span() as span, pytest.raises(TypeError):
        span.set_status(value)


def test_a_stack_trace_assigned(tracer, otel, kept):
    """A stack trace that the program made arrives in SpanData and as an event."""
    with tracer.span("s") as span:
        span.stack_trace = stack_trace_module.StackTrace()
    assert [event.name for event in otel.spans["s"].events] == ["exception"]
    assert kept.spans[0].stack_trace is not None


def test_a_stack_trace_has_what_the_attributes_say(tracer, otel, kept):
    """The event of a stack trace has type and message of the attributes that integrations set."""
    with tracer.span("s") as span:
        span.stack_trace = stack_trace_module.StackTrace()
        span.add_attribute("error.name", "LookupError")
        span.add_attribute("error.message", "no such order")
    (event,) = otel.spans["s"].events
    assert (event.attributes["exception.type"], event.attributes["exception.message"]) == ("LookupError", "no such order")


def test_attributes_assigned_as_a_plain_dict(tracer, otel, kept):
    """A dict put in place of the attributes arrives, and can be added to."""
    with tracer.span("s") as span:
        span.add_attribute("lost", 1)
        span.attributes = {"a": 1}
        span.add_attribute("b", "two")
    assert dict(otel.spans["s"].attributes) == dict(kept.spans[0].attributes) == {"a": 1, "b": "two"}


def test_attributes_that_opentelemetry_code_sets_on_the_same_span(tracer, otel, kept):
    """They reach legacy exporters beside the span's own, which win."""
    from opentelemetry import trace as trace_api

    with tracer.span("s") as span:
        span.add_attribute("own", "oc")
        trace_api.get_current_span().set_attributes({"own": "otel", "added": 1})
    assert dict(kept.spans[0].attributes) == {"own": "oc", "added": 1}
    assert dict(otel.spans["s"].attributes) == {"own": "oc", "added": 1}


def test_annotations_and_messages(tracer, otel, kept):
    """They arrive in order as events that say what they were, and as they are in SpanData."""
    with tracer.span("s") as span:
        span.add_annotation("took a turn", left=True)
        span.add_message_event(time_event.MessageEvent(NOW, 7, time_event.Type.SENT, 11, 5))
    annotation, message = otel.spans["s"].events
    assert (annotation.name, dict(annotation.attributes)) == ("took a turn", {"left": True, "census.event": "annotation"})
    assert (message.name, message.timestamp) == ("message", 1580466030123456000)
    assert dict(message.attributes) == {
        "message.type": "SENT",
        "message.id": 7,
        "message.uncompressed_size": 11,
        "message.compressed_size": 5,
        "census.event": "message",
    }
    [span_data] = kept.spans
    assert ([a.description for a in span_data.annotations], [m.id for m in span_data.message_events]) == (["took a turn"], [7])


# --- Ids and times ---------------------------------------------------------------------------------------------------------------


def test_ids_are_hexadecimal_text(tracer, otel):
    """The span's id is the OpenTelemetry span's, as 16 hexadecimal digits."""
    with tracer.span("s") as span:
        assert len(span.span_id) == 16
    assert int(span.span_id, 16) == otel.spans["s"].context.span_id


def test_an_id_assigned(tracer, otel, kept):
    """An id of 16 hexadecimal digits becomes the OpenTelemetry span's own, on a span that runs."""
    with tracer.span("s") as span:
        span.span_id = OTHER
    assert (otel.spans["s"].context.span_id, kept.spans[0].span_id) == (int(OTHER, 16), OTHER)


def test_an_id_assigned_that_is_none(tracer, otel, kept):
    """Another id is kept for the exporter, on the span and as its children's parent."""
    with tracer.span("s") as span:
        span.span_id = "request-17"
        with tracer.span("child"):
            pass
    assert otel.spans["s"].attributes[oc_to_otel.SPAN_ID] == "request-17"
    assert otel.spans["child"].attributes[oc_to_otel.PARENT_SPAN_ID] == "request-17"
    assert [(sd.span_id, sd.parent_span_id) for sd in kept.spans][1] == ("request-17", None)
    assert kept.spans[0].parent_span_id == "request-17"


def test_a_start_time_assigned(tracer, otel, kept):
    """A start time set on a running span is the one that arrives, with all that was set before and after, and the span arrives once."""
    with tracer.span("s") as span:
        span.add_attribute("before", 1)
        span.start_time = "2020-01-31T10:20:30.123456Z"
        span.add_attribute("after", 2)
        span.span_kind = SpanKind.SERVER
    [ended] = otel.exporter.get_finished_spans()
    assert (ended.start_time, ended.kind) == (1580466030123456000, OtelSpanKind.SERVER)
    assert dict(ended.attributes) == {"before": 1, "after": 2}
    assert [sd.start_time for sd in kept.spans] == ["2020-01-31T10:20:30.123456Z"]


def test_a_span_replaced_keeps_what_opentelemetry_code_set(tracer, otel):
    """Attributes, events and links that OpenTelemetry code put on the span before its id was changed are still there."""
    from opentelemetry import trace as trace_api

    with tracer.span("s") as span:
        current = trace_api.get_current_span()
        current.set_attribute("a", 1)
        current.add_event("e", {"k": 2})
        current.set_status(trace_api.StatusCode.ERROR, "bad")
        span.span_id = OTHER
    [ended] = otel.exporter.get_finished_spans()
    assert (dict(ended.attributes), [event.name for event in ended.events]) == ({"a": 1}, ["e"])
    assert (ended.status.status_code, ended.status.description) == (StatusCode.ERROR, "bad")


def test_times_are_text(tracer):
    """Start and end are UTC text with microseconds; there is no end before the end."""
    with tracer.span() as span:
        assert len(span.start_time) == len("2020-01-31T10:20:30.123456Z")
        assert span.end_time is None
    assert span.start_time <= span.end_time


def test_an_unreadable_start_time_assigned(tracer, otel, kept):
    """A start time that is no time leaves the OpenTelemetry span's own; legacy exporters see what was assigned."""
    with tracer.span("s") as span:
        span.start_time = "yesterday"
    assert otel.spans["s"].start_time > 1580466030123456000
    assert kept.spans[0].start_time == "yesterday"


# --- Limits ----------------------------------------------------------------------------------------------------------------------


def test_limits(tracer, kept):
    """At most 32 attributes, 32 annotations, 128 messages and 32 links; the oldest go and are counted."""
    with tracer.span() as span:
        for number in range(130):
            span.add_attribute(str(number), number)
            span.add_annotation(str(number))
            span.add_message_event(time_event.MessageEvent(NOW, number))
            span.add_link(link_module.Link(TRACE, f"{number + 1:016x}"))
    [sd] = kept.spans
    assert [int(key) for key in sd.attributes] == list(range(98, 130))
    assert [int(annotation.description) for annotation in sd.annotations] == list(range(98, 130))
    assert [message.id for message in sd.message_events] == list(range(2, 130))
    assert [int(link.span_id, 16) for link in sd.links] == list(range(99, 131))
    assert [part.dropped for part in (span.attributes, span.annotations, span.message_events, span.links)] == [98, 98, 2, 98]


def test_a_bounded_dict_moves_a_key_set_again_to_the_end():
    """Setting a key again makes it the youngest, as in OpenCensus."""
    bounded = BoundedDict(2)
    bounded["a"], bounded["b"], bounded["a"], bounded["c"] = 1, 2, 3, 4
    assert (dict(bounded), bounded.dropped) == ({"a": 3, "c": 4}, 1)


def test_bounded_dicts_in_threads():
    """A full dict that many threads write never grows past its bound and raises nothing."""
    bounded = BoundedDict(8)
    threads = [threading.Thread(target=lambda n=n: [bounded.__setitem__((n, i), i) for i in range(500)]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bounded) == 8


def test_bounded_lists():
    """`extend` and `from_seq` keep the bound; too many at once is an error."""
    bounded = BoundedList(3)
    bounded.extend(range(5))
    assert (list(bounded), bounded.dropped, bounded[0]) == ([2, 3, 4], 2, 2)
    with pytest.raises(ValueError, match="at most 2"):
        BoundedList.from_seq(2, "abc")
    with pytest.raises(ValueError, match="at most 1"):
        BoundedDict.from_map(1, {"a": 1, "b": 2})


# --- Children made from a span ---------------------------------------------------------------------------------------------------


def test_children_are_exported_with_their_parent(tracer, otel, kept):
    """Spans made with `span()` are exported when the span they were made from ends, innermost first, in one list."""
    with tracer.span("root") as root:
        with root.span("first") as first:
            assert tracer.current_span() is root
            with first.span("below first"):
                pass
        with root.span("second"):
            pass
        assert kept.lists == []
        assert root.children[0] is first
    assert [[sd.name for sd in spans] for spans in kept.lists] == [["below first", "first", "second", "root"]]
    assert otel.parents == {"below first": "first", "first": "root", "second": "root", "root": None}
    assert [sd.child_span_count for sd in kept.spans] == [0, 1, 0, 2]
    assert [sd.parent_span_id for sd in kept.spans] == [first.span_id, root.span_id, root.span_id, None]


def test_a_child_that_was_never_finished(tracer, otel, kept):
    """A child that nobody started or finished is exported with its parent all the same."""
    with tracer.span("root") as root:
        root.span("left alone")
        root.span("only started").start()
    assert kept.names == ["left alone", "only started", "root"]
    assert otel.parents == {"left alone": "root", "only started": "root", "root": None}


def test_a_span_without_a_tracer(otel):
    """One that a program builds itself keeps what is set on it and is not exported."""
    span = Span("alone", attributes={"a": 1}, span_id="x", start_time="t")
    with span:
        span.add_attribute("b", 2)
    assert (span.name, dict(span.attributes), span.span_id) == ("alone", {"a": 1, "b": 2}, "x")
    assert otel.spans == {}
    assert len(Span("other").span_id) == 16


def test_on_create(tracer, monkeypatch):
    """Callbacks are called with every span made from then on, and may give it attributes."""
    monkeypatch.setattr(Span, "_on_create_callbacks", [])
    Span.on_create(lambda span: span.add_attribute("made by", "callback"))
    with tracer.span() as span:
        assert span.attributes["made by"] == "callback"
        assert span.span("child").attributes["made by"] == "callback"


def test_iteration(tracer):
    """Iterating yields descendants made with `span()`, then the span itself."""
    with tracer.span("root") as root:
        root.span("a").span("b")
        assert [span.name for span in root] == ["b", "a", "root"]


def test_format_span_json():
    """A span as the dict of OpenCensus's JSON exporters."""
    parent = Span("parent", span_id="1111111111111111")
    span = Span("s", parent_span=parent, attributes={"k": "v"}, span_id=OTHER, start_time="2020-01-31T10:20:30.000000Z",
                end_time="2020-01-31T10:20:31.000000Z", status=status_module.Status(2, "bad"), same_process_as_parent_span=True,
                links=[link_module.Link(TRACE, OTHER)])  # fmt: skip
    span.span("child")
    assert format_span_json(span) == {
        "displayName": {"value": "s", "truncated_byte_count": 0},
        "spanId": OTHER,
        "startTime": "2020-01-31T10:20:30.000000Z",
        "endTime": "2020-01-31T10:20:31.000000Z",
        "childSpanCount": 1,
        "parentSpanId": "1111111111111111",
        "attributes": {"attributeMap": {"k": {"string_value": {"value": "v", "truncated_byte_count": 0}}}},
        "links": {"link": [{"trace_id": TRACE, "span_id": OTHER, "type": 0}]},
        "status": {"code": 2, "message": "bad"},
        "sameProcessAsParentSpan": True,
    }


# --- An OpenTelemetry span seen through OpenCensus -------------------------------------------------------------------------------


def test_a_foreign_span_reads_and_writes_through(otel):
    """What is set on the facade of an OpenTelemetry span is set there, at once, and reads back."""
    with otel.tracer.start_as_current_span("server", attributes={"given": 1}):
        span = execution_context.get_current_span()
        assert (span.name, span.attributes["given"], type(span)) == ("server", 1, ForeignSpan)
        assert execution_context.get_current_span() is span
        span.name = "renamed"
        span.span_kind = SpanKind.SERVER
        span.add_attribute("added", [1, 2])
        span.attributes["by item"] = {"a": 1}
        span.attributes = {"by dict": True}
        span.add_annotation("note", k=1)
        span.add_message_event(time_event.MessageEvent(NOW, 1))
        span.add_link(link_module.Link(TRACE, OTHER))
        span.set_status(status_module.Status(5, "not found"))
        assert (span.name, span.span_kind, span.status.code, len(span.attributes)) == ("renamed", SpanKind.SERVER, 5, 4)
    ended = otel.spans["renamed"]
    assert ended.kind is OtelSpanKind.SERVER
    assert dict(ended.attributes) == {"given": 1, "added": (1, 2), "by item": '{"a":1}', "by dict": True}
    assert [event.name for event in ended.events] == ["note", "message"]
    assert (len(ended.links), ended.status.status_code, ended.status.description) == (1, StatusCode.ERROR, "not found")


def test_a_foreign_span_is_not_ended(otel):
    """`finish()` and the end of a `with` leave it open; an error is noted as its status."""
    with otel.tracer.start_as_current_span("server") as owner:
        span = execution_context.get_current_span()
        span.start()
        span.finish()
        with pytest.raises(ValueError, match="no"), span:
            raise ValueError("no")
        assert owner.is_recording()
    assert otel.spans["server"].status.description == "no"


def test_what_a_foreign_span_does_not_take(otel, caplog):
    """Its id and start belong to OpenTelemetry: assigning them is said in the log, and loses nothing else."""
    with otel.tracer.start_as_current_span("server"), caplog.at_level(logging.WARNING):
        span = execution_context.get_current_span()
        before = (span.span_id, span.start_time)
        span.span_id, span.start_time = OTHER, "2020-01-31T10:20:30.123456Z"
        assert (span.span_id, span.start_time) == before
    assert len(caplog.records) == 2


def test_children_of_a_foreign_span(otel):
    """A child made with `span()` is exported when it finishes, below the OpenTelemetry span."""
    with otel.tracer.start_as_current_span("server"):
        with execution_context.get_current_span().span("child") as child:
            child.add_attribute("k", "v")
        child.finish()
        assert list(otel.spans) == ["child"]
    assert otel.parents == {"child": "server", "server": None}


def test_foreign_spans_are_freed(otel):
    """The facade keeps no OpenTelemetry span alive."""
    with otel.tracer.start_as_current_span("server") as owner:
        gone = weakref.ref(execution_context.get_current_span())
        reference = weakref.ref(owner)
    del owner
    gc.collect()
    assert (gone(), reference()) == (None, None)


def test_tracer_spans_are_freed(tracer):
    """A span that has ended is not reachable from its tracer or the context."""
    with tracer.span() as span:
        with tracer.span() as inner:
            pass
        references = [weakref.ref(span), weakref.ref(inner)]
    tracer.exporter.lists.clear()
    del span, inner
    gc.collect()
    assert [reference() for reference in references] == [None, None]


# --- Hostile values --------------------------------------------------------------------------------------------------------------


class Hostile:
    """Nothing works."""

    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__
    __hash__ = object.__hash__


def _cycle():
    cycle = {}
    cycle["self"] = cycle
    return cycle


HOSTILE = {
    "no text": ({"k": Hostile()}, {"k": "<Hostile>"}),
    "cycle": ({"k": _cycle()}, {"k": "<dict>"}),
    "list of hostile": ({"k": [Hostile()]}, {"k": "<list>"}),
    "huge": ({"k": 10**40}, {"k": 10**40}),
    "surrogate": ({"k": "\ud800"}, {"k": "\ud800"}),
    "number as key": ({1: "v"}, {"1": "v"}),
    "hostile key": ({Hostile(): "v"}, {"<Hostile>": "v"}),
    "nothing": ({"k": None}, {}),
    "bytes": ({"k": b"\xff"}, {"k": "b'\\xff'"}),
    "mixed": ({"k": [1, "a"]}, {"k": '[1,"a"]'}),
    "not a number": ({"k": float("inf")}, {"k": float("inf")}),
    "empty": ({"": ""}, {"": ""}),
}


@pytest.mark.parametrize(("given", "arrived"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_attributes(tracer, otel, given, arrived):
    """No value and no key makes the end of a span raise, and the other attributes arrive."""
    with tracer.span("s") as span:
        for key, value in given.items():
            span.add_attribute(key, value)
        span.add_attribute("other", 1)
    assert dict(otel.spans["s"].attributes) == {key: value for key, value in {**arrived, "other": 1}.items() if key}
    assert tracer.current_span() is None


HOSTILE_STATE = {
    "name": lambda span: setattr(span, "name", Hostile()),
    "attributes": lambda span: setattr(span, "attributes", 7),
    "status": lambda span: setattr(span, "status", Hostile()),
    "status message": lambda span: setattr(span, "status", status_module.Status(2, Hostile())),
    "status code": lambda span: setattr(span, "status", status_module.Status(Hostile())),
    "links": lambda span: setattr(span, "links", [Hostile()]),
    "annotations": lambda span: setattr(span, "annotations", [Hostile()]),
    "message events": lambda span: setattr(span, "message_events", [Hostile()]),
    "stack trace": lambda span: setattr(span, "stack_trace", Hostile()),
    "link attributes": lambda span: span.add_link(link_module.Link(TRACE, OTHER, attributes=7)),
    "annotation text": lambda span: span.add_annotation(Hostile()),
    "kind": lambda span: setattr(span, "span_kind", Hostile()),
    "id": lambda span: setattr(span, "span_id", Hostile()),
}


@pytest.mark.parametrize("spoil", HOSTILE_STATE.values(), ids=HOSTILE_STATE)
@pytest.mark.filterwarnings("ignore")
def test_hostile_state(tracer, otel, kept, spoil):
    """Whatever a program puts into a span's fields, the end of the span raises nothing, the span is exported, the next one unharmed."""
    with tracer.span("s") as span:
        spoil(span)
    with tracer.span("next"):
        pass
    assert len(otel.exporter.get_finished_spans()) == 2
    assert otel.spans["next"].parent is None
    assert len(kept.spans) == 2


def test_span_module_names():
    """The limits are those of OpenCensus."""
    limits = ("MAX_NUM_ATTRIBUTES", "MAX_NUM_ANNOTATIONS", "MAX_NUM_MESSAGE_EVENTS", "MAX_NUM_LINKS")
    assert [getattr(span_module, name) for name in limits] == [32, 32, 128, 32]


def test_classes_are_known_by_the_modules_that_programs_import_them_from():
    """What stands in private files has the module of its public name in its text, as before it moved there."""
    shown = [BoundedDict, BoundedList, ForeignSpan, noop_tracer.DefaultTracer]
    assert [f"{kind.__module__.partition('.')[2]}.{kind.__qualname__}" for kind in shown] == [
        "trace.span.BoundedDict",
        "trace.span.BoundedList",
        "trace.span.ForeignSpan",
        "trace.tracers.noop_tracer.DefaultTracer",
    ]
