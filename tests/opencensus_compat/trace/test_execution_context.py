"""The current tracer, span and attributes, which are one with the OpenTelemetry context."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from unittest import mock

import pytest
from opentelemetry import baggage
from opentelemetry import context as context_api
from opentelemetry import trace as trace_api

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge.context import Exporting
from opencensus_compat.common.runtime_context import RuntimeContext, _ThreadLocalRuntimeContext
from opencensus_compat.trace import execution_context, samplers
from opencensus_compat.trace.span import ForeignSpan, Span
from opencensus_compat.trace.tracer import Tracer
from opencensus_compat.trace.tracers.noop_tracer import NoopTracer


@pytest.fixture
def tracer(otel, kept):
    """A tracer that samples everything and gives it to `kept`."""
    return Tracer(sampler=samplers.AlwaysOnSampler(), exporter=kept)


def test_set_current_span(tracer, otel):
    """A span made current by hand parents the spans of both APIs; None leaves none current."""
    span = tracer.start_span("a")
    execution_context.set_current_span(None)
    assert not trace_api.get_current_span().get_span_context().is_valid
    execution_context.set_current_span(span)
    assert execution_context.get_current_span() is span
    with otel.tracer.start_as_current_span("otel"):
        pass
    with tracer.span("oc"):
        pass
    tracer.finish()
    assert otel.parents == {"otel": "a", "oc": "a", "a": None}


def test_set_current_span_to_an_opentelemetry_one(tracer, otel):
    """What `get_current_span` returned inside an OpenTelemetry span can be made current elsewhere."""
    with otel.tracer.start_as_current_span("server"):
        span = execution_context.get_current_span()
    execution_context.set_current_span(span)
    with tracer.span("later"):
        pass
    assert otel.parents == {"later": "server", "server": None}


def test_set_current_span_to_something_else(tracer, otel):
    """A test's mock can be current for OpenCensus; a span started meanwhile is no child of it, and nothing breaks."""
    fake = mock.Mock()
    execution_context.set_current_span(fake)
    assert execution_context.get_current_span() is fake
    with tracer.span("s"):
        pass
    assert execution_context.get_current_span() is fake
    assert otel.parents == {"s": None}


def test_a_span_of_the_programs_own_can_be_current(tracer, otel):
    """A span without a tracer can be made current and ended through the tracer."""
    execution_context.set_current_span(Span("by hand"))
    tracer.add_attribute_to_current_span("k", "v")
    assert dict(execution_context.get_current_span().attributes) == {"k": "v"}
    tracer.end_span()
    assert execution_context.get_current_span() is None


def test_attributes_of_the_context():
    """Attributes are set one by one or together; contexts that shared the old ones keep them."""
    execution_context.set_opencensus_attr("a", 1)
    before = contextvars.copy_context()
    execution_context.set_opencensus_attr("b", 2)
    assert execution_context.get_opencensus_attrs() == {"a": 1, "b": 2}
    assert before.run(execution_context.get_opencensus_attrs) == {"a": 1}
    execution_context.set_opencensus_attrs({"c": 3})
    assert (execution_context.get_opencensus_attr("a"), execution_context.get_opencensus_attr("c")) == (None, 3)


@pytest.mark.parametrize("forget", [execution_context.clean, execution_context.clear])
def test_clean(tracer, forget):
    """After it there is no span, no attribute, and a tracer that does nothing."""
    tracer.start_span("s")
    execution_context.set_opencensus_attr("a", 1)
    forget()
    assert execution_context.get_current_span() is None
    assert execution_context.get_opencensus_attrs() == {}
    assert isinstance(execution_context.get_opencensus_tracer(), NoopTracer)
    assert not trace_api.get_current_span().get_span_context().is_valid


@pytest.mark.parametrize("forget", [execution_context.clean, execution_context.clear, RuntimeContext.clear])
def test_clean_inside_an_opentelemetry_span(tracer, otel, forget):
    """An OpenTelemetry span that is current stays so, around OpenCensus spans that have ended and inside one that has not."""
    with otel.tracer.start_as_current_span("server") as server:
        with tracer.span("request"):
            pass
        forget()
        assert trace_api.get_current_span() is server
        tracer.start_span("leaked")
        with otel.tracer.start_as_current_span("inside") as inside:
            forget()
            assert trace_api.get_current_span() is inside
            with tracer.span("below"):
                pass
    tracer.finish()
    assert otel.parents == {"server": None, "request": "server", "leaked": "server", "inside": "leaked", "below": "inside"}


def test_full_context(tracer):
    """Tracer, span and attributes go to another thread together."""
    seen = []
    with tracer.span("s") as span:
        execution_context.set_opencensus_attr("a", 1)
        captured = execution_context.get_opencensus_full_context()

        def work():
            execution_context.set_opencensus_full_context(*captured)
            seen.append(execution_context.get_opencensus_full_context())

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert seen == [(tracer, span, {"a": 1})] == [captured]


def test_is_exporter():
    """The flag of exporting code is per context."""
    execution_context.set_is_exporter(True)
    seen = []
    thread = threading.Thread(target=lambda: seen.append(execution_context.is_exporter()))
    thread.start()
    thread.join()
    assert (execution_context.is_exporter(), seen) == (True, [False])
    execution_context.set_is_exporter(False)


def test_a_program_does_not_end_an_export_of_this_package():
    """Inside one the flag stays, whatever a telemetry processor sets; around one it comes back, whatever it was."""
    execution_context.set_is_exporter(True)
    with _context.as_exporter(Exporting.OURS):
        execution_context.set_is_exporter(False)
        RuntimeContext.is_exporter = False
        assert (execution_context.is_exporter(), _context.exporting.get()) == (True, Exporting.OURS)
        with _context.as_exporter(Exporting.PROGRAM):
            assert _context.exporting.get() is Exporting.OURS
    assert (execution_context.is_exporter(), _context.exporting.get()) == (True, Exporting.PROGRAM)
    RuntimeContext.is_exporter = False
    assert (execution_context.is_exporter(), _context.exporting.get()) == (False, Exporting.NO)


def test_the_exporter_slot_of_either_runtime_context():
    """The flag has one place, which both forms of the runtime context show, set, copy and clear."""
    local = _ThreadLocalRuntimeContext()
    local.is_exporter = True
    assert (RuntimeContext.is_exporter, execution_context.is_exporter(), local.snapshot()["is_exporter"]) == (True, True, True)
    local._slots["is_exporter"].clear()
    assert (local.is_exporter, execution_context.is_exporter()) == (False, False)


def test_runtime_context_slots():
    """The slots of the runtime context are those of OpenCensus, and others can be added once."""
    assert {"attrs", "current_span", "is_exporter", "tracer"} <= RuntimeContext.snapshot().keys()
    with pytest.raises(ValueError, match="already registered"):
        RuntimeContext.register_slot("current_span")
    with pytest.raises(AttributeError, match="no_such_slot"):
        _ = RuntimeContext.no_such_slot


def test_the_current_span_slot_is_the_current_span(tracer):
    """Reading and writing the slot by name is reading and writing the current span."""
    with tracer.span("s") as span:
        assert RuntimeContext.current_span is span
        RuntimeContext.current_span = None
        assert execution_context.get_current_span() is None
        RuntimeContext.current_span = span


def test_other_values_of_the_opentelemetry_context_stay(tracer):
    """Baggage set inside a span is readable in spans below and in spans set by hand; what is set outside is there again after it."""
    token = context_api.attach(baggage.set_baggage("k", "outside"))
    with tracer.span("a"):
        assert baggage.get_baggage("k") == "outside"
        context_api.attach(baggage.set_baggage("k", "inside"))
        with tracer.span("b") as span:
            assert baggage.get_baggage("k") == "inside"
            execution_context.set_current_span(None)
            assert baggage.get_baggage("k") == "inside"
            execution_context.set_current_span(span)
    assert baggage.get_baggage("k") == "outside"
    context_api.detach(token)


def test_foreign_facades_are_the_innermost_opentelemetry_span(tracer, otel):
    """Inside OpenTelemetry inside OpenCensus the facade is on the OpenTelemetry span; when it has ended, the OpenCensus span is back."""
    with tracer.span("oc") as span:
        with otel.tracer.start_as_current_span("otel") as inner:
            current = execution_context.get_current_span()
            assert (type(current), current.span_id) == (ForeignSpan, f"{inner.get_span_context().span_id:016x}")
        assert execution_context.get_current_span() is span


def test_an_opentelemetry_context_attached_by_hand(tracer, otel):
    """A context of OpenTelemetry's, attached somewhere else, brings the OpenCensus span along."""
    with tracer.span("a") as span:
        captured = context_api.get_current()

    def elsewhere():
        context_api.attach(captured)
        assert execution_context.get_current_span() is span
        with tracer.span("b"):
            pass

    contextvars.Context().run(elsewhere)
    assert otel.parents == {"a": None, "b": "a"}


def test_chain_to(tracer):
    """The spans opened inside another, innermost first; None for one that is not open here."""
    a, b, c = (tracer.start_span(name) for name in "abc")
    assert _context.chain_to(a) == [c, b]
    assert _context.chain_to(c) == []
    assert contextvars.Context().run(_context.chain_to, a) is None
    tracer.finish()
    assert _context.chain_to(a) is None


def test_tasks_do_not_see_each_others_attributes(tracer):
    """Attributes and tracer are per asyncio task."""

    async def task(number):
        execution_context.set_opencensus_attr("n", number)
        mine = Tracer(sampler=samplers.AlwaysOffSampler(), exporter=tracer.exporter)
        await asyncio.sleep(0)
        return execution_context.get_opencensus_attr("n") == number and execution_context.get_opencensus_tracer() is mine

    async def main():
        return await asyncio.gather(*(task(number) for number in range(10)))

    assert asyncio.run(main()) == [True] * 10
    assert execution_context.get_opencensus_tracer() is tracer
