import logging

from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.ext.azure.trace_exporter import AzureExporter
from opencensus.trace import config_integration
from opencensus.trace.samplers import AlwaysOnSampler
from opencensus.trace.tracer import Tracer

config_integration.trace_integrations(["logging"])

logger = logging.getLogger("shop")
handler = AzureLogHandler()
handler.setFormatter(logging.Formatter("%(levelname)s trace=%(traceId)s span=%(spanId)s %(message)s"))
logger.addHandler(handler)
logger.warning("opened")

tracer = Tracer(exporter=AzureExporter(), sampler=AlwaysOnSampler())
with tracer.span(name="order"):
    logger.warning("sold")
