"""Trace and span ids on log records."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from opencensus_compat.trace import execution_context

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from opencensus_compat.trace.span_context import SpanContext

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

_EXTRA_POSITION = 8
"""Place of `extra` among the positional arguments of `Logger.makeRecord`."""

_T = TypeVar("_T")


class LogAttrs(NamedTuple):
    """What is put on a log record."""

    trace_id: str
    span_id: str
    sampling_decision: bool


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
    return LogAttrs(
        _read(tracer, "trace id", lambda context: context.trace_id, ATTR_DEFAULTS.trace_id),
        _read(tracer, "span id", lambda context: context.span_id, ATTR_DEFAULTS.span_id),
        _read(tracer, "sampling decision", _sampling_decision, ATTR_DEFAULTS.sampling_decision),
    )


def _sampling_decision(context: SpanContext) -> bool | None:
    # Only this one may be missing without a word, as in OpenCensus: contexts of foreign tracers need not have options.
    try:
        return context.trace_options.get_enabled()
    except AttributeError:
        return None


def _read(tracer: Any, what: str, getter: Callable[[SpanContext], _T | None], default: _T) -> _T:
    try:
        value = getter(tracer.span_context)
    except Exception:  # noqa: BLE001 -- a tracer of the program's own can raise anything
        _meta_logger.error("The current tracer does not tell the %s for a log record", what)  # noqa: TRY400 -- for each record
        return default
    return default if value is None else value


def _with_log_attrs(extra: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a record's extra attributes with those of the trace; what is there already wins.

    A copy: the caller may use one dict for many records, and the first record's ids must not stay in it.
    """
    attrs = get_log_attrs()
    extended = dict(extra or {})
    extended.setdefault(TRACE_ID_KEY, attrs.trace_id)
    extended.setdefault(SPAN_ID_KEY, attrs.span_id)
    extended.setdefault(SAMPLING_DECISION_KEY, attrs.sampling_decision)
    return extended


# https://docs.python.org/3/howto/logging-cookbook.html#using-loggeradapters-to-impart-contextual-information
class TraceLoggingAdapter(_LoggerAdapterBase):
    """Puts the trace's ids on each record; extra attributes of the adapter and of the call are kept, the latter win."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Return the message and the call's keyword arguments with the ids in `extra`."""
        extra = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, {**kwargs, "extra": _with_log_attrs(extra)}


class TraceLogger(_LoggerBase):
    """Puts the trace's ids on each record; for `logging.setLoggerClass`."""

    def makeRecord(self, *args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: N802 -- the name is that of the standard library
        """Return the record that `Logger.makeRecord` makes, with the ids on it."""
        if len(args) > _EXTRA_POSITION:
            args = (*args[:_EXTRA_POSITION], _with_log_attrs(args[_EXTRA_POSITION]), *args[_EXTRA_POSITION + 1 :])
        else:
            kwargs["extra"] = _with_log_attrs(kwargs.get("extra"))
        return super().makeRecord(*args, **kwargs)
