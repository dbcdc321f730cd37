"""Contexts that code of others attaches inside an open OpenCensus span: one without a valid span does not hide it."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest
from opentelemetry import context as context_api
from opentelemetry import propagate
from opentelemetry import trace as trace_api
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind

from opencensus_compat import log
from opencensus_compat._bridge import frameworks as _frameworks
from opencensus_compat._bridge.providers.made import new_tracer_provider
from opencensus_compat.ext.threading import trace as threads
from opencensus_compat.trace import execution_context, samplers
from opencensus_compat.trace.tracer import Tracer

HEADERS = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
REMOTE = 0x00F067AA0BA902B7


@pytest.fixture
def tracer(otel, kept):
    """A tracer that samples everything and gives it to `kept`."""
    return Tracer(sampler=samplers.AlwaysOnSampler(), exporter=kept)


@pytest.fixture
def framework():
    """The tracer of a framework whose own spans are left out."""
    return _frameworks.SilentTracer(lambda: None)


FRESH = {
    "empty": Context,
    "extracted from no headers": lambda: propagate.extract({}),
    "of other things": lambda: Context({"theirs": 1}),
    "with an invalid span": lambda: trace_api.set_span_in_context(trace_api.INVALID_SPAN),
}


@pytest.mark.parametrize("fresh", FRESH.values(), ids=FRESH)
def test_a_context_without_a_span(tracer, otel, kept, fresh):
    """Inside one, the open span is current for all of OpenCensus, and detaching it brings back what was before."""
    with tracer.span("request"), tracer.span("inner") as inner:
        before = context_api.get_current()
        token = context_api.attach(fresh())
        attached = context_api.get_current()
        assert execution_context.get_current_span() is inner
        assert tracer.current_span() is inner
        assert tracer.span_context.span_id == inner.span_id
        assert log.get_log_attrs()[:2] == (f"{inner._otel.get_span_context().trace_id:032x}", inner.span_id)
        with Tracer(sampler=samplers.AlwaysOffSampler(), exporter=kept).span("look up"), otel.tracer.start_as_current_span("below"):
            pass
        assert execution_context.get_current_span() is inner
        assert context_api.get_value("theirs") == attached.get("theirs")
        context_api.detach(token)
        assert context_api.get_current() == before
    assert execution_context.get_current_span() is None
    assert otel.parents == {"request": None, "inner": "request", "look up": "inner", "below": "look up"}


def test_what_ends_inside_one(tracer, kept):
    """`end_span` inside one ends the open span; the one around it is the open one then."""
    outer, _ = tracer.start_span("outer"), tracer.start_span("inner")
    token = context_api.attach(Context())
    tracer.end_span()
    assert execution_context.get_current_span() is outer
    tracer.end_span()
    assert execution_context.get_current_span() is None
    context_api.detach(token)
    assert kept.names == ["inner", "outer"]


def test_one_that_is_never_detached(tracer, otel):
    """The end of the span around leaves nothing that is open."""
    with tracer.span("request"):
        context_api.attach(Context())
    with tracer.span("next"):
        pass
    assert otel.parents == {"request": None, "next": None}


def test_what_a_program_hides(tracer, otel, kept):
    """`set_current_span(None)` and `clean()` are the program's word: no other tracer's span continues it."""
    other = Tracer(sampler=samplers.AlwaysOnSampler(), exporter=kept)
    for hide in (lambda: execution_context.set_current_span(None), execution_context.clean):
        with tracer.span("request"):
            context_api.attach(Context())
            hide()
            assert execution_context.get_current_span() is None
            with other.span("other"):
                pass
    assert otel.parents == {"request": None, "other": None}


@pytest.mark.parametrize("local", [True, False], ids=["local", "remote"])
def test_a_span_of_the_programs(tracer, otel, local):
    """A context with an OpenTelemetry span counts, also with that of a message that the program itself has read."""
    with tracer.span("request"), otel.tracer.start_as_current_span("theirs") as theirs:
        attached = trace_api.set_span_in_context(theirs, Context()) if local else propagate.extract(HEADERS)
        context_api.attach(attached)
        assert execution_context.get_current_span().span_id == (f"{theirs.get_span_context().span_id:016x}" if local else f"{REMOTE:016x}")
        with tracer.span("work"):
            pass
    assert otel.parents["work"] == ("theirs" if local else REMOTE)


def test_unsampled_requests(otel, kept):
    """Inside an unsampled request nothing is sampled, whatever context is attached."""
    with Tracer(sampler=samplers.AlwaysOffSampler(), exporter=kept).span("request") as request:
        context_api.attach(Context())
        assert execution_context.get_current_span() is request
        with Tracer(sampler=samplers.AlwaysOnSampler(), exporter=kept).span("work"), otel.tracer.start_as_current_span("below"):
            pass
    assert otel.parents == {}


def test_tasks_and_copies(tracer, otel):
    """A task and a thread's copy of the context inherit the open span, and a task that outlives it does not become its child."""

    async def background(ended):
        await ended.wait()
        with tracer.span("after"):
            pass

    def endpoint():
        with tracer.span("in a thread"):
            pass

    async def main():
        ended, tasks = asyncio.Event(), []
        with tracer.span("request"):
            token = context_api.attach(Context())
            tasks.append(asyncio.create_task(background(ended)))
            thread = threading.Thread(target=contextvars.copy_context().run, args=(endpoint,))
            thread.start()
            thread.join()
            with tracer.span("work"):
                pass
            context_api.detach(token)
        with tracer.span("next"):
            token = context_api.attach(Context())
            ended.set()
            await tasks.pop()
            context_api.detach(token)

    asyncio.run(main())
    assert otel.parents == {"request": None, "in a thread": "request", "work": "request", "next": None, "after": None}


def test_threads_that_are_given_the_context(tracer, otel):
    """A thread that the integration hands the context to gets the open span with it, and a pool's thread keeps nothing."""
    seen = []

    def work():
        with tracer.span("work"):
            seen.append(execution_context.get_current_span().name)

    run = threads.wrap_threading_run(lambda _: work())
    start = threads.wrap_threading_start(lambda _: None)
    with tracer.span("request"):
        context_api.attach(Context())
        job = type("Job", (), {})()
        start(job)
    contextvars.Context().run(run, job)
    assert (seen, otel.parents["work"]) == (["work"], "request")


@pytest.mark.parametrize("headers", [{}, HEADERS], ids=["without headers", "with headers"])
@pytest.mark.parametrize("activate", [True, False], ids=["made current", "left"])
def test_a_framework_that_is_left_out(tracer, otel, framework, headers, activate):
    """A framework's own server span, and the caller that it attaches around it, are no parents: the OpenCensus request is."""
    with tracer.span("request") as request:
        extracted = propagate.extract(headers)
        token = context_api.attach(extracted)
        own = framework.start_span("own", extracted, SpanKind.SERVER)
        if activate:
            context_api.attach(trace_api.set_span_in_context(own))
        assert execution_context.get_current_span() is request
        assert log.get_log_attrs().span_id == request.span_id
        with framework.start_as_current_span("step") as step, tracer.span("look up"):
            assert not step.is_recording()
        context_api.detach(token)
    assert otel.parents == {"request": None, "look up": "request"}


def test_a_step_of_a_framework(tracer, otel, framework):
    """A framework's span that it makes current stands for the one around: what is set on the current span is set on that."""
    with tracer.span("request") as request, trace_api.use_span(framework.start_span("step"), end_on_exit=True):
        assert execution_context.get_current_span() is request
        with tracer.span("look up"):
            pass
        with otel.tracer.start_as_current_span("theirs"), trace_api.use_span(framework.start_span("step")):
            execution_context.get_current_span().add_attribute("key", "value")
    assert otel.parents == {"request": None, "look up": "request", "theirs": "request"}
    assert otel.spans["theirs"].attributes == {"key": "value"}


def test_spans_of_a_provider_that_we_made(kept):
    """OpenTelemetry code without a provider of its own makes children of the open span, too."""
    provider = new_tracer_provider("role")
    trace_api.set_tracer_provider(provider)
    tracer = Tracer(sampler=samplers.AlwaysOnSampler(), exporter=kept)
    theirs = provider.get_tracer("theirs")
    with tracer.span("request") as request:
        context_api.attach(Context())
        with theirs.start_as_current_span("step") as step:
            assert step.parent.span_id == int(request.span_id, 16)
        assert theirs.start_span("root", Context()).parent is None
