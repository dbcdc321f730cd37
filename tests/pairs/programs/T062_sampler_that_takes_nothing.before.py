import logging

from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace.samplers import AlwaysOffSampler
from opencensus.trace.tracer import Tracer

logger = logging.getLogger("orders")
logger.addHandler(AzureLogHandler())
tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOffSampler())

with tracer.span(name="checkout"):
    logger.warning("sold out")
