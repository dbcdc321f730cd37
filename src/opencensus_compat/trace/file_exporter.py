"""An exporter that writes a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from opencensus_compat.common.transports import base, sync
from opencensus_compat.trace import base_exporter, span_data

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DEFAULT_FILENAME = "opencensus-traces.json"


class FileExporter(base_exporter.Exporter):
    """Writes each list of finished spans as a JSON object.

    Args:
        file_name: Where to.
        transport: Makes the transport from this exporter: `SyncTransport`, `AsyncTransport` or a class of one's own.
        file_mode: Mode of `open`. The default keeps the last list only; with ``a`` the objects stand one behind the other, with
            nothing between them.
    """

    def __init__(
        self,
        file_name: str = DEFAULT_FILENAME,
        transport: Callable[[base_exporter.Exporter], base.Transport] = sync.SyncTransport,
        file_mode: str = "w+",
    ) -> None:
        self.file_name = file_name
        self.transport = transport(self)
        self.file_mode = file_mode

    def emit(self, span_datas: Sequence[span_data.SpanData]) -> None:
        """Open the file and write the spans."""
        with open(self.file_name, self.file_mode, encoding="utf-8") as file:
            file.write(json.dumps(span_data.format_legacy_trace_json(span_datas)))

    def export(self, span_datas: Sequence[span_data.SpanData]) -> None:
        """Hand the spans to the transport."""
        self.transport.export(span_datas)
