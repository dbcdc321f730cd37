"""The integration with threads and pools. That it does what OpenCensus's did, `tests/parity` shows."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import pool
from multiprocessing.pool import ThreadPool
from unittest import mock

import pytest
from opentelemetry import baggage, context
from opentelemetry import trace as trace_api

from opencensus_compat.ext.threading import trace
from opencensus_compat.trace import execution_context
from opencensus_compat.trace.samplers import AlwaysOnSampler
from opencensus_compat.trace.tracer import Tracer
from opencensus_compat.trace.tracers.context_tracer import PROVIDER


@pytest.fixture(autouse=True)
def integrated(monkeypatch):
    """Switch the integration on for the time of a test."""
    places = [(threading.Thread, "start"), (threading.Thread, "run"), (threading.Timer, "run")]
    for owner, name in [*places, (pool.Pool, "apply_async"), (futures.ThreadPoolExecutor, "submit")]:
        monkeypatch.setattr(owner, name, getattr(owner, name))
    trace.trace_integration()


@pytest.fixture
def tracer(otel):
    """A tracer whose spans go to the provider."""
    return Tracer(exporter=PROVIDER, sampler=AlwaysOnSampler())


def _span(name):
    with execution_context.get_opencensus_tracer().span(name=name):
        return baggage.get_baggage("tenant")


def _in_thread(make):
    thread = make()
    thread.start()
    thread.join()


class Derived(threading.Thread):
    """A thread class that calls what it overrides."""

    def run(self):
        """Do what the base class does."""
        super().run()


THREADS = {
    "thread": lambda: threading.Thread(target=_span, args=("inner",)),
    "timer": lambda: threading.Timer(0, _span, args=("inner",)),
    "class": lambda: Derived(target=_span, args=("inner",)),
}


@pytest.mark.parametrize("make", THREADS.values(), ids=THREADS)
def test_threads_continue_the_span_they_are_started_in(make, otel, tracer):
    """Their spans are its children."""
    with tracer.span(name="outer"):
        _in_thread(make)
    assert otel.parents == {"inner": "outer", "outer": None}


def test_the_whole_context_goes_along(otel, tracer):
    """With a span that OpenTelemetry opened, baggage, and the attributes of OpenCensus."""
    told = []

    def work():
        told.append((_span("inner"), execution_context.get_opencensus_attr("own")))

    token = context.attach(baggage.set_baggage("tenant", "t7"))
    execution_context.set_opencensus_attr("own", 1)
    with tracer.span(name="outer"), otel.tracer.start_as_current_span("new"):
        _in_thread(lambda: threading.Thread(target=work))
        with ThreadPoolExecutor(1) as workers:
            workers.submit(work).result()
    context.detach(token)
    assert told == [("t7", 1), ("t7", 1)]
    assert otel.parents["new"] == "outer"


def test_a_thread_made_before_runs(tracer, monkeypatch):
    """One that was started by the original function has no context noted, and runs without."""
    told = []
    thread = threading.Thread(target=lambda: told.append(execution_context.get_current_span()))
    with tracer.span(name="outer"):
        trace.wrap_threading_run(threading.Thread.run)(thread)
    assert len(told) == 1


def test_a_failing_job_leaves_its_worker_clean(otel, tracer):
    """The error is the caller's, the job's span tells of it, and the next job of that worker starts from nothing."""
    with ThreadPoolExecutor(1, thread_name_prefix="worker") as workers:
        with tracer.span(name="outer"):
            failed = workers.submit(int, "x")
            assert isinstance(failed.exception(), ValueError)
        # The original function: what the worker has of its own.
        left = futures.ThreadPoolExecutor.submit.__wrapped__(workers, lambda: (trace_api.get_current_span(), context.get_current()))
        span, rest = left.result()
        assert (span, dict(rest)) == (trace_api.INVALID_SPAN, {})
    assert otel.parents == {"worker_0": "outer", "outer": None}
    assert otel.spans["worker_0"].status.is_ok is False


def test_a_job_outside_any_span_says_nothing(otel, tracer, caplog):
    """Its span is a root, and no identifier of zeros is complained about."""
    with caplog.at_level(logging.DEBUG, "opencensus.trace"), ThreadPoolExecutor(1, thread_name_prefix="worker") as workers:
        workers.submit(_span, "inner").result()
        with ThreadPool(1) as others:
            others.apply_async(len, ("abc",)).get()
    assert otel.parents["inner"] == "worker_0"
    assert otel.parents["worker_0"] is None
    assert caplog.records == []


def test_a_job_without_a_tracer_is_left_alone(otel):
    """It has no span of its own, and a span of OpenTelemetry code in it is a root that records."""

    def work():
        with otel.tracer.start_as_current_span("new"):
            pass

    with ThreadPoolExecutor(1) as workers:
        workers.submit(work).result()
    assert otel.parents == {"new": None}


def test_spans_of_opentelemetry_go_on_in_jobs(otel):
    """Also where no OpenCensus tracer was made."""
    with otel.tracer.start_as_current_span("new"), ThreadPoolExecutor(1, thread_name_prefix="worker") as workers:
        workers.submit(_span, "inner").result()
    assert otel.parents == {"inner": "worker_0", "worker_0": "new", "new": None}


def test_asyncio_executors(otel, tracer):
    """`run_in_executor` is a submit."""

    async def main():
        with tracer.span(name="outer"), ThreadPoolExecutor(1, thread_name_prefix="worker") as workers:
            await asyncio.get_running_loop().run_in_executor(workers, _span, "inner")

    asyncio.run(main())
    assert otel.parents == {"inner": "worker_0", "worker_0": "outer", "outer": None}


def test_jobs_may_have_any_keyword(tracer):
    """Those of the program never meet those of the integration."""

    def work(**kwargs):
        return sorted(kwargs)

    with tracer.span(name="outer"), ThreadPoolExecutor(1) as workers:
        assert workers.submit(work, func=1, kwds=2, sampler=3, exporter=4).result() == ["exporter", "func", "kwds", "sampler"]


def test_again_changes_nothing():
    """Nothing is wrapped twice: a job has one span."""
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit
    trace.trace_integration()
    assert (threading.Thread.start, ThreadPoolExecutor.submit) == (start, submit)


def test_threads_and_jobs_of_the_machinery_are_left_alone(otel, tracer):
    """What OpenTelemetry starts inside a request serves the whole process: it is no part of that request's trace."""
    told = []

    def work():
        told.append(trace_api.get_current_span())

    work.__module__ = "opentelemetry.sdk.something"
    with tracer.span(name="outer"), ThreadPoolExecutor(1) as workers, ThreadPool(1) as others:
        _in_thread(lambda: threading.Thread(target=work))
        assert told == [trace_api.INVALID_SPAN]
        workers.submit(work).result()
        others.apply_async(work).get()
    assert list(otel.spans) == ["outer"]


class _Failing:
    """Raises at whatever is asked of it."""

    def __getattr__(self, name):
        raise RuntimeError("broken")


class _Sampler:
    """Raises when it is asked."""

    def should_sample(self, span_context):
        """Fail."""
        raise RuntimeError("broken")


def _broken_sampler():
    made = Tracer(exporter=PROVIDER, sampler=AlwaysOnSampler())
    made.sampler = _Sampler()


BROKEN = {
    "tracer": lambda: execution_context.set_opencensus_tracer(_Failing()),
    "a mock of a tracer": lambda: execution_context.set_opencensus_tracer(mock.MagicMock()),
    "sampler": _broken_sampler,
    "exporter": lambda: Tracer(exporter=_Failing(), sampler=AlwaysOnSampler()),
    "no tracer": lambda: execution_context.set_opencensus_tracer(None),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_fails_while_tracing_costs_the_span_only(case, otel, caplog):
    """Threads and jobs run, and what they return or raise comes back."""
    BROKEN[case]()
    ran = []
    with caplog.at_level(logging.WARNING, "opencensus_compat"):
        _in_thread(lambda: threading.Thread(target=ran.append, args=(1,)))
        with ThreadPoolExecutor(1) as workers, ThreadPool(1) as others:
            assert (workers.submit(int, "2").result(), others.apply_async(int, ("3",)).get()) == (2, 3)
            with pytest.raises(ValueError, match="invalid literal"):
                workers.submit(int, "x").result()
        assert asyncio.run(asyncio.to_thread(int, "4")) == 4
    assert ran == [1]
    said = [record.getMessage() for record in caplog.records if "threading" in record.getMessage()]
    assert len(said) == (case != "no tracer")
    # Of an exporter that fails, the provider's have the spans.
    assert bool(otel.spans) == (case == "exporter")


PROCESSES = """
import multiprocessing
import sys

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration, execution_context
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

config_integration.trace_integrations(["threading"])
tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

def work(name):
    with execution_context.get_opencensus_tracer().span(name=name):
        return name

if __name__ == "__main__":
    with tracer.span(name="outer"):
        pool = multiprocessing.get_context(sys.argv[1] if len(sys.argv) > 1 else "METHOD").Pool(1)
        print(pool.apply_async(work, ("inner",)).get())
        pool.close()
        pool.join()
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_jobs_of_other_processes(method, run_program, endpoint):
    """Their spans arrive, below the span that the job was handed over in."""
    connection = {"APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string}
    assert run_program(PROCESSES.replace("METHOD", method), **connection) == "inner\n"
    endpoint.wait_for(3)
    rows = endpoint.rows("dependencies")
    ids = {row["id"]: row["name"] for row in rows}
    assert {row["name"]: ids.get(row["operation_ParentId"]) for row in rows} == {
        "inner": "MainThread",
        "MainThread": "outer",
        "outer": None,
    }


NUMBERS = """
import logging, threading
from concurrent.futures import ThreadPoolExecutor
from opencensus.ext.azure import metrics_exporter
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

logger = logging.getLogger("shop")
logger.addHandler(AzureLogHandler())
metrics_exporter.new_metrics_exporter(enable_standard_metrics=False, export_interval=3600.0)
with Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler()).span("first"):
    logger.warning("said")
for _ in range(2):
    with ThreadPoolExecutor(1) as pool:
        print(pool.submit(threading.current_thread).result().name)
"""


def test_pools_keep_their_numbers(run_program, endpoint):
    """Threads of pools, after which spans are named, have the names that they have without the pools of OpenTelemetry's SDK."""
    printed = run_program(NUMBERS, APPLICATIONINSIGHTS_CONNECTION_STRING=endpoint.connection_string)
    assert printed == "ThreadPoolExecutor-0_0\nThreadPoolExecutor-1_0\n"
