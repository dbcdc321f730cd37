"""What every trace exporter answers to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opencensus_compat.trace.span_data import SpanData


class Exporter:
    """Base class of trace exporters; a subclass overrides both methods."""

    def emit(self, span_datas: Sequence[SpanData]) -> Any:
        """Send finished spans to where they go. Called by the transport."""
        raise NotImplementedError

    def export(self, span_datas: Sequence[SpanData]) -> Any:
        """Take finished spans from the tracer and hand them to the transport."""
        raise NotImplementedError
