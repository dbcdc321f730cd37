"""The tracer: roots, parents, sampling, ending, and many at once."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import gc
import logging
import sys
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry import trace as trace_api

import opencensus_compat
from opencensus_compat._bridge.settings import ONE_TRACE_VARIABLE
from opencensus_compat.trace import blank_span, execution_context, samplers
from opencensus_compat.trace import span as span_module
from opencensus_compat.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus_compat.trace.span_context import SpanContext
from opencensus_compat.trace.trace_options import TraceOptions
from opencensus_compat.trace.tracer import Tracer
from opencensus_compat.trace.tracers.context_tracer import ContextTracer
from opencensus_compat.trace.tracers.noop_tracer import NoopTracer

ON, OFF = samplers.AlwaysOnSampler(), samplers.AlwaysOffSampler()
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def tracer(otel, kept):
    """A tracer that samples everything and gives it to `kept`."""
    return Tracer(sampler=ON, exporter=kept)


def _one(tracer, name="span"):
    with tracer.span(name):
        pass


# --- Roots -----------------------------------------------------------------------------------------------------------------------


def test_each_root_starts_a_trace(tracer, otel):
    """Two root spans of one tracer are two traces."""
    _one(tracer, "a")
    _one(tracer, "b")
    assert otel.parents == {"a": None, "b": None}
    assert len(otel.trace_ids) == 2


def test_the_first_root_has_the_trace_id_that_the_tracer_told(tracer, otel):
    """The trace id read from a fresh tracer, as programs put it in logs, is that of its first root."""
    told = tracer.span_context.trace_id
    _one(tracer)
    assert otel.trace_ids == {int(told, 16)}


def test_one_trace_per_tracer(otel, kept):
    """With `one_trace_per_tracer` all roots of a tracer share one trace, as in OpenCensus."""
    opencensus_compat.configure(one_trace_per_tracer=True)
    tracer = Tracer(sampler=ON, exporter=kept)
    _one(tracer, "a")
    _one(tracer, "b")
    assert otel.trace_ids == {int(tracer.span_context.trace_id, 16)}


def test_one_trace_per_tracer_by_environment(otel, kept, monkeypatch):
    """The environment variable does the same."""
    monkeypatch.setenv(ONE_TRACE_VARIABLE, "1")
    tracer = Tracer(sampler=ON, exporter=kept)
    _one(tracer)
    _one(tracer)
    assert len(otel.trace_ids) == 1


# --- Remote parents --------------------------------------------------------------------------------------------------------------

REMOTE = [
    # sampled flag of the header, sampler, sampled here
    (1, ON, True),
    (1, OFF, False),
    (1, samplers.ProbabilitySampler(0.0), True),
    (1, samplers.ProbabilitySampler(1.0), True),
    (0, ON, True),
    (0, OFF, False),
    (0, samplers.ProbabilitySampler(0.0), False),
    (0, samplers.ProbabilitySampler(1.0), True),
]


@pytest.mark.parametrize(("flag", "sampler", "sampled"), REMOTE)
def test_a_remote_parent_is_continued(otel, kept, flag, sampler, sampled):
    """The trace goes on under the remote span; the sampler decides as in OpenCensus, where a set flag is enough for ProbabilitySampler."""
    remote = TraceContextPropagator().from_headers({"traceparent": f"00-{TRACE}-{PARENT}-{flag:02x}"})
    tracer = Tracer(span_context=remote, sampler=sampler, exporter=kept)
    with tracer.span("here"):
        header = TraceContextPropagator().to_headers(tracer.span_context)["traceparent"]
        with otel.tracer.start_as_current_span("below") as below:
            assert below.get_span_context().trace_flags.sampled is sampled
    assert header.startswith(f"00-{TRACE}-")
    assert header.endswith("-01" if sampled else "-00")
    expected = {"here": int(PARENT, 16), "below": "here"} if sampled else {}
    assert otel.parents == expected
    assert [(sd.name, sd.context.trace_id, sd.parent_span_id) for sd in kept.spans] == ([("here", TRACE, PARENT)] if sampled else [])


def test_a_remote_parent_comes_before_another_current_trace(otel, kept):
    """A request whose headers name a trace belongs to it, also where a span of another trace is current."""
    tracer = Tracer(span_context=SpanContext(TRACE, PARENT, TraceOptions("1")), sampler=ON, exporter=kept)
    with otel.tracer.start_as_current_span("another"):
        _one(tracer, "request")
        assert trace_api.get_current_span().name == "another"
    assert otel.parents == {"another": None, "request": int(PARENT, 16)}


def test_a_remote_parent_of_the_current_trace_gives_way_to_the_current_span(otel, kept):
    """Where an OpenTelemetry instrumentation has continued the same headers already, its server span is the parent."""
    remote = trace_api.NonRecordingSpan(trace_api.SpanContext(int(TRACE, 16), int(PARENT, 16), True, trace_api.TraceFlags(1)))
    with otel.tracer.start_as_current_span("server", context=trace_api.set_span_in_context(remote)):
        _one(Tracer(span_context=SpanContext(TRACE, PARENT, TraceOptions("1")), sampler=ON, exporter=kept), "middleware")
    assert otel.parents == {"server": int(PARENT, 16), "middleware": "server"}


def test_several_roots_below_one_remote_parent(otel, kept):
    """All roots of a tracer with a remote context hang below the remote span."""
    tracer = Tracer(span_context=SpanContext(TRACE, PARENT, TraceOptions("1")), sampler=ON, exporter=kept)
    _one(tracer, "a")
    _one(tracer, "b")
    assert otel.parents == {"a": int(PARENT, 16), "b": int(PARENT, 16)}


def test_trace_state_is_passed_on(otel, kept):
    """Entries of the tracestate header reach OpenTelemetry children and outgoing headers."""
    remote = TraceContextPropagator().from_headers({"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=x1,other=2"})
    tracer = Tracer(span_context=remote, sampler=ON, exporter=kept)
    with tracer.span("here"), otel.tracer.start_as_current_span("below") as below:
        assert dict(below.get_span_context().trace_state) == {"vendor": "x1", "other": "2"}
        assert TraceContextPropagator().to_headers(tracer.span_context)["tracestate"] == "vendor=x1,other=2"


# --- What the tracer tells -------------------------------------------------------------------------------------------------------


def test_span_context_is_the_current_spans(tracer):
    """Inside a span the tracer's context has its ids; after it, the trace id stays readable."""
    with tracer.span() as span:
        context = tracer.span_context
        assert (context.span_id, context.trace_options.get_enabled()) == (span.span_id, True)
        with tracer.span() as inner:
            assert (tracer.span_context.trace_id, tracer.span_context.span_id) == (context.trace_id, inner.span_id)
    assert tracer.span_context.trace_id == context.trace_id


def test_current_span(tracer):
    """The current span is the innermost open one, and None outside."""
    assert tracer.current_span() is None
    with tracer.span() as outer:
        with tracer.span() as inner:
            assert tracer.current_span() is inner is execution_context.get_current_span()
        assert tracer.current_span() is outer
    assert tracer.current_span() is None


def test_current_span_of_an_unsampled_tracer(otel, kept):
    """Without a span, an unsampled tracer has a blank one, as in OpenCensus; inside one, it is current."""
    tracer = Tracer(sampler=OFF, exporter=kept)
    assert type(tracer.current_span()) is blank_span.BlankSpan
    assert isinstance(tracer.tracer, NoopTracer)
    with tracer.span() as span:
        assert tracer.current_span() is span
        assert span.context_tracer.span_context.trace_id == tracer.span_context.trace_id


def test_add_attribute_to_current_span(tracer, kept):
    """The attribute lands on the innermost span; without any, nothing is raised."""
    with tracer.span("a"), tracer.span("b"):
        tracer.add_attribute_to_current_span("k", "v")
    assert [(sd.name, dict(sd.attributes)) for sd in kept.spans] == [("b", {"k": "v"}), ("a", {})]


def test_the_inner_tracer_of_a_sampled_tracer(tracer):
    """`tracer.tracer` is a ContextTracer of the same trace, as integrations expect."""
    assert isinstance(tracer.tracer, ContextTracer)
    with tracer.tracer.span("x") as span:
        assert span.context_tracer.trace_id == tracer.tracer.trace_id == tracer.span_context.trace_id
        assert tracer.tracer.list_collected_spans() == [span]
    assert tracer.tracer.list_collected_spans() == []


def test_making_a_tracer_stores_it(otel, kept):
    """The tracer made last in a context is the one that integrations find there."""
    Tracer(sampler=ON, exporter=kept)
    second = Tracer(sampler=ON, exporter=kept)
    assert execution_context.get_opencensus_tracer() is second


# --- Ending ----------------------------------------------------------------------------------------------------------------------


def test_start_and_end_by_hand(tracer, otel):
    """`start_span` and `end_span` nest as `with` does."""
    tracer.start_span("a")
    tracer.start_span("b")
    tracer.end_span()
    tracer.start_span("c")
    tracer.end_span()
    tracer.end_span()
    assert otel.parents == {"b": "a", "c": "a", "a": None}
    assert execution_context.get_current_span() is None


def test_end_span_with_nothing_open(tracer, otel, caplog):
    """Ending without a span warns on the root logger, as in OpenCensus, and raises nothing."""
    with caplog.at_level(logging.WARNING):
        tracer.end_span()
    assert [(record.name, record.getMessage()) for record in caplog.records] == [("root", "No active span, cannot do end_span.")]
    assert otel.spans == {}


def test_finish_ends_what_is_open(tracer, otel, kept):
    """`finish()` ends the open spans, innermost first, and leaves no current span."""
    for name in "abc":
        tracer.start_span(name)
    tracer.finish()
    assert kept.names == ["c", "b", "a"]
    assert otel.parents == {"c": "b", "b": "a", "a": None}
    assert tracer.current_span() is None
    tracer.finish()
    assert kept.names == ["c", "b", "a"]


def test_the_first_root_is_of_the_tracer_that_a_program_has_put_in(tracer, kept):
    """A `NoopTracer` that a program puts into a fresh sampled tracer makes its first root, as in OpenCensus: no span is exported."""
    tracer.tracer = NoopTracer()
    _one(tracer)
    assert kept.names == []


def test_finish_ends_spans_whose_tracer_was_replaced(tracer, kept):
    """A program that gives a span another tracer does not make `finish()` run for ever."""
    tracer.start_span("a").context_tracer = Tracer(sampler=ON, exporter=kept).tracer
    tracer.finish()
    assert tracer.tracer.list_collected_spans() == []


def test_a_leaked_span_ends_with_its_parent(tracer, otel):
    """A span that nobody ended ends when the span around it does, and the context is clean."""
    with tracer.span("outer"):
        tracer.start_span("leaked")
        tracer.start_span("leaked too")
    assert otel.parents == {"leaked too": "leaked", "leaked": "outer", "outer": None}
    assert tracer.current_span() is None


def test_a_span_ended_twice_is_exported_once(tracer, kept):
    """`finish()` by hand, `end_span` and the `with` together export one span."""
    with tracer.span("a") as span:
        span.finish()
        tracer.end_span()
    assert kept.names == ["a"]
    assert tracer.current_span() is None


def _in_thread(call):
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


@pytest.mark.parametrize("sampler", [ON, OFF], ids=["sampled", "unsampled"])
def test_ended_in_another_thread(otel, kept, sampler):
    """A span that another thread ends is exported once, and the span around it can still be left, by `with` and by `end_span`."""
    tracer = Tracer(sampler=sampler, exporter=kept)
    with tracer.span("outer"):
        inner = tracer.start_span("inner")
        _in_thread(lambda: inner.__exit__(None, None, None))
    assert execution_context.get_current_span() is None
    assert not trace_api.get_current_span().get_span_context().is_valid
    tracer.start_span("outer by hand")
    inner = tracer.start_span("inner by hand")
    _in_thread(lambda: inner.__exit__(None, None, None))
    tracer.end_span()
    tracer.end_span()
    assert execution_context.get_current_span() is None
    assert not trace_api.get_current_span().get_span_context().is_valid
    assert kept.names == (["inner", "outer", "inner by hand", "outer by hand"] if sampler is ON else [])


def test_end_span_in_another_thread_ends_the_tracers_last(tracer, kept):
    """`end_span` where no span is current ends the span that this tracer started last."""
    tracer.start_span("a")
    _in_thread(tracer.end_span)
    assert kept.names == ["a"]


def test_ended_in_another_task(tracer, otel):
    """A span started in one asyncio task and ended in another is exported once; a span started beside it is not its child."""

    async def main():
        span = tracer.start_span("a")

        async def end():
            with span:
                pass

        await asyncio.create_task(end())

    asyncio.run(main())
    _one(tracer, "b")
    assert otel.parents == {"a": None, "b": None}


def test_the_exit_of_a_span_in_a_context_that_never_entered_it(tracer, otel):
    """Ending a span elsewhere leaves the current span there alone."""
    span = tracer.start_span("a")
    context = contextvars.Context()

    def elsewhere():
        with tracer.span("b"):
            span.__exit__(None, None, None)
            assert tracer.current_span().name == "b"

    context.run(elsewhere)
    assert otel.parents == {"a": None, "b": "a"}


def test_trace_decorator(tracer, kept):
    """The decorated function keeps its name, returns its value, and its span ends when it raises."""

    @tracer.trace_decorator()
    def work(fail):
        """Work."""
        if fail:
            raise ValueError("no")
        return 42

    assert (work.__name__, work.__doc__, work(False)) == ("work", "Work.", 42)
    with pytest.raises(ValueError, match="no"):
        work(True)
    assert [(sd.name, sd.status.code) for sd in kept.spans] == [("work", 0), ("work", 2)]
    assert tracer.current_span() is None


def test_trace_decorator_of_a_coroutine_function(tracer, kept):
    """A coroutine function is traced while it runs, not while it is made."""

    @tracer.trace_decorator()
    async def work():
        await asyncio.sleep(0)
        return tracer.current_span().name

    assert asyncio.run(work()) == "work"
    assert kept.names == ["work"]


# --- Many at once ----------------------------------------------------------------------------------------------------------------

MANY = 50


def _request(tracer, seen, number, wait):
    with tracer.span(f"root {number}") as root:
        seen[number] = (tracer.span_context.trace_id, root)
        wait()
        with tracer.span(f"child {number}"):
            wait()


def _assert_apart(otel, seen, sampled):
    """Every request is its own trace, sampled by the rule of its own id, and its child is in it."""
    traces = {trace_id for trace_id, _ in seen.values()}
    assert len(traces) == MANY
    kept = {number for number, (trace_id, _) in seen.items() if sampled(trace_id)}
    expected = {f"root {number}": None for number in kept} | {f"child {number}": f"root {number}" for number in kept}
    assert otel.parents == expected
    for number in kept:
        assert otel.spans[f"root {number}"].context.trace_id == int(seen[number][0], 16)


SAMPLERS = {
    "all": (ON, lambda _: True),
    "half": (samplers.ProbabilitySampler(0.5), lambda trace_id: int(trace_id[16:], 16) <= 0.5 * 0xFFFFFFFFFFFFFFFF),
    "none": (OFF, lambda _: False),
}


@pytest.mark.parametrize(("sampler", "rule"), SAMPLERS.values(), ids=SAMPLERS)
def test_threads_on_one_tracer(otel, kept, sampler, rule):
    """Fifty threads on one tracer are fifty traces with fifty decisions."""
    tracer = Tracer(sampler=sampler, exporter=kept)
    seen, barrier = {}, threading.Barrier(MANY)
    threads = [threading.Thread(target=_request, args=(tracer, seen, number, barrier.wait)) for number in range(MANY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _assert_apart(otel, seen, rule)


@pytest.mark.parametrize(("sampler", "rule"), SAMPLERS.values(), ids=SAMPLERS)
def test_tasks_on_one_tracer(otel, kept, sampler, rule):
    """Fifty asyncio tasks on one tracer are fifty traces with fifty decisions."""
    tracer = Tracer(sampler=sampler, exporter=kept)
    seen = {}

    async def request(number):
        with tracer.span(f"root {number}") as root:
            seen[number] = (tracer.span_context.trace_id, root)
            await asyncio.sleep(0)
            with tracer.span(f"child {number}"):
                await asyncio.sleep(0)

    async def main():
        await asyncio.gather(*(request(number) for number in range(MANY)))

    asyncio.run(main())
    _assert_apart(otel, seen, rule)


def test_the_decided_trace_is_taken_once(otel, kept):
    """Threads that race for a tracer's first root never share its trace: each root has the id that it was decided by."""
    switch_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(100):
            tracer = Tracer(sampler=ON, exporter=kept)
            with ThreadPoolExecutor(4) as pool:
                for _ in range(4):
                    pool.submit(_one, tracer)
    finally:
        sys.setswitchinterval(switch_s)
    assert len(otel.trace_ids) == 400


def test_probability_sampler_keeps_its_share(otel, kept):
    """Of 2,000 roots of one tracer at a rate of 0.5 between 800 and 1,200 are kept."""
    tracer = Tracer(sampler=samplers.ProbabilitySampler(0.5), exporter=kept)
    for _ in range(2000):
        _one(tracer)
    assert 800 <= len(kept.spans) <= 1200


def test_a_sampler_of_the_programs_own_is_asked_for_each_root(otel, kept):
    """A custom sampler sees the context of each new trace, unsampled, and decides about that trace."""
    asked = []

    class EveryOther(samplers.Sampler):
        def should_sample(self, span_context):
            asked.append((span_context.trace_id, span_context.trace_options.get_enabled()))
            return len(asked) % 2 == 1

    tracer = Tracer(sampler=EveryOther(), exporter=kept)
    for number in range(4):
        _one(tracer, str(number))
    assert kept.names == ["0", "2"]
    assert [sd.context.trace_id for sd in kept.spans] == [asked[0][0], asked[2][0]]
    assert not any(enabled for _, enabled in asked)


# --- Sample rate -----------------------------------------------------------------------------------------------------------------


def _rate(span):
    return span.attributes.get("_MS.sampleRate")


def test_the_sample_rate_is_inherited(otel, kept):
    """A root kept at rate 0.25 and every span below it, of either API, carry 25 percent; SpanData does not show it."""
    sampler = samplers.ProbabilitySampler(0.25)
    tracer = Tracer(sampler=sampler, exporter=kept)
    while not kept.spans:
        with tracer.span("a"), otel.tracer.start_as_current_span("b"), tracer.span("c"), otel.tracer.start_as_current_span("d"):
            pass
    assert {name: _rate(span) for name, span in otel.spans.items()} == dict.fromkeys("abcd", 25.0)
    assert [dict(sd.attributes) for sd in kept.spans] == [{}, {}]


RATES = [
    (ON, None),
    (samplers.ProbabilitySampler(1.0), None),
    (samplers.ProbabilitySampler(0.999999), 99.9999),
]


@pytest.mark.parametrize(("sampler", "percent"), RATES)
def test_sample_rate_of_a_root(otel, kept, sampler, percent):
    """A rate of one is not told; others are told in percent."""
    tracer = Tracer(sampler=sampler, exporter=kept)
    while not kept.spans:
        _one(tracer)
    assert _rate(otel.spans["span"]) == (pytest.approx(percent) if percent else None)


def test_no_rate_for_a_trace_that_was_sampled_elsewhere(otel, kept):
    """A remote parent that is sampled was sampled at a rate that this process does not know."""
    remote = SpanContext(TRACE, PARENT, TraceOptions("1"))
    _one(Tracer(span_context=remote, sampler=samplers.ProbabilitySampler(0.5), exporter=kept))
    assert _rate(otel.spans["span"]) is None


ALMOST = 0.999999


class Asks:
    """A sampler that asks another one, but about traces that it wants in any case."""

    def __init__(self):
        self.inner = samplers.ProbabilitySampler(ALMOST)
        self.wants_all = False

    def should_sample(self, span_context):
        """Ask for most."""
        return self.wants_all or self.inner.should_sample(span_context)


class Always(samplers.ProbabilitySampler):
    """Keeps what its base would not."""

    def should_sample(self, span_context):
        """Keep it."""
        return True


def _changed_rate(tracer):
    tracer.sampler.rate = 1.0


def _other_sampler(tracer):
    tracer.sampler = ON


def _wants_all(tracer):
    tracer.sampler.wants_all = True


@pytest.mark.parametrize(
    ("sampler", "change", "percents"),
    [
        (samplers.ProbabilitySampler(ALMOST), _changed_rate, [99.9999, None]),
        (samplers.ProbabilitySampler(ALMOST), _other_sampler, [99.9999, None]),
        (Asks(), _wants_all, [99.9999, None]),
        (Always(0.1), _other_sampler, [None, None]),
    ],
    ids=["rate", "sampler", "asked", "overridden"],
)
@pytest.mark.parametrize("shared", [True, False], ids=["one tracer", "a tracer each"])
def test_the_rate_is_that_of_the_decision(otel, kept, sampler, change, percents, shared):
    """A root says the rate of what kept it, whatever the sampler's rate was when the tracer was made, or would be if it decided."""
    tracer = Tracer(sampler=copy.copy(sampler), exporter=kept)
    for name in ("first", "second"):
        while name not in kept.names:
            _one(tracer, name)
        if name == "first":
            change(tracer)
            tracer = tracer if shared else Tracer(sampler=tracer.sampler, exporter=kept)
    assert [_rate(otel.spans[name]) for name in ("first", "second")] == [percent and pytest.approx(percent) for percent in percents]


# --- Faults ----------------------------------------------------------------------------------------------------------------------


class Failing:
    """A sampler, or exporter, that raises once it is told to."""

    broken = False

    def should_sample(self, span_context):
        """Sample until broken."""
        if self.broken:
            raise RuntimeError("broken")
        return True

    def export(self, span_datas):
        """Raise when broken."""
        if self.broken:
            raise RuntimeError("broken")


def test_a_sampler_that_raises_later(otel, kept, caplog):
    """OpenCensus asked the sampler at construction only, so a failure at a later root leaves that trace out and is said once."""
    sampler = Failing()
    tracer = Tracer(sampler=sampler, exporter=kept)
    _one(tracer, "a")
    sampler.broken = True
    with caplog.at_level(logging.WARNING):
        _one(tracer, "b")
        _one(tracer, "c")
    sampler.broken = False
    _one(tracer, "d")
    assert kept.names == ["a", "d"]
    assert [record.name for record in caplog.records] == ["opencensus_compat"]


def test_an_exporter_that_raises(otel):
    """As in OpenCensus the error reaches the program; the span is ended and no longer current, and the next ones are unharmed."""
    exporter = Failing()
    tracer = Tracer(sampler=ON, exporter=exporter)
    exporter.broken = True
    with pytest.raises(RuntimeError, match="broken"), tracer.span("a"):
        pass
    assert tracer.current_span() is None
    exporter.broken = False
    _one(tracer, "b")
    assert otel.parents == {"a": None, "b": None}


# --- The tracer of integrations where none was made ------------------------------------------------------------------------------


def test_default_tracer_outside_any_span(otel):
    """Where no tracer was made, the current tracer records nothing."""
    tracer = execution_context.get_opencensus_tracer()
    with tracer.span("x") as span:
        assert isinstance(span, blank_span.BlankSpan)
    assert otel.spans == {}
    assert isinstance(tracer.current_span(), blank_span.BlankSpan)


def test_default_tracer_inside_an_opentelemetry_span(otel):
    """Below an OpenTelemetry span an integration's spans continue it, though the program made no tracer."""
    with otel.tracer.start_as_current_span("server") as server:
        tracer = execution_context.get_opencensus_tracer()
        assert tracer.span_context.span_id == f"{server.get_span_context().span_id:016x}"
        span = tracer.start_span("call")
        span.span_kind = span_module.SpanKind.CLIENT
        tracer.add_attribute_to_current_span("k", "v")
        tracer.end_span()
    assert otel.parents == {"call": "server", "server": None}
    assert (otel.spans["call"].kind, dict(otel.spans["call"].attributes)) == (trace_api.SpanKind.CLIENT, {"k": "v"})


class _Shim:
    """What `install_shim()` and `uninstall_shim()` of opentelemetry-opencensus-shim do to the class."""

    @staticmethod
    def install():
        def fget_tracer(self):
            raise AssertionError("the shim's tracer was asked for")

        fget_tracer.__module__ = "opentelemetry.shim.opencensus._patch"
        Tracer.tracer = property(fget_tracer, lambda *_: None)

    @staticmethod
    def uninstall():
        if hasattr(Tracer, "tracer"):
            del Tracer.tracer


def test_the_shim_of_opentelemetry(otel, kept, caplog):
    """OpenTelemetry's shim has no effect and is told of once; tracers without sampler and exporter give all spans to the provider, as with it."""
    given = Tracer(sampler=samplers.AlwaysOnSampler(), exporter=kept)
    _Shim.install()
    _Shim.install()
    default = Tracer()
    with given.span("outer"), otel.tracer.start_as_current_span("theirs"), default.span("inner"):
        pass
    with default.span("own"):
        pass
    assert otel.parents == {"outer": None, "theirs": "outer", "inner": "theirs", "own": None}
    assert kept.names == ["outer"]
    assert [record.levelname for record in caplog.records if "install_shim()" in record.message] == ["WARNING"]


def test_the_shim_is_taken_out(otel):
    """After `uninstall_shim()`, also twice or without the other, defaults are as ever; a subclass may have another metaclass's base."""
    for calls in ((_Shim.uninstall,), (_Shim.install, _Shim.uninstall, _Shim.uninstall)):
        for call in calls:
            call()
        assert not hasattr(Tracer, "tracer")
        assert type(Tracer().sampler) is samplers.ProbabilitySampler
    mine = type("Mine", (Tracer, Sequence), {"__getitem__": None, "__len__": None})
    assert type(mine().tracer) is not property


def test_other_patches_of_the_class(monkeypatch):
    """A test of the program's own may put anything in the place of the class's attributes, and take it out."""
    monkeypatch.setattr(Tracer, "tracer", "mine", raising=False)
    assert Tracer.tracer == "mine"
    monkeypatch.undo()
    with pytest.raises(AttributeError, match="tracer"):
        Tracer.tracer  # noqa: B018 - it is asked for


@pytest.mark.parametrize("sampler", [samplers.AlwaysOnSampler(), samplers.AlwaysOffSampler(), samplers.ProbabilitySampler(0.0)])
@pytest.mark.parametrize("given", [False, True])
def test_a_tracer_for_each_request_is_freed_at_once(sampler, given, kept):
    """What a request leaves is freed as it ends: the garbage collector has nothing to find."""
    freed = []
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            context = SpanContext(trace_id="6e0c63257de34c92bf9efcd03927272e", span_id="00f067aa0ba902b7") if given else None
            tracer = Tracer(span_context=context, sampler=sampler, exporter=kept)
            with tracer.span("request"), tracer.span("inner"):
                freed.append(weakref.ref(tracer))
        tracer = Tracer(sampler=sampler, exporter=kept)
        assert [each() for each in freed] == [None] * 3
    finally:
        gc.enable()


@pytest.mark.parametrize("given", [None, SpanContext(trace_id="6e0c63257de34c92bf9efcd03927272e", span_id="00f067aa0ba902b7")])
def test_a_tracer_of_one_trace_outlives_the_tracer_that_made_it(given, kept):
    """A program that keeps nothing but `Tracer.tracer` goes on with it, in the trace that was given."""
    half = Tracer(span_context=given, sampler=samplers.AlwaysOnSampler(), exporter=kept).tracer
    Tracer()  # the one of this context from now on
    assert half._owner is None
    with half.span("outer"), half.span("inner"):
        pass
    assert half.current_span() is None
    inner, outer = kept.spans
    assert inner.parent_span_id == outer.span_id
    assert inner.context.trace_id == outer.context.trace_id == half.span_context.trace_id == half.trace_id
    if given is not None:
        assert (outer.context.trace_id, outer.parent_span_id) == (given.trace_id, "00f067aa0ba902b7")


def test_the_context_of_an_unsampled_tracer(kept):
    """The tracer of an unsampled trace tells of the same context as the Tracer that made it, also one that is set later."""
    tracer = Tracer(sampler=samplers.AlwaysOffSampler(), exporter=kept)
    assert tracer.tracer.span_context is tracer.span_context
    again = Tracer(sampler=samplers.AlwaysOffSampler(), exporter=kept)
    assert again.span_context is again.tracer.span_context
    given = SpanContext()
    tracer.span_context = given
    assert tracer.tracer.span_context is given
    given = Tracer(span_context=given, sampler=samplers.AlwaysOffSampler(), exporter=kept)
    assert given.tracer.span_context is given.span_context
