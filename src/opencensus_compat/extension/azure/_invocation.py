"""One invocation of a function: its tracer, what is current while it runs, and its end, also where the function raises.

The worker calls the hook after a function only when the function has returned. What raises leaves its thread of the worker's pool as it
was then, and the worker drops the invocation's context object once it has told the host: that is its end here.
"""

from __future__ import annotations

import _thread
import contextlib
import contextvars
import traceback
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

from opentelemetry import trace as trace_api
from opentelemetry.context import Context

from opencensus_compat._bridge import context as _context
from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.convert import oc_to_otel
from opencensus_compat._bridge.process import report
from opencensus_compat._bridge.providers import lifecycle
from opencensus_compat._bridge.settings import variable_text
from opencensus_compat.common import utils
from opencensus_compat.ext.azure.trace_exporter import ERROR_MESSAGE, ERROR_NAME, STACKTRACE, AzureExporter
from opencensus_compat.trace import execution_context
from opencensus_compat.trace._kept import KeptSpan, is_error, status_of
from opencensus_compat.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus_compat.trace.samplers import ProbabilitySampler
from opencensus_compat.trace.span import SpanKind
from opencensus_compat.trace.span_data import SpanData
from opencensus_compat.trace.stack_trace import StackTrace
from opencensus_compat.trace.status import Status
from opencensus_compat.trace.tracer import Tracer

if TYPE_CHECKING:
    from opencensus_compat.trace.span_context import SpanContext

FLUSH_VARIABLE = "OPENCENSUS_COMPAT_FLUSH_INVOCATIONS"
_DEFAULT_FLUSH_S = 5.0
_UNKNOWN = 2
_PROPAGATOR = TraceContextPropagator()
_running: contextvars.ContextVar[InvocationTracer | None] = contextvars.ContextVar("opencensus_compat_invocation", default=None)
"""The invocation of this thread or task. That of a thread in a pool stays when a function raises, until the next one begins there."""


class InvocationTracer(Tracer):
    """The tracer of one invocation, which continues the host's trace and keeps all spans."""

    def __init__(self, span_context: SpanContext | None, exporter: Any, flush_s: float) -> None:
        self._outermost: Any = None
        self._unfinished = [True]
        self._flush_s = flush_s
        super().__init__(span_context=span_context, sampler=ProbabilitySampler(1.0), exporter=exporter)

    def _start(self, name: Any) -> Any:
        span = super()._start(name)
        # One that another instrumentation makes as well is blank here.
        if issubclass(type(span), KeptSpan) and not issubclass(type(span.parent_span), KeptSpan):
            self._outermost = span
        return span

    def _enter(self) -> None:
        """Make the host's span current, for log records outside spans and for OpenTelemetry code."""
        context = _context.get_current()
        self._left_context = context
        given = self._given
        remote = given and oc_to_otel.span_context(given.trace_id, given.span_id, True, given.tracestate)
        if remote is not None:
            kept = trace_api.SpanContext(remote.trace_id, remote.span_id, True, trace_api.TraceFlags(1), remote.trace_state)
            _context.resume(Context({**context, _context.SPAN_KEY: trace_api.NonRecordingSpan(kept)}))
        _running.set(self)

    def _leave(self) -> None:
        """Leave nothing of the invocation to the next one on this thread."""
        _running.set(None)
        execution_context.clean()
        _context.resume(self._left_context)

    def _finish(self, error: BaseException | None = None, *, raised: bool = False) -> None:
        """End the invocation once: where the function raised, with the spans that it left open and its exception.

        Args:
            error: What it raised, where that is known. Else it is what left the outermost span that was begun last.
            raised: Whether it raised.
        """
        try:
            # One step, for the thread of the next invocation may be about it as well.
            self._unfinished.pop()
        except IndexError:
            return
        if not raised:
            return
        try:
            is_failure = error is None or is_error(error)
            for span in list(self._open.values()) if is_failure else ():
                span._exception = span._exception or (None if error is None else oc_to_otel.raised(error))
                if span is self._outermost and error is not None and span.stack_trace is None:
                    # With it the span brings its exception, where it is sent in OpenTelemetry's shape.
                    span.stack_trace = StackTrace.from_traceback(error.__traceback__)
                if not span.status.code:
                    span.status = Status(_UNKNOWN, "the function raised") if error is None else status_of(error)
            self.finish()
            if is_failure and (error is not None or (self._outermost is not None and self._outermost._exception)):
                self._export_exception(error)
        except Exception as problem:  # noqa: BLE001 - the worker's thread goes on
            report("the exception of a function was not exported: %s", type(problem).__name__)

    def _export_exception(self, error: BaseException | None) -> None:
        exporter = self.exporter
        if not isinstance(exporter, AzureExporter) or not exporter._is_direct:
            return
        if exporter._pipeline.settings.envelope_shape == "otel":
            # There spans bring their exceptions themselves.
            return
        span = self._outermost
        left_by: oc_to_otel.Raised | None = None if span is None else span._exception
        seen = left_by if error is None else oc_to_otel.raised(error)
        if seen is None:
            return
        name, message = seen.class_name, seen.message
        if left_by is None or (left_by.type_name, left_by.message) != (seen.type_name, seen.message):
            # Nothing of ours was open where it was raised: it belongs to the host's span.
            span = None
        stack = _stack_of(span, f"{name}: {message}") if error is None else "".join(traceback.format_exception(error))
        # In OpenCensus's shape it is the span of a request that brings an exception.
        as_request = SpanData(
            name=name,
            context=self._base,
            span_id=self._base.span_id if span is None else span.span_id,
            parent_span_id=None,
            attributes={ERROR_NAME: name, ERROR_MESSAGE: message, STACKTRACE: stack},
            start_time=utils.to_iso_str(),
            end_time=utils.to_iso_str(),
            child_span_count=0,
            stack_trace=None,
            annotations=[],
            message_events=[],
            links=[],
            status=Status(_UNKNOWN),
            same_process_as_parent_span=True,
            span_kind=SpanKind.SERVER,
        )
        made = [item for item in exporter.span_data_to_envelope(as_request) if item.data.baseType == "ExceptionData"]
        exporter._pipeline.on_end(_exporter.Prepared(partial(exporter.apply_telemetry_processors, made), None))

    def _flush(self) -> None:
        """Send what waits, once, where that was asked for."""
        seconds, self._flush_s = self._flush_s, 0.0
        if seconds:
            lifecycle.flush(seconds)


def _stack_of(span: Any, last_line: str) -> str:
    _, kept = oc_to_otel.stack_trace_event(span.stack_trace, None)
    frames: Any = kept["exception.stacktrace"]
    return f"Traceback (most recent call last):\n{frames}{last_line}\n"


def begin(context: Any, exporter: Any, flush_s: float) -> InvocationTracer:
    """Return the tracer of an invocation, which is that of its thread or task from now on.

    Args:
        context: The worker's object for it. When the worker drops that, the invocation is over at the latest.
        exporter: Where its spans go.
        flush_s: Seconds that its end waits at most until its telemetry is sent; 0 for no flush.
    """
    left = _running.get()
    if left is not None:
        # The function before this one on the thread raised.
        left._leave()
        left._finish(raised=True)
    tracer = InvocationTracer(_span_context(context), exporter, flush_s)
    tracer._enter()
    # Objects of tests may have no weak references.
    with contextlib.suppress(TypeError):
        weakref.finalize(context, _dropped, tracer).atexit = False
    return tracer


def flush_s(option: object) -> float:
    """Return how many seconds the end of an invocation waits at most until its telemetry is sent; 0 for no flush.

    Args:
        option: What `configure` was given: seconds, True for five, False or 0 for no flush, None for what the environment says.

    Raises:
        ValueError: It is neither, or the environment variable is no number and no word for yes or no.
    """
    source = "argument flush_invocations"
    value: Any = option
    if value is None:
        source, value = f"environment variable {FLUSH_VARIABLE}", variable_text(FLUSH_VARIABLE).lower()
        if value in ("", "false", "no", "off"):
            return 0.0
        value = True if value in ("true", "yes", "on") else value
    if value is True:
        return _DEFAULT_FLUSH_S
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ValueError(f"{source}: expected seconds, at least 0, or true or false, got {value!r}.")
    return seconds


def running() -> InvocationTracer | None:
    """Return the invocation of this thread or task."""
    return _running.get()


def end(tracer: InvocationTracer) -> None:
    """End an invocation whose function has returned."""
    if _running.get() is tracer:
        tracer._leave()
    tracer._finish()


def end_raised(tracer: InvocationTracer, error: BaseException) -> None:
    """End an invocation whose function has raised."""
    if _running.get() is tracer:
        tracer._leave()
    tracer._finish(error, raised=True)


def _dropped(tracer: InvocationTracer) -> None:
    if not tracer._unfinished or not (tracer._open or tracer._outermost or tracer._flush_s):
        return
    # On a thread without a word to `threading`: garbage is collected anywhere, also where this thread holds the locks of a queue. Nobody
    # waits for it, since the worker has replied to the host.
    # Not while the interpreter is ending.
    with contextlib.suppress(RuntimeError):
        _thread.start_new_thread(_end_dropped, (tracer,))


def _end_dropped(tracer: InvocationTracer) -> None:
    tracer._finish(raised=True)
    tracer._flush()


def _span_context(context: Any) -> SpanContext:
    """Return the host's span, as the worker tells it."""
    try:
        trace_context = context.trace_context
        parent: Any = getattr(trace_context, "Traceparent", None) or getattr(trace_context, "trace_parent", None)
        state: Any = getattr(trace_context, "Tracestate", None) or getattr(trace_context, "trace_state", None)
        return _PROPAGATOR.from_headers({"traceparent": parent, "tracestate": state})
    except Exception as problem:  # noqa: BLE001 - an object of a test, or a text that is none, costs the trace and not the function
        report("a function begins a trace of its own: %s", type(problem).__name__)
        return _PROPAGATOR.from_headers(None)
