"""Spans of other threads, and of traces that a caller may not have sent: where OpenTelemetry would give them another parent, a person is asked."""

from __future__ import annotations

import pytest

from opencensus_compat.rewrite.rewriting import rewrite_text

_HEAD = """\
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import execution_context
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

pool = ThreadPoolExecutor()
exporter = AzureExporter()
tracer = Tracer(exporter=exporter, sampler=AlwaysOnSampler())


def work(n=1):
    with tracer.span(name="work"):
        pass


class Worker(threading.Thread):
    def run(self):
        work()


"""
_OF_CONTEXT = "def other():\n    with execution_context.get_opencensus_tracer().span(name='other'):\n        pass\n\n\n"
_DECORATED = "@tracer.trace_decorator()\ndef other():\n    pass\n\n\n"
_BY_HAND = "def other():\n    tracer.start_span(name='other')\n    tracer.end_span()\n\n\n"
_IN_SPAN = "with tracer.span(name='all'):\n    {}\n"
_PARENT, _NOTHING = "Whose child is a span of this thread?", "Are spans of this thread to be sent?"


def _questions(text):
    """Return what is asked, by lines; a second run changes nothing."""
    result = rewrite_text(f"{_HEAD}{text}".encode())
    for after in result.after.values():
        assert rewrite_text(after).after == {}
    return " ".join(each.text for each in result.left if each.why == "decide")


@pytest.mark.parametrize(
    "text",
    [
        _IN_SPAN.format("threading.Thread(target=work).start()"),
        _IN_SPAN.format("threading.Timer(1, work).start()"),
        _IN_SPAN.format("pool.submit(work, 1)"),
        _IN_SPAN.format("pool.submit(partial(work, 1))"),
        _IN_SPAN.format("pool.submit(lambda: work())"),
        _IN_SPAN.format("list(pool.map(work, [1]))"),
        _IN_SPAN.format("Worker().start()"),
        "def start():\n    pool.submit(work)\n\n\n" + _IN_SPAN.format("start()"),
        "def deeper():\n    work()\n\n\n" + _IN_SPAN.format("pool.submit(deeper)"),
        _DECORATED + _IN_SPAN.format("pool.submit(other)"),
        _BY_HAND + _IN_SPAN.format("pool.submit(other)"),
        "tracer.start_span(name='all')\npool.submit(work)\ntracer.end_span()\n",
    ],
)
def test_a_span_of_another_thread_is_asked_about(text):
    """OpenCensus makes it a child of the span that is open where the tracer was made."""
    assert _PARENT in _questions(text)


@pytest.mark.parametrize(
    "text",
    [
        "pool.submit(work)\n",
        "threading.Thread(target=work).start()\n",
        _IN_SPAN.format("list(map(work, [1]))"),
        _IN_SPAN.format("work()"),
        "def around():\n    with tracer.span(name='around'):\n        work()\n\n\npool.submit(around)\nwork()\n",
        "from opentelemetry.instrumentation.threading import ThreadingInstrumentor\n\nThreadingInstrumentor().instrument()\n"
        + _IN_SPAN.format("pool.submit(work)"),
    ],
)
def test_a_span_with_the_same_parent_is_not(text):
    """No span is open there, it is of the same thread, or the program takes the current span along."""
    assert _PARENT not in _questions(text)


@pytest.mark.parametrize(("text", "asked"), [("pool.submit(other)\n", True), ("other()\n", False)])
def test_a_tracer_of_the_context_in_another_thread_is_asked_about(text, asked):
    """There is none in OpenCensus, so that nothing is sent."""
    assert (_NOTHING in _questions(_OF_CONTEXT + text)) is asked


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ("with made.span('a'):\n        pass\n    with made.span('b'):\n        pass\n", True),
        ("for _ in range(2):\n        with made.span('a'):\n            pass\n", True),
        ("with made.span('a'):\n        with made.span('b'):\n            pass\n", False),
        ("if sent:\n        with made.span('a'):\n            pass\n    else:\n        with made.span('b'):\n            pass\n", False),
    ],
)
def test_several_spans_below_the_same_headers_are_asked_about(body, asked):
    """Without a trace in the headers they are of one trace in OpenCensus, and each has its own in OpenTelemetry."""
    made = "Tracer(span_context=TraceContextPropagator().from_headers(sent), exporter=exporter, sampler=AlwaysOnSampler())"
    text = f"def answer(sent):\n    made = {made}\n    {body}"
    assert ("Are these spans of one trace also where the caller sent none?" in _questions(text)) is asked


@pytest.mark.parametrize(
    ("read", "asked"),
    [("headers['traceparent']", True), ("headers.pop('traceparent')", True), ("headers.get('traceparent')", False), ("headers", False)],
)
def test_a_header_that_must_be_there_is_asked_about(read, asked):
    """Outside spans `propagate.inject` writes none."""
    text = f"def call():\n    headers = TraceContextPropagator().to_headers(tracer.span_context)\n    return {read}\n"
    assert ("Is a span current here?" in _questions(text)) is asked


_STEPPED = "def steps():\n    with tracer.span(name='steps'):\n        yield 1\n\n\n"


@pytest.mark.parametrize(
    "text",
    [
        _STEPPED + "def answer(step=Depends(steps)):\n    pass\n",
        _STEPPED + "def answer():\n    return StreamingResponse(steps())\n",
        _STEPPED + "def answer():\n    content = steps()\n    return StreamingResponse(content=content)\n",
        _STEPPED + "async def answer():\n    made = steps()\n    await asyncio.to_thread(next, made)\n",
        _STEPPED.replace(
            "with tracer.span(name='steps'):\n        yield 1", "tracer.start_span(name='steps')\n    yield 1\n    tracer.end_span()"
        )
        + "def answer(step=Depends(steps)):\n    pass\n",
    ],
)
def test_a_span_around_steps_that_run_in_contexts_of_their_own(text):
    """OpenTelemetry would log an exception as it takes the current span back: a person is asked."""
    assert "Does this span have to be the current one between the steps" in _questions(text)


@pytest.mark.parametrize(
    "text",
    [
        _STEPPED + "list(steps())\n",
        _STEPPED.replace("def", "async def", 1) + "def answer(step=Depends(steps)):\n    pass\n",
        "def steps():\n    with tracer.span(name='steps'):\n        return 1\n\n\ndef answer(step=Depends(steps)):\n    pass\n",
    ],
)
def test_a_span_around_steps_of_one_context(text):
    """What runs in one context is rewritten."""
    assert _questions(text) == ""


@pytest.mark.parametrize(
    "call",
    ["asyncio.to_thread(start)", "asyncio.create_task(stop())", "pool.submit(start)", "asyncio.gather(stop(), stop())", "Depends(start)"],
)
def test_a_span_that_starts_or_ends_in_a_context_of_its_own(call):
    """OpenCensus ends the span that its tracer started last, OpenTelemetry none: a person is asked."""
    text = f"def start():\n    tracer.start_span()\n\n\ndef stop():\n    tracer.end_span()\n\n\ndef main():\n    {call}\n"
    assert "Which function ends this span" in _questions(text)


def _of_thread(line):
    call = "threading.Thread(target=job, args=(span,)).start()"
    return f"def job(parent):\n    {line}\n    with tracer.span(name='job'):\n        pass\n\n\nwith tracer.span(name='all') as span:\n    {call}\n"


def test_a_span_that_is_made_current_in_a_thread():
    """It becomes the parent of the spans of that thread for OpenTelemetry, too."""
    result = rewrite_text(f"{_HEAD}{_of_thread('execution_context.set_current_span(parent)')}".encode())
    assert result.left == []
    assert b"    context.attach(trace.set_span_in_context(parent))\n" in b"".join(result.after.values())


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(_of_thread("execution_context.set_current_span(None)"), id="none"),
        pytest.param(_of_thread("execution_context.clear()"), id="cleared"),
    ],
)
def test_a_context_that_is_asked_about(text):
    """What becomes current then is not known, or something asks for it."""
    assert "Is the context handed to another thread" in _questions(text)


def test_a_tracer_that_nothing_asks_the_context_for():
    """It goes."""
    text = _of_thread("execution_context.set_opencensus_tracer(tracer)\n    execution_context.set_current_span(parent)")
    result = rewrite_text(f"{_HEAD}{text}".encode())
    assert result.left == []
    assert b"execution_context" not in b"".join(result.after.values())


_TASK = """\
def task(headers):
    context = TraceContextPropagator().from_headers(headers)
    own = Tracer(span_context=context, exporter=exporter, sampler=AlwaysOnSampler())
    with own.span(name="task"):
        pass


"""


def test_a_tracer_with_a_context_that_a_thread_makes_is_rewritten():
    """Its spans are children of what the context says, whatever is open in the thread that started this one."""
    assert _PARENT not in _questions(_TASK + _IN_SPAN.format("pool.submit(task, {})"))
