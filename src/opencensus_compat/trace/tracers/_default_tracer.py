"""The tracer of code that has made none."""

from __future__ import annotations

from typing import Any

from opencensus_compat._bridge import context as _context
from opencensus_compat.trace import execution_context
from opencensus_compat.trace.tracers.noop_tracer import NoopTracer


class DefaultTracer(NoopTracer):
    """What `execution_context.get_opencensus_tracer()` returns where no tracer was made.

    Alone it records nothing, as in OpenCensus. Inside a span of OpenTelemetry code, which OpenCensus did not know, it continues that
    span's trace, so that integrations written for OpenCensus work below OpenTelemetry instrumentations. What a program assigns is kept
    and returned.
    """

    _propagator: Any = None
    _sampler: Any = None
    _exporter: Any = None

    def _trace(self) -> Any:
        otel = _context.otel_span(_context.current())
        if otel is None or not otel.get_span_context().is_valid:
            return None
        from opencensus_compat.trace import _otel_to_oc as otel_to_oc
        from opencensus_compat.trace.tracers import context_tracer

        return context_tracer.tracer_of(otel_to_oc.span_context(otel.get_span_context()), context_tracer.exporter_around())

    @property
    def span_context(self) -> Any:
        """The current span's context; where there is none, one with the sampled flag off."""
        trace = self._trace()
        return super().span_context if trace is None else trace.span_context

    @span_context.setter
    def span_context(self, value: Any) -> None:
        self._span_context = value

    @property
    def propagator(self) -> Any:
        """The W3C propagator: integrations put the current span into outgoing headers with it."""
        from opencensus_compat.trace.propagation.trace_context_http_header_format import TraceContextPropagator

        return TraceContextPropagator() if self._propagator is None else self._propagator

    @propagator.setter
    def propagator(self, value: Any) -> None:
        self._propagator = value

    @property
    def sampler(self) -> Any:
        """A sampler that leaves new traces out; children follow their parent."""
        from opencensus_compat.trace.samplers import AlwaysOffSampler

        return AlwaysOffSampler() if self._sampler is None else self._sampler

    @sampler.setter
    def sampler(self, value: Any) -> None:
        self._sampler = value

    @property
    def exporter(self) -> Any:
        """The exporter of the OpenCensus span around; the OpenTelemetry provider, dressed as an exporter, where there is none."""
        from opencensus_compat.trace.tracers.context_tracer import exporter_around

        return exporter_around() if self._exporter is None else self._exporter

    @exporter.setter
    def exporter(self, value: Any) -> None:
        self._exporter = value

    def start_span(self, name: str = "span") -> Any:
        """Start a span inside the current OpenTelemetry span; a blank one where there is none."""
        trace = self._trace()
        return super().start_span(name) if trace is None else trace.start_span(name)

    def end_span(self) -> None:
        """End the current OpenCensus span, if one is open in this context."""
        from opencensus_compat.trace.tracers import context_tracer

        context_tracer.end_innermost()

    def current_span(self) -> Any:
        """Return the current span; a blank one where there is none."""
        span = execution_context.get_current_span()
        return super().current_span() if span is None else span

    def add_attribute_to_current_span(self, attribute_key: str, attribute_value: Any) -> None:
        """Set an attribute of the current span."""
        self.current_span().add_attribute(attribute_key, attribute_value)
