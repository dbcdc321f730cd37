"""Standard metrics: how long requests and dependencies took, by what the portal's pre-aggregated charts split them by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.trace import SpanKind

from . import incoming, outgoing
from .limits import MAX_VALUE
from .metrics import is_synthetic
from .spans import SAMPLE_RATE, copied, sample_rate_percent
from .status import NO_CODE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.sdk.trace import ReadableSpan

    from .head import Item

REQUESTS, DEPENDENCIES = "requests/duration", "dependencies/duration"
"""Names of the instruments: histograms in milliseconds. The service knows them by these, as ``_MS.MetricId``."""
ORIGIN = "appinsights.standard_metrics.origin"
"""Name of the gauge by which an exporter hears of a processor: its value is the processor's number in this process."""
PROCESSED = "_MS.ProcessedByMetricExtractors"
"""Property of items that the service is not to count again for its own standard metrics."""

_COUNTED = ("RequestData", "RemoteDependencyData")
_SERVER, _CONSUMER = SpanKind.SERVER, SpanKind.CONSUMER


def is_request(span: ReadableSpan) -> bool:
    """Return whether a span becomes a request, rather than a dependency."""
    return span.kind is _SERVER or span.kind is _CONSUMER


def kept_percent(span: ReadableSpan) -> float:
    """Return the rate at which a span was kept, above 0 to 100 percent; 100 where the span does not say."""
    return (sample_rate_percent(copied(span.attributes)) if SAMPLE_RATE in (span.attributes or ()) else None) or 100.0


def dimensions(span: ReadableSpan) -> dict[str, str]:
    """Return what a span is counted under, with the values that its item has.

    Source: specification section 6.3. The type is the item's own (``HTTP``), since it may be of any kind and not HTTP alone.
    """
    attributes = copied(span.attributes)
    status = span.status.status_code
    if is_request(span):
        synthetic = is_synthetic(attributes)
        request: dict[str, Any] = {}
        incoming.request(request, {}, attributes, span.name, status, url_query="drop")
        found = {"request/resultCode": request["responseCode"], "Request.Success": str(request["success"])}
        if synthetic:
            found["operation/synthetic"] = "True"
        return found
    fields: dict[str, Any] = {"resultCode": NO_CODE, "type": ""}
    outgoing.dependency(fields, attributes, span.kind, span.name, status, url_query="drop")
    return {
        "Dependency.Type": fields["type"],
        "Dependency.Success": str(fields["success"]),
        "dependency/target": fields.get("target", ""),
        "dependency/resultCode": fields["resultCode"],
    }


def overflow(dimensions: Mapping[str, str]) -> dict[str, str]:
    """Return what a span is counted under when there are too many different ones: only whether it succeeded."""
    return {key: value for key, value in dimensions.items() if key.endswith(".Success")} | {"otel.metric.overflow": "True"}


def properties(name: str, attributes: Mapping[str, object], context_tags: Mapping[str, str]) -> dict[str, object]:
    """Return the properties of a standard metric's item.

    Args:
        name: :data:`REQUESTS` or :data:`DEPENDENCIES`.
        attributes: Of the point.
        context_tags: Of its resource.
    Source: specification section 6.3.
    """
    return {
        "_MS.MetricId": name,
        "_MS.IsAutocollected": "True",
        **attributes,
        "cloud/roleInstance": context_tags.get("ai.cloud.roleInstance", "")[:MAX_VALUE],
        "cloud/roleName": context_tags.get("ai.cloud.role", "")[:MAX_VALUE],
    }


def mark(envelopes: Iterable[Item]) -> None:
    """Mark the request or dependency among a span's items, which are changed, as counted already. Source: specification section 6.4."""
    for envelope in envelopes:
        if envelope["data"]["baseType"] in _COUNTED:
            envelope["data"]["baseData"].setdefault("properties", {})[PROCESSED] = "True"


def marked(envelope: Mapping[str, object]) -> Mapping[str, object]:
    """Return an item that a program made itself, marked in the same way if it is a request or dependency; its own objects stay as they are.

    Loses: the mark, where the item has not the shape of one.
    """
    try:
        data: Any = envelope["data"]
        if data["baseType"] not in _COUNTED:
            return envelope
        properties = data["baseData"].get("properties") or {}
        return {**envelope, "data": {**data, "baseData": {**data["baseData"], "properties": {**properties, PROCESSED: "True"}}}}
    except (AttributeError, KeyError, TypeError):
        return envelope
