"""Metrics that OpenCensus code made keep the envelope of the retired exporter, field for field, so that saved queries keep working.

Where the old exporter lost data it is corrected: times say that they are UTC; every point of a series is sent, not the first one only;
distributions and summaries arrive; a label without a value, a function that is gone or a number that JSON cannot hold costs one point, not
the export of everything.

What is read of OpenCensus's classes stands in ``legacy_types``: their attributes alone count, never the class.
"""

from __future__ import annotations

import functools
import math
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, cast

from .head import envelope_head
from .limits import MAX_KEY, MAX_NAME, MAX_VALUE
from .metrics import MAX_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .head import Item
    from .legacy_types import Distribution, LabelKey, LabelValue, Metric, Summary, Value

NO_VALUE = "null"
"""What a label without a value reads. Source: specification section 7.3."""

_LARGEST_WHOLE_NUMBER = 2**63 - 1
_NUMBERS_AND_BOOLEANS = (bool, int, float)


def envelopes(metric: Metric, instrumentation_key: str | None, context_tags: Mapping[str, str]) -> tuple[list[Item], list[str]]:
    """Return an envelope for each point of a metric.

    A performance counter is a metric like any other: the service knows it by its name, which starts with a backslash.

    Args:
        metric: What OpenCensus exporters receive.
        instrumentation_key: The resource.
        context_tags: Tags of the program; each envelope gets a copy.

    Returns:
        The envelopes, with finite numbers alone, and what was wrong with the points that became none, each naming the metric.

    Loses: unit, description, start time, buckets, exemplars, percentiles of summaries; points without a finite number; distributions and
        summaries of no number at all; texts beyond the limits.
    Source: specification sections 6.2 and 7.3;
        https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/metrics_exporter/__init__.py#L95-L133
    """
    name = str(metric.descriptor.name)
    namespace, shown_name = name[:MAX_NAMESPACE], name[:MAX_NAME]
    keys = _keys(metric.descriptor.label_keys)
    made: list[Item] = []
    problems: list[str] = []
    for series in metric.time_series:
        for point in series.points:
            try:
                value = point.value
                kind: type = value.__class__
                values = _reader(kind)(value)
                if values is None:
                    continue
                data_point = {"ns": namespace, "name": shown_name, **values}
                shown = _properties(keys, series.label_values)
                made.append(item(data_point, point.timestamp, shown, instrumentation_key, dict(context_tags)))
            except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
                problems.append(f"metric {name!r}: {error}")
    return made, problems


def item(
    data_point: Mapping[str, object],
    time: datetime,
    properties: Mapping[str, object],
    instrumentation_key: str | None,
    context_tags: Mapping[str, str],
) -> Item:
    """Return the envelope of a data point.

    Args:
        data_point: With namespace, name and value; not copied.
        time: Of the point, as OpenCensus has it: UTC without a zone. One with a zone is converted.
        properties: Not copied.
        instrumentation_key: The resource.
        context_tags: Not copied.

    Raises:
        TypeError: The time is no datetime.
    Source:
        https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/metrics_exporter/__init__.py#L147-L164
    """
    fields = {"ver": 2, "metrics": [data_point], "properties": properties}
    return envelope_head("Metric", instrumentation_key, context_tags, _timestamp(time), fields)


def properties(label_keys: Iterable[LabelKey], label_values: Sequence[LabelValue | None]) -> dict[str, object]:
    """Return the properties of a series.

    Args:
        label_keys: The keys of the metric's labels.
        label_values: Their values. One that is missing, or has none, reads :data:`NO_VALUE`.
    Source:
        https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/metrics_exporter/__init__.py#L135-L145
    """
    return _properties(_keys(label_keys), label_values)


def _timestamp(time: datetime) -> str:
    # The old exporter said no zone, and no fraction of a whole second.
    if not isinstance(time, datetime):
        raise TypeError(f"expected a datetime as time of a point, got {time!r}")
    if time.tzinfo is not None:
        time = time.astimezone(timezone.utc).replace(tzinfo=None)
    return time.isoformat("T", "microseconds") + "Z"


@functools.lru_cache(maxsize=64)
def _reader(kind: type) -> Callable[[Any], dict[str, object] | None]:
    """Return what makes the fields of a data point of the values of a class. Remembered: there are few classes and many points.

    It returns None for a value that tells nothing, and raises ArithmeticError, AttributeError, TypeError or ValueError for what is no number.
    """
    return _distribution if hasattr(kind, "sum_of_squared_deviation") else _single


def _distribution(value: Distribution) -> dict[str, object] | None:
    if not value.count:
        return None
    # The deviation of the population, as the service's own SDKs compute it.
    fields: dict[str, object] = {
        "kind": "Aggregation",
        "value": _number(value.sum),
        "count": _number(value.count),
        "stdDev": _number(math.sqrt(value.sum_of_squared_deviation / value.count)),
    }
    # The facade's aggregation notes them; OpenCensus's own distributions have neither.
    least, most = getattr(value, "_min", None), getattr(value, "_max", None)
    if least is not None and most is not None:
        fields.update(min=_number(least), max=_number(most))
    return fields


def _single(value: Value | None) -> dict[str, object] | None:
    if value is None:
        raise ValueError("the function that returns its value is gone, or returned None")
    number = value.value
    if type(number) not in _NUMBERS_AND_BOOLEANS and hasattr(number.__class__, "sum_data"):
        return _summary(cast("Summary", number))
    return {"value": _number(number)}


def _summary(summary: Summary) -> dict[str, object] | None:
    if not summary.count:
        return None
    return {"kind": "Aggregation", "value": _number(summary.sum_data or 0), "count": _number(summary.count)}


def _number(value: object) -> int | float:
    """Return a number as JSON has them.

    Raises:
        ArithmeticError, TypeError, ValueError: It is none, or not finite.
    """
    if isinstance(value, int) and abs(value) <= _LARGEST_WHOLE_NUMBER:
        return int(value)
    number = float(cast("float", value))
    if not math.isfinite(number):
        raise ValueError(f"expected a finite number, got {value!r}")
    return number


def _keys(label_keys: Iterable[LabelKey]) -> list[str]:
    return [str(label_key.key)[:MAX_KEY] for label_key in label_keys]


def _properties(keys: list[str], label_values: Sequence[LabelValue | None]) -> dict[str, object]:
    found: dict[str, object] = {}
    for index, key in enumerate(keys):
        label_value = label_values[index] if index < len(label_values) else None
        value = None if label_value is None else label_value.value
        if value is None:
            found[key] = NO_VALUE
        elif type(value) in _NUMBERS_AND_BOOLEANS:
            # Not made text: the old exporter sent them so, and queries may compare with numbers. JSON has no others than finite ones.
            found[key] = value if type(value) is not float or math.isfinite(value) else str(value)
        else:
            found[key] = str(value)[:MAX_VALUE]
    return found
