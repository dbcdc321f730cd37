"""A WSGI application that logs a line as it loads, and one for each request."""

import logging
import os

from opencensus.ext.azure.log_exporter import AzureLogHandler

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)
logger.addHandler(AzureLogHandler())
logger.info("loaded")


def app(environ, start_response):
    logger.info("request %s", environ["QUERY_STRING"], extra={"custom_dimensions": {"pid": os.getpid()}})
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
