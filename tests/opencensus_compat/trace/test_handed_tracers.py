"""A tracer that is handed to work elsewhere: its spans belong below the open span of where the tracer was made."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from opencensus_compat import log
from opencensus_compat.trace import execution_context, samplers
from opencensus_compat.trace.tracer import Tracer
from opencensus_compat.trace.tracers.context_tracer import ContextTracer


@pytest.fixture
def tracer(otel, kept):
    """A tracer that samples everything and gives it to `kept`."""
    return Tracer(sampler=samplers.AlwaysOnSampler(), exporter=kept)


def _in_thread(call, *args):
    raised = []

    def run():
        try:
            call(*args)
        except BaseException as error:  # noqa: BLE001 - it is for the test's thread
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


def _in_executor(call, *args):
    async def main():
        await asyncio.get_running_loop().run_in_executor(None, call, *args)

    asyncio.run(main())


def _in_pool(call, *args):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(call, *args).result()


def _with(handed):
    with handed.span("work"):
        pass


def _start_and_end(handed):
    handed.start_span("work")
    handed.end_span()


def _decorated(handed):
    @handed.trace_decorator()
    def work():
        pass

    work()


def _found_again(handed):
    execution_context.set_opencensus_tracer(handed)
    with execution_context.get_opencensus_tracer().span("work"):
        pass


def _recording_half(handed):
    with handed.tracer.span("work"):
        pass


@pytest.mark.parametrize("carry", [_in_thread, _in_pool, _in_executor])
@pytest.mark.parametrize("work", [_with, _start_and_end, _decorated, _found_again, _recording_half])
def test_work_elsewhere(tracer, otel, carry, work):
    """Work without a context of its own is a child of the innermost span that is open where the tracer was made."""
    with tracer.span("request"), tracer.span("inner"):
        carry(work, tracer)
    assert otel.parents == {"request": None, "inner": "request", "work": "inner"}
    assert len(otel.trace_ids) == 1


def test_a_tracer_of_one_trace(otel, kept):
    """So it is with a tracer of the inner kind, which has one trace only."""
    tracer = ContextTracer(exporter=kept)
    with tracer.span("request"):
        _in_thread(_with, tracer)
    assert otel.parents == {"request": None, "work": "request"}


def test_work_leaves_nothing_behind(tracer, otel):
    """The thread has no current span afterwards, and the request's stays current where it was."""
    seen = []

    def work():
        with tracer.span("work"), tracer.span("below"):
            pass
        seen.append(execution_context.get_current_span())

    with tracer.span("request") as request:
        _in_thread(work)
        assert execution_context.get_current_span() is request
    assert seen == [None]
    assert otel.parents == {"request": None, "work": "request", "below": "work"}


def test_a_thread_after_the_request(tracer, otel):
    """Work that begins when the request has ended has a trace of its own; during the next request it belongs to that."""
    with tracer.span("first"):
        pass
    _in_thread(_with, tracer)
    with tracer.span("second"), tracer.span("step"):
        pass
    assert otel.parents["work"] is None
    assert len(otel.trace_ids) == 3
    with tracer.span("third"):
        _in_thread(_decorated, tracer)
    spans = {span.context.span_id: span.name for span in otel.exporter.get_finished_spans()}
    parents = [span.parent and spans[span.parent.span_id] for span in otel.exporter.get_finished_spans() if span.name == "work"]
    assert parents == [None, "third"]


def test_jobs_side_by_side(tracer, otel):
    """Jobs that run at the same time are all children of the request, whichever began before."""
    barrier = threading.Barrier(3)

    def job(number):
        with tracer.span(f"job {number}"):
            barrier.wait()
            with tracer.span(f"step {number}"):
                barrier.wait()

    with tracer.span("request"), ThreadPoolExecutor(3) as pool:
        list(pool.map(job, range(3)))
    expected = {"request": None} | {f"job {n}": "request" for n in range(3)} | {f"step {n}": f"job {n}" for n in range(3)}
    assert otel.parents == expected


def test_requests_on_a_tracer_made_at_import(tracer, otel):
    """Threads that serve requests at the same time with one tracer each have a trace of their own."""
    barrier = threading.Barrier(3)

    def request(number):
        with tracer.span(f"request {number}"):
            barrier.wait()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(request, range(3)))
    assert set(otel.parents.values()) == {None}
    assert len(otel.trace_ids) == 3


def test_a_tracer_made_by_one_of_several_requests(otel, kept):
    """A tracer that the first request made, when it was needed, does not make the requests beside later ones of that thread children of them."""
    made, pool = [], ThreadPoolExecutor(1)
    pool.submit(lambda: made.append(Tracer(sampler=samplers.AlwaysOnSampler(), exporter=kept))).result()
    with made[0].span("elsewhere"):
        pass
    inside, done = threading.Event(), threading.Event()

    def request():
        with made[0].span("on its thread"):
            inside.set()
            done.wait()

    running = pool.submit(request)
    inside.wait()
    with made[0].span("beside"):
        pass
    done.set()
    running.result()
    pool.shutdown()
    assert set(otel.parents.values()) == {None}


def test_requests_in_tasks(tracer, otel):
    """Tasks that serve requests at the same time with one tracer each have a trace of their own, and a job of several is a root."""

    async def request(number, barrier):
        with tracer.span(f"request {number}"):
            await barrier(number)

    async def main():
        inside, done = [asyncio.Event(), asyncio.Event()], asyncio.Event()

        async def barrier(number):
            inside[number].set()
            await inside[1 - number].wait()
            if number == 0:
                await asyncio.get_running_loop().run_in_executor(None, _with, tracer)
                done.set()
            await done.wait()

        await asyncio.gather(*(request(number, barrier) for number in range(2)))

    asyncio.run(main())
    assert otel.parents == {"request 0": None, "request 1": None, "work": None}


def test_a_tracer_of_the_module_in_a_task(tracer, otel):
    """A tracer that was made outside all tasks is handed on from the one task that it has a span in."""

    async def main():
        with tracer.span("request"):
            await asyncio.get_running_loop().run_in_executor(None, _with, tracer)

    asyncio.run(main())
    assert otel.parents == {"request": None, "work": "request"}


def test_a_task_from_before_the_request(otel, kept):
    """A task that was there before the request's span gets the tracer of the request's task by a queue: its work is the request's."""

    async def worker(queue):
        _with(await queue.get())

    async def main():
        queue = asyncio.Queue()
        waiting = asyncio.create_task(worker(queue))
        tracer = Tracer(sampler=samplers.AlwaysOnSampler(), exporter=kept)
        with tracer.span("request"):
            queue.put_nowait(tracer)
            await waiting

    asyncio.run(main())
    assert otel.parents == {"request": None, "work": "request"}


def test_an_empty_context_on_the_same_thread(tracer, otel):
    """A job that runs in an empty context of the tracer's own thread belongs to the open span as well."""
    with tracer.span("request"):
        contextvars.Context().run(_with, tracer)
    assert otel.parents == {"request": None, "work": "request"}


def test_unsampled_requests(otel, kept):
    """Work of an unsampled request is left out with it; when the request has ended, the sampler decides anew."""
    decisions = [False, True]

    class ByTurns(samplers.Sampler):
        def should_sample(self, span_context):
            return decisions.pop(0)

    tracer = Tracer(sampler=ByTurns(), exporter=kept)
    with tracer.span("request") as request:
        _in_thread(_with, tracer)
        traced = []
        _in_thread(lambda: traced.append(tracer.span_context))
        assert traced[0].trace_id == f"{request._otel.get_span_context().trace_id:032x}"
        assert not traced[0].trace_options.get_enabled()
    assert otel.parents == {}
    _in_thread(_decorated, tracer)
    assert otel.parents == {"work": None}


def test_records_of_work(tracer):
    """Outside any span of its own, a thread that was given the tracer puts the request's ids on its log records."""
    found = []

    def work():
        execution_context.set_opencensus_tracer(tracer)
        found.append(log.get_log_attrs())

    with tracer.span("request") as request:
        _in_thread(work)
    assert found[0].trace_id == f"{request._otel.get_span_context().trace_id:032x}"


def test_spans_of_several_tracers(tracer, otel, kept):
    """A tracer's span that is open inside another tracer's, or inside an OpenTelemetry span, is handed on, and after it the one around."""
    with tracer.span("request"), otel.tracer.start_as_current_span("theirs"):
        with tracer.span("inner"):
            _in_thread(_with, tracer)
        _in_thread(_decorated, tracer)
    found = {span.context.span_id: span.name for span in otel.exporter.get_finished_spans()}
    parents = [found[span.parent.span_id] for span in otel.exporter.get_finished_spans() if span.name == "work"]
    assert parents == ["inner", "request"]
