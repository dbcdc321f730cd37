"""Calls on threads of their own, which their caller may stop waiting for."""

from __future__ import annotations

import contextvars
import os
import threading
import time

import pytest
from opentelemetry import context, trace

from appinsights_exporter.delivery.bounded_calls import CallThreads, LateError, start_thread
from appinsights_exporter.delivery.own_work import OWN_TRACE_ID


@pytest.fixture
def threads():
    """Threads that run calls."""
    return CallThreads("help")


def test_result_and_error(threads):
    """The caller gets what the call returned, or raised."""
    assert threads.run(lambda: 5, 10) == 5
    with pytest.raises(KeyError, match="x"):
        threads.run(lambda: {}["x"], 10)


def test_threads_are_used_again(threads):
    """Calls one after the other share one daemon thread."""
    seen = {threads.run(threading.current_thread, 10) for _ in range(20)}
    assert len(seen) == 1
    (thread,) = seen
    assert (thread.daemon, thread.name) == (True, "help")


def test_late(threads):
    """The caller stops waiting when its time is over, and the next call is not held up by the one that hangs."""
    release = threading.Event()
    begun_s = time.monotonic()
    with pytest.raises(LateError):
        threads.run(lambda: release.wait(60), 0.05)
    assert threads.run(lambda: 1, 60) == 1
    assert time.monotonic() - begun_s < 30
    release.set()


def test_hurry(threads):
    """Whoever waits is told to wait no longer, and calls made after that have their own time."""
    release, entered = threading.Event(), threading.Event()
    late = []

    def call():
        entered.set()
        release.wait(60)

    def wait():
        try:
            threads.run(call, 60)
        except LateError:
            late.append(1)

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert entered.wait(60)
    threads.hurry(0)
    waiting.join(60)
    assert late == [1]
    assert threads.run(lambda: 2, 60) == 2
    release.set()


def test_the_callers_context_counts(threads):
    """What the caller set for itself is seen by the call, and what the call sets does not come back."""
    mark = contextvars.ContextVar("mark", default=0)
    mark.set(1)

    def call():
        seen = mark.get()
        mark.set(2)
        return seen

    assert (threads.run(call, 60), mark.get()) == (1, 1)


def test_threads_have_a_context_of_their_own():
    """A thread starts with its maker's marks, but in the trace of this package's own work and with instrumentation suppressed."""
    mark = contextvars.ContextVar("mark", default=0)
    mark.set(1)
    seen = []
    ended = threading.Event()

    def work():
        seen.extend([mark.get(), trace.get_current_span().get_span_context().trace_id, context.get_value("suppress_instrumentation")])
        ended.set()

    span = trace.NonRecordingSpan(trace.SpanContext(1, 1, is_remote=False))
    with trace.use_span(span):
        assert start_thread(work, "w")
        assert trace.get_current_span() is span
    assert ended.wait(60)
    assert seen == [1, OWN_TRACE_ID, True]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_starts_threads_of_its_own(threads):
    """The parent's threads do not exist in a child, which makes its own."""
    threads.run(lambda: 1, 60)
    pid = os.fork()
    if pid == 0:
        os._exit(threads.run(lambda: 7, 10))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
