"""Records inside and outside spans, with the logging integration."""

from __future__ import annotations

import logging

from opencensus.ext.azure.log_exporter import AzureEventHandler, AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration, execution_context
from opencensus.trace.samplers import AlwaysOffSampler, AlwaysOnSampler
from opencensus.trace.tracer import Tracer

NO_TRACE, NO_SPAN = "00000000000000000000000000000000", "0000000000000000"
FORMAT = "%(message)s %(traceId)s %(spanId)s %(traceSampled)s"

early = logging.getLogger("integrated.early")
INTEGRATED = config_integration.trace_integrations(["logging"])


def _logger(name, handler=None):
    logger = logging.getLogger("integrated." + name)
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler or AzureLogHandler())
    return logger


def _tracer(sampler=None):
    return Tracer(exporter=AzureExporter(), sampler=sampler or AlwaysOnSampler())


def names():
    """What was integrated, and the class of loggers from then on."""
    return [INTEGRATED, logging.getLoggerClass().__name__, type(_logger("names")).__name__]


def record():
    """In a span, in one inside, and after."""
    logger, tracer = _logger("record"), _tracer()
    with tracer.span(name="outer"):
        logger.warning("in outer")
        with tracer.span(name="inner"):
            logger.warning("in inner")
        logger.warning("in outer again")


def exception_and_event():
    """The same for the other kinds."""
    logger, events, tracer = _logger("exception"), _logger("event", AzureEventHandler()), _tracer()
    with tracer.span(name="work"):
        try:
            raise LookupError("no order")
        except LookupError:
            logger.exception("failed")
        events.info("Order placed")


def format():
    """The ids in a format."""
    handler = AzureLogHandler()
    handler.setFormatter(logging.Formatter(FORMAT))
    logger, tracer = _logger("format", handler), _tracer()
    with tracer.span(name="work"):
        logger.warning("formatted with the ids of the span:")


def outside_a_span():
    """With a tracer, but outside any span: the tracer's trace."""
    logger, tracer = _logger("outside"), _tracer()
    logger.warning("outside")
    return [tracer.span_context.trace_id == getattr(_Kept.of(logger), "traceId", None)]


def without_a_tracer():
    """Without a tracer, the trace is nobody's."""
    execution_context.clean()
    record = _Kept.of(_logger("without"))
    return [len(record.traceId), record.spanId, record.traceSampled]


def unsampled():
    """A trace that is not sampled."""
    handler = AzureLogHandler()
    handler.setFormatter(logging.Formatter("%(traceSampled)s %(message)s"))
    logger, tracer = _logger("unsampled", handler), _tracer(AlwaysOffSampler())
    with tracer.span(name="work"):
        logger.warning("unsampled")


def given_ids():
    """Ids that the program gives."""
    logger, tracer = _logger("given"), _tracer()
    with tracer.span(name="work"):
        logger.warning("given", extra={"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331"})


def logger_made_before():
    """A logger from before the integration."""
    early.propagate = False
    early.addHandler(AzureLogHandler())
    with _tracer().span(name="work"):
        early.warning("early")


class _Kept(logging.Handler):
    @classmethod
    def of(cls, logger):
        """Return a record of a logger."""
        handler = cls()
        logger.addHandler(handler)
        logger.warning("kept")
        logger.removeHandler(handler)
        return handler.record

    def emit(self, record):
        self.record = record
