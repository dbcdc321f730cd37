import logging

from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import execution_context
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
logger = logging.getLogger("orders")
logger.addHandler(AzureLogHandler())


def order(number):
    span = execution_context.get_current_span()
    if span:
        span.add_attribute("order", number)
    if span is None:
        logger.warning("order %s outside a span", number)


def is_traced():
    return tracer.current_span() is not None


order(1)
logger.warning("traced: %s", is_traced())
with tracer.span(name="checkout"):
    order(2)
    if (current := execution_context.get_current_span()) and is_traced():
        current.add_attribute("is_traced", True)
