"""The release of opencensus-ext-flask whose interface this is."""

from __future__ import annotations

__version__ = "0.8.2"
