"""The span of an unsampled trace: it takes every call, keeps nothing, and is current all the same."""

from __future__ import annotations

import contextvars
import gc
import weakref

import pytest
from opentelemetry import trace as trace_api
from opentelemetry.context import Context

from opencensus_compat.trace import execution_context, samplers
from opencensus_compat.trace.blank_span import BlankSpan
from opencensus_compat.trace.link import Link
from opencensus_compat.trace.status import Status
from opencensus_compat.trace.time_event import MessageEvent
from opencensus_compat.trace.tracer import Tracer


@pytest.fixture
def tracer(otel, kept):
    """A tracer that samples nothing."""
    return Tracer(sampler=samplers.AlwaysOffSampler(), exporter=kept)


def test_every_call_is_taken(tracer, otel, kept):
    """All that can be called and assigned on a span works, and nothing is exported."""
    with tracer.span("s") as span:
        assert isinstance(span, BlankSpan)
        span.name, span.span_kind, span.start_time, span.span_id = "other", 1, "t", "x"
        span.attributes, span.links, span.stack_trace, span.status = {"a": 1}, [], None, Status(2)
        span.add_attribute("k", "v")
        span.add_annotation("a", k=1)
        span.add_message_event(MessageEvent(None, 1))
        span.add_link(Link("x", "y"))
        span.set_status("anything")
        span.start()
        span.finish()
        with span.span("child") as child:
            assert (child.children, list(child), child.parent_span.span_id) == ([], [child], None)
        tracer.add_attribute_to_current_span("k", "v")
        assert (span.name, span.span_id, span.attributes) == ("other", "x", {"a": 1})
    assert (otel.spans, kept.lists) == ({}, [])


def test_attributes_go_to_what_is_current_inside(tracer, otel):
    """A span that OpenTelemetry code records inside an unsampled one gets the attributes that the tracer is asked to set."""
    with tracer.span("unsampled"):
        with otel.tracer.start_as_current_span("recorded", context=Context()):
            tracer.add_attribute_to_current_span("key", "value")
        tracer.add_attribute_to_current_span("lost", 1)
    tracer.add_attribute_to_current_span("lost", 2)
    assert dict(otel.spans["recorded"].attributes) == {"key": "value"}


def test_a_further_root_is_a_trace_of_its_own(tracer):
    """Each unsampled root of a tracer has ids of its own, and what held an earlier one still finds that one's."""
    with tracer.span("first"):
        first = trace_api.get_current_span()
    with tracer.span("second"):
        second = trace_api.get_current_span()
        assert tracer.span_context.trace_id == f"{second.get_span_context().trace_id:032x}"
    assert first.get_span_context().trace_id != second.get_span_context().trace_id


def test_a_blank_span_made_by_hand():
    """Built without a tracer it is a plain object with an id."""
    span = BlankSpan("s", span_kind=1, status="x")
    with span:
        pass
    assert (len(span.span_id), span.span_kind, span.status, span.attributes) == (16, 1, "x", {})


def test_it_is_current(tracer):
    """It is the current span of both APIs, and no longer when it has ended, also by `end_span`."""
    span = tracer.start_span("s")
    current = trace_api.get_current_span()
    assert execution_context.get_current_span() is span
    assert (current.is_recording(), current.get_span_context().is_valid, current.get_span_context().trace_flags) == (False, True, 0)
    assert span.span_id == f"{current.get_span_context().span_id:016x}"
    tracer.end_span()
    assert execution_context.get_current_span() is None


def test_leaked_blank_spans_leave_with_the_one_around(tracer):
    """Ending the outer one leaves those inside it too."""
    with tracer.span("outer"):
        tracer.start_span("leaked")
    assert execution_context.get_current_span() is None


def test_finish_of_an_unsampled_tracer(tracer, caplog):
    """`finish()` and `end_span()` without a span do nothing, silently."""
    tracer.finish()
    tracer.end_span()
    assert caplog.records == []


def test_unsampled_spans_that_end_elsewhere_are_freed(tracer):
    """A thread that starts spans which end in other contexts keeps the last one at most."""
    references = []
    for _ in range(50):
        span = tracer.start_span("s")
        contextvars.Context().run(span.__exit__, None, None, None)
        references.append(weakref.ref(span))
    del span
    gc.collect()
    assert sum(reference() is not None for reference in references) <= 2


def test_the_trace_is_told_the_same_way_everywhere(tracer):
    """Trace id in the tracer, in the OpenTelemetry context and in the context of the span's tracer are one."""
    with tracer.span() as span, tracer.span():
        otel = trace_api.get_current_span().get_span_context()
        assert f"{otel.trace_id:032x}" == tracer.span_context.trace_id == span.context_tracer.span_context.trace_id
        assert tracer.span_context.trace_options.get_enabled() is False
