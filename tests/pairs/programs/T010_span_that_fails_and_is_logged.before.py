import logging

from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

logger = logging.getLogger("orders")
logger.addHandler(AzureLogHandler())
tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())


def charge(cart):
    with tracer.span(name="charge"):
        raise ValueError(f"no money for {cart}")


with tracer.span(name="checkout"):
    try:
        charge("c-42")
    except ValueError:
        logger.exception("not charged")
