import logging

from appinsights_exporter import ApplicationInsightsLoggingHandler


def logger_of(name):
    logger = logging.getLogger(name)
    logger.setLevel(logging.INFO)
    logger.addHandler(ApplicationInsightsLoggingHandler())
    return logger


for name in ("orders", "stock"):
    logger_of(name).info("%s is up", name)
