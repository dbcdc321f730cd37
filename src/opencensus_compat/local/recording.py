"""What tables, transactions, reports and pages read from: a database file, an endpoint in this process, or a running one over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .transaction import Source

if TYPE_CHECKING:
    from .bodies import JsonObject
    from .filters import Filter
    from .tables import TableRow


class Recording(Source, Protocol):
    """Telemetry that has arrived."""

    def select(self, table: str, wanted: Filter, most: int | None = None) -> list[TableRow]:
        """Return the rows of a portal table that pass a filter, in arrival order; where there are more than ``most``, the newest."""

    def counts(self) -> dict[str, int]:
        """Return the number of rows by table."""

    def problems(self) -> dict[str, list[JsonObject]]:
        """Return ``warnings`` about accepted items, and ``refused`` items."""
