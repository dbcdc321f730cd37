"""The integration with the standard library's logging."""

from __future__ import annotations

import functools
import logging
from typing import Any

from opencensus_compat.ext import _patching
from opencensus_compat.log import TraceLogger, _put_log_attrs
from opencensus_compat.trace import execution_context, integrations


def trace_integration(tracer: Any = None) -> None:
    """Put `traceId`, `spanId` and `traceSampled` on every record from now on.

    Of loggers made before as well, of the root logger, of logger classes and record factories of the program's own, whenever they are
    set. What a record has already, from `extra` or from the process that it comes from, stays. Calling it again changes nothing.

    Args:
        tracer: Made the current one of this context, if given; ids are always those of the context that a record is made in.
    """
    if tracer is not None:
        execution_context.set_opencensus_tracer(tracer)
    # As in OpenCensus, which sets this class. A class that the program has set meanwhile stays, since records get their ids without one.
    if issubclass(TraceLogger, logging.getLoggerClass()):
        logging.setLoggerClass(TraceLogger)
    # A record factory cannot do it: logging refuses `extra={"traceId": ...}` if the factory has set the attribute already.
    _patching.wrap(logging.Logger, "makeRecord", _wrap_make_record)
    _patching.wrap(logging.Logger, "handle", _wrap_handle)
    integrations.add_integration(integrations._Integrations.LOGGING)


def _wrap_make_record(make_record: Any) -> Any:
    @functools.wraps(make_record)
    def call(self: logging.Logger, *args: Any, **kwargs: Any) -> Any:
        record = make_record(self, *args, **kwargs)
        _mark(record)
        return record

    return call


def _wrap_handle(handle: Any) -> Any:
    """Mark also the records that no `makeRecord` of a logger made: those of other processes, and of other logging libraries."""

    @functools.wraps(handle)
    def call(self: logging.Logger, record: Any) -> Any:
        _mark(record)
        return handle(self, record)

    return call


def _mark(record: Any) -> None:
    values = getattr(record, "__dict__", None)
    if values is not None:
        _put_log_attrs(values)
