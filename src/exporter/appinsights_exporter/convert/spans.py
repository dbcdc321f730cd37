"""OpenTelemetry spans become requests or dependencies, and their events exceptions or messages."""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING

from opentelemetry.trace import DEFAULT_TRACE_STATE, Link, SpanKind, StatusCode

from ..errors import ConversionError
from . import events, incoming, outgoing
from .head import envelope_head
from .limits import MAX_ID, MAX_LINKS, MAX_VALUE, measurements, properties, tag, text
from .status import NO_CODE
from .timing import duration, timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from .head import Item

SAMPLE_RATE = "_MS.sampleRate"
"""Attribute in which samplers leave the sample rate, in percent."""
SPAN_ID = "census.span_id"
PARENT_SPAN_ID = "census.parent_span_id"
"""Attributes that hold ids which a program chose itself and which are not 16 hex digits."""
ITEM_ID = "ai.span.id"
"""Attribute with the id of a span's item, where the program has one. Records and children refer to the id of the span."""
FACADE_PREFIX = "census."
"""Attributes of facade records that start so are for this package and never shown."""
PROPERTIES = "census.properties"
"""Attribute of facade spans and records: JSON text of an object. Its fields are shown as properties, whatever they are called."""
FACADE_KEYS = frozenset({"census.event", "census.link.type", "census.none", PARENT_SPAN_ID, PROPERTIES, SPAN_ID, "census.status_code"})
"""Attributes of facade spans that are for this package and never shown."""

_THRESHOLD = re.compile(r"th:([0-9a-f]{1,14})")
_USER_TAGS = (("enduser.id", "ai.user.authUserId"), ("enduser.pseudo.id", "ai.user.id"), ("session.id", "ai.session.id"))
SHARED_KEYS = frozenset(
    {
        *(key for key, _ in _USER_TAGS),
        "user_agent.original",
        "http.user_agent",
        "user_agent.synthetic.type",
        "microsoft.custom_measurements",
    }
)
"""Attributes that :func:`shared_attributes` reads: without any of them it need not be called."""
# Compared by identity: equality of an enumeration's members is slow.
_SERVER, _CONSUMER, _ERROR = SpanKind.SERVER, SpanKind.CONSUMER, StatusCode.ERROR


def envelopes(
    span: ReadableSpan,
    instrumentation_key: str,
    context_tags: Mapping[str, str],
    url_query: str = "redact",
    facade: bool = False,
    known_rate_percent: float | None = None,
) -> list[Item]:
    """Return the items of a span: the request or dependency first, then one for each event.

    Args:
        span: A finished span; not changed.
        instrumentation_key: Of the resource that receives it.
        context_tags: Tags of the span's resource; copied.
        url_query: What becomes of the query of URLs.
        facade: Whether OpenCensus code made the span: its bookkeeping attributes are then read and hidden.
        known_rate_percent: At which the span was kept, where neither an attribute nor its trace state says so; None for 100 or not known.

    Raises:
        ConversionError: The span has no context or no start time.
    Loses: trace state, dropped counts, scope, link attributes, the description of a status that is not ERROR.
    Source: specification sections 2 and 4.
    """
    context = span.context
    start_ns = span.start_time
    if context is None or start_ns is None:
        raise ConversionError(f"span {span.name!r} has no {'context' if context is None else 'start time'}")
    try:
        # Written out: the call of copied() takes a third of the time of the copy.
        attributes: dict[str, object] = span.attributes.copy()  # type: ignore[union-attr]  # what has no copy() is caught
    except AttributeError:
        attributes = copied(span.attributes)
    if type(attributes) is not dict:
        attributes = dict(attributes)
    own: dict[str, object] | None = None
    status = span.status
    parent = span.parent
    span_id = context.span_id.to_bytes(8, "big").hex()
    parent_id = None if parent is None else span_id_text(parent.span_id)
    if facade:
        span_id = text(attributes.get(SPAN_ID) or span_id)[:MAX_ID]
        if attributes.get(PARENT_SPAN_ID):
            parent_id = tag("ai.operation.parentId", attributes[PARENT_SPAN_ID])
        own = own_properties(attributes)
        attributes = {key: value for key, value in attributes.items() if key not in FACADE_KEYS}
    elif ITEM_ID in attributes:
        span_id = text(attributes.pop(ITEM_ID) or span_id)[:MAX_ID]

    tags = dict(context_tags)
    tags["ai.operation.id"] = trace_id_text(context.trace_id)
    if parent_id is not None:
        tags["ai.operation.parentId"] = parent_id
    if SAMPLE_RATE in attributes:
        rate = sample_rate_percent(attributes)
    elif facade or context.trace_state is DEFAULT_TRACE_STATE:
        rate = known_rate_percent
    else:
        said = threshold_percent(context.trace_state)
        rate = known_rate_percent if said is None else said if said < 100 else None
    end_ns = span.end_time
    took = duration(start_ns, start_ns if end_ns is None else end_ns)
    fields: dict[str, object]
    numbers: dict[str, float] | None = None
    links = span.links
    kind = span.kind
    status_code = status.status_code
    if not SHARED_KEYS.isdisjoint(attributes):
        numbers = shared_attributes(tags, attributes)
    if kind is _SERVER or kind is _CONSUMER:
        item_kind = "Request"
        if links and "az.namespace" in attributes:
            waited_ms = _time_since_enqueued_ms(links, start_ns)
            if waited_ms is not None:
                numbers = {**(numbers or {}), "timeSinceEnqueued": waited_ms}
        # All that every request has at once: a dict that grows is made anew.
        fields = {"ver": 2, "id": span_id, "duration": took, "name": "", "responseCode": NO_CODE, "success": True}
        incoming.request(fields, tags, attributes, _name(span), status_code, url_query)
    else:
        item_kind = "RemoteDependency"
        # The name of the request that the work was done for; without OperationNameProcessor nobody knows it, and a wrong one is worse.
        if "ai.operation.name" in attributes and (operation := attributes.pop("ai.operation.name")):
            tags["ai.operation.name"] = tag("ai.operation.name", operation)
        fields = {"ver": 2, "id": span_id, "duration": took, "name": "", "resultCode": NO_CODE, "success": True, "type": ""}
        outgoing.dependency(fields, attributes, kind, _name(span), status_code, url_query)
    if own:
        attributes.update(own)
    shown = properties(attributes) if attributes else {}
    if status_code is _ERROR and status.description:
        shown["otel.status_description"] = text(status.description)[:MAX_VALUE]
    if links:
        shown["_MS.links"] = links_text(links)
    if shown:
        fields["properties"] = shown
    if numbers:
        fields["measurements"] = numbers
    envelope = envelope_head(item_kind, instrumentation_key, tags, timestamp(start_ns), fields, rate)
    found = span.events
    if not found:
        return [envelope]
    return [
        envelope,
        *events.envelopes(
            found,
            instrumentation_key=instrumentation_key,
            context_tags=context_tags,
            span_tags=tags,
            span_id=span_id,
            sample_rate_percent=rate,
        ),
    ]


@functools.lru_cache(maxsize=256)
def trace_id_text(trace_id: int) -> str:
    """Return a trace id as 32 lower-case hex digits. Remembered, because the spans of a batch share few traces."""
    return f"{trace_id:032x}"


@functools.lru_cache(maxsize=256)
def span_id_text(span_id: int) -> str:
    """Return a parent's span id as 16 lower-case hex digits. Remembered, because siblings share their parent."""
    return f"{span_id:016x}"


def copied(attributes: Mapping[str, object] | None) -> dict[str, object]:
    """Return a span's attributes as a dict that may be changed."""
    try:
        # Five times faster than dict(): the SDK's own container answers it with one copy of its dict.
        plain = attributes.copy()  # type: ignore[union-attr]  # what has no copy() is caught
    except AttributeError:
        plain = dict(attributes or {})
    return plain if type(plain) is dict else dict(plain)


def own_properties(attributes: Mapping[str, object]) -> dict[str, object]:
    """Return what a program calls by names that have a meaning here, so that the facade keeps it in :data:`PROPERTIES`."""
    kept = attributes.get(PROPERTIES)
    if not isinstance(kept, str):
        return {}
    try:
        found = json.loads(kept)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def sample_rate_percent(attributes: dict[str, object]) -> float | None:
    """Take the sample rate out of the attributes: percent, or None for 100 and for what is no rate."""
    rate = attributes.pop(SAMPLE_RATE, None)
    if rate is None or isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate < 100:
        return None
    return rate


def threshold_percent(trace_state: Mapping[str, str]) -> float | None:
    """Return the rate of which OpenTelemetry's consistent samplers leave the threshold in the trace state, percent; None where there is none.

    Args:
        trace_state: Its member ``ot`` has ``th:`` and up to 14 hex digits: of 2⁵⁶ random numbers those from there on are kept.
    Source: OpenTelemetry specification, "TraceState: Probability Sampling".
    """
    member = trace_state.get("ot")
    if not member or "th:" not in member:
        return None
    for part in member.split(";"):
        found = _THRESHOLD.fullmatch(part)
        if found is not None:
            percent = (1 - int(found[1].ljust(14, "0"), 16) / 2**56) * 100
            return round(percent, 10) or percent
    return None


def shared_attributes(
    tags: dict[str, str], attributes: dict[str, object], on_skipped: Callable[[str], object] | None = None
) -> dict[str, float] | None:
    """Move user, session, user agent and synthetic source to tags; return the measurements.

    Args:
        tags: Of the item; changed.
        attributes: Of a span or a log record; changed.
        on_skipped: Called with the key of a measurement that is not a finite number.
    """
    for key, name in _USER_TAGS:
        if key in attributes and (value := attributes[key]) is not None and value != "":
            tags[name] = tag(name, value)
            del attributes[key]
    agent_key = "user_agent.original" if attributes.get("user_agent.original") else "http.user_agent"
    agent = attributes.get(agent_key)
    synthetic = False
    if agent:
        agent = text(agent)
        synthetic = "AlwaysOn" in agent
        if "http.request.method" in attributes or "http.method" in attributes:
            tags["ai.user.userAgent"] = tag("ai.user.userAgent", agent)
            del attributes[agent_key]
            if "http.user_agent" in attributes and attributes["http.user_agent"] == agent:
                del attributes["http.user_agent"]
    if synthetic or ("user_agent.synthetic.type" in attributes and attributes["user_agent.synthetic.type"] in ("bot", "test")):
        tags["ai.operation.syntheticSource"] = "True"
    if "microsoft.custom_measurements" in attributes:
        return measurements(attributes.pop("microsoft.custom_measurements"), on_skipped)
    return None


def _name(span: ReadableSpan) -> str:
    """Return the name of a span; the SDK takes any object for one, such as a URL of a framework."""
    return span.name if type(span.name) is str else text(span.name)


def links_text(links: Sequence[Link], *, compact: bool = True) -> str:
    """Return the JSON text that the portal reads links from; at most 100 of them.

    Args:
        links: Of one span.
        compact: Whether to leave out the spaces that Python's json puts after separators; OpenCensus kept them:
            https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/trace_exporter/__init__.py#L199
    """
    found = [{"operation_Id": f"{link.context.trace_id:032x}", "id": f"{link.context.span_id:016x}"} for link in links[:MAX_LINKS]]
    return json.dumps(found, separators=(",", ":")) if compact else json.dumps(found)


def _time_since_enqueued_ms(links: Sequence[Link], start_ns: int) -> float | None:
    """Return the mean time that messages waited, milliseconds, or None if no link tells.

    The sum goes over the links that carry ``enqueuedTime`` (milliseconds since the epoch) and is divided by the number of all links.
    Source: specification section 4.3.
    """
    waits_ms = [
        start_ns // 1_000_000 - sent_ms
        for link in links
        if isinstance(sent_ms := (link.attributes or {}).get("enqueuedTime"), int) and not isinstance(sent_ms, bool)
    ]
    return max(0.0, sum(waits_ms) / len(links)) if waits_ms else None
