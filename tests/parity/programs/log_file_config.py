"""A handler that an ini file configures."""

from __future__ import annotations

import io
import logging
import logging.config

NO_TRACE, NO_SPAN = "00000000000000000000000000000000", "0000000000000000"
FILE = """
[loggers]
keys=root,shop

[handlers]
keys=azure

[formatters]
keys=plain

[logger_root]
level=WARNING
handlers=

[logger_shop]
level=INFO
handlers=azure
propagate=0
qualname=configured_by_file

[handler_azure]
class=opencensus.ext.azure.log_exporter.AzureLogHandler
level=INFO
formatter=plain
args=()

[formatter_plain]
format=%(levelname)s %(message)s
"""


def file_config():
    """The class by its name."""
    logging.config.fileConfig(io.StringIO(FILE), disable_existing_loggers=False)
    logging.getLogger("configured_by_file").info("from a file")
