"""Log record processors: which request a record belongs to, and which records are kept. They run where the record is made, and never raise."""

from __future__ import annotations

import logging
import math
from random import random
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan

from ._sdk_logs import LogRecordProcessor, SeverityNumber, record_of
from .convert.legacy_spans import SCOPE as FACADE_SCOPE
from .convert.spans import SAMPLE_RATE
from .operation_name import ATTRIBUTE, operation_name_below
from .rates import SpanRates, sample_rate_percent
from .sampling import log_rate

if TYPE_CHECKING:
    from collections.abc import Callable

    from .convert.records import LogData, LogRecord

_ERROR = SeverityNumber.ERROR.value

_logger = logging.getLogger(__name__)


class LogOperationNameProcessor(LogRecordProcessor):
    """Sets the operation name of the current request on each record when it is emitted.

    Application Insights groups telemetry by ``ai.operation.name``, which belongs to the request at the local root. An exporter sees
    records one by one and cannot know it, so without this processor they have none. Put it before the exporting processor::

        provider.add_log_record_processor(LogOperationNameProcessor())
        provider.add_log_record_processor(BatchLogRecordProcessor(ApplicationInsightsLogRecordExporter()))

    Below other spans than requests the name is known where :class:`OperationNameProcessor` is in the tracer provider.

    Limits: the name is the request's as far as it is known when the record is made.
    """

    def on_emit(self, log_record: LogData) -> None:
        """Copy the name from the current span, unless the record has one."""
        record = record_of(log_record)
        span = _span_of(record)
        if span is None or ATTRIBUTE in (record.attributes or ()):
            return
        name = operation_name_below(span)
        if name is not None:
            _set(record, ATTRIBUTE, name)


class SampledLogRecordProcessor(LogRecordProcessor):
    """Passes the records that are kept to another processor: those of sampled traces, and a share of those without a trace.

    Wrap the exporting processor with it::

        provider.add_log_record_processor(
            SampledLogRecordProcessor(BatchLogRecordProcessor(ApplicationInsightsLogRecordExporter()), rate=0.1, keep_errors=True)
        )

    A record of a trace that is not sampled is dropped. One of a sampled trace is kept and carries the rate of its span, so that the
    service's counts are right; without a trace one record in N is kept, at that rate. What is dropped here is not counted as lost.

    Args:
        processor: Gets what is kept. It is flushed and shut down through this one.
        rate: Share of the records without a trace to keep, 0.0 to 1.0, rounded down to one in N.
        keep_errors: Whether records of severity ERROR and above are kept whatever the trace. They carry no rate then, since each stands
            for itself.
        chance: Gives numbers from 0.0 up to 1.0.

    Raises:
        ConfigurationError: A rate that is no number or is out of range.

    Limits: the rate of a trace that another process decided about is not known; its records count as kept at 100 %.
    """

    def __init__(self, processor: Any, *, rate: float = 1.0, keep_errors: bool = False, chance: Callable[[], float] = random) -> None:
        self._processor = processor
        self._emit = processor.on_emit if hasattr(processor, "on_emit") else processor.emit
        self._rate = log_rate(rate)
        self._percent = round(self._rate * 100, 10) if 0 < self._rate < 1 else None
        self._keep_errors = keep_errors
        self._chance = chance
        self._rates = SpanRates()

    @property
    def rate(self) -> float:
        """Share of the records without a trace that are kept, 0.0 to 1.0, after rounding."""
        return self._rate

    def on_emit(self, log_record: LogData) -> None:
        """Pass the record on if it is kept."""
        record = record_of(log_record)
        if not (self._keep_errors and _is_error(record.severity_number)):
            if record.trace_id:
                if not (record.trace_flags or 0) & 1:
                    return
                span = _span_of(record)
                percent = None if span is None else sample_rate_percent(span) or self._of_provider(span)
            elif self._chance() < self._rate:
                percent = self._percent
            else:
                return
            if percent is not None and SAMPLE_RATE not in (record.attributes or ()):
                _set(record, SAMPLE_RATE, percent)
        self._emit(log_record)

    def _of_provider(self, span: ReadableSpan) -> float | None:
        scope = span.instrumentation_scope
        if scope is not None and scope.name == FACADE_SCOPE:
            return None
        self._rates.learn(span.resource)
        return self._rates.percent(span, guess=False) if self._rates.exist else None

    def shutdown(self) -> None:
        """Shut the other processor down."""
        self._processor.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Flush the other processor."""
        return bool(self._processor.force_flush(timeout_millis))


def _span_of(record: LogRecord) -> ReadableSpan | None:
    """Return the span that a record was made in, where it can be read."""
    span_id = record.span_id
    if not span_id:
        return None
    # The context travels with the record since SDK 1.35; before, this runs in it.
    span = trace.get_current_span(getattr(record, "context", None) or None)
    if isinstance(span, ReadableSpan) and span.context is not None and span.context.span_id == span_id:
        return span
    return None


def _is_error(severity: object) -> bool:
    number = getattr(severity, "value", severity)
    return isinstance(number, (int, float)) and not math.isnan(number) and number >= _ERROR


def _set(record: LogRecord, key: str, value: object) -> None:
    changed: Any = record
    if changed.attributes is None:
        changed.attributes = {key: value}
        return
    try:
        changed.attributes[key] = value
    except TypeError:  # A record whose attributes cannot be changed goes without.
        _logger.debug("the attributes of a log record cannot be changed", exc_info=True)
