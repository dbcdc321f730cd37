"""The integration with PyMySQL."""

from __future__ import annotations

from opencensus_compat.ext.pymysql import trace

__all__ = ["trace"]
