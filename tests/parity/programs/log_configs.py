"""Handlers that a dictionary configures.

One dictionary for all of them: on the real handler, configuring logging a second time can wait for ever.
"""

from __future__ import annotations

import logging
import logging.config
import os

import opencensus.ext.azure.log_exporter

NO_TRACE, NO_SPAN = "00000000000000000000000000000000", "0000000000000000"


class Named(opencensus.ext.azure.log_exporter.AzureLogHandler):
    """A handler of the program's own, named by its dotted path."""

    def __init__(self, **options):
        super().__init__(connection_string=os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"], **options)
        self.addFilter(lambda record: "noise" not in record.getMessage())


def dict_config():
    """By class name, with options, level, formatter and filters; by factory; a subclass by its path; and the handler of events."""
    azure = "opencensus.ext.azure.log_exporter."

    def logger(*handlers):
        return {"handlers": handlers, "level": "INFO", "propagate": False}

    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"plain": {"format": "%(levelname)s %(name)s: %(message)s"}},
            "filters": {"shop": {"name": "configured.options.shop"}},
            "handlers": {
                "plain": {"class": azure + "AzureLogHandler"},
                "options": {
                    "class": azure + "AzureLogHandler",
                    "connection_string": os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"],
                    "level": "WARNING",
                    "formatter": "plain",
                    "filters": ["shop"],
                    "export_interval": 2.0,
                },
                "factory": {"()": opencensus.ext.azure.log_exporter.AzureLogHandler, "formatter": "plain"},
                "subclass": {"()": Named, "level": "INFO"},
                "events": {"class": azure + "AzureEventHandler"},
            },
            "loggers": {
                "configured.plain": logger("plain"),
                "configured.options": logger("options"),
                "configured.factory": logger("factory"),
                "configured.subclass": logger("subclass"),
                "configured.events": logger("events"),
            },
        }
    )
    logging.getLogger("configured.plain.shop").info("from a dict")
    logging.getLogger("configured.options.shop").info("too low")
    logging.getLogger("configured.options").warning("of another name")
    logging.getLogger("configured.options.shop").warning("high enough", extra={"custom_dimensions": {"sku": "A1"}})
    logging.getLogger("configured.factory").info("from a factory")
    logging.getLogger("configured.subclass").info("noise")
    logging.getLogger("configured.subclass").info("signal")
    logging.getLogger("configured.events").info("Order placed", extra={"custom_measurements": {"total": 2.5}})
