import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler

logging.basicConfig(level=logging.INFO, handlers=[ApplicationInsightsLoggingHandler(export_interval_millis=500), logging.NullHandler()])
if not any(isinstance(handler, ApplicationInsightsLoggingHandler) for handler in logging.getLogger().handlers):
    logging.getLogger().addHandler(ApplicationInsightsLoggingHandler())

logging.info("started")
logging.getLogger("orders").error("failed", extra={"custom_dimensions": {"order": 7}})
