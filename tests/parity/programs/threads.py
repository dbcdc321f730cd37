"""Threads, in an order that is the same each time."""

from __future__ import annotations

import threading

from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import execution_context
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer


def _run(*functions):
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def tracer_for_each_thread():
    """Threads that have their own tracers."""
    exporter = AzureExporter()

    def work(name):
        tracer = Tracer(sampler=AlwaysOnSampler(), exporter=exporter)
        with tracer.span(name=name), tracer.span(name="part of " + name):
            pass

    for name in ("first", "second"):
        _run(lambda name=name: work(name))


def one_tracer_at_once():
    """Two threads with spans of one tracer that are open at the same time."""
    tracer = Tracer(sampler=AlwaysOnSampler(), exporter=AzureExporter())
    first_is_open, second_is_open = threading.Event(), threading.Event()

    def first():
        with tracer.span(name="first"):
            first_is_open.set()
            second_is_open.wait(10)

    def second():
        first_is_open.wait(10)
        with tracer.span(name="second"):
            second_is_open.set()

    _run(first, second)


def tracer_handed_over():
    """A thread that is given its starter's tracer and span, as the threading integration does."""
    tracer = Tracer(sampler=AlwaysOnSampler(), exporter=AzureExporter())
    with tracer.span(name="outer") as outer:

        def work():
            execution_context.set_opencensus_tracer(tracer)
            execution_context.set_current_span(outer)
            with execution_context.get_opencensus_tracer().span(name="inner"):
                pass

        _run(work)
