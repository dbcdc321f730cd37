"""Points of OpenTelemetry metrics become metric items: one item for each point, because the service stores only an item's first.

==================================== ====================================================== ==================
point                                value                                                  ``kind``
==================================== ====================================================== ==================
of a sum or a gauge                  the number; count 1                                    absent
of a histogram of either kind        sum, count, min, max                                   ``Aggregation``
of one with a single measurement     the same                                               absent
of one without any                   no item: it says nothing
==================================== ====================================================== ==================
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

from ..errors import ConversionError
from .head import envelope_head
from .limits import MAX_NAME, properties, required, tag, text
from .timing import timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.metrics.export import DataPointT

    from .head import Item

MAX_NAMESPACE = 256
MAX_COUNT = 2**31 - 1
"""The service keeps counts in 32 bits."""
OVERFLOW = "otel.metric.overflow"
"""Attribute of the point in which an SDK sums what it has no room for."""

_LEAST_INT, _LARGEST_INT = -(2**63), 2**64 - 1
_SYNTHETIC_KEYS = frozenset({"user_agent.synthetic.type", "user_agent.original", "http.user_agent"})


class NotFiniteError(ConversionError):
    """A point has no finite value, and the service takes no other."""


def envelope(
    point: DataPointT, name: str, *, instrumentation_key: str, context_tags: Mapping[str, str], namespace: str = ""
) -> Item | None:
    """Return the item of a point, or None for a histogram without measurements.

    Args:
        point: Not changed.
        name: Of the metric, as it shall be shown.
        instrumentation_key: Of the resource that receives it.
        context_tags: Tags of the metric's resource; not copied unless a tag is added.
        namespace: Under which the portal lists the metric; empty for its default.

    Raises:
        NotFiniteError: The value is NaN, infinite, or beyond what a float holds.
        ConversionError: The value is no number, or the time is outside of the calendar.
    Loses: unit, description, start time, buckets, exemplars, whether it is a sum and of which temporality; counts beyond 32 bits.
    Source: specification section 6.2.
    """
    values = aggregate(point)
    if values is None:
        return None
    return item(
        name,
        values,
        point.attributes,
        point.time_unix_nano,
        instrumentation_key=instrumentation_key,
        context_tags=context_tags,
        namespace=namespace,
    )


def aggregate(point: DataPointT) -> dict[str, object] | None:
    """Return what the service stores of a point: value, count, and where known min and max; None for a histogram without measurements.

    Raises:
        NotFiniteError: The value is not finite.
        ConversionError: The value is no number.
    """
    # Read by what they hold: the SDK's classes of histogram points have no common base.
    count = getattr(point, "count", None)
    if count is None:
        return {"value": number(point.value), "count": 1}  # type: ignore[union-attr]  # a point without a count is a number's
    if count == 0:
        return None
    values: dict[str, object] = {"value": number(point.sum), "count": min(int(count), MAX_COUNT)}  # type: ignore[union-attr]  # and one with a count a histogram's
    if count != 1:
        values["kind"] = "Aggregation"
    for field in ("min", "max"):
        # A view may switch them off, which leaves infinities or nothing.
        try:
            values[field] = number(getattr(point, field, None))
        except ConversionError:
            continue
    return values


def item(
    name: str,
    values: Mapping[str, object],
    attributes: Mapping[str, object] | None,
    time_ns: int,
    *,
    instrumentation_key: str,
    context_tags: Mapping[str, str],
    namespace: str = "",
) -> Item:
    """Return a metric item.

    Args:
        name: As it shall be shown.
        values: Fields of the point beside its name.
        attributes: Become properties; all of them, also those that become a tag as well.
        time_ns: End of the interval, nanoseconds since the epoch.
        instrumentation_key: Of the resource that receives it.
        context_tags: Not copied unless a tag is added.
        namespace: Empty for the portal's default.

    Raises:
        ConversionError: The time is outside of the calendar.
    """
    point: dict[str, object] = {"name": _shown(name if type(name) is str else text(name)), **values}
    if namespace:
        point["ns"] = text(namespace)[:MAX_NAMESPACE]
    fields: dict[str, object] = {"ver": 2, "metrics": [point]}
    tags = context_tags
    if attributes:
        shown = properties(dict(attributes))
        if shown:
            fields["properties"] = shown
        if not _SYNTHETIC_KEYS.isdisjoint(attributes) and is_synthetic(attributes):
            tags = {**context_tags, "ai.operation.syntheticSource": tag("ai.operation.syntheticSource", True)}
    try:
        at = timestamp(time_ns)
    except (TypeError, ValueError) as error:
        raise ConversionError(f"metric {name!r} has no valid time") from error
    return envelope_head("Metric", instrumentation_key, tags, at, fields)


@functools.lru_cache(maxsize=64)
def _shown(name: str) -> str:
    """Return a name within the limits. Remembered, because the points of a metric follow each other."""
    return required(name, MAX_NAME)


def is_synthetic(attributes: Mapping[str, object]) -> bool:
    """Return whether the attributes are of work that a robot or an availability test asked for. Source: specification section 2.3."""
    if attributes.get("user_agent.synthetic.type") in ("bot", "test"):
        return True
    agent = attributes.get("user_agent.original") or attributes.get("http.user_agent")
    return isinstance(agent, str) and "AlwaysOn" in agent


def number(value: object) -> int | float:
    """Return a value as a number that JSON holds.

    Raises:
        NotFiniteError: It is NaN, infinite, or beyond what a float holds.
        ConversionError: It is no number.
    Loses: digits of whole numbers over 64 bits.
    """
    if type(value) is int and _LEAST_INT <= value <= _LARGEST_INT:
        return value
    try:
        converted = value if type(value) is float else float(value)  # type: ignore[arg-type]  # what float() refuses is caught
    except OverflowError as error:
        raise NotFiniteError("a metric's value is beyond what a float holds") from error
    except (TypeError, ValueError) as error:
        raise ConversionError(f"expected a number as a metric's value, got {type(value).__name__}") from error
    if not math.isfinite(converted):
        raise NotFiniteError(f"a metric's value is {converted}")
    return converted
