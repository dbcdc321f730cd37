"""Opening the endpoint that the command line describes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..endpoint import LocalEndpoint
from ..misbehave import RuleError
from ..render import clean
from ..store import StoreError
from .terminal import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..tables import Row


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """What the command line says of the endpoint."""

    port: int = 0
    """TCP port on 127.0.0.1; 0 takes a free one."""
    database: str | None = None
    """SQLite file; ``None`` for memory."""
    misbehaviour: Sequence[str] = ()
    """Rules."""
    instrumentation_key: str | None = None
    """``None`` for a random one."""
    count_only: bool = False
    pages: bool = False
    """Show what arrives to a browser."""

    def open(self, listener: Callable[[Sequence[Row]], None] | None = None) -> LocalEndpoint:
        """Return an endpoint that listens.

        Args:
            listener: Called with the rows of each request.

        Raises:
            CommandError: A rule, the database or the port cannot be used.

        """
        try:
            endpoint = LocalEndpoint(
                self.port,
                self.database,
                misbehaviour=self.misbehaviour,
                instrumentation_key=self.instrumentation_key,
                store=not self.count_only,
                listener=listener,
                pages=self.pages,
            )
        except (StoreError, RuleError) as error:
            raise CommandError(2, str(error)) from None
        try:
            endpoint.start()
        except (OSError, OverflowError) as error:
            endpoint.close()
            raise CommandError(2, f"cannot listen on 127.0.0.1 port {self.port}: {error}") from None
        return endpoint


def summary(endpoint: LocalEndpoint) -> str:
    """Return the counters of an endpoint as one line."""
    stats = endpoint.stats()
    parts = [f"{stats['requests']} requests", f"{stats['itemsReceived']} items received", f"{stats['itemsAccepted']} accepted"]
    if stats["itemsRefused"]:
        parts.append(f"{stats['itemsRefused']} refused by the schema")
    if stats["warnings"]:
        parts.append(f"{stats['warnings']} warnings")
    if endpoint.redirected:
        parts.append(f"redirected from {', '.join(map(clean, endpoint.redirected))}")
    if stats["storeError"]:
        parts.append(str(stats["storeError"]))
    return ", ".join(parts)
