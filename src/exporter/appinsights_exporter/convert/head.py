"""The head of an envelope: what every item carries around the fields of its own kind.

All converters build their items here. A field that all envelopes shall have is added in this file, and nowhere else in the conversion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping


class Data(TypedDict):
    """The kind of an item, and the fields that this kind has."""

    baseType: str
    baseData: dict[str, Any]
    """Of JSON values."""


class _Head(TypedDict):
    name: str
    iKey: str | None
    """Instrumentation key of the resource; None only where a program of OpenCensus's has set none."""
    tags: Mapping[str, str]
    time: str
    data: Data


class Item(_Head, total=False):
    """One envelope, with the wire's spelling: a plain dict."""

    sampleRate: float
    """Percent at which the item was kept; absent for 100."""


KINDS = ("Request", "RemoteDependency", "Exception", "Message", "Event", "Availability", "Metric")
"""What an item can be. Source: specification section 1.3."""

_NAMES = {kind: (f"Microsoft.ApplicationInsights.{kind}", f"{kind}Data") for kind in KINDS}


def envelope_head(
    kind: str,
    instrumentation_key: str | None,
    tags: Mapping[str, str],
    time: str,
    fields: dict[str, object],
    sample_rate_percent: float | None = None,
) -> Item:
    """Return an item: the head, and in it the fields of its kind.

    Called by position, once for each item: names would cost as much again.

    Args:
        kind: One of :data:`KINDS`.
        instrumentation_key: Of the resource that receives the item.
        tags: Of the item; not copied.
        time: ``YYYY-MM-DDTHH:MM:SS.ffffffZ``.
        fields: Of the kind, with ``ver``; not copied.
        sample_rate_percent: At which the item was kept; None for 100.
    Source: specification section 1.1.
    """
    name, base_type = _NAMES[kind]
    # What is the same from item to item stands together: the body is compressed faster and further.
    item: Item = {
        "name": name,
        "iKey": instrumentation_key,
        "tags": tags,
        "time": time,
        "data": {"baseType": base_type, "baseData": fields},
    }
    if sample_rate_percent is not None:
        item["sampleRate"] = sample_rate_percent
    return item
