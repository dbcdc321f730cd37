"""Events of a span become items of their own: exceptions and messages, children of the span."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .exceptions import details, without_span_frames
from .head import envelope_head
from .limits import MAX_MESSAGE, measurements, properties, required, tag, text
from .timing import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.sdk.trace import Event

    from .head import Item

_TAGS_OF_THE_SPAN = (
    "ai.operation.name",
    "ai.operation.syntheticSource",
    "ai.session.id",
    "ai.user.authUserId",
    "ai.user.id",
)


def envelopes(
    events: Iterable[Event],
    *,
    instrumentation_key: str,
    context_tags: Mapping[str, str],
    span_tags: Mapping[str, str],
    span_id: str,
    sample_rate_percent: float | None,
) -> list[Item]:
    """Return one item for each event, in order.

    Args:
        events: Of one span; those that OpenCensus calls made are to be left out by the caller.
        instrumentation_key: Of the resource.
        context_tags: Tags of the span's resource.
        span_tags: Tags of the span's item.
        span_id: Id of the span's item.
        sample_rate_percent: Of the span; None for 100.
    Source: specification section 4.8.
    """
    base = {**context_tags, "ai.operation.id": span_tags["ai.operation.id"], "ai.operation.parentId": span_id}
    for name in _TAGS_OF_THE_SPAN:
        if name in span_tags:
            base[name] = span_tags[name]
    return [_envelope(event, instrumentation_key, dict(base), sample_rate_percent) for event in events]


def _envelope(event: Event, instrumentation_key: str, tags: dict[str, str], rate: float | None) -> Item:
    attributes: dict[str, object] = dict(event.attributes or {})
    # Says which OpenCensus call made the event: for the exporter, not for the reader.
    attributes.pop("census.event", None)
    session = attributes.pop("session.id", None)
    if session:
        tags["ai.session.id"] = tag("ai.session.id", session)
    numbers = measurements(attributes.pop("microsoft.custom_measurements", None))
    if event.name == "exception":
        kind, fields = "Exception", {"ver": 2, "exceptions": _exceptions(attributes)}
    else:
        kind, fields = "Message", {"ver": 2, "message": required(text(event.name), MAX_MESSAGE)}
    shown = properties(attributes)
    if shown:
        fields["properties"] = shown
    if numbers:
        fields["measurements"] = numbers
    return envelope_head(kind, instrumentation_key, tags, timestamp(event.timestamp), fields, rate)


def _exceptions(attributes: dict[str, object]) -> list[dict[str, object]]:
    return details(
        text(attributes.pop("exception.type", None) or ""),
        text(attributes.pop("exception.message", None) or ""),
        without_span_frames(text(attributes.pop("exception.stacktrace", None) or "")),
        with_text=True,
    )
