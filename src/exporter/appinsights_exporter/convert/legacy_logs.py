"""Log records that OpenCensus handlers made keep the envelope of the retired handlers, field for field.

Where the old value was a defect it is corrected; each correction says so at its place.

What the facade puts on a record; all of it is optional:

=================================== ========================================================================================
body                                text: what the handler's ``format`` returned; it becomes ``message`` or the event's name
``timestamp``                       ``record.created``, nanoseconds
``trace_id``, ``span_id``           of the span that was current when the record was made; 0 for none
``severity_text``                   ``record.levelname`` -> property ``level``
``severity_number``                 by the OpenTelemetry table; used where ``census.level`` is missing
``census.level``                    int: ``record.levelno``
``census.trace_id``                 text: an operation id that is not 32 hex digits; wins over ``trace_id``
``census.span_id``                  text: a parent id that is not 16 hex digits; wins over ``span_id``
``census.process_name``             text: ``record.processName`` -> property ``process``
``census.module``                   text: ``record.module`` -> property ``module``
``code.file.path``                  text: ``record.pathname`` -> property ``fileName``
``code.line.number``                int: ``record.lineno`` -> property ``lineNumber``
``code.function.name``              text; only the OpenTelemetry shape shows it
``census.logger``                   text: ``record.name``; only the OpenTelemetry shape shows it, as ``logger_name``
``exception.type``                  text: class name without module; ``N/A`` where ``exc_info`` had none. With it or
                                    ``exception.message`` the record is an exception
``exception.message``               text: ``str`` of the exception
``exception.stacktrace``            text: the traceback as ``traceback.format_exception`` gives it, with its chain
``microsoft.custom_event.name``     text, not empty: the record is a custom event, and its body is the name
``microsoft.custom_measurements``   JSON text of ``custom_measurements``
``_MS.sampleRate``                  float: percent at which the record was kept
``ai.operation.name``               text: operation name of the request
every other attribute               one item of ``custom_dimensions``: text, number, bool, or list of one of them
``census.properties``               JSON text of an object: the items of ``custom_dimensions`` whose keys are names above
=================================== ========================================================================================

No attribute named ``census.…`` or ``_MS.sampleRate`` is ever shown. The record itself may have ``raised``, the exceptions as
:func:`exceptions.of_error` gives them: they say more than the text.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .exceptions import NO_MESSAGE, details
from .head import envelope_head
from .limits import MAX_EVENT_NAME, MAX_KEY, MAX_MESSAGE, MAX_VALUE, NO_NAME, measurements, tag, text
from .logs import EVENT_NAME, EXCEPTION_MESSAGE, EXCEPTION_STACK, EXCEPTION_TYPE, MEASUREMENTS, RAISED, body_text, severity_level, time_ns
from .spans import FACADE_PREFIX, PROPERTIES, SAMPLE_RATE, copied, own_properties, sample_rate_percent, span_id_text, trace_id_text
from .timing import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .exceptions import Error
    from .head import Item
    from .records import LogRecord

TRACE_ID = "census.trace_id"
SPAN_ID = "census.span_id"
LEVEL = "census.level"
PROCESS_NAME = "census.process_name"
MODULE = "census.module"
FILE, LINE = "code.file.path", "code.line.number"

_PROPERTIES = ((PROCESS_NAME, "process"), (MODULE, "module"), (FILE, "fileName"), (LINE, "lineNumber"))
_OWN_KEYS = frozenset(
    {
        FILE,
        LINE,
        "code.function.name",
        EXCEPTION_TYPE,
        EXCEPTION_MESSAGE,
        EXCEPTION_STACK,
        EVENT_NAME,
        MEASUREMENTS,
        "ai.operation.name",
    }
)
_MOST_SEVERE = 4


def envelope(
    record: LogRecord, *, instrumentation_key: str, context_tags: dict[str, str], on_skipped: Callable[[str], object] | None = None
) -> Item:
    """Return the item of a facade log record in the retired handlers' shape.

    Args:
        record: OpenTelemetry log record; not changed.
        instrumentation_key: Of the resource that receives it.
        context_tags: Tags for the item; copied.
        on_skipped: Called with the key of a measurement that is not a finite number.

    Raises:
        ConversionError: The record has no time.
    Loses: logger name, thread, place of an event in the source, and ``extra`` keys other than the two dicts, as the retired handlers did.
    Source: specification section 7.2; https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/log_exporter/__init__.py#L196-L262 for messages and exceptions,
        https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/log_exporter/__init__.py#L274-L295 for events.
    """
    attributes = copied(record.attributes)
    rate = sample_rate_percent(attributes) if SAMPLE_RATE in attributes else None
    message = body_text(record.body)
    fields: dict[str, object] = {"ver": 2}
    if attributes.get(EVENT_NAME):
        kind = "Event"
        fields["name"] = message[:MAX_EVENT_NAME] or NO_NAME
        fields["properties"] = _dimensions(attributes, {})
        fields["measurements"] = measurements(attributes.get(MEASUREMENTS), on_skipped)
    else:
        if EXCEPTION_TYPE in attributes or EXCEPTION_MESSAGE in attributes:
            kind = "Exception"
            name, stack = text(attributes.get(EXCEPTION_TYPE) or ""), text(attributes.get(EXCEPTION_STACK) or "")
            fields["exceptions"] = exceptions(name, message, stack, getattr(record, RAISED, None))
        else:
            kind = "Message"
            fields["message"] = message[:MAX_MESSAGE] or NO_NAME
        level = _severity(attributes, record)
        if level is not None:
            fields["severityLevel"] = level
        own = {name: shown(attributes[key]) for key, name in _PROPERTIES if attributes.get(key) is not None}
        if record.severity_text:
            own["level"] = text(record.severity_text)[:MAX_VALUE]
        fields["properties"] = _dimensions(attributes, own)
    tags = _tags(record, attributes, context_tags)
    return envelope_head(kind, instrumentation_key, tags, timestamp(time_ns(record)), fields, rate)


def _tags(record: LogRecord, attributes: dict[str, object], context_tags: dict[str, str]) -> dict[str, str]:
    """Return the tags.

    Source: https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/log_exporter/__init__.py#L298-L314
    """
    tags = dict(context_tags)
    # Without a span there are no ids: those of zeros made all such records one operation. And never the form "|trace.span.", which
    # equals the id of no request.
    if TRACE_ID in attributes:
        tags["ai.operation.id"] = tag("ai.operation.id", attributes[TRACE_ID])
    elif record.trace_id:
        tags["ai.operation.id"] = trace_id_text(record.trace_id)
    if SPAN_ID in attributes:
        tags["ai.operation.parentId"] = tag("ai.operation.parentId", attributes[SPAN_ID])
    elif record.span_id:
        tags["ai.operation.parentId"] = span_id_text(record.span_id)
    operation = attributes.get("ai.operation.name")
    if operation:
        tags["ai.operation.name"] = tag("ai.operation.name", operation)
    return tags


def _severity(attributes: dict[str, object], record: LogRecord) -> int | None:
    level = attributes.get(LEVEL)
    return severity(level) if isinstance(level, int) else severity_level(record.severity_number)


def severity(level: int) -> int:
    """Return the severity of a level of the standard library's logging.

    Source: https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/log_exporter/__init__.py#L258
    """
    # Levels above 50 used to give 5 and more, which the service does not know.
    return min(_MOST_SEVERE, max(0, level - 1) // 10)


def exceptions(type_name: str, message: str, stack: str, raised: Sequence[Error] | None) -> list[dict[str, object]]:
    """Return the exceptions of an item.

    Args:
        type_name: Class of the exception.
        message: What the handler's formatter made of the record.
        stack: Traceback as Python prints it; not read where `raised` has frames.
        raised: What :func:`.exceptions.of_error` says.
    Source: https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/log_exporter/__init__.py#L210-L249
    """
    found = details(
        type_name,
        # The formatter made it. Where that is nothing, nothing of the exception's own text is sent either.
        message or NO_MESSAGE,
        stack,
        # The message holds the traceback's text already.
        with_text=False,
        always_numbered=True,
        raised=raised,
    )
    for entry in found:
        entry.setdefault("parsedStack", [])
    return found


def _dimensions(attributes: dict[str, object], properties: dict[str, object]) -> dict[str, object]:
    """Return the properties with the program's own dimensions, which win. Numbers and bools stay what they are; all else is text.

    Source: https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/log_exporter/__init__.py#L199-L208
    """
    for key, value in attributes.items():
        if key and value is not None and key not in _OWN_KEYS and not key.startswith(FACADE_PREFIX):
            properties[key[:MAX_KEY]] = shown(value)
    if PROPERTIES in attributes:
        properties.update((key[:MAX_KEY], shown(value)) for key, value in own_properties(attributes).items() if value is not None)
    return properties


def shown(value: object) -> object:
    """Return an attribute's value as a property: numbers and bools stay what they are, all else is text."""
    kind = type(value)
    if kind is bool or kind is int or (type(value) is float and math.isfinite(value)):
        return value
    # Arrays and objects were sent as such, which the schema does not know.
    return text(value)[:MAX_VALUE]
