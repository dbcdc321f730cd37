import logging

from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

config_integration.trace_integrations(["logging"])

logger = logging.getLogger(__name__)
logger.addHandler(AzureLogHandler())
tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())

logger.warning("opened")
with tracer.span(name="day"):
    logger.warning("counted")
logger.warning("closed")
