import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler

logger = logging.getLogger("orders")
logger.addHandler(ApplicationInsightsLoggingHandler())

logger.warning("sold out")
