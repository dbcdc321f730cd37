"""The integration with PyMySQL."""

from __future__ import annotations

import logging
from typing import Any

from pymysql.connections import Connection

from opencensus_compat._bridge.patch_targets import patch_targets
from opencensus_compat.ext.dbapi._statements import Driver
from opencensus_compat.trace import integrations

__getattr__ = patch_targets(__name__, "inspect", "pymysql", "opencensus_compat.ext.dbapi.trace")

_log = logging.getLogger("opencensus.ext.pymysql.trace")

MODULE_NAME = "pymysql"

CONN_WRAP_METHOD = "connect"

_driver = Driver(MODULE_NAME, "mysql", "mysql")


def trace_integration(tracer: Any = None) -> None:
    """Make a client span of each statement from now on, whichever way its connection was or will be made. Calling it again changes nothing.

    Args:
        tracer: Not used, as in OpenCensus: the current one makes the spans.
    """
    _log.info("Integrated module: %s", MODULE_NAME)
    _driver.trace_cursors_of(Connection)
    integrations.add_integration(integrations._Integrations.PYMYSQL)
