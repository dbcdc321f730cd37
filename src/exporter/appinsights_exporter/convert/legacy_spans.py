"""Spans that OpenCensus code made keep the envelope of the retired exporter, field for field, so that saved queries keep working.

Where the old value was a defect it is corrected; each correction says so at its place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import SpanKind, StatusCode

from ..errors import ConversionError
from . import events
from .head import envelope_head
from .limits import (
    MAX_CODE,
    MAX_DATA,
    MAX_ID,
    MAX_KEY,
    MAX_MESSAGE,
    MAX_NAME,
    MAX_STACK,
    MAX_TARGET,
    MAX_TYPE,
    MAX_URL,
    MAX_VALUE,
    NO_NAME,
    required,
    tag,
    text,
)
from .spans import (
    FACADE_KEYS,
    PARENT_SPAN_ID,
    PROPERTIES,
    SAMPLE_RATE,
    SPAN_ID,
    copied,
    links_text,
    own_properties,
    sample_rate_percent,
    span_id_text,
    trace_id_text,
)
from .timing import duration_of_microseconds, timestamp
from .urls import host_and_port, split, without_credentials

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from .head import Item

SCOPE = "opencensus_compat"
"""Name of the instrumentation scope of facade spans."""
STATUS_CODE = "census.status_code"
"""Attribute with the gRPC code of the OpenCensus status; absent means OK."""
EVENT = "census.event"
"""Attribute of events that OpenCensus calls made. The retired exporter sent none of them."""

NONE = "census.none"
"""Attribute with the names of attributes that were there with the value None, which OpenTelemetry refuses."""

_UNKNOWN = 2
# Compared by identity: equality of an enumeration's members is slow.
_SERVER, _CLIENT, _ERROR = SpanKind.SERVER, SpanKind.CLIENT, StatusCode.ERROR


def envelopes(span: ReadableSpan, instrumentation_key: str, context_tags: Mapping[str, str]) -> Sequence[Item]:
    """Return the items of a facade span in the retired exporter's shape.

    An exception, if a server span has the attribute ``error.message``, comes before its request. Events that were added through the
    OpenTelemetry API follow as OpenTelemetry maps them.

    Args:
        span: A finished span; not changed.
        instrumentation_key: Of the resource that receives it.
        context_tags: Tags for every item; copied.

    Returns: A list; where properties may hold numbers that JSON has not, a tuple.

    Raises:
        ConversionError: The span has no context or no start time.
    Loses: annotations, message events, trace state, link types, as the retired exporter did.
    Source: specification section 7.1;
        https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/trace_exporter/__init__.py#L85-L206
    """
    context = span.context
    start_ns = span.start_time
    if context is None or start_ns is None:
        raise ConversionError(f"span {span.name!r} has no {'context' if context is None else 'start time'}")
    attributes: dict[str, Any] = copied(span.attributes)
    # Kept out of the properties, because it is not the program's.
    rate = sample_rate_percent(attributes) if SAMPLE_RATE in attributes else None
    end_ns = start_ns if span.end_time is None else span.end_time
    status_code = _status_code(span, attributes)
    kind = span.kind
    parent = span.parent

    tags = dict(context_tags)
    tags["ai.operation.id"] = trace_id_text(context.trace_id)
    if PARENT_SPAN_ID in attributes:
        tags["ai.operation.parentId"] = tag("ai.operation.parentId", attributes[PARENT_SPAN_ID])
    elif parent is not None:
        tags["ai.operation.parentId"] = span_id_text(parent.span_id)
    operation = attributes.pop("ai.operation.name", None)
    if operation:
        tags["ai.operation.name"] = tag("ai.operation.name", operation)
    span_id = text(attributes[SPAN_ID])[:MAX_ID] if SPAN_ID in attributes else context.span_id.to_bytes(8, "big").hex()
    fields: dict[str, object] = {"ver": 2, "id": span_id, "duration": duration_of_microseconds(start_ns, end_ns)}
    properties: dict[str, object] = {}
    if kind is _SERVER:
        item_kind = "Request"
        _request(fields, properties, tags, attributes, status_code)
    else:
        item_kind = "RemoteDependency"
        _dependency(fields, span.name, kind, attributes, status_code)
    links = span.links
    if links:
        # https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/trace_exporter/__init__.py#L194-L199
        properties["_MS.links"] = links_text(links, compact=False)
    # https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/trace_exporter/__init__.py#L201-L205
    for key, value in attributes.items():
        if key not in FACADE_KEYS and not key.startswith("http."):
            type_ = type(value)
            if type_ is str:
                shown = value if len(value) <= MAX_VALUE else value[:MAX_VALUE]
            elif (type_ is float and not isfinite(value)) or (type_ is tuple and not all(map(_is_finite, value))):
                # JSON has no such number.
                shown = text(value)[:MAX_VALUE]
            else:
                shown = value
            properties[key if len(key) <= MAX_KEY else key[:MAX_KEY]] = shown
    if PROPERTIES in attributes:
        properties.update(own_properties(attributes))
    fields["properties"] = properties

    time = timestamp(start_ns)
    items = [envelope_head(item_kind, instrumentation_key, tags, time, fields, rate)]
    if kind is _SERVER and _has("error.message", attributes):
        # The exception hangs below its request; it used to hang beside it.
        exception_tags = {**tags, "ai.operation.parentId": span_id}
        items.insert(0, envelope_head("Exception", instrumentation_key, exception_tags, time, _exception(attributes), rate))
    found = span.events
    if found:
        foreign = [event for event in found if EVENT not in (event.attributes or {})]
        items += events.envelopes(
            foreign,
            instrumentation_key=instrumentation_key,
            context_tags=context_tags,
            span_tags=tags,
            span_id=span_id,
            sample_rate_percent=rate,
        )
    # To find the attribute in the span's own container, once more, took a twentieth of the time.
    return tuple(items) if PROPERTIES in attributes else items


def _is_finite(value: object) -> bool:
    return type(value) is not float or isfinite(value)


def _status_code(span: ReadableSpan, attributes: dict[str, object]) -> int | str:
    """Return the code of the span's status, which a program may have in text; a failure that only the OpenTelemetry status holds counts as UNKNOWN."""
    code = attributes.get(STATUS_CODE)
    if isinstance(code, int):
        return code
    if isinstance(code, str) and code.strip():
        return code[:MAX_CODE]
    return _UNKNOWN if span.status.status_code is _ERROR else 0


def _http_status(value: object, status_code: int | str) -> tuple[str, bool]:
    """Return result code and success for the attribute ``http.status_code``.

    A number in text counts as its number, and any other text leaves success to the status: text used to cost the whole batch. An empty one
    leaves the code to it, too: the service refuses a request without.
    """
    code = required(text(value), MAX_CODE, str(status_code))
    try:
        return code, 200 <= float(value) < 400  # type: ignore[arg-type]  # a value of any type; what float() refuses is caught
    except (TypeError, ValueError, OverflowError):
        return code, status_code == 0


def _request(
    fields: dict[str, object], properties: dict[str, object], tags: dict[str, str], attributes: dict[str, object], status_code: int | str
) -> None:
    """Fill in a request.

    Source: https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/trace_exporter/__init__.py#L128-L153
    """
    fields["responseCode"], fields["success"] = str(status_code), status_code == 0
    if "http.status_code" in attributes:
        fields["responseCode"], fields["success"] = _http_status(attributes["http.status_code"], status_code)
    name = text(attributes["http.method"]) if "http.method" in attributes else ""
    if "http.route" in attributes:
        name = f"{name} {text(attributes['http.route'])}"
        tags["ai.operation.name"] = tag("ai.operation.name", name)
        properties["request.name"] = name
    elif "http.path" in attributes:
        properties["request.name"] = f"{name} {text(attributes['http.path'])}"
    fields["name"] = name[:MAX_NAME]
    if "http.url" in attributes:
        # Passwords are never passed on.
        url = without_credentials(text(attributes["http.url"]))
        fields["url"] = url[:MAX_URL]
        properties["request.url"] = url[:MAX_VALUE]


def _dependency(fields: dict[str, object], name: str, kind: SpanKind, attributes: dict[str, object], status_code: int | str) -> None:
    """Fill in a dependency.

    Source: https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/trace_exporter/__init__.py#L157-L193
    """
    fields["name"] = name[:MAX_NAME] or NO_NAME
    # In-process spans follow their status too; they used to succeed always.
    fields["resultCode"], fields["success"] = str(status_code), status_code == 0
    if kind is not _CLIENT:
        fields["type"] = "INPROC"
        return
    component = attributes.get("component")
    if component is not None:
        fields["type"] = text(component)[:MAX_TYPE]
    if "http.url" in attributes:
        url = text(attributes["http.url"])
        _, authority, path = split(url)
        fields["data"] = without_credentials(url)[:MAX_DATA]
        fields["target"] = host_and_port(authority)[:MAX_TARGET]
        if "http.method" in attributes:
            fields["name"] = f"{text(attributes['http.method'])} {_without_parameters(path) if ';' in path else path}"[:MAX_NAME]
    if "http.status_code" in attributes:
        fields["resultCode"], fields["success"] = _http_status(attributes["http.status_code"], status_code)


def _without_parameters(path: str) -> str:
    """Return a URL's path without the ``;parameters`` of its last segment, as urllib.parse.urlparse gives it."""
    end = path.find(";", path.rfind("/") + 1)
    return path if end < 0 else path[:end]


def _has(key: str, attributes: dict[str, object]) -> bool:
    if key in attributes:
        return True
    lost = attributes.get(NONE)
    return isinstance(lost, (list, tuple)) and key in lost


def _exception(attributes: dict[str, object]) -> dict[str, object]:
    """Return the fields of the exception of a server span.

    Source: https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/trace_exporter/__init__.py#L98-L119
    """
    stack = _stack(attributes.get("stacktrace"))
    details: dict[str, object] = {
        "id": 1,
        "outerId": 0,
        "typeName": text(attributes.get("error.name") or "Exception")[:MAX_NAME],
        "message": text(attributes.get("error.message") or "Exception")[:MAX_MESSAGE],
        "hasFullStack": _has("stacktrace", attributes),
    }
    if not isinstance(stack, (str, list, tuple)):
        details["parsedStack"] = []
    elif not isinstance(stack, str) and all(isinstance(frame, Mapping) for frame in stack):
        details["parsedStack"] = _frames(stack)
    elif stack:
        # The web integrations leave text here. As parsedStack the service refuses it, with the whole item.
        lines = stack if isinstance(stack, (list, tuple)) else (stack,)
        details["stack"] = "\n".join(text(line) for line in lines)[:MAX_STACK]
    return {"ver": 2, "exceptions": [details]}


def _stack(stack: object) -> Any:
    """Return the attribute ``stacktrace`` with its frames: OpenTelemetry attributes hold no mappings, so the facade keeps them as JSON."""
    if isinstance(stack, str) and stack.startswith("[{"):
        try:
            return json.loads(stack)
        except (ValueError, RecursionError):
            return stack
    return stack


def _frames(stack: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """Return frames, innermost first and numbered from 0; the OpenCensus numbering ran backwards."""
    return [{**frame, "level": level} for level, frame in enumerate(stack)]
