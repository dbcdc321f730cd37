"""The integration with PostgreSQL's drivers, Psycopg 2 and 3."""

from __future__ import annotations

from opencensus_compat.ext.postgresql import trace

__all__ = ["trace"]
