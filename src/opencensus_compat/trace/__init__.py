"""The OpenCensus trace API."""

from __future__ import annotations

from opencensus_compat.trace.span import Span

__all__ = ["Span"]
