"""The envelope of a record of the standard library's logging, in the shape of the retired handlers.

Where OpenTelemetry code reads a record, it becomes an OpenTelemetry record, and that an envelope: see `log_records`, and the exporter's
`convert.legacy_logs`. Where nobody does, this makes the same envelope in one step and a fifth of the time.
`tests/opencensus_compat/bridge/test_log_envelopes.py` holds the two equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from opencensus_compat._bridge import exporter as _exporter
from opencensus_compat._bridge.convert import log_records
from opencensus_compat._bridge.process import on_reset

__all__ = ["envelope"]

_exceptions, _legacy_logs, _limits, _logs = map(_exporter.conversion, ("exceptions", "legacy_logs", "limits", "logs"))
_timestamp = _exporter.conversion("timing").timestamp_of_microseconds
_filled, _body_text, _shown = _exporter.filled, _logs.body_text, _legacy_logs.shown
_Data, _Envelope, _Message = _exporter.Data, _exporter.Envelope, _exporter.Message
_MAX_KEY, _MAX_VALUE, _MAX_MESSAGE, _MAX_EVENT_NAME = _limits.MAX_KEY, _limits.MAX_VALUE, _limits.MAX_MESSAGE, _limits.MAX_EVENT_NAME
_MOST_PLACES = 4096

_places: dict[tuple[object, ...], tuple[dict[str, object], int | None]] = {}
"""Properties and severity that all records of one line of the program have. Not to be changed."""
on_reset(_places.clear)


if TYPE_CHECKING:

    class Ids(Protocol):
        """The trace and span of a record, as numbers, 0 for none, and as texts."""

        trace_id: int
        span_id: int
        trace_text: str
        span_text: str


def envelope(
    record: log_records.Record,
    format_record: Callable[[Any], object],
    ids: Ids,
    instrumentation_key: str,
    context_tags: Mapping[str, str],
    on_skipped: Callable[[str], object],
    *,
    is_event: bool,
) -> _exporter.Envelope:
    """Return the envelope of a record.

    Args:
        record: The record.
        format_record: Returns its text. Called last: formatters change what they format, as in OpenCensus.
        ids: Its trace and span.
        instrumentation_key: Of the resource that receives it.
        context_tags: Tags of the program; copied.
        on_skipped: Called with the key of a measurement that is not a finite number.
        is_event: Whether it is a custom event.

    Raises:
        Exception: The record lacks what an item needs, or a value of it raised.
    """
    dimensions = getattr(record, "custom_dimensions", None)
    time_us = round(record.created * 1e6)
    if not time_us:
        raise _exporter.ConversionError("a log record has no time")
    tags = dict(context_tags)
    if ids.trace_text:
        # An id that is a number is sent as OpenTelemetry writes it.
        tags["ai.operation.id"] = ids.trace_text.lower() if ids.trace_id else _limits.tag("ai.operation.id", ids.trace_text)
        if ids.span_text:
            tags["ai.operation.parentId"] = ids.span_text.lower() if ids.span_id else _limits.tag("ai.operation.parentId", ids.span_text)
    properties: dict[str, object]
    if is_event:
        properties, severity = {}, None
    else:
        known, severity = _place(record)
        properties = known.copy()
    if dimensions and isinstance(dimensions, dict):
        for key, value in dimensions.items():
            if type(key) is str and type(value) is str and 0 < len(key) <= _MAX_KEY and len(value) <= _MAX_VALUE:
                properties[key] = value
            elif value is not None and (name := key if type(key) is str else log_records.text(key)):
                properties[name[:_MAX_KEY]] = _shown(log_records.attribute(value))
    data: _exporter.BaseObject
    if is_event:
        kind = "Event"
        data = _event(record, format_record, properties, on_skipped)
    elif record.exc_info:
        kind = "Exception"
        data = _filled(_exporter.ExceptionData, {"ver": 2, "exceptions": _raised(record, format_record), "severityLevel": severity})
        data["properties"] = properties
    else:
        kind = "Message"
        said = format_record(record)
        if type(said) is not str:
            said = _body_text(said)
        message = (said if len(said) <= _MAX_MESSAGE else said[:_MAX_MESSAGE]) or _limits.NO_NAME
        data = _filled(_Message, {"ver": 2, "message": message, "severityLevel": severity, "properties": properties})
    if not is_event and severity is None:
        del data["severityLevel"]
    return _filled(
        _Envelope,
        {
            "name": f"Microsoft.ApplicationInsights.{kind}",
            "iKey": instrumentation_key,
            "tags": tags,
            "time": _timestamp(time_us),
            "data": _filled(_Data, {"baseType": f"{kind}Data", "baseData": data}),
        },
    )


def _place(record: log_records.Record) -> tuple[dict[str, object], int | None]:
    """Return the properties that tell where a record comes from and of which level it is, not to be changed, and its severity."""
    line, level = record.lineno, record.levelno
    key = (record.processName, record.module, record.pathname, line, record.levelname, level)
    if type(line) is not int or type(level) is not int:
        # 1, 1.0 and True would be one key.
        return _made_place(*key)
    try:
        return _places[key]
    except KeyError:
        if len(_places) >= _MOST_PLACES:
            _places.clear()
        made = _places[key] = _made_place(*key)
        return made
    except TypeError:
        # A program has set what cannot be a key.
        return _made_place(*key)


def _made_place(
    process_name: object, module: object, path: object, line: object, level_name: object, level: Any
) -> tuple[dict[str, object], int | None]:
    fields = {"process": process_name, "module": module, "fileName": path, "lineNumber": line, "level": level_name or None}
    return {name: _shown(value) for name, value in fields.items() if value is not None}, _severity(level)


def _severity(level: Any) -> int | None:
    if isinstance(level, int):
        found: int | None = _legacy_logs.severity(level)
    else:
        found = _logs.severity_level(_exporter.sdk_logs().severity_of(level))
    return found


def _event(
    record: log_records.Record, format_record: Callable[[Any], object], properties: dict[str, object], on_skipped: Callable[[str], object]
) -> _exporter.Event:
    given = getattr(record, "custom_measurements", None)
    numbers = {}
    if given and isinstance(given, dict):
        numbers = _limits.measurements(log_records.measurements(given), on_skipped)
    name = _body_text(format_record(record))[:_MAX_EVENT_NAME] or _limits.NO_NAME
    return _filled(_exporter.Event, {"ver": 2, "name": name, "properties": properties, "measurements": numbers})


def _raised(record: log_records.Record, format_record: Callable[[Any], object]) -> list[dict[str, object]]:
    """Return the exceptions of a record. Its traceback is made text by the formatter alone, unless it has no frames to send."""
    exc_info = record.exc_info
    kind, error, frames = log_records.exc_info_of(record)
    raised = _exceptions.of_error(error, frames) if isinstance(error, BaseException) else None
    stack = "" if raised and raised[0].frames else log_records.stack_text(kind, error, frames)
    said = format_record(record)
    if isinstance(exc_info, tuple) and exc_info and exc_info[-1] is None:
        # Without a traceback the message is only that, as in OpenCensus:
        # https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/log_exporter/__init__.py#L228-L229
        said = getattr(record, "message", None) or said
    found: list[dict[str, object]] = _legacy_logs.exceptions(
        _limits.text(log_records.exception_name(kind)), _body_text(said), stack, raised
    )
    return found
