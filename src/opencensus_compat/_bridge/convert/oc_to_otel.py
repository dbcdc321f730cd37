"""OpenCensus values as OpenTelemetry values."""

from __future__ import annotations

import functools
import json
import re
import traceback
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from math import isfinite
from typing import TYPE_CHECKING, Any, Protocol

from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from opencensus_compat._bridge import exporter as _exporter

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

STATUS_CODE = "census.status_code"
"""Attribute that keeps the gRPC code of an OpenCensus status, which OpenTelemetry's status has no room for."""
SPAN_ID = "census.span_id"
"""Attribute that keeps an id which a program gave to its span and which is not 16 hexadecimal digits."""
PARENT_SPAN_ID = "census.parent_span_id"
"""The same for the parent's id."""
SAMPLE_RATE = "_MS.sampleRate"
"""Attribute with the sample rate in percent, as Application Insights exporters read it."""
NONE = "census.none"
"""Attribute that keeps which of `_ASKED_FOR` a span had with the value None, which OpenTelemetry refuses."""
_ASKED_FOR = ("error.message", "stacktrace")
"""Attributes that have an effect by being there."""
EVENT = "census.event"
"""Event attribute that tells what an event was in OpenCensus: annotation, message or exception."""
LINK_TYPE = "census.link.type"
"""Link attribute that keeps the OpenCensus link type."""

PROPERTIES = "census.properties"
"""Attribute that keeps, as JSON text of an object, what a program calls by a name that has a meaning here."""
RESERVED = frozenset({"ai.operation.name", EVENT, LINK_TYPE, NONE, PARENT_SPAN_ID, PROPERTIES, SAMPLE_RATE, SPAN_ID, STATUS_CODE})
"""Names of span attributes that this package and the exporter give a meaning."""

_SCALAR_TYPES = frozenset((str, bool, int, float))
_TEXT = frozenset((str,))
_EXACT: tuple[tuple[type, Callable[[Any], Any]], ...] = ((str, str.__str__), (int, int.__int__), (float, float.__float__))

# By OpenCensus value (0 unspecified, 1 server, 2 client); the numbers mean other kinds in OpenTelemetry.
_KINDS: dict[object, SpanKind] = {0: SpanKind.INTERNAL, 1: SpanKind.SERVER, 2: SpanKind.CLIENT}

_MESSAGE_TYPES = {0: "TYPE_UNSPECIFIED", 1: "SENT", 2: "RECEIVED"}

_is_hexadecimal = re.compile("[0-9a-fA-F]+").fullmatch

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_OK = Status(StatusCode.OK)


if TYPE_CHECKING:

    class Annotation(Protocol):
        """An annotation of OpenCensus's, whose values are a program's."""

        description: Any
        attributes: Any
        timestamp: Any

    class MessageEvent(Protocol):
        """A message event of OpenCensus's, whose values are a program's."""

        timestamp: Any
        type: Any
        id: Any
        uncompressed_size_bytes: Any
        compressed_size_bytes: Any


def text(value: object) -> str:
    """Return the value's text, or the name of its type in angle brackets where it has none: programs put anything anywhere.

    A member of an enumeration whose members are texts or numbers is that text or number, as in JSON; its `str()` is its name.
    """
    try:
        return str(plain(value))
    except _exporter.failure():  # A value's own methods may raise anything
        return f"<{type(value).__name__}>"


def plain(value: object) -> Any:
    """Return the text or number that an object of a class made from `str`, `int` or `float` is; anything else unchanged."""
    kind = type(value)
    if kind is bool:
        return value
    for base, exact in _EXACT:
        if isinstance(value, base):
            return value if kind is base else exact(value)
    return value


def span_kind(kind: object) -> SpanKind:
    """Return the OpenTelemetry kind; anything that OpenCensus does not know counts as unspecified."""
    try:
        return _KINDS.get(kind, SpanKind.INTERNAL)
    except TypeError:
        return SpanKind.INTERNAL


def attributes(values: Mapping[Any, Any]) -> dict[str, AttributeValue]:
    """Return attributes whose every value OpenTelemetry accepts, in any release.

    Text, booleans, numbers and sequences of one of these stay as they are. Mappings and mixed sequences become JSON text, other
    objects their `str()`.

    Loses: None values, which OpenTelemetry refuses; the nesting of mappings, which become text.
    """
    # Without a loop for the most frequent case: half of what six attributes take.
    if type(values) is dict and _SCALAR_TYPES.issuperset(map(type, values.values())) and _TEXT.issuperset(map(type, values)):
        return values.copy()
    valid: dict[str, AttributeValue] = {}
    for key, value in values.items():
        if value is not None:
            valid[key if type(key) is str else text(key)] = value if type(value) in _SCALAR_TYPES else _attribute_value(value)
    return valid


def none_of(values: Mapping[Any, object]) -> dict[str, AttributeValue]:
    """Return the attribute that keeps what `attributes` loses of those that have an effect by being there; empty where it loses none."""
    lost = tuple(key for key in _ASKED_FOR if key in values and values[key] is None)
    return {NONE: lost} if lost else {}


def set_aside(values: dict[str, AttributeValue], reserved: Container[str]) -> dict[str, AttributeValue]:
    """Return attributes with those of the given names under `PROPERTIES`, where they mean nothing and are shown all the same."""
    kept = {key: value for key, value in values.items() if key not in reserved}
    kept[PROPERTIES] = json.dumps({key: value for key, value in values.items() if key in reserved}, ensure_ascii=False)
    return kept


def json_text(value: object, default: Callable[[Any], str], **options: Any) -> str:
    """Return the JSON text of a list or dict; numbers that JSON has no form for are their text in it.

    Raises:
        TypeError, ValueError, RecursionError: It has no such text.
    """
    try:
        return json.dumps(value, default=default, allow_nan=False, **options)
    except ValueError:
        return json.dumps(_named(value), default=default, **options)


def _named(value: object) -> object:
    """Return a value in which numbers that are not finite are their text."""
    if isinstance(value, float):
        return value if isfinite(value) else str(float(value))
    if isinstance(value, dict):
        return {key: _named(inner) for key, inner in value.items()}
    return [_named(inner) for inner in value] if isinstance(value, (list, tuple)) else value


_AS_THE_EXPORTER: dict[str, Any] = {"ensure_ascii": False, "separators": (",", ":")}
"""Options of JSON that make the text which the exporter makes of the same value of OpenTelemetry code."""


def _attribute_value(value: object) -> AttributeValue:
    try:
        if isinstance(value, (str, int, float)):
            scalar: AttributeValue = plain(value)
            return scalar
        if isinstance(value, (list, tuple)):
            kinds = {type(item) for item in value}
            if len(kinds) <= 1 and kinds <= _SCALAR_TYPES:
                # As the SDK keeps it.
                return tuple(value)
            return json_text(value, str, **_AS_THE_EXPORTER)
        if isinstance(value, Mapping):
            return json_text(dict(value), str, **_AS_THE_EXPORTER)
        return str(value)
    except _exporter.failure():  # A value's own methods may raise anything
        return f"<{type(value).__name__}>"


def status_code(code: object) -> int | str:
    """Return what `STATUS_CODE` keeps of a code: a number of gRPC's, or the text of what else a program has put there, which is the result code.

    Source: https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/trace_exporter/__init__.py#L128.
    """
    if type(code) is int:
        return code
    return 0 if code == 0 else text(code)


def status(code: object, message: str | None) -> Status:
    """Return the OpenTelemetry status of an OpenCensus code: 0 is OK, everything else an error with the message.

    Loses: which error it was; `STATUS_CODE` keeps that.
    """
    if code == 0:
        return _OK
    return Status(StatusCode.ERROR, None if message is None else text(message))


def span_context(trace_id: object, span_id: object, sampled: bool, tracestate: Mapping[str, str] | None = None) -> SpanContext | None:
    """Return a remote OpenTelemetry context, or None when an id is not hexadecimal or all zeros."""
    trace_number, span_number = id_number(trace_id, 32), id_number(span_id, 16)
    if trace_number is None or span_number is None:
        return None
    return SpanContext(
        trace_number,
        span_number,
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT),
        trace_state=TraceState(list(tracestate.items())) if tracestate and issubclass(type(tracestate), Mapping) else None,
    )


def id_number(text: object, digits: int) -> int | None:
    """Return an id as a number; None when it is not that many hexadecimal digits, or all zeros."""
    # `int` alone takes signs, spaces, underscores and a prefix as well.
    if not isinstance(text, str) or len(text) != digits or not _is_hexadecimal(text):
        return None
    return int(text, 16) or None


def link(trace_id: object, span_id: object, link_type: object, link_attributes: object) -> Link | None:
    """Return an OpenTelemetry link, or None when the ids of the OpenCensus link are no ids."""
    context = span_context(trace_id, span_id, sampled=True)
    if context is None:
        return None
    values: Any = getattr(link_attributes, "attributes", link_attributes)
    kept = attributes(values or {})
    if link_type:
        kept[LINK_TYPE] = _attribute_value(link_type)
    return Link(context, kept)


def annotation_event(annotation: Annotation) -> tuple[str, dict[str, AttributeValue], int | None]:
    """Return name, attributes and time (nanoseconds since the epoch, None when unreadable) of an OpenCensus annotation."""
    kept = attributes(getattr(annotation.attributes, "attributes", annotation.attributes) or {})
    kept[EVENT] = "annotation"
    return text(annotation.description), kept, nanoseconds(annotation.timestamp)


def message_event(event: MessageEvent) -> tuple[str, dict[str, AttributeValue], int | None]:
    """Return name, attributes and time of an OpenCensus message event, under the names of the RPC conventions."""
    kept = attributes(
        {
            "message.type": _MESSAGE_TYPES.get(event.type, str(event.type)),
            "message.id": event.id,
            "message.uncompressed_size": event.uncompressed_size_bytes,
            "message.compressed_size": event.compressed_size_bytes,
            EVENT: "message",
        }
    )
    return "message", kept, nanoseconds(event.timestamp)


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception that a span saw, as OpenTelemetry's `record_exception` notes it."""

    type_name: str
    """Name of the class, with that of its module where it is not built in."""
    message: str
    stack: str
    """Its traceback as Python prints it, with what led to it; empty where there is none."""

    @property
    def class_name(self) -> str:
        """The name of the class alone."""
        return self.type_name.rpartition(".")[2]


class Frames(traceback.StackSummary):
    """The frames of a traceback, whose lines are made once: Python takes 20 us for each, and an exception is shown in up to four places."""

    _lines: list[str] | None = None

    def format(self, **options: Any) -> list[str]:
        """Return the lines, not to be changed."""
        if self._lines is None:
            self._lines = super().format(**options)
        return self._lines


def raised(error: BaseException) -> Raised:
    """Return what a span notes of an exception, as it is now."""
    return raised_with_frames(error)[0]


def raised_with_frames(error: BaseException) -> tuple[Raised, Frames | None]:
    """Return what a span notes of an exception, as it is now, and the frames of its traceback; None where they cannot be read."""
    kind = type(error)
    module = text(kind.__module__)
    frames = None
    try:
        shown = traceback.TracebackException.from_exception(error, compact=True)
        shown.stack = frames = Frames(shown.stack)
        stack = "".join(shown.format())
    except _exporter.failure():  # Its own methods, and those of what led to it, may raise anything
        stack = ""
    return Raised(kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}", text(error), stack), frames


def stack_trace_event(
    stack_trace: object, exception: Raised | None, attributes: Mapping[Any, object] | None = None
) -> tuple[str, dict[str, AttributeValue]]:
    """Return name and attributes of the exception event that stands for a span's stack trace.

    Args:
        stack_trace: An OpenCensus StackTrace; its frames run from the outermost call to the innermost.
        exception: The exception, where the span saw it itself: the event is then that of OpenTelemetry code.
        attributes: Of the span; `error.name` and `error.message`, which integrations set, tell of an exception that it did not see.
    """
    kept: dict[str, AttributeValue] = {EVENT: "exception"}
    if exception is None and attributes:
        said = (("exception.type", attributes.get("error.name")), ("exception.message", attributes.get("error.message")))
        kept.update((key, text(value)) for key, value in said if value)
    elif exception is not None:
        kept["exception.type"], kept["exception.message"], kept["exception.escaped"] = exception.type_name, exception.message, "False"
    kept["exception.stacktrace"] = exception.stack if exception is not None and exception.stack else "".join(_frame_lines(stack_trace))
    return "exception", kept


def _frame_lines(stack_trace: object) -> Iterable[str]:
    for frame in getattr(stack_trace, "stack_frames", None) or ():
        try:
            yield f'  File "{frame["file_name"]["value"]}", line {frame["line_number"]}, in {frame["function_name"]["value"]}\n'
        except (KeyError, TypeError):
            yield f"  {frame}\n"


@functools.lru_cache(maxsize=128)
def _second_ns(text: str) -> int:
    # The spans of a batch share a few seconds.
    since = datetime.fromisoformat(text).replace(tzinfo=timezone.utc) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000


def nanoseconds(timestamp: object) -> int | None:
    """Return an OpenCensus time (`2020-01-31T10:20:30.123456Z`, or a datetime in UTC) in nanoseconds since the epoch.

    Returns: None when it is neither.
    """
    if isinstance(timestamp, str):
        try:
            # As OpenCensus writes it, in a fiftieth of the time: a span has two, and one of gRPC one more for each message.
            if len(timestamp) == 27 and timestamp[4] == timestamp[7] == "-" and timestamp[10::9] == "T." and timestamp[26] == "Z":
                fraction = timestamp[20:26]
                if fraction.isdecimal() and fraction.isascii():
                    return _second_ns(timestamp[:19]) + int(fraction) * 1_000
                timestamp = datetime.fromisoformat(timestamp[:26]).replace(tzinfo=timezone.utc)
            else:
                timestamp = datetime.strptime(timestamp, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
        except ValueError:
            return None
    if not isinstance(timestamp, datetime):
        return None
    if timestamp.tzinfo is None:
        timestamp = timestamp.replace(tzinfo=timezone.utc)
    since: timedelta = timestamp - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000
