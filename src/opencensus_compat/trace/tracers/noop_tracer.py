"""Tracers that record nothing of their own."""

from __future__ import annotations

from typing import Any

from opencensus_compat.trace import blank_span, trace_options
from opencensus_compat.trace._steps import Watched, watch
from opencensus_compat.trace.span_context import SpanContext, _follow
from opencensus_compat.trace.tracers import base


class NoopTracer(base.Tracer, metaclass=Watched):
    """The tracer of an unsampled trace; its spans are blank."""

    _span_context: Any = None
    _of: Any = None
    """The trace that a Tracer made it for: its context, or its trace id as a number. Not the Tracer: two objects that refer to each other are
    left to the garbage collector, which was a tenth of an unsampled request."""

    @property
    def span_context(self) -> Any:
        """The context of the trace that a Tracer made it for; else one of its own with the sampled flag off, made when first asked for."""
        made = self._span_context
        if made is None:
            trace = self._of
            if trace is None:
                made = SpanContext(trace_options=trace_options.TraceOptions("0"))
            elif type(trace) is int:
                made = SpanContext(trace_id=f"{trace:032x}")
                _follow(made)
            else:
                made = trace
            self._span_context = made
        return made

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


watch(NoopTracer, "add_attribute_to_current_span", "current_span", "end_span", "finish", "span", "start_span")

DefaultTracer: type[NoopTracer]
"""The tracer where none was made; it builds on this module, and `opencensus.trace` puts it here."""
