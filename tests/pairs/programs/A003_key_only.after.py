import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler

KEY = "22222222-2222-4222-8222-222222222222"

logger = logging.getLogger("orders")
logger.addHandler(ApplicationInsightsLoggingHandler(connection_string="InstrumentationKey=" + KEY))
logger.warning("by connection string")
