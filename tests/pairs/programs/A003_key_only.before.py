import logging

from opencensus.ext.azure.log_exporter import AzureLogHandler

KEY = "22222222-2222-4222-8222-222222222222"

logger = logging.getLogger("orders")
logger.addHandler(AzureLogHandler(connection_string="InstrumentationKey=" + KEY))
logger.warning("by connection string")
