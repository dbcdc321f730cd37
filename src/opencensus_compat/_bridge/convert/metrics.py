"""OpenCensus metrics as Application Insights envelopes, in the shape of the retired exporter.

Where the old exporter lost data it is corrected: times say that they are UTC; every point of a series is sent, not the first one only;
distributions and summaries arrive; a label without a value, a function that is gone or a number that JSON cannot hold costs one point, not
the export of everything.
"""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from opencensus_compat.metrics.export.value import ValueDistribution, ValueSummary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opencensus_compat.metrics.export.metric import Metric

NAME = "Microsoft.ApplicationInsights.Metric"
"""Name of the envelopes."""
NO_VALUE = "null"
"""What a label without a value reads. Source: specification section 7.3."""

MAX_NAME = 1024
MAX_NAMESPACE = 256
MAX_KEY = 150
MAX_VALUE = 8192
"""Longest texts, characters. Source: specification sections 1.4 and 6.2."""

_LARGEST_WHOLE_NUMBER = 2**63 - 1
_NUMBERS_AND_BOOLEANS = (bool, int, float)


def envelopes(metric: Metric, instrumentation_key: str | None, context_tags: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return an envelope for each point of a metric.

    A performance counter is a metric like any other: the service knows it by its name, which starts with a backslash.

    Args:
        metric: What OpenCensus exporters receive. Values stay cumulative.
        instrumentation_key: The resource.
        context_tags: Tags of the program; each envelope gets a copy.

    Returns:
        The envelopes as plain dicts, and what was wrong with the points that became none, each naming the metric.

    Loses: unit, description, start time, buckets, exemplars, percentiles of summaries; points without a finite number; distributions and
        summaries of no number at all; texts beyond the limits.
    Source: oc-azure metrics_exporter metric_to_envelopes; specification sections 6.2 and 7.3.
    """
    name = str(metric.descriptor.name)
    keys = _keys(metric.descriptor.label_keys)
    made: list[dict[str, Any]] = []
    problems: list[str] = []
    for series in metric.time_series:
        for point in series.points:
            try:
                values = _values(point.value)
                if values is None:
                    continue
                made.append(
                    {
                        "iKey": instrumentation_key,
                        "tags": dict(context_tags),
                        "time": timestamp(point.timestamp),
                        "name": NAME,
                        "data": {
                            "baseData": {
                                "metrics": [{"ns": name[:MAX_NAMESPACE], "name": name[:MAX_NAME], **values}],
                                "properties": dict(_properties(keys, series.label_values)),
                                "ver": 2,
                            },
                            "baseType": "MetricData",
                        },
                    }
                )
            except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
                problems.append(f"metric {name!r}: {error}")
    return made, problems


def properties(label_keys: Iterable[Any], label_values: Any) -> dict[str, Any]:
    """Return the properties of a series.

    Args:
        label_keys: The keys of the metric's labels.
        label_values: Their values.
    """
    return dict(_properties(_keys(label_keys), label_values))


def timestamp(time: datetime) -> str:
    """Return the time of a point in the form of the wire.

    Args:
        time: As OpenCensus has it, UTC without a zone; one with a zone is converted.
    Returns: ``YYYY-MM-DDTHH:MM:SS.ffffffZ``.

    Raises:
        TypeError: It is no datetime.
    """
    if not isinstance(time, datetime):
        raise TypeError(f"expected a datetime as time of a point, got {time!r}")
    if time.tzinfo is not None:
        time = time.astimezone(timezone.utc).replace(tzinfo=None)
    return time.isoformat("T", "microseconds") + "Z"


def _values(value: Any) -> dict[str, Any] | None:
    """Return the fields of a data point that tell the value; None for one that tells nothing.

    Raises:
        ArithmeticError, AttributeError, TypeError, ValueError: There is no such number.
    """
    if isinstance(value, ValueDistribution):
        return _distribution(value)
    if isinstance(value, ValueSummary):
        return _summary(value)
    if value is None:
        raise ValueError("the function that told its value is gone, or told none")
    return {"value": _number(value.value)}


def _distribution(value: ValueDistribution) -> dict[str, Any] | None:
    if not value.count:
        return None
    # The deviation of the population, as the service's own SDKs compute it.
    fields = {
        "kind": "Aggregation",
        "value": _number(value.sum),
        "count": _number(value.count),
        "stdDev": _number(math.sqrt(value.sum_of_squared_deviation / value.count)),
    }
    # OpenCensus's own distributions have neither.
    if value._min is not None and value._max is not None:
        fields.update(min=_number(value._min), max=_number(value._max))
    return fields


def _summary(value: ValueSummary) -> dict[str, Any] | None:
    summary = value.value
    if not summary.count:
        return None
    return {"kind": "Aggregation", "value": _number(summary.sum_data or 0), "count": _number(summary.count)}


def _number(value: Any) -> int | float:
    """Return a number as JSON has them.

    Raises:
        ArithmeticError, TypeError, ValueError: It is none, or not finite.
    """
    if isinstance(value, int) and abs(value) <= _LARGEST_WHOLE_NUMBER:
        return int(value)
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"expected a finite number, got {value!r}")
    return number


def _keys(label_keys: Iterable[Any]) -> list[str]:
    return [str(label_key.key)[:MAX_KEY] for label_key in label_keys]


def _properties(keys: list[str], label_values: Any) -> Iterator[tuple[str, Any]]:
    for index, key in enumerate(keys):
        label_value = label_values[index] if index < len(label_values) else None
        value = None if label_value is None else label_value.value
        if value is None:
            yield key, NO_VALUE
        elif type(value) in _NUMBERS_AND_BOOLEANS:
            # As they are: the old exporter did so, and queries may compare with numbers.
            yield key, value
        else:
            yield key, str(value)[:MAX_VALUE]
