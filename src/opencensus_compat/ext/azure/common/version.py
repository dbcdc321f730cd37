"""The version of opencensus-ext-azure whose interface this package answers to."""

from __future__ import annotations

__version__ = "1.1.15"
