"""Spans of calls that the requests library makes."""

from __future__ import annotations

from opencensus_compat.ext.requests import trace

__all__ = ["trace"]
