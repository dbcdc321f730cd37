"""Spans of the two APIs inside each other: whoever starts a span, it parents the span started inside it, by either API."""

from __future__ import annotations

import asyncio
import contextvars
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from opentelemetry import trace as trace_api
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import opencensus_compat
from opencensus_compat.common.runtime_context import RuntimeContext
from opencensus_compat.trace import execution_context, samplers
from opencensus_compat.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus_compat.trace.tracer import Tracer

ORDERS = {"OpenTelemetry outermost": ("otel", "oc", "otel", "oc"), "OpenCensus outermost": ("oc", "otel", "oc", "otel")}


class Both:
    """One span per call, by the API named."""

    def __init__(self, sampler):
        self.finished = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.finished))
        opencensus_compat.configure(tracer_provider=self.provider)
        self.otel = self.provider.get_tracer("application")
        self.received = []
        self.oc = Tracer(sampler=sampler, exporter=self)

    def export(self, span_datas):
        """Receive SpanData: this is the OpenCensus exporter."""
        self.received += span_datas

    def span(self, api, name):
        """Return a context manager that opens a span."""
        return self.otel.start_as_current_span(name) if api == "otel" else self.oc.span(name)

    def parents(self):
        """Return name of each ended span -> name of its parent."""
        spans = self.finished.get_finished_spans()
        names = {span.context.span_id: span.name for span in spans}
        return {span.name: None if span.parent is None else names[span.parent.span_id] for span in spans}

    def chain(self):
        """Return the names of ended spans from a root downwards, following the one child of each."""
        spans = self.finished.get_finished_spans()
        assert len({span.context.trace_id for span in spans}) == 1
        child_of = {None if span.parent is None else span.parent.span_id: span for span in spans}
        assert len(child_of) == len(spans)
        names, at = [], None
        while at in child_of:
            names.append(child_of[at].name)
            at = child_of[at].context.span_id
        return names


@pytest.fixture(autouse=True)
def _fresh(fresh_bridge):
    """Give each test a fresh bridge."""


@pytest.fixture
def both():
    """Both APIs over one provider, everything sampled."""
    return Both(samplers.AlwaysOnSampler())


@pytest.fixture(params=ORDERS.values(), ids=ORDERS)
def order(request):
    """Which API opens the four spans, outermost first."""
    return request.param


def test_nested_in_one_function(both, order):
    """Four nested spans of alternating APIs are one chain in one trace."""
    with both.span(order[0], "a"), both.span(order[1], "b"), both.span(order[2], "c"), both.span(order[3], "d"):
        pass
    assert both.chain() == ["a", "b", "c", "d"]
    assert not trace_api.get_current_span().get_span_context().is_valid
    assert execution_context.get_current_span() is None


def test_both_apis_name_the_same_current_span(both, order):
    """At every depth the current spans of the two APIs have the same ids."""
    with both.span(order[0], "a"), both.span(order[1], "b"), both.span(order[2], "c"), both.span(order[3], "d"):
        otel = trace_api.get_current_span().get_span_context()
        assert execution_context.get_current_span().span_id == f"{otel.span_id:016x}"
        assert (both.oc.span_context.trace_id, both.oc.span_context.span_id) == (f"{otel.trace_id:032x}", f"{otel.span_id:016x}")


def test_siblings_share_the_parent(both, order):
    """After a span of one API has ended, the next span of the other is its sibling, not its child."""
    with both.span(order[0], "parent"):
        with both.span(order[1], "first"):
            pass
        with both.span(order[2], "second"):
            pass
        with both.span(order[3], "third"):
            pass
    spans = {span.name: span for span in both.finished.get_finished_spans()}
    parent = spans["parent"].context.span_id
    assert [spans[name].parent.span_id for name in ("first", "second", "third")] == [parent] * 3


def test_legacy_exporters_see_the_opentelemetry_parent(both):
    """The SpanData of an OpenCensus span inside an OpenTelemetry one names that span as its parent, and its trace."""
    with both.span("otel", "outer") as outer, both.span("oc", "inner"):
        context = outer.get_span_context()
    [span_data] = both.received
    assert (span_data.parent_span_id, span_data.context.trace_id) == (f"{context.span_id:016x}", f"{context.trace_id:032x}")


def test_asyncio_tasks(both, order):
    """Each level in an asyncio task of its own, the chain is the same."""

    async def level(depth):
        with both.span(order[depth], "abcd"[depth]):
            await asyncio.sleep(0)
            if depth < 3:
                await asyncio.create_task(level(depth + 1))

    asyncio.run(level(0))
    assert both.chain() == ["a", "b", "c", "d"]


def test_sibling_asyncio_tasks_do_not_mix(both, order):
    """Tasks that run interleaved inside one span are its children, each with a child of its own."""

    async def task(number, barrier):
        with both.span(order[1], f"task {number}"):
            await barrier.wait()
            with both.span(order[2], f"inner {number}"):
                await asyncio.sleep(0)

    async def main():
        barrier = asyncio.Event()
        with both.span(order[0], "root"):
            tasks = [asyncio.create_task(task(number, barrier)) for number in range(20)]
            await asyncio.sleep(0)
            barrier.set()
            await asyncio.gather(*tasks)

    asyncio.run(main())
    spans = {span.name: span for span in both.finished.get_finished_spans()}
    assert {spans[f"task {n}"].parent.span_id for n in range(20)} == {spans["root"].context.span_id}
    assert all(spans[f"inner {n}"].parent.span_id == spans[f"task {n}"].context.span_id for n in range(20))


def test_gather_and_timers(both, order):
    """Coroutines under `gather`, callbacks of `call_soon` and `call_later`, and tasks woken by a future belong to where they began."""

    async def one(number, woken):
        with both.span(order[1], f"one {number}"):
            await woken
            with both.span(order[2], f"inner {number}"):
                pass

    async def main():
        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        with both.span(order[0], "root"):
            loop.call_soon(_one_span, both, order[3], "soon")
            # Sets the future from a context of its own: who wakes a task does not become its parent.
            loop.call_later(0.001, contextvars.Context().run, woken.set_result, None)
            await asyncio.gather(*(one(number, woken) for number in range(5)))

    asyncio.run(main())
    assert both.parents() == (
        {"root": None, "soon": "root"} | {f"one {n}": "root" for n in range(5)} | {f"inner {n}": f"one {n}" for n in range(5)}
    )


def test_to_thread(both, order):
    """`asyncio.to_thread` takes the context along, and what the thread opens does not come back."""

    def work():
        with both.span(order[1], "in thread"):
            asyncio.run(inside())
        both.oc.start_span("left open")

    async def inside():
        with both.span(order[2], "loop in thread"):
            await asyncio.to_thread(_one_span, both, order[3], "thread in loop")

    async def main():
        with both.span(order[0], "root"):
            await asyncio.to_thread(work)
            with both.span(order[2], "after"):
                pass

    asyncio.run(main())
    both.oc.finish()
    assert both.parents() == {
        "root": None,
        "in thread": "root",
        "loop in thread": "in thread",
        "thread in loop": "loop in thread",
        "after": "root",
        "left open": "root",
    }


def test_run_in_executor(both, order):
    """`run_in_executor` takes no context along by itself; bound functions bring theirs."""

    async def main():
        loop = asyncio.get_running_loop()
        with both.span(order[0], "root"), ThreadPoolExecutor(1) as pool:
            await loop.run_in_executor(pool, _one_span, both, order[1], "unbound")
            for name, carry in CARRIERS.items():
                await loop.run_in_executor(pool, carry(lambda name=name: _one_span(both, order[1], name)))

    asyncio.run(main())
    parents = both.parents()
    assert {name: parents[name] for name in CARRIERS} == dict.fromkeys(CARRIERS, "root")
    assert (parents["root"], parents["unbound"]) == (None, None)


def _in_thread(call):
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


def _in_executor(call):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(call).result()


def _copied(call):
    context = contextvars.copy_context()
    return lambda: context.run(call)


def _applied(call):
    snapshot = RuntimeContext.snapshot()

    def run():
        RuntimeContext.apply(snapshot)
        call()

    return run


def _full_context(call):
    captured = execution_context.get_opencensus_full_context()

    def run():
        execution_context.set_opencensus_full_context(*captured)
        call()

    return run


CARRIERS = {
    "contextvars": _copied,
    "with_current_context": RuntimeContext.with_current_context,
    "snapshot and apply": _applied,
    "full context": _full_context,
}


@pytest.mark.parametrize("carry", CARRIERS.values(), ids=CARRIERS)
@pytest.mark.parametrize("run", [_in_thread, _in_executor], ids=["thread", "executor"])
def test_threads(both, order, run, carry):
    """Each level in a thread of its own, with the context carried over in any way that programs do it, the chain is the same."""

    def level(depth):
        with both.span(order[depth], "abcd"[depth]):
            if depth < 3:
                run(carry(lambda: level(depth + 1)))

    level(0)
    assert both.chain() == ["a", "b", "c", "d"]


@pytest.mark.parametrize("carry", CARRIERS.values(), ids=CARRIERS)
def test_a_thread_may_outlive_the_span_it_was_given(both, order, carry):
    """Work that begins after the span has ended, and is gone from memory, still belongs to it."""
    with both.span(order[0], "a"):
        call = carry(lambda: _one_span(both, order[3]))
    _in_thread(call)
    assert both.chain() == ["a", "b"]


def _one_span(both, api, name="b"):
    with both.span(api, name):
        pass


def test_an_executor_thread_keeps_nothing_of_the_last_job(both):
    """After a job bound with `with_current_context`, the pool's thread has no current span."""
    seen = []
    with ThreadPoolExecutor(1) as pool:
        with both.oc.span("a"):
            pool.submit(RuntimeContext.with_current_context(lambda: None)).result()
        pool.submit(lambda: seen.append((execution_context.get_current_span(), trace_api.get_current_span()))).result()
    assert seen == [(None, trace_api.INVALID_SPAN)]


def test_a_thread_without_the_context_starts_a_trace_of_its_own(both):
    """A plain thread inherits nothing: the span of a tracer that has none open where it was made is a root."""
    made = []
    _in_thread(lambda: made.append(Tracer(sampler=samplers.AlwaysOnSampler(), exporter=both)))

    def work():
        with made[0].span("elsewhere"):
            pass

    with both.oc.span("here"):
        _in_thread(work)
    spans = {span.name: span for span in both.finished.get_finished_spans()}
    assert spans["elsewhere"].parent is None
    assert spans["elsewhere"].context.trace_id != spans["here"].context.trace_id


def test_async_generator(both, order):
    """A span around an async generator's body parents what the body does, in whichever task it is advanced and closed."""

    async def rows():
        with both.span("oc", "a"):
            yield 1
            with both.span(order[2], "b"):
                pass
            yield 2

    async def main():
        generator = rows()
        await generator.__anext__()
        await generator.__anext__()
        await asyncio.create_task(generator.aclose())

    asyncio.run(main())
    assert both.chain() == ["a", "b"]


UNSAMPLED = samplers.AlwaysOffSampler()


@pytest.mark.parametrize("inner", [("otel", "oc"), ("oc", "otel"), ("oc", "oc"), ("otel", "otel")], ids=" then ".join)
def test_unsampled_opencensus_parents(inner):
    """Below an unsampled OpenCensus span nothing is recorded by either API, and outgoing headers say so."""
    both = Both(UNSAMPLED)
    recording = Tracer(sampler=samplers.AlwaysOnSampler(), exporter=both)
    with both.oc.span("root"):
        root = both.oc.span_context
        with both.span(inner[0], "b"), both.span(inner[1], "c"), recording.span("by a tracer that samples everything"):
            context = trace_api.get_current_span().get_span_context()
            header = TraceContextPropagator().to_headers(both.oc.span_context)["traceparent"]
    assert both.finished.get_finished_spans() == ()
    assert both.received == []
    assert (f"{context.trace_id:032x}", context.trace_flags.sampled) == (root.trace_id, False)
    assert header == f"00-{root.trace_id}-{context.span_id:016x}-00"


@pytest.mark.parametrize("sampler", [samplers.AlwaysOnSampler(), samplers.ProbabilitySampler(1.0)], ids=lambda s: type(s).__name__)
def test_unsampled_opentelemetry_parents(sampler):
    """Below an unsampled OpenTelemetry span an OpenCensus span is unsampled, whatever its sampler says, and so is what is below it."""
    both = Both(sampler)
    parent = trace_api.NonRecordingSpan(trace_api.SpanContext(0xABC, 0xDEF, is_remote=True))
    with trace_api.use_span(parent), both.oc.span("a"), both.otel.start_as_current_span("b") as inner:
        assert inner.get_span_context().trace_id == 0xABC
        assert not inner.is_recording()
        assert TraceContextPropagator().to_headers(both.oc.span_context)["traceparent"].startswith(f"00-{0xABC:032x}-")
        assert TraceContextPropagator().to_headers(both.oc.span_context)["traceparent"].endswith("-00")
    assert both.finished.get_finished_spans() == ()
    assert both.received == []


def test_the_unsampled_do_not_stay_current(both):
    """When an unsampled root has ended, the next root is decided anew."""
    off = Tracer(sampler=UNSAMPLED, exporter=both)
    with off.span("left out"):
        pass
    with both.oc.span("kept"):
        pass
    assert both.chain() == ["kept"]


def test_leaving_an_opencensus_span_never_ends_an_opentelemetry_one(both):
    """`end_span` inside an OpenTelemetry span ends the OpenCensus span around it and leaves the OpenTelemetry span recording."""
    both.oc.start_span("oc")
    otel = both.otel.start_span("otel")
    with trace_api.use_span(otel, end_on_exit=False):
        both.oc.end_span()
        assert otel.is_recording()
    assert [span.name for span in both.finished.get_finished_spans()] == ["oc"]
    otel.end()
    assert both.chain() == ["oc", "otel"]


def test_end_span_and_finish_leave_a_lone_opentelemetry_span_alone(both):
    """With only an OpenTelemetry span open, `current_span().finish()`, its `with`, and `finish()` of the tracer end nothing."""
    with both.otel.start_as_current_span("otel") as otel:
        current = execution_context.get_current_span()
        current.finish()
        with current:
            pass
        both.oc.finish()
        assert otel.is_recording()
    assert both.chain() == ["otel"]


class _Walk:
    """A random program over both APIs that knows which parent each of its spans must have."""

    def __init__(self, both, seed):
        self.both = both
        self.random = random.Random(seed)
        self.expected = {}

    def name(self, parent):
        """Return a name for a new span below `parent`."""
        name = f"span {len(self.expected)}"
        self.expected[name] = parent
        return name

    def block(self, parent, depth):
        """Do some things inside `parent`; spans left open by them enclose what follows in the block."""
        for _ in range(self.random.randrange(1, 4)):
            what = self.random.choice(["oc", "oc", "otel", "otel", "by hand", "leak", "thread", "task", "not entered"])
            if what in {"oc", "otel"}:
                name = self.name(parent)
                with self.both.span(what, name):
                    if depth:
                        self.block(name, depth - 1)
            elif what == "by hand":
                name = self.name(parent)
                self.both.oc.start_span(name)
                if depth:
                    self.closed(name, depth - 1)
                self.both.oc.end_span()
            elif what == "leak":
                parent = self.name(parent)
                self.both.oc.start_span(parent)
            elif what == "thread" and depth:
                _in_thread(self.random.choice(list(CARRIERS.values()))(lambda parent=parent: self.block(parent, depth - 1)))
            elif what == "task" and depth:
                context = contextvars.copy_context()
                context.run(self.block, parent, depth - 1)
            elif what == "not entered":
                self.both.otel.start_span(self.name(parent)).end()

    def closed(self, parent, depth):
        """Do some things inside `parent`, and leave nothing open."""
        name = self.name(parent)
        with self.both.span(self.random.choice(["oc", "otel"]), name):
            self.block(name, depth)


@pytest.mark.parametrize("seed", range(40))
def test_any_program(both, seed):
    """In random programs of nested, leaked and hand-ended spans, threads and tasks, every span has the parent that it was started in."""
    walk = _Walk(both, seed)
    walk.closed(None, 4)
    both.oc.finish()
    spans = both.finished.get_finished_spans()
    names = {span.context.span_id: span.name for span in spans}
    assert {span.name: None if span.parent is None else names[span.parent.span_id] for span in spans} == walk.expected
    assert len({span.context.trace_id for span in spans}) == 1
    assert execution_context.get_current_span() is None
    assert not trace_api.get_current_span().get_span_context().is_valid


@pytest.mark.parametrize("seed", range(20))
def test_any_unsampled_program(seed):
    """The same inside an unsampled root: nothing is recorded, and nothing stays current."""
    both = Both(UNSAMPLED)
    with both.oc.span("root"):
        _Walk(both, seed).closed("root", 4)
    assert both.finished.get_finished_spans() == ()
    assert execution_context.get_current_span() is None
    assert not trace_api.get_current_span().get_span_context().is_valid
    with both.otel.start_as_current_span("next"):
        pass
    assert both.chain() == ["next"]
