"""A pool of greenlets, each with requests of its own, under a patched standard library."""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import logging
import threading

import gevent
import gevent.pool
from opencensus.common.runtime_context import RuntimeContext
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.ext.gevent import geventcompatibility
from opencensus.trace import config_integration, execution_context
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

config_integration.trace_integrations(["logging"])


def _tracer():
    execution_context.clean()
    return Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


def requests_side_by_side():
    """Fifty greenlets with four requests each: every span lies in its own request."""

    def handle(number):
        for turn in range(4):
            tracer = _tracer()
            with tracer.span(name="request %d.%d" % (number, turn)):
                gevent.sleep(0)
                with execution_context.get_opencensus_tracer().span(name="call %d.%d" % (number, turn)):
                    gevent.sleep(0)

    gevent.pool.Pool(50).map(handle, range(50))


def log_lines():
    """Every log line belongs to the request of its greenlet."""
    logger = logging.getLogger("gevent_pool")
    handler = AzureLogHandler()
    logger.addHandler(handler)

    def handle(number):
        with _tracer().span(name="request %d" % number):
            gevent.sleep(0)
            logger.warning("line %d", number)
            gevent.sleep(0)

    gevent.pool.Pool(10).map(handle, range(10))
    logger.removeHandler(handler)
    handler.flush()
    handler.close()


def handed_on():
    """A greenlet gets the context of the one that spawned it only where it is bound to it."""
    tracer = _tracer()

    def work(name):
        span = execution_context.get_current_span()
        return [name, span and span.name]

    with tracer.span(name="outer"):
        bound = gevent.spawn(RuntimeContext.with_current_context(work), "bound")
        free = gevent.spawn(work, "free")
        gevent.joinall([bound, free])
    return [bound.value, free.value]


def threads():
    """Threads are greenlets: each has a context of its own."""
    found = []

    def work():
        with _tracer().span(name="thread"):
            gevent.sleep(0)
            found.append(execution_context.get_current_span().name)

    with _tracer().span(name="outer"):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return [found, execution_context.get_current_span().name]


def compatible():
    """The function that gevent calls as it patches."""
    geventcompatibility.patch_opencensus(None)
    with _tracer().span(name="outer"):
        return execution_context.get_current_span().name
