import logging

from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.trace.print_exporter import PrintExporter
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

logger = logging.getLogger(__name__)
logger.addHandler(AzureLogHandler())
tracer = Tracer(exporter=PrintExporter(), sampler=AlwaysOnSampler())

with tracer.span(name="order"):
    logger.warning("taken")
