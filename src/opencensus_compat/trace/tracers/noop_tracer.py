"""Tracers that record nothing of their own."""

from __future__ import annotations

from typing import Any

from opencensus_compat.trace import blank_span, trace_options
from opencensus_compat.trace.span_context import SpanContext
from opencensus_compat.trace.tracers import base


class NoopTracer(base.Tracer):
    """The tracer of an unsampled trace; its spans are blank."""

    _span_context: SpanContext | None = None
    _owner: Any = None

    @property
    def span_context(self) -> Any:
        """The context of the Tracer that it belongs to; else one of its own with the sampled flag off, made when first asked for."""
        if self._owner is not None:
            return self._owner._base
        if self._span_context is None:
            self._span_context = SpanContext(trace_options=trace_options.TraceOptions("0"))
        return self._span_context

    @span_context.setter
    def span_context(self, value: Any) -> None:
        self._span_context = value

    def finish(self) -> None:
        """Do nothing."""
        return

    def span(self, name: str = "span") -> Any:
        """Return a blank span."""
        return self.start_span(name=name)

    def start_span(self, name: str = "span") -> Any:
        """Return a blank span."""
        return blank_span.BlankSpan(name, context_tracer=self)

    def end_span(self) -> None:
        """Do nothing."""

    def current_span(self) -> Any:
        """Return a blank span."""
        return blank_span.BlankSpan()

    def add_attribute_to_current_span(self, attribute_key: str, attribute_value: Any) -> None:
        """Do nothing."""

    def list_collected_spans(self) -> Any:
        """Return None."""
        return None


DefaultTracer: type[NoopTracer]
"""The tracer where none was made; it builds on this module, and `opencensus.trace` puts it here."""
