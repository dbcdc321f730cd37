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
from datetime import datetime, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_ITEM_BYTES = 65536
MAX_AGE_S = 48 * 3600
MAX_AHEAD_S = 2 * 3600

PROPERTY_KEY_CHARS = 150
PROPERTY_VALUE_CHARS = 8192
LONG_PROPERTY_VALUE_CHARS = 262144
LONG_PROPERTY_KEYS = frozenset(
    {
        "gen_ai.input.messages",
        "gen_ai.output.messages",
        "gen_ai.system_instructions",
        "gen_ai.tool.definitions",
        "gen_ai.tool.call.arguments",
        "gen_ai.tool.call.result",
        "gen_ai.evaluation.explanation",
    }
)
"""Properties that may hold ``LONG_PROPERTY_VALUE_CHARS`` characters."""

SEVERITY_NAMES = ("Verbose", "Information", "Warning", "Error", "Critical")
"""Severity level by position, 0..4."""

TAG_CHARS: dict[str, int] = {
    "ai.application.ver": 1024,
    "ai.cloud.location": 256,
    "ai.cloud.role": 256,
    "ai.cloud.roleInstance": 256,
    "ai.cloud.roleVer": 256,
    "ai.device.id": 1024,
    "ai.device.locale": 64,
    "ai.device.model": 256,
    "ai.device.oemName": 256,
    "ai.device.osVersion": 256,
    "ai.device.type": 64,
    "ai.internal.agentVersion": 64,
    "ai.internal.nodeName": 256,
    "ai.internal.sdkVersion": 64,
    "ai.location.city": 256,
    "ai.location.country": 256,
    "ai.location.ip": 46,
    "ai.location.province": 256,
    "ai.operation.correlationVector": 64,
    "ai.operation.id": 128,
    "ai.operation.name": 1024,
    "ai.operation.parentId": 512,
    "ai.operation.syntheticSource": 1024,
    "ai.session.id": 64,
    "ai.session.isFirst": 5,
    "ai.user.accountId": 1024,
    "ai.user.authUserId": 1024,
    "ai.user.id": 128,
    # Not in the schema, yet sent by the official exporter and read by the service; the limit is that of its siblings.
    "ai.user.userAgent": 1024,
}
"""Known context tags and their limits, characters."""


@dataclass(frozen=True, slots=True)
class Field:
    """What the schema says of one member of an object."""

    kind: str
    """Key of ``_CHECKS``."""
    chars: int = 0
    """Limit of a text, characters; 0 when the kind has none."""
    required: bool = False


class Shape:
    """What the schema says of one kind of object."""

    __slots__ = ("fields", "required")

    def __init__(self, **fields: Field) -> None:
        self.fields = fields
        """Known members by name."""
        self.required = tuple((name, field) for name, field in fields.items() if field.required)
        """Those that must be there."""


def _text(chars: int, *, required: bool = False) -> Field:
    return Field("text", chars, required)


_COMMON = {"ver": Field("version", required=True), "properties": Field("properties"), "measurements": Field("measurements")}

BASE_TYPES: dict[str, Shape] = {
    "RequestData": Shape(
        **_COMMON,
        id=_text(512, required=True),
        name=_text(1024),
        duration=Field("timespan", required=True),
        responseCode=_text(1024, required=True),
        success=Field("flag", required=True),
        source=_text(1024),
        url=_text(2048),
    ),
    "RemoteDependencyData": Shape(
        **_COMMON,
        id=_text(512),
        name=_text(1024, required=True),
        resultCode=_text(1024),
        duration=Field("timespan", required=True),
        success=Field("flag"),
        data=_text(8192),
        type=_text(1024),
        target=_text(1024),
    ),
    "ExceptionData": Shape(
        **_COMMON,
        exceptions=Field("exceptions", required=True),
        severityLevel=Field("severity"),
        problemId=_text(1024),
    ),
    "MessageData": Shape(**_COMMON, message=_text(32768, required=True), severityLevel=Field("severity")),
    "EventData": Shape(**_COMMON, name=_text(512, required=True)),
    "MetricData": Shape(ver=_COMMON["ver"], properties=_COMMON["properties"], metrics=Field("metrics", required=True)),
    "AvailabilityData": Shape(
        **_COMMON,
        id=_text(512, required=True),
        name=_text(1024, required=True),
        duration=Field("timespan", required=True),
        success=Field("flag", required=True),
        runLocation=_text(1024),
        message=_text(8192),
    ),
    "PageViewData": Shape(
        **_COMMON,
        id=_text(512),
        name=_text(1024, required=True),
        url=_text(2048),
        duration=Field("timespan"),
        referrerUri=_text(2048),
    ),
    "PerformanceCounterData": Shape(
        ver=_COMMON["ver"],
        properties=_COMMON["properties"],
        categoryName=_text(1024, required=True),
        counterName=_text(1024, required=True),
        instanceName=_text(1024),
        value=Field("number", required=True),
    ),
}
"""Members of ``data.baseData`` by ``data.baseType``."""

ENVELOPE_NAMES: dict[str, str] = {base_type: "Microsoft.ApplicationInsights." + base_type.removesuffix("Data") for base_type in BASE_TYPES}
"""Envelope name that belongs to each base type."""

_ENVELOPE = Shape(
    ver=Field("int32"),
    name=_text(1024, required=True),
    time=Field("time", required=True),
    sampleRate=Field("rate"),
    seq=_text(64),
    iKey=_text(40),
    flags=Field("number"),
    tags=Field("tags"),
    data=Field("data", required=True),
)
_DATA = Shape(baseType=_text(1024, required=True), baseData=Field("object", required=True))
_EXCEPTION_DETAILS = Shape(
    id=Field("int32"),
    outerId=Field("int32"),
    typeName=_text(1024, required=True),
    message=_text(32768, required=True),
    hasFullStack=Field("flag"),
    stack=_text(32768),
    parsedStack=Field("frames"),
)
_STACK_FRAME = Shape(
    level=Field("int32", required=True),
    method=_text(1024, required=True),
    assembly=_text(1024),
    fileName=_text(1024),
    line=Field("int32"),
)
_DATA_POINT = Shape(
    ns=_text(256),
    name=_text(1024, required=True),
    kind=Field("point_kind"),
    value=Field("number", required=True),
    count=Field("int32"),
    min=Field("number"),
    max=Field("number"),
    stdDev=Field("number"),
)

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|z|[+-]\d\d:?\d\d)?", re.ASCII)
_TIMESPAN = re.compile(r"(-?)(?:(\d{1,8})\.)?(\d{1,2}):(\d\d):(\d\d)(?:\.(\d{1,7}))?", re.ASCII)
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


class _RefusedError(Exception):
    """Ends the check of an item; the argument is the message."""


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
            f"109: Field '{name}' on type '{self.owner}' is required but missing or empty. Expected: {expected}, Actual: {actual}"
        )

    def wrong(self, name: str, expected: str, value: object) -> _RefusedError:
        actual = repr(value) if isinstance(value, (str, int, float)) else _type_name(value)
        return _RefusedError(
            f"102: Field '{name}' on type '{self.owner}' is not a valid {expected}. Expected: {expected}, Actual: {actual[:100]}"
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
        return Verdict(400, str(refusal))
    return Verdict(200, "", tuple(scope.warnings))


@lru_cache(maxsize=4096)  # check and row ask for the same text
def parse_time(text: str) -> tuple[datetime, bool] | None:
    """Return the instant of an ISO 8601 text as aware UTC, and whether the text named its zone; ``None`` if it is no time.

    A text without a zone is read as UTC. Loses: digits below one microsecond.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    day, clock, fraction, zone = match.groups()
    offset = "+00:00"
    if zone is not None and zone not in "Zz":
        offset = zone if ":" in zone else f"{zone[:3]}:{zone[3:]}"
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}.{(fraction or '')[:6]:0<6}{offset}")
        return (moment if offset == "+00:00" else moment.astimezone(timezone.utc)), zone is not None
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=4096)
def parse_timespan(text: str) -> float | None:
    """Return the milliseconds of a .NET TimeSpan text ``[-][d.]hh:mm:ss[.fffffff]``, or ``None`` if it is none."""
    match = _TIMESPAN.fullmatch(text)
    if match is None:
        return None
    sign, days, hours, minutes, seconds, fraction = match.groups()
    if int(hours) > 23 or int(minutes) > 59 or int(seconds) > 59:
        return None
    whole_s = ((int(days or 0) * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(seconds)
    milliseconds = whole_s * 1000 + int(f"{fraction or '0':0<7}") / 10000
    return -milliseconds if sign else milliseconds


def _check_envelope(scope: _Scope, envelope: object, size_bytes: int, accepted_keys: frozenset[str] | None) -> None:
    if size_bytes > MAX_ITEM_BYTES:
        raise _RefusedError(f"Telemetry item length must not exceed {MAX_ITEM_BYTES}")
    if not isinstance(envelope, dict):
        raise _RefusedError(f"100: Telemetry item is not an object. Expected: object, Actual: {_type_name(envelope)}")
    key = envelope.get("iKey")
    if not isinstance(key, str) or not key.strip() or (accepted_keys is not None and key.lower() not in accepted_keys):
        raise _RefusedError("Invalid instrumentation key")
    _check_object(scope, envelope, _ENVELOPE)
    _check_name(scope, envelope["name"], envelope["data"]["baseType"])


def _check_name(scope: _Scope, name: object, base_type: str) -> None:
    expected = ENVELOPE_NAMES[base_type]
    # Browser SDKs put the key without dashes into the name: Microsoft.ApplicationInsights.<key>.Request.
    if name != expected and not (isinstance(name, str) and name.split(".")[-1] == expected.rsplit(".", 1)[-1]):
        scope.warn("name", f"does not belong to {base_type}; expected {expected}")


def _check_object(scope: _Scope, value: Mapping[str, Any], shape: Shape) -> None:
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
            _CHECKS[known.kind](scope, name, member, known)


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
            f"Expected: now - {MAX_AGE_S * 1000}ms, Actual: now - {late_s * 1000:.0f}ms"
        )
    if -late_s > MAX_AHEAD_S:
        raise _RefusedError(
            f"104: Field 'time' on type 'Envelope' is later than the allowed max date. "
            f"Expected: now + {MAX_AHEAD_S * 1000}ms, Actual: now + {-late_s * 1000:.0f}ms"
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
    if not _is_number(value) or not 0 < value <= 100:  # type: ignore[operator]  # _is_number has told it is a number
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
    _check_object(inner, value, _DATA)
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
        _check_object(inner, details, _EXCEPTION_DETAILS)
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
            _check_object(inner, frame, _STACK_FRAME)
        else:
            scope.warn(name, f"holds {_a(frame)} at {index}; expected a frame")


def _check_metrics(scope: _Scope, name: str, value: object, field: Field) -> None:
    points = _elements(scope, name, value)
    inner = scope.element("DataPoint", name, 0)
    if not isinstance(points[0], dict):
        raise inner.wrong(name, "object", points[0])
    _check_object(inner, points[0], _DATA_POINT)
    if len(points) > 1:
        scope.warn(name, f"holds {len(points)} points; only the first is kept")


def _elements(scope: _Scope, name: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        raise scope.wrong(name, "array", value)
    if not value:
        raise scope.missing(name, "array", "[]")
    return value


_CHECKS: dict[str, Callable[[_Scope, str, object, Field], None]] = {
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
