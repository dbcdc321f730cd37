"""Threads and pools that the threading integration hands the tracer to."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration, execution_context
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

INTEGRATED = config_integration.trace_integrations(["threading"])


def _tracer():
    execution_context.clean()
    return Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


def _work(name="work", *, part=None):
    with execution_context.get_opencensus_tracer().span(name=name):
        return [part, execution_context.get_opencensus_attr("tenant")]


def names():
    """What was integrated."""
    return INTEGRATED


def thread():
    """A thread started in a span."""
    tracer = _tracer()
    told = []
    with tracer.span(name="outer"):
        execution_context.set_opencensus_attr("tenant", "t7")
        started = threading.Thread(target=lambda: told.append(_work()))
        started.start()
        started.join()
    execution_context.set_opencensus_attr("tenant", None)
    return told


def threads_one_after_the_other():
    """Each is the child of the span that it was started in."""
    tracer = _tracer()
    for number in ("one", "two"):
        with tracer.span(name="outer"), tracer.span(name=number):
            started = threading.Thread(target=_work, args=("in " + number,))
            started.start()
            started.join()


def executor():
    """Jobs have spans of their own, named after the worker."""
    tracer = _tracer()
    with tracer.span(name="outer"), ThreadPoolExecutor(1, thread_name_prefix="worker") as pool:
        first = pool.submit(_work, "first", part=1).result()
        second = pool.submit(_work, name="second").result()
    return [first, second]


def executor_map():
    """So do those of `map`."""
    tracer = _tracer()
    with tracer.span(name="outer"), ThreadPoolExecutor(1, thread_name_prefix="worker") as pool:
        return list(pool.map(_work, ["one"]))


def thread_pool():
    """And those of pools of multiprocessing."""
    tracer = _tracer()
    with tracer.span(name="outer"), ThreadPool(1) as pool:
        pool._pool[0].name = "worker"
        return [pool.apply_async(_work, ("first",), {"part": 1}).get(), pool.apply(_work, ("second",))]


def outside_a_span():
    """A job that is handed over where no span is current."""
    _tracer()
    with ThreadPoolExecutor(1, thread_name_prefix="worker") as pool:
        return pool.submit(_work).result()


def failing_job():
    """A job that raises."""
    tracer = _tracer()
    with tracer.span(name="outer"), ThreadPoolExecutor(1, thread_name_prefix="worker") as pool:
        return type(pool.submit(_work, unknown=1).exception()).__name__


def after_a_job():
    """A worker's own context is empty after a job."""
    tracer = _tracer()
    told = []
    with ThreadPoolExecutor(1, thread_name_prefix="worker") as pool:
        with tracer.span(name="outer"):
            pool.submit(_work).result()
        future = pool.submit(_work, "second")
        future.add_done_callback(lambda _: told.append(execution_context.get_current_span() is None))
        future.result()
    return told


def timer():
    """A timer."""
    tracer = _tracer()
    with tracer.span(name="outer"):
        started = threading.Timer(0, lambda: _work("ticking"))
        started.start()
        started.join()
