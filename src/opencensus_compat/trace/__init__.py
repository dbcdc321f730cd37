"""The OpenCensus trace API.

What shows OpenTelemetry code to OpenCensus code builds on the modules that show it. Those cannot import it, and get it here, which is loaded
before any of them.
"""

from __future__ import annotations

from opencensus_compat._bridge import environment as _environment  # noqa: F401 - before anything of OpenTelemetry is imported

# isort: split
from opencensus_compat.trace import execution_context as _execution_context
from opencensus_compat.trace import span as _span
from opencensus_compat.trace._foreign_span import ForeignSpan as _ForeignSpan
from opencensus_compat.trace.span import Span
from opencensus_compat.trace.tracers import noop_tracer as _noop_tracer
from opencensus_compat.trace.tracers._default_tracer import DefaultTracer as _DefaultTracer

__all__ = ["Span"]

_span.ForeignSpan, _ForeignSpan.__module__ = _ForeignSpan, _span.__name__
_noop_tracer.DefaultTracer, _DefaultTracer.__module__ = _DefaultTracer, _noop_tracer.__name__
_execution_context._facades.span_of = _ForeignSpan.of
_execution_context._facades.tracer = _DefaultTracer()
