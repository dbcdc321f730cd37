"""Judge one telemetry item against the Application Insights schema. Pure: values in, a verdict out.

Two grades. What the service refuses (a missing required field, a wrong structure, a time outside the window, an item
over 64 KiB) is *refused*, with a message in the service's form. What it takes although the schema forbids it (texts
over their limit, native-typed properties, null tags, unknown fields) is *accepted with a warning* that names the path,
so that a test can demand that there are none.

Decided where the specification leaves it open: a number or a boolean where text belongs is a warning, an object or an
array there is a refusal; an integer severity outside 0..4 is a warning; an exception that says ``hasFullStack: false``
needs no stack.

Source: specification sections 1 to 3; message forms from public client logs.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .shapes import (
    BASE_TYPES,
    DATA,
    DATA_POINT,
    ENVELOPE,
    ENVELOPE_NAMES,
    EXCEPTION_DETAILS,
    LONG_PROPERTY_KEYS,
    LONG_PROPERTY_VALUE_CHARS,
    MAX_AGE_S,
    MAX_AHEAD_S,
    MAX_ITEM_BYTES,
    PROPERTY_KEY_CHARS,
    PROPERTY_VALUE_CHARS,
    SEVERITY_NAMES,
    STACK_FRAME,
    TAG_CHARS,
    Field,
    Shape,
)
from .times import parse_time, parse_timespan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PLAIN_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@dataclass(frozen=True, slots=True)
class FieldWarning:
    """Something in an accepted item that breaks the schema."""

    path: str
    """Place in the envelope, for example ``$.data.baseData.name``."""
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one item."""

    status: int
    """200 or 400."""
    message: str
    """Why it is refused; empty when accepted."""
    warnings: tuple[FieldWarning, ...] = ()
    path: str = ""
    """Place for which it is refused: of a field, or of the object that lacks it; empty when accepted."""


class _RefusedError(Exception):
    """Ends the check of an item."""

    def __init__(self, message: str, path: str) -> None:
        super().__init__(message)
        self.path = path


@dataclass(slots=True)
class _Scope:
    """Where the check is: the object's schema name, its path, and what it has found."""

    owner: str
    path: str
    warnings: list[FieldWarning]
    now_s: float

    def at(self, name: str) -> str:
        return self.path + (f".{name}" if _PLAIN_NAME.fullmatch(name) else f"[{name!r}]")

    def warn(self, name: str, text: str) -> None:
        self.warnings.append(FieldWarning(self.at(name), text))

    def inside(self, owner: str, name: str) -> _Scope:
        return _Scope(owner, f"{self.path}.{name}", self.warnings, self.now_s)

    def element(self, owner: str, name: str, index: int) -> _Scope:
        return _Scope(owner, f"{self.path}.{name}[{index}]", self.warnings, self.now_s)

    def missing(self, name: str, expected: str, actual: str) -> _RefusedError:
        return _RefusedError(
            f"109: Field '{name}' on type '{self.owner}' is required but missing or empty. Expected: {expected}, Actual: {actual}",
            self.path if actual == "undefined" else self.at(name),
        )

    def wrong(self, name: str, expected: str, value: object) -> _RefusedError:
        actual = repr(value) if isinstance(value, (str, int, float)) else _type_name(value)
        return _RefusedError(
            f"102: Field '{name}' on type '{self.owner}' is not a valid {expected}. Expected: {expected}, Actual: {actual[:100]}",
            self.at(name),
        )


def check(
    envelope: object,
    *,
    size_bytes: int,
    now_s: float,
    accepted_keys: frozenset[str] | None = None,
) -> Verdict:
    """Judge one envelope.

    Args:
        envelope: The parsed JSON value.
        size_bytes: Its size as sent, bytes.
        now_s: Current time, seconds since the Unix epoch.
        accepted_keys: Instrumentation keys, lower case, that exist; ``None`` accepts any.
    Returns: Status 200 with the warnings, or status 400 with the first reason found.

    """
    scope = _Scope("Envelope", "$", [], now_s)
    try:
        _check_envelope(scope, envelope, size_bytes, accepted_keys)
    except _RefusedError as refusal:
        return Verdict(400, str(refusal), (), refusal.path)
    return Verdict(200, "", tuple(scope.warnings))


def _check_envelope(scope: _Scope, envelope: object, size_bytes: int, accepted_keys: frozenset[str] | None) -> None:
    if size_bytes > MAX_ITEM_BYTES:
        raise _RefusedError(f"Telemetry item length must not exceed {MAX_ITEM_BYTES}", "$")
    if not isinstance(envelope, dict):
        raise _RefusedError(f"100: Telemetry item is not an object. Expected: object, Actual: {_type_name(envelope)}", "$")
    key = envelope.get("iKey")
    if not isinstance(key, str) or not key.strip() or (accepted_keys is not None and key.lower() not in accepted_keys):
        raise _RefusedError("Invalid instrumentation key", "$.iKey" if "iKey" in envelope else "$")
    _check_object(scope, envelope, ENVELOPE)
    _check_name(scope, envelope["name"], envelope["data"]["baseType"])


def _check_name(scope: _Scope, name: object, base_type: str) -> None:
    expected = ENVELOPE_NAMES[base_type]
    # Browser SDKs put the key without dashes into the name: Microsoft.ApplicationInsights.<key>.Request.
    if name != expected and not (isinstance(name, str) and name.split(".")[-1] == expected.rsplit(".", 1)[-1]):
        scope.warn("name", f"does not belong to {base_type}; expected {expected}")


def _check_object(scope: _Scope, value: Mapping[str, object], shape: Shape) -> None:
    for name, field in shape.required:
        if value.get(name) is None:
            raise scope.missing(name, _EXPECTED.get(field.kind, "string"), "null" if name in value else "undefined")
    fields = shape.fields
    for name, member in value.items():
        known = fields.get(name)
        if known is None:
            scope.warn(name, f"is not a field of {scope.owner}")
        elif member is None:
            scope.warn(name, "is null; leave it out")
        elif member.__class__ is str and known.kind == "text" and 0 < len(member) <= known.chars:
            continue  # nearly every member; the call below costs more than the check
        else:
            CHECKS[known.kind](scope, name, member, known)


def _check_text(scope: _Scope, name: str, value: object, field: Field) -> None:
    if isinstance(value, str):
        if len(value) > field.chars:
            scope.warn(name, f"has {len(value)} characters; the limit is {field.chars}")
        elif field.required and not value:
            raise scope.missing(name, "string", "")
    elif isinstance(value, (bool, int, float)):
        scope.warn(name, f"is {_a(value)}; expected a string")
    else:
        raise scope.wrong(name, "string", value)


def _check_timespan(scope: _Scope, name: str, value: object, field: Field) -> None:
    milliseconds = parse_timespan(value) if isinstance(value, str) else None
    if milliseconds is None:
        raise scope.wrong(name, "time span d.hh:mm:ss.fffffff", value)
    if not 0 <= milliseconds < 1000 * 86_400_000:
        raise scope.wrong(name, "time span from 0 to under 1000 days", value)


def _check_time(scope: _Scope, name: str, value: object, field: Field) -> None:
    parsed = parse_time(value) if isinstance(value, str) and len(value) <= 64 else None
    if parsed is None:
        raise scope.wrong(name, "time string", value)
    moment, has_zone = parsed
    late_s = scope.now_s - moment.timestamp()
    if late_s > MAX_AGE_S:
        raise _RefusedError(
            f"103: Field 'time' on type 'Envelope' is older than the allowed min date. "
            f"Expected: now - {MAX_AGE_S * 1000}ms, Actual: now - {late_s * 1000:.0f}ms",
            scope.at(name),
        )
    if -late_s > MAX_AHEAD_S:
        raise _RefusedError(
            f"104: Field 'time' on type 'Envelope' is later than the allowed max date. "
            f"Expected: now + {MAX_AHEAD_S * 1000}ms, Actual: now + {-late_s * 1000:.0f}ms",
            scope.at(name),
        )
    if not has_zone:
        scope.warn(name, "names no zone; it is read as UTC")


def _check_flag(scope: _Scope, name: str, value: object, field: Field) -> None:
    if not isinstance(value, bool):
        raise scope.wrong(name, "boolean", value)


def _check_number(scope: _Scope, name: str, value: object, field: Field) -> None:
    if not _is_number(value):
        raise scope.wrong(name, "number", value)


def _check_int32(scope: _Scope, name: str, value: object, field: Field) -> None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**31) <= value < 2**31:
        raise scope.wrong(name, "32 bit integer", value)


def _check_rate(scope: _Scope, name: str, value: object, field: Field) -> None:
    if not _is_number(value) or not 0 < value <= 100:  # type: ignore[operator]  # _is_number has checked that it is one
        raise scope.wrong(name, "percentage over 0 and up to 100", value)


def _check_version(scope: _Scope, name: str, value: object, field: Field) -> None:
    if value != 2 or isinstance(value, bool):
        scope.warn(name, "is not 2")


def _check_severity(scope: _Scope, name: str, value: object, field: Field) -> None:
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value <= 4:
            scope.warn(name, f"is {value}; the levels are 0 to 4")
    elif not isinstance(value, str) or value not in SEVERITY_NAMES:
        raise scope.wrong(name, "severity level", value)


def _check_point_kind(scope: _Scope, name: str, value: object, field: Field) -> None:
    if isinstance(value, bool) or value not in ("Measurement", "Aggregation", 0, 1):
        raise scope.wrong(name, "data point kind", value)


def _check_properties(scope: _Scope, name: str, value: object, field: Field) -> None:
    if not isinstance(value, dict):
        raise scope.wrong(name, "object", value)
    inner: _Scope | None = None
    for key, text in value.items():
        if isinstance(text, str) and 0 < len(key) <= PROPERTY_KEY_CHARS and len(text) <= PROPERTY_VALUE_CHARS:
            continue
        inner = inner or scope.inside("properties", name)
        if not key or len(key) > PROPERTY_KEY_CHARS:
            inner.warn(key[:40], f"has a key of {len(key)} characters; the limits are 1 to {PROPERTY_KEY_CHARS}")
        if not isinstance(text, str):
            inner.warn(key[:40], f"is {_a(text)}; expected a string")
        elif len(text) > (limit := LONG_PROPERTY_VALUE_CHARS if key in LONG_PROPERTY_KEYS else PROPERTY_VALUE_CHARS):
            inner.warn(key[:40], f"has {len(text)} characters; the limit is {limit}")


def _check_measurements(scope: _Scope, name: str, value: object, field: Field) -> None:
    if not isinstance(value, dict):
        raise scope.wrong(name, "object", value)
    inner = scope.inside("measurements", name) if value else scope
    for key, number in value.items():
        if not key or len(key) > PROPERTY_KEY_CHARS:
            inner.warn(key[:40], f"has a key of {len(key)} characters; the limits are 1 to {PROPERTY_KEY_CHARS}")
        if not _is_number(number):
            inner.warn(key[:40], f"is {_a(number)}; expected a number, so it is not kept")


def _check_tags(scope: _Scope, name: str, value: object, field: Field) -> None:
    if not isinstance(value, dict):
        raise scope.wrong(name, "object", value)
    for key, text in value.items():
        limit = TAG_CHARS.get(key)
        if limit is not None and isinstance(text, str) and len(text) <= limit:
            continue
        inner = scope.inside("tags", name)
        if limit is None:
            inner.warn(key[:40], "is not a known context tag")
        elif isinstance(text, str):
            inner.warn(key, f"has {len(text)} characters; the limit is {limit}")
        elif text is None:
            inner.warn(key, "is null; leave it out")
        elif isinstance(text, (bool, int, float)):
            inner.warn(key, f"is {_a(text)}; expected a string")
        else:
            raise inner.wrong(key, "string", text)


def _check_object_kind(scope: _Scope, name: str, value: object, field: Field) -> None:
    if not isinstance(value, dict):
        raise scope.wrong(name, "object", value)


def _check_data(scope: _Scope, name: str, value: object, field: Field) -> None:
    if not isinstance(value, dict):
        raise scope.wrong(name, "object", value)
    inner = scope.inside("Data", name)
    _check_object(inner, value, DATA)
    base_type = value["baseType"]
    shape = BASE_TYPES.get(base_type) if isinstance(base_type, str) else None
    if shape is None:
        raise inner.wrong("baseType", "telemetry type", base_type)
    _check_object(inner.inside(base_type, "baseData"), value["baseData"], shape)


def _check_exceptions(scope: _Scope, name: str, value: object, field: Field) -> None:
    for index, details in enumerate(_elements(scope, name, value)):
        inner = scope.element("ExceptionDetails", name, index)
        if not isinstance(details, dict):
            raise inner.wrong(name, "object", details)
        _check_object(inner, details, EXCEPTION_DETAILS)
        if not details.get("stack") and not details.get("parsedStack") and details.get("hasFullStack", True):
            inner.warn("stack", "is absent and so is parsedStack, while hasFullStack is true")


def _check_frames(scope: _Scope, name: str, value: object, field: Field) -> None:
    if isinstance(value, str):  # the legacy exporter passes on a stack given as text
        scope.warn(name, "is a string; expected an array of frames")
        return
    if not isinstance(value, list):
        raise scope.wrong(name, "array", value)
    for index, frame in enumerate(value):
        inner = scope.element("StackFrame", name, index)
        if isinstance(frame, dict):
            _check_object(inner, frame, STACK_FRAME)
        else:
            scope.warn(name, f"holds {_a(frame)} at {index}; expected a frame")


def _check_metrics(scope: _Scope, name: str, value: object, field: Field) -> None:
    points = _elements(scope, name, value)
    inner = scope.element("DataPoint", name, 0)
    if not isinstance(points[0], dict):
        raise inner.wrong(name, "object", points[0])
    _check_object(inner, points[0], DATA_POINT)
    if len(points) > 1:
        scope.warn(name, f"holds {len(points)} points; only the first is kept")


def _elements(scope: _Scope, name: str, value: object) -> list[object]:
    if not isinstance(value, list):
        raise scope.wrong(name, "array", value)
    if not value:
        raise scope.missing(name, "array", "[]")
    return value


CHECKS: dict[str, Callable[[_Scope, str, object, Field], None]] = {
    "text": _check_text,
    "timespan": _check_timespan,
    "time": _check_time,
    "flag": _check_flag,
    "number": _check_number,
    "int32": _check_int32,
    "rate": _check_rate,
    "version": _check_version,
    "severity": _check_severity,
    "point_kind": _check_point_kind,
    "properties": _check_properties,
    "measurements": _check_measurements,
    "tags": _check_tags,
    "object": _check_object_kind,
    "data": _check_data,
    "exceptions": _check_exceptions,
    "frames": _check_frames,
    "metrics": _check_metrics,
}
"""The check of a member by the kind that ``shapes`` gives it."""

_EXPECTED = {
    "flag": "boolean",
    "number": "number",
    "int32": "number",
    "version": "number",
    "data": "object",
    "object": "object",
    "exceptions": "array",
    "metrics": "array",
}
"""What the "required but missing" message expects, by kind; a string otherwise."""


def _is_number(value: object) -> bool:
    """Tell whether a JSON value is a number that a double can hold."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**1023


def _type_name(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _a(value: object) -> str:
    """Return the JSON type with its article."""
    name = _type_name(value)
    return name if value is None else f"an {name}" if name[0] in "ao" else f"a {name}"
