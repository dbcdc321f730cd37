"""An exporter for trying out: it prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opencensus_compat.common.transports import base, sync
from opencensus_compat.trace import base_exporter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opencensus_compat.trace.span_data import SpanData


class PrintExporter(base_exporter.Exporter):
    """Prints each list of finished spans to standard output.

    Args:
        transport: Makes the transport from this exporter: `SyncTransport`, `AsyncTransport` or a class of one's own.
    """

    def __init__(self, transport: Callable[[base_exporter.Exporter], base.Transport] = sync.SyncTransport) -> None:
        self.transport = transport(self)

    def emit(self, span_datas: Sequence[SpanData]) -> None:
        """Print the spans."""
        print(span_datas)  # noqa: T201 -- what this exporter is for

    def export(self, span_datas: Sequence[SpanData]) -> None:
        """Hand the spans to the transport."""
        self.transport.export(span_datas)
