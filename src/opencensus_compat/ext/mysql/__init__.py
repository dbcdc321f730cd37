"""The integration with MySQL Connector/Python and mysqlclient."""

from __future__ import annotations

from opencensus_compat.ext.mysql import trace

__all__ = ["trace"]
