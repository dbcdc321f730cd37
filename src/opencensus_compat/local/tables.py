"""One accepted envelope as one row of a portal table. Pure: an envelope in, a table name and its values out.

The table and column names are those of the portal's log view (``requests``, ``operation_Id``, ``customDimensions`` ...),
so that a query can be tried here first. Dynamic columns are JSON text. Differences from the portal: ``appId`` repeats
the instrumentation key, locations are never derived from addresses, and ``itemId`` counts up.

Loses: metric points after the first (the service ignores them too), measurements that are not numbers, null properties.
Source: the portal's schema; specification sections 2 and 3.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from .shapes import SEVERITY_NAMES
from .times import parse_time, parse_timespan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .bodies import JsonObject

_TEXT, _REAL, _INT, _JSON = "TEXT", "REAL", "INTEGER", "JSON"

TAG_COLUMNS = {
    "operation_Name": "ai.operation.name",
    "operation_Id": "ai.operation.id",
    "operation_ParentId": "ai.operation.parentId",
    "operation_SyntheticSource": "ai.operation.syntheticSource",
    "session_Id": "ai.session.id",
    "user_Id": "ai.user.id",
    "user_AuthenticatedId": "ai.user.authUserId",
    "user_AccountId": "ai.user.accountId",
    "application_Version": "ai.application.ver",
    "client_Type": "ai.device.type",
    "client_Model": "ai.device.model",
    "client_OS": "ai.device.osVersion",
    "client_IP": "ai.location.ip",
    "client_City": "ai.location.city",
    "client_StateOrProvince": "ai.location.province",
    "client_CountryOrRegion": "ai.location.country",
    "client_Browser": "ai.user.userAgent",
    "cloud_RoleName": "ai.cloud.role",
    "cloud_RoleInstance": "ai.cloud.roleInstance",
}
"""Columns that hold a context tag, in table order."""

_OWN_COLUMNS: dict[str, dict[str, str]] = {
    "requests": {
        "id": _TEXT,
        "source": _TEXT,
        "name": _TEXT,
        "url": _TEXT,
        "success": _TEXT,
        "resultCode": _TEXT,
        "duration": _REAL,
        "performanceBucket": _TEXT,
    },
    "dependencies": {
        "id": _TEXT,
        "target": _TEXT,
        "type": _TEXT,
        "name": _TEXT,
        "data": _TEXT,
        "success": _TEXT,
        "resultCode": _TEXT,
        "duration": _REAL,
        "performanceBucket": _TEXT,
    },
    "traces": {"message": _TEXT, "severityLevel": _INT},
    "exceptions": {
        "problemId": _TEXT,
        "type": _TEXT,
        "message": _TEXT,
        "assembly": _TEXT,
        "method": _TEXT,
        "outerType": _TEXT,
        "outerMessage": _TEXT,
        "outerAssembly": _TEXT,
        "outerMethod": _TEXT,
        "innermostType": _TEXT,
        "innermostMessage": _TEXT,
        "innermostAssembly": _TEXT,
        "innermostMethod": _TEXT,
        "severityLevel": _INT,
        "details": _JSON,
    },
    "customEvents": {"name": _TEXT},
    "customMetrics": {
        "name": _TEXT,
        "value": _REAL,
        "valueCount": _INT,
        "valueSum": _REAL,
        "valueMin": _REAL,
        "valueMax": _REAL,
        "valueStdDev": _REAL,
        "metricNamespace": _TEXT,
    },
    "performanceCounters": {"name": _TEXT, "category": _TEXT, "counter": _TEXT, "instance": _TEXT, "value": _REAL},
    "availabilityResults": {
        "id": _TEXT,
        "name": _TEXT,
        "location": _TEXT,
        "success": _TEXT,
        "message": _TEXT,
        "duration": _REAL,
        "performanceBucket": _TEXT,
    },
    "pageViews": {"id": _TEXT, "name": _TEXT, "url": _TEXT, "duration": _REAL, "performanceBucket": _TEXT},
}
_WITHOUT_MEASUREMENTS = ("customMetrics", "performanceCounters")

_ITEM_TYPES = {
    "requests": "request",
    "dependencies": "dependency",
    "traces": "trace",
    "exceptions": "exception",
    "customEvents": "customEvent",
    "customMetrics": "customMetric",
    "performanceCounters": "performanceCounter",
    "availabilityResults": "availabilityResult",
    "pageViews": "pageView",
}


def _columns(table: str) -> dict[str, str]:
    columns = {"timestamp": _TEXT, **_OWN_COLUMNS[table], "itemType": _TEXT, "customDimensions": _JSON}
    if table not in _WITHOUT_MEASUREMENTS:
        columns["customMeasurements"] = _JSON
    columns.update(dict.fromkeys(TAG_COLUMNS, _TEXT))
    columns.update({"appId": _TEXT, "iKey": _TEXT, "sdkVersion": _TEXT, "itemId": _TEXT, "itemCount": _INT})
    return columns


TABLES: dict[str, dict[str, str]] = {table: _columns(table) for table in _OWN_COLUMNS}
"""Column types (``TEXT``, ``REAL``, ``INTEGER``, ``JSON``) by table and column, in column order."""

_BUCKETS_MS = (
    (250, "<250ms"),
    (500, "250ms-500ms"),
    (1000, "500ms-1sec"),
    (3000, "1sec-3sec"),
    (7000, "3sec-7sec"),
    (15000, "7sec-15sec"),
    (30000, "15sec-30sec"),
    (60000, "30sec-1min"),
    (120000, "1min-2min"),
    (300000, "2min-5min"),
)

# \Category(instance)\Counter, as Windows writes a performance counter.
_COUNTER = re.compile(r"\\([^\\(]*)(?:\((.*)\))?\\(.*)", re.DOTALL)


TableRow: TypeAlias = dict[str, Any]
"""A row as a query returns it: values by column, JSON columns parsed."""


@dataclass(frozen=True, slots=True)
class Row:
    """One item as the portal shows it."""

    table: str
    """A key of ``TABLES``."""
    values: tuple[object, ...]
    """One per column, in column order; dynamic columns as JSON text."""

    def as_dict(self) -> dict[str, object]:
        """Return the values by column name, dynamic columns as JSON text."""
        return dict(zip(TABLES[self.table], self.values, strict=True))


def row(envelope: Mapping[str, Any], number: int, user_agent: str = "") -> Row:
    """Return the row of one envelope that ``schema.check`` has accepted.

    Args:
        envelope: The parsed envelope.
        number: Arrival number, from 1; it becomes ``itemId``.
        user_agent: ``User-Agent`` header of the request, which the service shows as ``client_Browser`` of items that
            bring none.

    """
    data = envelope["data"]
    base = data["baseData"]
    table, own = _OWN_VALUES[data["baseType"]](base)
    tags = envelope.get("tags") or {}
    context = [value if (value := tags.get(tag)) is None or value.__class__ is str else _text(value) for tag in TAG_COLUMNS.values()]
    context[_BROWSER] = context[_BROWSER] or user_agent or None
    dimensions = _json(_dimensions(base.get("properties")))
    dynamic = (dimensions,) if table in _WITHOUT_MEASUREMENTS else (dimensions, _json(_measurements(base.get("measurements"))))
    key = str(envelope["iKey"]).lower()
    values = (
        _timestamp(envelope["time"]),
        *own,
        _ITEM_TYPES[table],
        *dynamic,
        *context,
        key,
        key,
        _text_or_none(tags.get("ai.internal.sdkVersion")),
        _item_id(number),
        _item_count(envelope.get("sampleRate")),
    )
    return Row(table, values)


def _item_id(number: int) -> str:
    return f"00000000-0000-0000-{number >> 48:04x}-{number & 0xFFFFFFFFFFFF:012x}"


def arrival_number(item_id: str) -> int:
    """Return the arrival number that the ``itemId`` of a row stands for."""
    return int(item_id.replace("-", "")[-16:], 16)


def decoded(table: str, values: Iterable[Any]) -> TableRow:
    """Return the values of a row by column, JSON columns parsed.

    Args:
        table: A key of ``TABLES``.
        values: One per column, in column order.

    """
    columns = TABLES[table].items()
    return {
        name: json.loads(value) if kind == "JSON" and value is not None else value
        for (name, kind), value in zip(columns, values, strict=True)
    }


def severity_number(level: object) -> int | None:
    """Return the number of a severity given as number or name, or ``None``."""
    if isinstance(level, bool):
        return None
    if isinstance(level, int):
        return level
    return SEVERITY_NAMES.index(level) if isinstance(level, str) and level in SEVERITY_NAMES else None


_BROWSER = list(TAG_COLUMNS).index("client_Browser")


def _text(value: object) -> str:
    """Return a JSON value as the text the portal shows: booleans as .NET spells them, structures as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "True" if value else "False"
    return _json(value)


def _text_or_none(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else _text(value)


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # json.dumps would build an encoder per call


def _json(value: object) -> str:
    return "{}" if value == {} else _encode(value)


def _dimensions(properties: object) -> dict[str, str]:
    if not isinstance(properties, dict):
        return {}
    return {key: value if value.__class__ is str else _text(value) for key, value in properties.items() if value is not None}


def _measurements(measurements: object) -> dict[str, float]:
    if not isinstance(measurements, dict):
        return {}
    return {key: value for key, value in measurements.items() if isinstance(value, (int, float)) and not isinstance(value, bool)}


def _timestamp(text: str) -> str:
    """Return a time in the portal's form, ``yyyy-mm-ddThh:mm:ss.ffffff0Z``."""
    parsed = parse_time(text)
    if parsed is None:
        return text
    return parsed[0].isoformat(timespec="microseconds")[:26] + "0Z"


def _item_count(rate_percent: object) -> int:
    if isinstance(rate_percent, (int, float)) and rate_percent > 0:
        return round(min(100 / rate_percent, 2**31 - 1))  # the column is a 32 bit integer
    return 1


def _milliseconds(base: Mapping[str, object]) -> float | None:
    duration = base.get("duration")
    return parse_timespan(duration) if isinstance(duration, str) else None


def _bucket(milliseconds: float | None) -> str | None:
    if milliseconds is None:
        return None
    return next((name for limit, name in _BUCKETS_MS if milliseconds < limit), ">=5min")


def _success(base: Mapping[str, object], true: str = "True", false: str = "False") -> str:
    return false if base.get("success") is False else true


def _request(base: Mapping[str, object]) -> tuple[str, tuple[object, ...]]:
    elapsed_ms = _milliseconds(base)
    text = [_text_or_none(base.get(name)) for name in ("id", "source", "name", "url")]
    return "requests", (*text, _success(base), _text_or_none(base.get("responseCode")), elapsed_ms, _bucket(elapsed_ms))


def _dependency(base: Mapping[str, object]) -> tuple[str, tuple[object, ...]]:
    elapsed_ms = _milliseconds(base)
    text = [_text_or_none(base.get(name)) for name in ("id", "target", "type", "name", "data")]
    return "dependencies", (*text, _success(base), _text_or_none(base.get("resultCode")), elapsed_ms, _bucket(elapsed_ms))


def _message(base: Mapping[str, object]) -> tuple[str, tuple[object, ...]]:
    return "traces", (_text_or_none(base.get("message")), severity_number(base.get("severityLevel")))


def _exception(base: JsonObject) -> tuple[str, tuple[object, ...]]:
    chain: list[JsonObject] = base["exceptions"]
    outer, inner = _exception_parts(chain[0]), _exception_parts(chain[-1])
    problem = _text_or_none(base.get("problemId"))
    if problem is None:
        problem = f"{outer[0]} at {outer[3]}" if outer[3] else outer[0]
    details = _json([_shown_details(details) for details in chain])
    return "exceptions", (problem, *outer, *outer, *inner, severity_number(base.get("severityLevel")), details)


def _exception_parts(details: Mapping[str, object]) -> tuple[str | None, str | None, str | None, str | None]:
    """Return type, message, assembly and method; the last two are those of the first frame with a method."""
    stack = details.get("parsedStack")
    frames = [frame for frame in stack if isinstance(frame, dict)] if isinstance(stack, list) else []
    first = next((frame for frame in frames if frame.get("method")), {})
    return (
        _text_or_none(details.get("typeName")),
        _text_or_none(details.get("message")),
        _text_or_none(first.get("assembly")),
        _text_or_none(first.get("method")),
    )


def _shown_details(details: Mapping[str, object]) -> dict[str, object]:
    """Return one exception as the ``details`` column spells it."""
    shown = {"id": _text(details.get("id", 0)), "outerId": _text(details.get("outerId", 0))}
    parts = {
        "type": details.get("typeName"),
        "message": details.get("message"),
        "parsedStack": details.get("parsedStack"),
        "rawStack": details.get("stack"),
    }
    return {**shown, **{name: value for name, value in parts.items() if value is not None}}


def _event(base: Mapping[str, object]) -> tuple[str, tuple[object, ...]]:
    return "customEvents", (_text_or_none(base.get("name")),)


def _metric(base: JsonObject) -> tuple[str, tuple[object, ...]]:
    point: JsonObject = base["metrics"][0]
    name, value = _text(point["name"]), point["value"]
    if name.startswith("\\"):
        return "performanceCounters", _counter(name, value)
    count = point.get("count")
    lone = count is None or count == 1
    low, high, deviation = point.get("min"), point.get("max"), point.get("stdDev")
    if lone:
        low, high, deviation = (value if low is None else low), (value if high is None else high), (0.0 if deviation is None else deviation)
    return "customMetrics", (name, value, 1 if count is None else count, value, low, high, deviation, _text_or_none(point.get("ns")))


def _counter(name: str, value: float) -> tuple[object, ...]:
    match = _COUNTER.fullmatch(name)
    if match is None:
        return (name, None, None, None, value)
    category, instance, counter = match.groups()
    return (counter, category, counter, instance, value)


def _performance_counter(base: Mapping[str, object]) -> tuple[str, tuple[object, ...]]:
    counter, category = _text(base["counterName"]), _text(base["categoryName"])
    return "performanceCounters", (counter, category, counter, _text_or_none(base.get("instanceName")), base["value"])


def _availability(base: Mapping[str, object]) -> tuple[str, tuple[object, ...]]:
    elapsed_ms = _milliseconds(base)
    text = [_text_or_none(base.get(name)) for name in ("id", "name", "runLocation")]
    # This table, unlike the others, spells success as 1 and 0.
    return "availabilityResults", (*text, _success(base, "1", "0"), _text_or_none(base.get("message")), elapsed_ms, _bucket(elapsed_ms))


def _page_view(base: Mapping[str, object]) -> tuple[str, tuple[object, ...]]:
    elapsed_ms = _milliseconds(base)
    text = [_text_or_none(base.get(name)) for name in ("id", "name", "url")]
    return "pageViews", (*text, elapsed_ms, _bucket(elapsed_ms))


_OWN_VALUES: dict[str, Callable[[JsonObject], tuple[str, tuple[object, ...]]]] = {
    "RequestData": _request,
    "RemoteDependencyData": _dependency,
    "MessageData": _message,
    "ExceptionData": _exception,
    "EventData": _event,
    "MetricData": _metric,
    "PerformanceCounterData": _performance_counter,
    "AvailabilityData": _availability,
    "PageViewData": _page_view,
}
