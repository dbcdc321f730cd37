"""What the retired exporter stored, as the service wants it. Pure.

Loses: lines that are no JSON object, and what :func:`normalised` says.
Source: specification section 12.2, steps 4 and 5, and the legacy column of section 15.
"""

from __future__ import annotations

import datetime
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from .. import reasons
from ..errors import EncodingError
from . import encode
from .store import MAX_AGE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..reasons import Reason

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ]((?!24)\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_PIPED = re.compile(r"\|[^.|]*\.([^.|]+)\.?")
_ZEROS = re.compile(r"\|?[0.]+")
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_NO_NAME = "n/a"
_MOST_SEVERE = 4


@dataclass(frozen=True, slots=True)
class Dropped:
    """An envelope that is not to be sent."""

    reason: Reason
    """Why not."""


def normalised(envelope: object, now_s: float, instrumentation_key: str) -> dict[str, object] | Dropped:
    """Return a legacy envelope as the service wants it, or why it is not to be sent. Pure; the argument is not changed.

    A time without a zone gets its ``Z``; property values become text; severities over 4 become 4; a parent ``|trace.span.`` becomes
    ``span``; ids that are all zeros (a record outside of any span) and fields without a value go; a stack that is text moves to where
    text belongs.

    Args:
        envelope: One parsed line.
        now_s: Wall clock, seconds since the epoch.
        instrumentation_key: Of the destination, in lower case; what is meant for another resource is not for this one to send.
    Loses: properties without a value; measurements and metric values that are no finite numbers.
    Source: specification section 12.2, steps 4 and 5, and the legacy column of section 15.
    """
    if not isinstance(envelope, dict) or not isinstance(envelope.get("data"), dict):
        return Dropped(reasons.LEGACY_NOT_AN_ENVELOPE)
    base_type, fields = envelope["data"].get("baseType"), envelope["data"].get("baseData")
    if not isinstance(base_type, str) or not isinstance(fields, dict):
        return Dropped(reasons.LEGACY_NOT_AN_ENVELOPE)
    if envelope.get("name") == "Statsbeat":
        return Dropped(reasons.LEGACY_STATSBEAT)
    found = _time(envelope.get("time"))
    if found is None:
        return Dropped(reasons.LEGACY_NO_TIME)
    text, second = found
    if now_s - second > MAX_AGE_S:
        return Dropped(reasons.LEGACY_TOO_OLD)
    if str(envelope.get("iKey")).strip().lower() != instrumentation_key:
        return Dropped(reasons.LEGACY_OTHER_KEY)
    fields = {key: value for key, value in fields.items() if value is not None}
    for name, convert in _FIELDS.items():
        if name in fields:
            fields[name] = convert(fields[name])
            if fields[name] is None:
                del fields[name]
    if base_type == "MetricData" and not fields.get("metrics"):
        return Dropped(reasons.LEGACY_NO_VALUE)
    if base_type == "RemoteDependencyData" and not fields.get("name"):
        fields["name"] = _NO_NAME
    rest = {key: value for key, value in envelope.items() if value is not None}
    data = {"baseType": base_type, "baseData": fields}
    return {**rest, "time": text, "iKey": instrumentation_key, "tags": _tags(envelope.get("tags")), "data": data}


def normalised_item(line: bytes, now_s: float, key: str) -> bytes | Dropped:
    """Return one line of a blob as an encoded item, or why it is not to be sent; see :func:`normalised`."""
    try:
        try:
            envelope = orjson.loads(line)
        except orjson.JSONDecodeError:
            # The legacy exporter wrote NaN and infinities, which only the standard library reads.
            envelope = json.loads(line)
    except (ValueError, RecursionError):
        return Dropped(reasons.LEGACY_NOT_JSON)
    result = normalised(envelope, now_s, key)
    if isinstance(result, Dropped):
        return result
    try:
        return encode.item(result)
    except EncodingError:
        return Dropped(reasons.LEGACY_TOO_LONG)


def _time(value: object) -> tuple[str, float] | None:
    """Return a time with its zone, and in seconds since the epoch; None if it is no time."""
    if not isinstance(value, str) or (parts := _TIME.fullmatch(value)) is None:
        return None
    day, clock, fraction, zone = parts.groups()
    try:
        moment = datetime.datetime.fromisoformat(f"{day}T{clock}{'+00:00' if zone in (None, 'Z') else zone}")
        seconds = (moment - _EPOCH).total_seconds()
    except (ValueError, OverflowError):
        return None
    return (value if zone else value + "Z"), seconds + float(f"0.{fraction or 0}")


def _tags(value: object) -> dict[str, str]:
    tags = {str(key): _text(tag) for key, tag in value.items() if tag is not None} if isinstance(value, dict) else {}
    for name in ("ai.operation.id", "ai.operation.parentId"):
        if _ZEROS.fullmatch(tags.get(name, "")):
            del tags[name]
    piped = _PIPED.fullmatch(tags.get("ai.operation.parentId", ""))
    if piped:
        if _ZEROS.fullmatch(piped[1]):
            del tags["ai.operation.parentId"]
        else:
            tags["ai.operation.parentId"] = piped[1]
    return tags


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, (dict, list)):
        return str(value)
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return f"<{type(value).__name__}>"


def _properties(value: object) -> dict[str, str] | None:
    return {key: _text(inner) for key, inner in value.items() if inner is not None and key} if isinstance(value, dict) else None


def _measurements(value: object) -> dict[str, float] | None:
    return {key: number for key, number in value.items() if _is_number(number) and key} if isinstance(value, dict) else None


def _severity(value: object) -> int | None:
    return max(0, min(value, _MOST_SEVERE)) if isinstance(value, int) and not isinstance(value, bool) else None


def _metrics(value: object) -> list[dict[str, object]] | None:
    points = value if isinstance(value, list) else []
    return [
        {key: inner for key, inner in point.items() if inner is not None}
        for point in points
        if isinstance(point, dict) and _is_number(point.get("value"))
    ]


def _exceptions(value: object) -> list[object] | None:
    return [_exception(details) if isinstance(details, dict) else details for details in value] if isinstance(value, list) else None


def _exception(details: dict[str, object]) -> dict[str, object]:
    """Return the details without empty fields, a stack given as text where text belongs, and frames counted from the innermost."""
    kept = {key: value for key, value in details.items() if value is not None}
    for name in ("typeName", "message"):
        kept[name] = _text(kept.get(name) or "Exception")
    stack = kept.pop("parsedStack", None)
    if stack and isinstance(stack, list) and all(isinstance(frame, dict) for frame in stack):
        kept["parsedStack"] = [{**frame, "level": level} for level, frame in enumerate(stack)]
    elif stack:
        kept["stack"] = stack if isinstance(stack, str) else "\n".join(map(_text, stack)) if isinstance(stack, list) else _text(stack)
    if not kept.get("parsedStack") and not kept.get("stack"):
        kept["hasFullStack"] = False
    return kept


def _is_number(value: object) -> bool:
    # Larger integers fit no double; infinities and NaN are not less either.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 2**1023


_FIELDS: dict[str, Callable[[object], object]] = {
    "properties": _properties,
    "measurements": _measurements,
    "severityLevel": _severity,
    "metrics": _metrics,
    "exceptions": _exceptions,
}
"""Field of ``baseData`` to what makes it right; None from it means that the field goes."""
