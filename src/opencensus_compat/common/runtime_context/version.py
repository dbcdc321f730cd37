"""The version of opencensus-context whose interface this package answers to."""

from __future__ import annotations

__version__ = "0.1.3"
