"""The release of opencensus-extension-azure-functions whose names are here."""

from __future__ import annotations

__version__ = "1.0.0"
