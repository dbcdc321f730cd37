"""The integration with the client libraries of Google Cloud."""

from __future__ import annotations

from opencensus_compat.ext.google_cloud_clientlibs import trace

__all__ = ["trace"]
