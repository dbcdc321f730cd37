"""Trace and span ids on log records."""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from opencensus_compat._bridge import context as _context
from opencensus_compat.trace import execution_context
from opencensus_compat.trace.span_context import SpanContext, _own_span_id
from opencensus_compat.trace.trace_options import TraceOptions

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    _LoggerBase = logging.Logger
    _LoggerAdapterBase = logging.LoggerAdapter[logging.Logger]
else:
    # The class that a program has set before, so that its own additions stay.
    _LoggerBase = logging.getLoggerClass()
    _LoggerAdapterBase = logging.LoggerAdapter

_meta_logger = logging.getLogger("opencensus.log")

TRACE_ID_KEY = "traceId"
SPAN_ID_KEY = "spanId"
SAMPLING_DECISION_KEY = "traceSampled"

_UNKNOWN = "The current tracer does not tell the %s for a log record"

_T = TypeVar("_T")


class LogAttrs(NamedTuple):
    """What is put on a log record."""

    trace_id: str
    span_id: str
    sampling_decision: bool


class _TracesId(str):
    """The trace id of a tracer in which no span is current, as text: only OpenCensus has records of such a trace."""

    __slots__ = ()

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        # Other processes need not have this package.
        return str, (str(self),)


ATTR_DEFAULTS = LogAttrs("0" * 32, "0" * 16, False)
"""What is put on a record when there is no trace."""


def get_log_attrs() -> LogAttrs:
    """Return the ids of the current span and whether it is sampled, each from `ATTR_DEFAULTS` when it is not known.

    Never raises: a tracer that fails is logged.
    """
    try:
        tracer = execution_context.get_opencensus_tracer()
    except Exception:  # noqa: BLE001 -- logging goes on whatever happens to the tracer
        tracer = None
    if tracer is None:
        _meta_logger.error("There is no OpenCensus tracer to take the ids of a log record from")
        return ATTR_DEFAULTS
    try:
        context = tracer.span_context
    except Exception as error:  # noqa: BLE001 -- a tracer of the program's own can raise anything
        for what in ("trace id", "span id", "sampling decision")[: 2 if isinstance(error, AttributeError) else 3]:
            _meta_logger.error(_UNKNOWN, what)  # noqa: TRY400 -- for each record
        return ATTR_DEFAULTS
    try:
        # As below, in a third of the time: a record outside spans comes here.
        trace_id, span_id, is_sampled = context.trace_id, context.span_id, context.trace_options.get_enabled()
        if trace_id is not None and span_id is not None and is_sampled is not None:
            return LogAttrs(trace_id, span_id, is_sampled)
    except Exception:  # noqa: BLE001, S110 -- said below, for the part that raises
        pass
    return LogAttrs(
        _read(context, "trace id", lambda context: context.trace_id, ATTR_DEFAULTS.trace_id),
        _read(context, "span id", lambda context: context.span_id, ATTR_DEFAULTS.span_id),
        _read(context, "sampling decision", _sampling_decision, ATTR_DEFAULTS.sampling_decision),
    )


def _sampling_decision(context: SpanContext) -> bool | None:
    # Only this one may be missing without a word, as in OpenCensus: contexts of foreign tracers need not have options.
    # https://github.com/census-instrumentation/opencensus-python/blob/296932fe49f7bb21261d03edd9e7dd962f4ad9d4/opencensus/log/__init__.py#L62-L70
    try:
        return context.trace_options.get_enabled()
    except AttributeError:
        return None


def _read(context: Any, what: str, getter: Callable[[SpanContext], _T | None], default: _T) -> _T:
    try:
        value = getter(context)
    except Exception:  # noqa: BLE001 -- so can its context
        _meta_logger.error(_UNKNOWN, what)  # noqa: TRY400 -- for each record
        return default
    return default if value is None else value


def _attrs_at_once() -> tuple[str, str, bool] | None:
    """Return what `get_log_attrs` does, at half the cost, where the current tracer answers for the current span or for none; else None."""
    tracer_module = sys.modules.get("opencensus_compat.trace.tracer")
    tracer = execution_context._tracer_slot.get()
    is_default = tracer is execution_context._facades.tracer
    # A class of the program's own may answer otherwise, and so does a tracer with a remote parent.
    if not is_default and (tracer_module is None or type(tracer) is not tracer_module.Tracer or tracer._given is not None):
        return None
    span = _otel_span(_read_current())
    if span is None:
        return _attrs_outside(tracer, is_default)
    if is_default:
        return None
    global _last
    context = span.get_span_context()
    known, attrs = _last
    if known is not context:
        if not context.is_valid:
            return None
        attrs = LogAttrs(f"{context.trace_id:032x}", f"{context.span_id:016x}", bool(context.trace_flags & 1))
        _last = (context, attrs)
    return attrs


def _attrs_outside(tracer: Any, is_default: bool) -> tuple[str, str, bool] | None:
    """Return the ids of a tracer's own context, where no span is open in this thread or task, nor one that this tracer was handed over in."""
    if is_default:
        own = tracer._span_context
    elif tracer._top is None and tracer._task_top is None:
        own = tracer._own_context
    else:
        return None
    opened = _read_opened()
    # Until somebody asks for it, there is none.
    if type(own) is not SpanContext or (opened is not None and opened[0] is not None):
        return None
    global _last_trace
    known, trace_id = _last_trace
    options = own.trace_options
    if type(options) is not TraceOptions or type(own.trace_id) is not str:
        # A program's.
        return None
    if known is not own.trace_id:
        trace_id = _TracesId(own.trace_id)
        _last_trace = (own.trace_id, trace_id)
    return trace_id, _own_span_id(own) or ATTR_DEFAULTS.span_id, options.get_enabled()


_read_current, _read_opened, _otel_span = _context.read_current, _context.opened.get, _context.otel_span
_last: tuple[object, LogAttrs | None] = (None, None)
"""The context of the span in which a record was marked last, and what was put on it: a third of the time, for each further record of the span."""
_last_trace: tuple[object, str] = (None, "")
"""The trace id that a record outside spans was marked with last, as the tracer has it and as the record has."""


class _Reading(threading.local):
    """Whether this thread is asking a tracer for its ids: a tracer that logs meanwhile must not be asked again."""

    now = False


_reading = _Reading()


def _put_log_attrs(values: dict[str, Any]) -> None:
    """Put the trace's attributes among those of a record, or of its `extra`; what is there already wins."""
    if TRACE_ID_KEY in values and SPAN_ID_KEY in values and SAMPLING_DECISION_KEY in values:
        return
    attrs = _attrs_at_once()
    if attrs is not None:
        trace_id, span_id, is_sampled = attrs
    elif _reading.now:
        trace_id, span_id, is_sampled = ATTR_DEFAULTS
    else:
        _reading.now = True
        try:
            trace_id, span_id, is_sampled = get_log_attrs()
        finally:
            _reading.now = False
        trace_id = _TracesId(trace_id)
    values.setdefault(TRACE_ID_KEY, trace_id)
    values.setdefault(SPAN_ID_KEY, span_id)
    values.setdefault(SAMPLING_DECISION_KEY, is_sampled)


# https://docs.python.org/3/howto/logging-cookbook.html#using-loggeradapters-to-impart-contextual-information
class TraceLoggingAdapter(_LoggerAdapterBase):
    """Puts the trace's ids on each record; extra attributes of the adapter and of the call are kept, the latter win."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Return the message and the call's keyword arguments with the ids in `extra`."""
        extra = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        _put_log_attrs(extra)
        return msg, {**kwargs, "extra": extra}


class TraceLogger(_LoggerBase):
    """Puts the trace's ids on each record; for `logging.setLoggerClass`."""

    def makeRecord(self, *args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: N802 -- the name is that of the standard library
        """Return the record that `Logger.makeRecord` makes, with the ids on it."""
        record = super().makeRecord(*args, **kwargs)
        _put_log_attrs(record.__dict__)
        return record
