import logging

from opencensus.ext.azure import log_exporter

logging.basicConfig(level=logging.INFO, handlers=[log_exporter.AzureLogHandler(export_interval=0.5), logging.NullHandler()])
if not any(isinstance(handler, log_exporter.AzureLogHandler) for handler in logging.getLogger().handlers):
    logging.getLogger().addHandler(log_exporter.AzureLogHandler())

logging.info("started")
logging.getLogger("orders").error("failed", extra={"custom_dimensions": {"order": 7}})
