"""The integration with drivers of databases, whichever have DB-API 2's connections and cursors."""

from __future__ import annotations

from opencensus_compat.ext.dbapi import trace

__all__ = ["trace"]
