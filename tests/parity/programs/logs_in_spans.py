"""Records inside spans, without the logging integration."""

from __future__ import annotations

import logging
import threading

from opencensus.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.log import TraceLoggingAdapter
from opencensus.trace.samplers import AlwaysOffSampler, AlwaysOnSampler
from opencensus.trace.span import SpanKind
from opencensus.trace.tracer import Tracer

NO_TRACE, NO_SPAN = "00000000000000000000000000000000", "0000000000000000"


def _logger(name, handler=None):
    logger = logging.getLogger("spans." + name)
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler or AzureLogHandler())
    return logger


def _tracer(sampler=None):
    return Tracer(exporter=AzureExporter(), sampler=sampler or AlwaysOnSampler())


def record_in_a_span():
    """A record, and one in a request."""
    logger, tracer = _logger("record"), _tracer()
    with tracer.span(name="request") as span:
        span.span_kind = SpanKind.SERVER
        span.add_attribute("http.method", "GET")
        span.add_attribute("http.route", "/orders")
        logger.warning("in the request")
        with tracer.span(name="part"):
            logger.warning("in the part")


def exception_in_a_span():
    """An exception."""
    logger, tracer = _logger("exception"), _tracer()
    with tracer.span(name="work"):
        try:
            raise LookupError("no order")
        except LookupError:
            logger.exception("failed")


def event_in_a_span():
    """An event."""
    logger, tracer = _logger("event", AzureEventHandler()), _tracer()
    with tracer.span(name="work"):
        logger.info("Order placed")


def record_after_a_span():
    """A record outside any span."""
    logger, tracer = _logger("after"), _tracer()
    with tracer.span(name="work"):
        pass
    logger.warning("after")


def record_in_an_unsampled_span():
    """A trace that is not sampled."""
    logger, tracer = _logger("unsampled"), _tracer(AlwaysOffSampler())
    with tracer.span(name="work"):
        logger.warning("unsampled")
        logger.error("an unsampled error")


def adapter_in_a_span():
    """The adapter that puts the ids on records."""
    adapter, tracer = TraceLoggingAdapter(_logger("adapter")), _tracer()
    with tracer.span(name="work"):
        adapter.warning("adapted")
    adapter.warning("adapted outside")


def thread_in_a_span():
    """A thread has no trace."""
    logger, tracer = _logger("thread"), _tracer()
    with tracer.span(name="work"):
        thread = threading.Thread(target=lambda: logger.warning("in a thread"))
        thread.start()
        thread.join()
