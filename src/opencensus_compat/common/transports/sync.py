"""Exporting in the thread that ends the span."""

from __future__ import annotations

from typing import Any

from opencensus_compat.common.transports import base
from opencensus_compat.trace import execution_context


class SyncTransport(base.Transport):
    """Calls the exporter's `emit` at once; what it raises comes out of `export`.

    While it runs, `execution_context.is_exporter()` tells integrations not to trace what the exporter does.
    """

    def __init__(self, exporter: Any) -> None:
        self.exporter = exporter

    def export(self, datas: Any) -> None:
        """Hand the data to the exporter in this thread."""
        # An exporter may export through another one; the inner transport must not end the outer one's quiet.
        outer = execution_context.is_exporter()
        execution_context.set_is_exporter(True)
        try:
            self.exporter.emit(datas)
        finally:
            execution_context.set_is_exporter(outer)
