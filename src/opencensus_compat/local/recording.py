"""What tables, transactions, reports and pages read from: a database file, an endpoint in this process, or a running one over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

from .transaction import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .bodies import JsonObject
    from .store import ItemWarning, Refused


class Recording(Source, Protocol):
    """Telemetry that has arrived."""

    def counts(self) -> dict[str, int]:
        """Return the number of rows by table."""

    def problems(self) -> dict[str, list[JsonObject]]:
        """Return ``warnings`` about accepted items, and ``refused`` items."""


def problems(warnings: Iterable[ItemWarning], refused: Iterable[Refused]) -> dict[str, list[JsonObject]]:
    """Return what the check found, as programs see it."""
    return {"warnings": [asdict(entry) for entry in warnings], "refused": [asdict(entry) for entry in refused]}
