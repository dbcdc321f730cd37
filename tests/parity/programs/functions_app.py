"""Functions of Azure Functions, under a stand-in for the platform's worker, with the extension for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading

from functions_worker import Worker, traceparent
from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.extension.azure.functions import OpenCensusExtension
from opencensus.trace import config_integration, execution_context

config_integration.trace_integrations(["logging"])


@contextlib.contextmanager
def _logging(name):
    logger = logging.getLogger(name)
    logger.setLevel(logging.INFO)
    handler = AzureLogHandler()
    logger.addHandler(handler)
    try:
        yield logger
    finally:
        logger.removeHandler(handler)
        handler.close()


def _call(*functions, headers=None, times=1, **options):
    OpenCensusExtension.configure(**options)
    # One thread: each invocation meets what the one before has left.
    worker = Worker(threads=1)
    told = []
    for number, function in enumerate(functions * times):
        worker.add(function)
        header = traceparent(number, "01") if headers is None else headers
        told += worker.run([(function.__name__, header, {"req": number})])
    return [told, worker.errors]


def sync():
    """Spans of a sync function."""

    def work(req, context):
        with context.tracer.span("work") as span:
            span.add_attribute("number", req)
            with context.tracer.span("inside"):
                pass
        return type(context.tracer.sampler).__name__, context.tracer.sampler.rate

    return _call(work, times=3)


def asynchronous():
    """Spans of an async function."""

    async def work(req, context):
        with context.tracer.span("work"):
            await asyncio.sleep(0)
            with context.tracer.span("inside"):
                await asyncio.sleep(0)
        return execution_context.get_opencensus_tracer() is context.tracer

    return _call(work, times=2)


def unsampled_by_the_host():
    """The extension keeps all."""

    def work(req, context):
        with context.tracer.span("work"):
            return context.tracer.span_context.trace_id

    return _call(work, headers=traceparent(7, "00"))


def without_a_trace():
    """The host says nothing of a trace."""

    def work(req, context):
        with context.tracer.span("work"):
            return context.tracer.span_context.from_header

    return _call(work, headers="")


def log_lines():
    """Records inside spans and outside."""
    with _logging("functions.log_lines") as logger:

        def work(req, context):
            logger.info("before %s", req)
            with context.tracer.span("work"):
                logger.info("inside %s", req)
            logger.info("after %s", req)

        return _call(work, times=2)


def raises():
    """An exception leaves the span and the function; the one after it on the thread is not below its span."""

    def work(req, context):
        with context.tracer.span("work"):
            raise LookupError("no such order")

    def fine(req, context):
        with context.tracer.span("fine"):
            return "fine"

    return _call(work, fine)


def caught():
    """An exception leaves a span, and the function answers."""

    def work(req, context):
        try:
            with context.tracer.span("work"):
                raise LookupError("no such order")
        except LookupError:
            return "not found"

    return _call(work)


def raises_with_an_open_span():
    """A span that was started without a block is open when the function raises."""

    def work(req, context):
        context.tracer.start_span("open")
        raise LookupError("no such order")

    def fine(req, context):
        with context.tracer.span("fine"):
            return "fine"

    return _call(work, fine)


def not_configured():
    """Without an exporter there is no tracer, and a warning of the worker's logger says so each time."""
    OpenCensusExtension.init()
    warnings = []

    class Kept(logging.Handler):
        def emit(self, record):
            warnings.append([record.name, record.levelname])

    def work(req, context):
        return hasattr(context, "tracer")

    worker = Worker()
    worker.add(work)
    logger, handler = logging.getLogger("azure_functions_worker.extension.OpenCensusExtension"), Kept()
    logger.addHandler(handler)
    try:
        return worker.run([("work", traceparent(0), {"req": 0})] * 2), warnings
    finally:
        logger.removeHandler(handler)


def removed_afterwards():
    """The tracer is the context object's while the function runs."""
    seen = []

    def work(req, context):
        seen.append(context)
        return hasattr(context, "tracer")

    told = _call(work)
    return told, hasattr(seen[0], "tracer")


def from_a_thread():
    """A thread of the function uses the tracer."""

    def work(req, context):
        tracer = context.tracer

        def background():
            with tracer.span("background"):
                pass

        thread = threading.Thread(target=background)
        thread.start()
        thread.join()

    return _call(work)


def processors():
    """An application's telemetry processor, on the exporter of the extension."""

    def work(req, context):
        with context.tracer.span("work"):
            return None

    def tag(envelope):
        envelope.tags["ai.cloud.role"] = "functions"
        return True

    OpenCensusExtension.configure()
    OpenCensusExtension._exporter.add_telemetry_processor(tag)
    worker = Worker()
    worker.add(work)
    return worker.run([("work", traceparent(3, "01"), {"req": 0})])
