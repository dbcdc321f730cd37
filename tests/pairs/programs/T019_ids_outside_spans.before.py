import logging

from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
logger = logging.getLogger(__name__)
logger.addHandler(AzureLogHandler())


def correlation():
    return tracer.span_context.trace_id


def log(text):
    context = tracer.span_context
    is_known = context.trace_id == correlation() != "0" * 32
    logger.warning(text, extra={"custom_dimensions": {"known": is_known, "span": tracer.span_context.span_id is not None}})


log("opened")
with tracer.span(name="checkout") as span:
    log("counted")
    span.add_attribute("same", tracer.span_context.trace_id == correlation())
log("closed")
