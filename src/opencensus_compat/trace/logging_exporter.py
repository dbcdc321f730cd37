"""An exporter that writes to the log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from opencensus_compat.common.transports import base, sync
from opencensus_compat.trace import base_exporter, span_data

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class LoggingExporter(base_exporter.Exporter):
    """Logs each list of finished spans as one INFO record of the root logger, whose message is a dict.

    Making one adds the handler to the root logger and sets that logger's level to INFO, as in OpenCensus.
    Source: https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/trace/logging_exporter.py#L56-L63.

    Args:
        handler: Where the records go; standard error, when None.
        transport: Makes the transport from this exporter: `SyncTransport`, `AsyncTransport` or a class of one's own.
    """

    def __init__(
        self,
        handler: logging.Handler | None = None,
        transport: Callable[[base_exporter.Exporter], base.Transport] = sync.SyncTransport,
    ) -> None:
        self.logger = logging.getLogger()
        self.handler = logging.StreamHandler() if handler is None else handler
        self.logger.addHandler(self.handler)
        self.logger.setLevel(logging.INFO)
        self.transport = transport(self)

    def emit(self, span_datas: Sequence[span_data.SpanData]) -> None:
        """Log the spans."""
        self.logger.info(span_data.format_legacy_trace_json(span_datas))

    def export(self, span_datas: Sequence[span_data.SpanData]) -> None:
        """Hand the spans to the transport."""
        self.transport.export(span_datas)
