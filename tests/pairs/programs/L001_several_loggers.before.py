import logging

import opencensus.ext.azure.log_exporter


def logger_of(name):
    logger = logging.getLogger(name)
    logger.setLevel(logging.INFO)
    logger.addHandler(opencensus.ext.azure.log_exporter.AzureLogHandler())
    return logger


for name in ("orders", "stock"):
    logger_of(name).info("%s is up", name)
