"""What meter providers are shown: views, gauges and metric producers, each by a module of its own.

Those modules need the OpenTelemetry API. So whatever has something to show registers, as it loads, a function that imports them, and
`providers.metrics` calls that function for each meter provider. Importing this costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    from opencensus_compat._bridge.providers.instruments import Instruments

    # For the type checker only: making a Protocol takes as long as importing a small module.
    class Viewer(Protocol):
        """Makes the instruments of one kind of metrics with one meter provider, and feeds them."""

        def open(self) -> None:
            """Make the instruments of what there is, and of what comes from now on."""

        def close(self) -> None:
            """Make and feed no more."""


__all__ = ["show_with", "viewers"]

_makers: dict[str, Callable[[Instruments], Viewer]] = {}


def show_with(kind: str, make: Callable[[Instruments], Viewer]) -> None:
    """Have each meter provider shown a kind of metrics.

    Args:
        kind: Its name. Kinds are shown in the order of their names: of two metrics with one name, the first keeps it.
        make: Returns the viewer of a provider's instruments.
    """
    _makers[kind] = make


def viewers() -> list[tuple[str, Callable[[Instruments], Viewer]]]:
    """Return the kinds that are registered by now, in their order, and what makes their viewers."""
    return sorted(_makers.items())
