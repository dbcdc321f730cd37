"""Exporting in the thread that ends the span."""

from __future__ import annotations

from typing import Any

from opencensus_compat._bridge.context import Exporting, as_exporter
from opencensus_compat.common.transports import base


class SyncTransport(base.Transport):
    """Calls the exporter's `emit` at once; what it raises comes out of `export`.

    While it runs, `execution_context.is_exporter()` tells integrations not to trace what the exporter does.
    """

    def __init__(self, exporter: Any) -> None:
        self.exporter = exporter

    def export(self, datas: Any) -> None:
        """Hand the data to the exporter in this thread."""
        # An exporter may export through another one; the inner transport must not end the outer one's quiet.
        with as_exporter(Exporting.PROGRAM):
            self.exporter.emit(datas)
