"""Exporters of OpenCensus that OpenTelemetry code goes on sending to.

A service whose spans go to a maker of whom this package has no exporter, or to an exporter of its own, moves to OpenTelemetry all the same:
one line keeps the exporter, and all others are OpenTelemetry's::

    provider = TracerProvider(sampler=ALWAYS_ON)
    provider.add_span_processor(LegacyExporterProcessor(ZipkinExporter(service_name="shop")))
    trace.set_tracer_provider(provider)

That line is what is left of OpenCensus: the exporter's package imports it. A processor with an exporter of OpenTelemetry's takes its place,
when somebody has decided which.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from opentelemetry.context import attach, detach, set_value
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge import handles as _handles
from opencensus_compat._bridge.running_spans import ending_span
from opencensus_compat.trace._as_span_data import span_data_of, span_data_of_readable

if TYPE_CHECKING:
    from opencensus_compat.trace.span_data import SpanData

__all__ = ["LegacyExporterProcessor"]

_logger = logging.getLogger("opencensus_compat")
_SUPPRESS = "suppress_instrumentation"
_AZURE = "opencensus_compat.ext.azure.trace_exporter"


class LegacyExporterProcessor(SpanProcessor):
    """Hands each span, as it ends, to an exporter of OpenCensus: as `SpanData`, in the thread that ends it, as OpenCensus's tracers do.

    Whether the exporter then sends at once or from a thread of its own, its transport decides. An exporter of this package's to Application
    Insights gets the spans themselves, and sends them in OpenTelemetry's shape.

    While the exporter works, instrumentations and integrations trace nothing. What it raises is logged, and the spans are lost.

    Spans of OpenCensus code are handed over where their tracer has no exporter: one that has is served already.

    Args:
        exporter: Any object with the method `export`, which gets a list of `SpanData`.

    Raises:
        TypeError: It is no such exporter.

    Limitations: an exporter sees what OpenTelemetry keeps. Attributes are text, numbers, booleans and sequences of one of these; an error has
    the code UNKNOWN; links have no type; children are not counted.
    """

    def __init__(self, exporter: Any) -> None:
        if isinstance(exporter, SpanExporter):
            raise TypeError(
                f"expected an exporter of OpenCensus, got {type(exporter).__name__} of OpenTelemetry: hand it to a BatchSpanProcessor"
            )
        if not callable(getattr(exporter, "export", None)):
            raise TypeError(f"expected an exporter of OpenCensus, with the method export, got {type(exporter).__name__}")
        self.exporter = exporter
        self._rates: Any = None

    def on_end(self, span: ReadableSpan) -> None:
        """Hand a sampled span to the exporter."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        part = _handles.span_part_of(self.exporter)
        if part is not None and not self.exporter._is_changed():
            if ending_span.now is None:
                part.on_end(self.exporter._telemetry(span, None, None))
            return
        data = self._data_of(span)
        if data is not None:
            self._export(data)

    def _data_of(self, span: ReadableSpan) -> SpanData | None:
        """Return an ended span as exporters receive it; None for a span of OpenCensus code whose tracer exports it."""
        now = ending_span.now
        if now is None or span.context is not now[0]._otel.get_span_context():
            return self._with_rate(span_data_of_readable(span), span)
        facade, tracer = now
        if facade._is_elsewhere or not _handles.is_own(tracer.exporter, _handles.ProviderOnly):
            return None
        return span_data_of(facade, tracer)

    def _with_rate(self, data: SpanData, span: ReadableSpan) -> SpanData:
        """Note at which rate a span was kept, where an exporter to Application Insights may get it: counts are wrong without."""
        if _AZURE in sys.modules:
            if self._rates is None:
                self._rates = _exporter.span_rates()
            self._rates.look_at([span])
            # As the facade's own spans have them.
            context: Any = data.context
            context._sample_rate, context._ended = self._rates.percent(span), span
        return data

    def _export(self, data: SpanData) -> None:
        token = attach(set_value(_SUPPRESS, True))
        try:
            with _context.as_exporter(_context.Exporting.PROGRAM):
                self.exporter.export([data])
        except _exporter.failure():
            _logger.exception("%s failed to export; a span is lost", type(self.exporter).__name__)
        finally:
            detach(token)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Wait until the exporter's transport has handed over what it holds.

        A transport that pauses between batches does not hurry: it is given `timeout_millis`.

        Args:
            timeout_millis: Milliseconds.
        Returns: whether all of it was handed over in time.
        """
        flush = getattr(getattr(self.exporter, "transport", None), "flush", None)
        return not callable(flush) or _exporter.run_with_timeout(lambda: flush() is None or True, timeout_millis / 1000)
