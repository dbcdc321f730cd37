import logging

from opencensus.ext.azure.log_exporter import AzureLogHandler
from opencensus.trace.tracer import Tracer

logger = logging.getLogger("orders")
logger.addHandler(AzureLogHandler())
Tracer()

logger.warning("sold out")
