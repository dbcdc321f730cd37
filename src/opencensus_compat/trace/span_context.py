"""Which trace and which span: what is handed on from a span to its children, in the process and beyond."""

from __future__ import annotations

import logging
import random
import re
from typing import TYPE_CHECKING, Any

from opencensus_compat._bridge import context as _context
from opencensus_compat.trace._steps import watch_module
from opencensus_compat.trace.trace_options import TraceOptions

if TYPE_CHECKING:
    from opencensus_compat.trace.tracestate import Tracestate

INVALID_SPAN_ID = "0" * 16
"""The id that says that there is no span."""
_INVALID_TRACE_ID = "0" * 32

TRACE_ID_PATTERN = re.compile("[0-9a-f]{32}")
SPAN_ID_PATTERN = re.compile("[0-9a-f]{16}")

DEFAULT_OPTIONS = "0"
"""Options of a `SpanContext()`: the sampler decides."""

_logger = logging.getLogger("opencensus.trace.span_context")


class SpanContext:
    """A trace, a span of it, and whether it is sampled; mutable.

    Args:
        trace_id: Begins with 32 hex digits, not all 0. A new id when it does not, with a warning, and when None.
        span_id: Begins with 16 hex digits, not all 0. None when it does not, with a warning.
        trace_options: Whether the trace is sampled; not yet, when None.
        tracestate: What other tracing systems added.
        from_header: Whether a request brought these ids; set to False when one of them had to be replaced.

    Raises:
        AssertionError: An id that is not a text.
    """

    _is_followed = False
    """Whether a tracer was given it."""
    _kept_at: Any = None
    """The rate at which a `ProbabilitySampler` keeps such traces, when it has kept this one; None else."""

    def __init__(
        self,
        trace_id: str | None = None,
        span_id: str | None = None,
        trace_options: TraceOptions | None = None,
        tracestate: Tracestate | None = None,
        from_header: bool = False,
    ) -> None:
        self.from_header = from_header
        self.trace_id = generate_trace_id() if trace_id is None else self._check_trace_id(trace_id)
        self.span_id = None if span_id is None else self._check_span_id(span_id)
        self.trace_options = TraceOptions(DEFAULT_OPTIONS) if trace_options is None else trace_options
        self.tracestate = tracestate

    @property
    def span_id(self) -> Any:
        """The span's id; of a context that a tracer was given, that of the current span while one of its trace is current.

        Programs give a tracer what `from_headers` returned, start a span, and write the same object into the headers of calls. OpenCensus
        changed it with each span that started or ended, in all threads and tasks.
        """
        if self._is_followed:
            span = _context.otel_span(_context.current())
            current = None if span is None else span.get_span_context()
            if current is not None and current.is_valid and f"{current.trace_id:032x}" == self.trace_id:
                return f"{current.span_id:016x}"
        # Without `_own_span_id`: where a test has reloaded this module, that is of another class of the same name.
        return self.__dict__["span_id"]

    @span_id.setter
    def span_id(self, value: Any) -> None:
        # Under its own name: programs read `vars()` of a context.
        self.__dict__["span_id"] = value

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(trace_id={self.trace_id}, span_id={self.span_id}, "
            f"trace_options={self.trace_options}, tracestate={self.tracestate})"
        )

    def _check_span_id(self, span_id: str | None) -> str | None:
        """Return the id if it is one, else None."""
        if span_id is None:
            return None
        assert isinstance(span_id, str), f"span_id must be a text of 16 hex digits, got {span_id!r}"
        if span_id != INVALID_SPAN_ID and SPAN_ID_PATTERN.match(span_id):
            return span_id
        _logger.warning("span_id must be 16 hex digits from 0 to f, not all 0, got %s; there is no parent span now", span_id)
        self.from_header = False
        return None

    def _check_trace_id(self, trace_id: str) -> str:
        """Return the id if it is one, else a new one."""
        assert isinstance(trace_id, str), f"trace_id must be a text of 32 hex digits, got {trace_id!r}"
        if trace_id != _INVALID_TRACE_ID and TRACE_ID_PATTERN.match(trace_id):
            return trace_id
        _logger.warning("trace_id must be 32 hex digits from 0 to f, not all 0, got %.100r; a new trace begins", trace_id)
        self.from_header = False
        return generate_trace_id()


def _checked(
    trace_id: str, span_id: str | None, trace_options: TraceOptions, tracestate: Tracestate | None, from_header: bool
) -> SpanContext:
    """Return a context of ids that need no check, as the constructor leaves it, in half of the time."""
    context = object.__new__(SpanContext)
    context.from_header = from_header
    context.trace_id = trace_id
    context.__dict__["span_id"] = span_id
    context.trace_options = trace_options
    context.tracestate = tracestate
    return context


def _follow(context: Any) -> None:
    """Let a context that a tracer is given tell of the current span; a program's own class of contexts stays what it is."""
    if issubclass(type(context), SpanContext):
        context._is_followed = True


def _own_span_id(context: Any) -> Any:
    """Return the span id that a context was made with, whatever span is current."""
    return context.__dict__["span_id"] if issubclass(type(context), SpanContext) else context.span_id


def generate_span_id() -> str:
    """Return a random span id, 16 hex digits."""
    return f"{random.getrandbits(64):016x}"


def generate_trace_id() -> str:
    """Return a random trace id, 32 hex digits."""
    return f"{random.getrandbits(128):032x}"


watch_module(__name__, "generate_trace_id")
