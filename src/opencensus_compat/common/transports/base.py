"""What every transport answers to."""

from __future__ import annotations

from typing import Any


class Transport:
    """Base class of transports; a subclass overrides `export`."""

    def export(self, datas: Any) -> None:
        """Hand a list of span data or metrics to the exporter, now or later."""
        raise NotImplementedError

    def flush(self) -> None:
        """Wait until everything was handed over; nothing to do where that happens in `export`."""
