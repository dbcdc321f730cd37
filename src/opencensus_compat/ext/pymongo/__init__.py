"""The integration with PyMongo, the driver of MongoDB."""

from __future__ import annotations

from opencensus_compat.ext.pymongo import trace

__all__ = ["trace"]
