"""A local Application Insights ingestion endpoint: for tests, demonstrations, and looking at what a program sends.

Use it in process (``LocalEndpoint``) or from the terminal (``census-compat local``). It needs nothing beyond the
standard library, and neither the facade nor the exporter.
"""

from __future__ import annotations

from .arrivals import RecordedRequest
from .endpoint import LocalEndpoint
from .misbehave import Rule, RuleError
from .store import ItemWarning, Refused, StoreError

__all__ = ["ItemWarning", "LocalEndpoint", "RecordedRequest", "Refused", "Rule", "RuleError", "StoreError"]
