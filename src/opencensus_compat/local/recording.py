"""What tables, transactions, reports and pages read from: a database file, an endpoint in this process, or a running one over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .transaction import Source

if TYPE_CHECKING:
    from .bodies import JsonObject


class Recording(Source, Protocol):
    """Telemetry that has arrived."""

    def counts(self) -> dict[str, int]:
        """Return the number of rows by table."""

    def problems(self) -> dict[str, list[JsonObject]]:
        """Return ``warnings`` about accepted items, and ``refused`` items."""
