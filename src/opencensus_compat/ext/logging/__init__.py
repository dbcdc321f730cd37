"""Trace and span ids on the log records of every logger."""

from __future__ import annotations

from opencensus_compat.ext.logging import trace

__all__ = ["trace"]
