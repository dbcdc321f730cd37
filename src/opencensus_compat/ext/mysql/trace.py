"""The integration with MySQL Connector/Python, of either name on PyPI, and with mysqlclient."""

from __future__ import annotations

import importlib
import logging
from typing import Any

from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat.ext.dbapi._statements import Driver
from opencensus_compat.trace import integrations

__getattr__ = patch_targets(__name__, "inspect", "mysql", "opencensus_compat.ext.dbapi.trace")

_log = logging.getLogger("opencensus.ext.mysql.trace")

MODULE_NAME = "mysql"

CONN_WRAP_METHOD = "connect"

_CONNECTIONS = (
    ("mysql.connector.connection", "MySQLConnection"),
    ("mysql.connector.connection_cext", "CMySQLConnection"),
    ("MySQLdb.connections", "Connection"),
)
"""Module and class of the connections of each driver; the second module is there where the first one was built with its C part."""
_driver = Driver(MODULE_NAME, "mysql", "mysql")


def trace_integration(tracer: Any = None) -> None:
    """Make a client span of each statement from now on, whichever way its connection was or will be made. Calling it again changes nothing.

    Args:
        tracer: Not used, as in OpenCensus: the current one makes the spans.

    Raises:
        ModuleNotFoundError: None of the drivers is installed.
    """
    found = [connections for module, name in _CONNECTIONS if (connections := _class_of(module, name)) is not None]
    if not found:
        raise ModuleNotFoundError(
            "no driver for MySQL is installed: pip install mysql-connector-python, or mysqlclient", name="mysql.connector"
        )
    _log.info("Integrated module: %s", MODULE_NAME)
    for connections in found:
        _driver.trace_cursors_of(connections)
    integrations.add_integration(integrations._Integrations.MYSQL)


def _class_of(module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        _log.debug("%s.%s is not traced: %s", module, name, error)
        return None
