"""OpenTelemetry log records become messages, exceptions, custom events or availability results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import ConversionError
from . import incoming
from .exceptions import details
from .head import envelope_head
from .limits import (
    MAX_AVAILABILITY_MESSAGE,
    MAX_EVENT_NAME,
    MAX_ID,
    MAX_MESSAGE,
    MAX_NAME,
    MAX_VALUE,
    measurements,
    properties,
    required,
    tag,
    text,
)
from .spans import (
    FACADE_PREFIX,
    SAMPLE_RATE,
    SHARED_KEYS,
    copied,
    own_properties,
    sample_rate_percent,
    shared_attributes,
    span_id_text,
    trace_id_text,
)
from .timing import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .exceptions import Error
    from .head import Item
    from .records import LogRecord

EXCEPTION_TYPE, EXCEPTION_MESSAGE, EXCEPTION_STACK = "exception.type", "exception.message", "exception.stacktrace"
EVENT_NAME = "microsoft.custom_event.name"
"""Attribute that makes a record a custom event."""
EVENT_MARKER = "APPLICATION_INSIGHTS_EVENT_MARKER_ATTRIBUTE"
"""The same, as Microsoft's events extension writes it; any value but None counts."""
MEASUREMENTS = "microsoft.custom_measurements"
"""Attribute with a record's numbers: a mapping, or JSON text."""
CUSTOM_DIMENSIONS, CUSTOM_MEASUREMENTS = "custom_dimensions", "custom_measurements"
"""Attributes with mappings, as code written for OpenCensus logs them; their items become properties and measurements of their own."""
RAISED = "raised"
"""What records of handlers of these packages have beside their attributes: the exceptions, as `exceptions.of_error` gives them."""
LOGGER = "census.logger"
"""Attribute of facade records with the name of the logger: their scope is the facade's."""

_AVAILABILITY = tuple(f"microsoft.availability.{name}" for name in ("id", "name", "duration", "success"))
_RUN_LOCATION, _AVAILABILITY_MESSAGE = "microsoft.availability.runLocation", "microsoft.availability.message"
_SPECIAL_KEYS = frozenset(
    {EXCEPTION_TYPE, EXCEPTION_MESSAGE, EVENT_NAME, EVENT_MARKER, CUSTOM_DIMENSIONS, CUSTOM_MEASUREMENTS, _AVAILABILITY[1]}
)
_LEAST_INFORMATION, _MOST_SEVERE = 9, 4


def envelope(
    record: LogRecord,
    scope_name: str,
    *,
    instrumentation_key: str,
    context_tags: Mapping[str, str],
    facade: bool = False,
    on_skipped: Callable[[str], object] | None = None,
) -> Item:
    """Return the item of a log record.

    Args:
        record: OpenTelemetry log record, of the API or the SDK; not changed.
        scope_name: Name of its instrumentation scope, which the OpenTelemetry handler makes the logger's name; may be empty.
        instrumentation_key: Of the resource that receives it.
        context_tags: Tags of the record's resource; copied.
        facade: Whether an OpenCensus handler made it: its bookkeeping attributes are then read and hidden.
        on_skipped: Called with the key of a measurement that is not a finite number.

    Raises:
        ConversionError: The record has no time.
    Loses: severity text, observed time, flags, version and attributes of the scope.
    Source: specification section 5.
    """
    attributes = copied(record.attributes)
    own: dict[str, object] | None = None
    if facade:
        scope_name = text(attributes.get(LOGGER) or "")
        own = own_properties(attributes)
        attributes = {key: value for key, value in attributes.items() if not key.startswith(FACADE_PREFIX)}
    tags = dict(context_tags)
    trace_id, span_id = record.trace_id, record.span_id
    # Without a span there are no ids: zeros would make all such records one operation.
    if trace_id:
        tags["ai.operation.id"] = trace_id_text(trace_id)
    if span_id:
        tags["ai.operation.parentId"] = span_id_text(span_id)
    rate = None
    numbers: dict[str, float] | None = None
    dimensions: Mapping[object, object] | None = None
    kind = "Message"
    fields: dict[str, object]
    if attributes:
        rate = sample_rate_percent(attributes) if SAMPLE_RATE in attributes else None
        operation = attributes.pop("ai.operation.name", None)
        if operation:
            tags["ai.operation.name"] = tag("ai.operation.name", operation)
        if not SHARED_KEYS.isdisjoint(attributes):
            numbers = shared_attributes(tags, attributes, on_skipped)
        incoming.location(tags, attributes)
        if not _SPECIAL_KEYS.isdisjoint(attributes):
            dimensions, numbers = _opencensus_style(attributes, numbers, on_skipped)
            kind, fields = _special(attributes, record.body, getattr(record, RAISED, None))
        else:
            fields = _message(record.body)
    else:
        fields = _message(record.body)
    if kind in ("Message", "Exception"):
        level = severity_level(record.severity_number)
        if level is not None:
            fields["severityLevel"] = level
    event_name = getattr(record, "event_name", None)
    if event_name:
        attributes.setdefault("event.name", event_name)
    if scope_name:
        attributes.setdefault("logger_name", scope_name)
    if dimensions:
        attributes.update((text(key), value) for key, value in dimensions.items())
    if own:
        attributes.update(own)
    if attributes:
        fields["properties"] = properties(attributes)
    if numbers:
        fields["measurements"] = numbers
    return envelope_head(kind, instrumentation_key, tags, timestamp(time_ns(record)), fields, rate)


def time_ns(record: LogRecord) -> int:
    """Return when a record was made, or else seen: nanoseconds since the Unix epoch.

    Raises:
        ConversionError: It tells neither.
    """
    # 0 stands for unset, as on the OpenTelemetry wire.
    moment = record.timestamp or record.observed_timestamp
    if not moment:
        raise ConversionError("a log record has no time")
    return moment


def body_text(body: object) -> str:
    """Return a record's body as text.

    Returns: ``true``/``false`` for booleans, JSON for mappings and sequences, ``str`` of an exception, nothing for None; the rest as
    attribute values (:func:`limits.text`).
    Source: specification section 5.5.
    """
    if type(body) is str:
        return body
    if body is None:
        return ""
    if isinstance(body, bool):
        return "true" if body else "false"
    return text(body)


def severity_level(number: object) -> int | None:
    """Return the wire's severity, 0 (verbose) to 4 (critical); None when the record has none.

    Args:
        number: OpenTelemetry severity number, as a number or as a member of the enumeration.
    Source: specification section 5.1.
    """
    value = getattr(number, "value", number)
    if not isinstance(value, int) or value <= 0:
        return None
    return 0 if value < _LEAST_INFORMATION else min(_MOST_SEVERE, (value - 1) // 4 - 1)


def _message(body: object) -> dict[str, object]:
    return {"ver": 2, "message": required(body_text(body), MAX_MESSAGE)}


def _opencensus_style(
    attributes: dict[str, object], numbers: dict[str, float] | None, on_skipped: Callable[[str], object] | None
) -> tuple[Mapping[object, object] | None, dict[str, float] | None]:
    """Take the two mappings of OpenCensus's documentation out of the attributes; return dimensions and all measurements."""
    dimensions = attributes.get(CUSTOM_DIMENSIONS)
    if isinstance(dimensions, Mapping):
        del attributes[CUSTOM_DIMENSIONS]
    else:
        dimensions = None
    if isinstance(attributes.get(CUSTOM_MEASUREMENTS), Mapping):
        numbers = {**measurements(attributes.pop(CUSTOM_MEASUREMENTS), on_skipped), **(numbers or {})}
    return dimensions, numbers


def _special(attributes: dict[str, object], body: object, raised: Sequence[Error] | None) -> tuple[str, dict[str, object]]:
    """Return kind and fields by what the attributes say the record is; the first that fits. Source: specification section 5.2."""
    if attributes.get(EXCEPTION_TYPE) is not None or attributes.get(EXCEPTION_MESSAGE) is not None:
        return "Exception", {"ver": 2, "exceptions": _exceptions(attributes, body, raised)}
    if attributes.get(EVENT_NAME) or attributes.get(EVENT_MARKER) is not None:
        attributes.pop(EVENT_MARKER, None)
        name = required(text(attributes.pop(EVENT_NAME, None) or ""), MAX_EVENT_NAME, "")
        return "Event", {"ver": 2, "name": name or required(body_text(body), MAX_EVENT_NAME)}
    if all(attributes.get(key) not in (None, "") for key in _AVAILABILITY):
        return "Availability", _availability(attributes, body)
    return "Message", _message(body)


def _exceptions(attributes: dict[str, object], body: object, raised: Sequence[Error] | None) -> list[dict[str, object]]:
    """Return the exceptions; what the program wrote about them, without the traceback, is the message of the first."""
    said = body_text(body)
    message = text(attributes.pop(EXCEPTION_MESSAGE, None) or "")
    stack = text(attributes.pop(EXCEPTION_STACK, None) or "")
    printed = stack.rstrip()
    if printed and said.endswith(printed):
        # A formatter has put it there. It is in the item by itself.
        said = said[: -len(printed)].rstrip()
    if said.isspace():
        said = ""
    if said and message and message not in said:
        # The body takes its place; it is not to be lost for that.
        attributes[EXCEPTION_MESSAGE] = message[:MAX_VALUE]
    return details(
        text(attributes.pop(EXCEPTION_TYPE, None) or ""),
        said or message,
        stack,
        with_text=True,
        raised=raised,
    )


def _availability(attributes: dict[str, object], body: object) -> dict[str, object]:
    run_id, name, duration, success = (text(attributes.pop(key)) for key in _AVAILABILITY)
    fields: dict[str, object] = {
        "ver": 2,
        "id": required(run_id, MAX_ID),
        "name": required(name, MAX_NAME),
        "duration": duration,
        "success": success.lower() == "true",
    }
    place = attributes.pop(_RUN_LOCATION, None)
    if place:
        fields["runLocation"] = text(place)[:MAX_NAME]
    message = text(attributes.pop(_AVAILABILITY_MESSAGE, None) or "") or body_text(body)
    if message:
        fields["message"] = message[:MAX_AVAILABILITY_MESSAGE]
    return fields
