"""The OpenCensus trace API."""

from __future__ import annotations

from opencensus_compat._bridge import environment as _environment  # noqa: F401 - before anything of OpenTelemetry is imported
from opencensus_compat.trace.span import Span

__all__ = ["Span"]
