"""The OpenTelemetry log record of a record of the standard library's logging."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.convert import log_records, oc_to_otel
from opencensus_compat.ext.azure.log_exporter._formatting import text_of

if TYPE_CHECKING:
    import logging

    from opentelemetry.context import Context

    from opencensus_compat.ext.azure.log_exporter._ids import Ids

__all__ = ["otel_record"]


def otel_record(
    handler: logging.Handler,
    record: logging.LogRecord,
    ids: Ids,
    percent: float | None = None,
    context: Context | None = None,
    *,
    is_event: bool,
    as_otel: bool,
    is_read: bool = True,
) -> Any:
    """Return the OpenTelemetry record of a record. The formatter comes last: it may change what it is given, as in OpenCensus.

    Args:
        handler: The handler, which formats the record.
        record: The record.
        ids: Its trace and span.
        percent: The share of records that it stands for; None for itself alone.
        context: The context in which it was logged.
        is_event: Whether it is a custom event.
        as_otel: Whether it is sent in OpenTelemetry's shape, and so has JSON as the exporter writes it.
        is_read: Whether anybody reads its text.
    """
    attributes = log_records.event_attributes(record) if is_event else log_records.attributes(record)
    exc_info = None if is_event else record.exc_info
    if exc_info:
        attributes.update(log_records.exception(record))
    measurements = getattr(record, "custom_measurements", None) if is_event else None
    if isinstance(measurements, dict) and measurements:
        attributes["microsoft.custom_measurements"] = log_records.measurements(measurements)
    attributes.update(ids.attributes)
    if percent is not None:
        attributes[oc_to_otel.SAMPLE_RATE] = percent
    dimensions = getattr(record, "custom_dimensions", None)
    if isinstance(dimensions, dict) and dimensions:
        attributes.update(log_records.dimensions(dimensions, compact=as_otel))
    error, frames = log_records.exc_info_of(record)[1:] if exc_info else (None, None)
    names = _exporter.sdk_logs()
    fields = {
        "timestamp_ns": round(record.created * 1e6) * 1000,
        "severity_number": names.severity_of(record.levelno),
        "severity_text": record.levelname,
    }
    body = text_of(handler, record) if is_read else ""
    if is_event:
        attributes[log_records.EVENT_NAME] = body or log_records.NO_NAME
    elif isinstance(exc_info, tuple) and exc_info and exc_info[-1] is None:
        # Without a traceback the message is only that, as in OpenCensus:
        # https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/log_exporter/__init__.py#L228-L229
        body = getattr(record, "message", None) or body
    made = names.new_record(
        trace_id=ids.trace_id, span_id=ids.span_id, trace_flags=ids.flags, context=context, body=body, attributes=attributes, **fields
    )
    if isinstance(error, BaseException):
        _exporter.note_raised(made, error, frames)
    return made
