"""Metrics as the portal draws them: sums, counts, averages, extremes for each interval of time, split by a dimension."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .store import Store

GRAINS_S = (1, 5, 10, 30, 60, 300, 900, 1800, 3600, 14400, 86400)
"""Lengths of intervals, seconds. The portal's shortest is 60."""

MOST_SERIES = 20
"""Values of a dimension that get a line; the others, with the least points, are left out and counted."""

_INTERVALS = 120
_LATEST_POINTS = 2_000
_TABLES = ("customMetrics", "performanceCounters")
_LEAST_POINTS = 3


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric in a list."""

    table: str
    """``customMetrics`` or ``performanceCounters``."""
    name: str
    namespace: str | None
    points: int
    first: str
    last: str
    dimensions: tuple[str, ...]
    """Names of properties of its latest points."""
    cumulative: bool
    """Each value seems to include those before it, as OpenCensus's views send them: no series ever falls."""


@dataclass(slots=True)
class Series:
    """The points of one line, interval by interval; None where nothing arrived."""

    value: str | None
    """Of the dimension; None when the metric is not split, or a point lacks it."""
    sum: list[float | None] = field(default_factory=list)
    count: list[float | None] = field(default_factory=list)
    min: list[float | None] = field(default_factory=list)
    max: list[float | None] = field(default_factory=list)
    avg: list[float | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Chart:
    """A metric over time."""

    grain_s: int
    times_s: tuple[int, ...]
    """Start of each interval, seconds since the Unix epoch."""
    series: tuple[Series, ...]
    """Those with most points first."""
    left_out: int
    """Series without a line."""


def metrics(store: Store) -> list[Metric]:
    """Return the metrics of a recording, by table and name."""
    found = []
    for table in _TABLES:
        namespace = "metricNamespace" if table == "customMetrics" else "NULL"
        listed = store.query(f"SELECT name, {namespace}, count(*), min(timestamp), max(timestamp) FROM {table} GROUP BY 1, 2 ORDER BY 1, 2")
        for name, space, points, first, last in listed:
            dimensions, cumulative = _latest(store, table, name, space)
            found.append(Metric(table, name or "", space, points, first or "", last or "", dimensions, cumulative))
    return found


def chart(store: Store, table: str, name: str, namespace: str | None = None, by: str = "", grain_s: int = 0) -> Chart:
    """Return a metric as a chart.

    Args:
        store: Where its points are.
        table: ``customMetrics`` or ``performanceCounters``.
        name: Of the metric.
        namespace: Of the metric, where it has one.
        by: A dimension; each of its values becomes a series.
        grain_s: Length of the intervals; 0 chooses one that makes at most ``_INTERVALS`` of them.

    Raises:
        KeyError: The table holds no metrics.

    """
    if table not in _TABLES:
        raise KeyError(f"expected a table of metrics, {' or '.join(_TABLES)}, got {table!r}")
    where, parameters = _of(table, name, namespace)
    [(first, last)] = store.query(
        f"SELECT min(strftime('%s', timestamp)), max(strftime('%s', timestamp)) FROM {table} WHERE {where}", parameters
    )
    if first is None:
        return Chart(grain_s or GRAINS_S[0], (), (), 0)
    grain = grain_s or next((grain for grain in GRAINS_S if (int(last) - int(first)) / grain <= _INTERVALS), GRAINS_S[-1])
    values = (
        "sum(valueSum), sum(valueCount), min(coalesce(valueMin, value)), max(coalesce(valueMax, value))"
        if table == "customMetrics"
        else "sum(value), count(*), min(value), max(value)"
    )
    split = "(SELECT value FROM json_each(customDimensions) WHERE key IN (?, ?))" if by else "NULL"
    points = store.query(
        f"SELECT {split} AS split, CAST(strftime('%s', timestamp) AS INTEGER) / {grain} AS interval, {values} FROM {table}"
        f" WHERE {where} GROUP BY 1, 2",
        [*((by, json.dumps(by, ensure_ascii=False)[1:-1]) if by else ()), *parameters],
    )
    start, end = int(first) // grain, int(last) // grain
    length = end - start + 1
    by_value: dict[str | None, dict[int, tuple[float, float, float, float]]] = {}
    for value, interval, *figures in points:
        by_value.setdefault(value, {})[interval - start] = tuple(figures)
    ordered = sorted(by_value, key=lambda value: (-len(by_value[value]), str(value)))
    series = tuple(_series(value, by_value[value], length) for value in ordered[:MOST_SERIES])
    return Chart(grain, tuple((start + place) * grain for place in range(length)), series, max(0, len(ordered) - MOST_SERIES))


def _series(value: str | None, points: dict[int, tuple[float, float, float, float]], length: int) -> Series:
    made = Series(value)
    for place in range(length):
        total, count, low, high = points.get(place, (None, None, None, None))
        made.sum.append(total)
        made.count.append(count)
        made.min.append(low)
        made.max.append(high)
        made.avg.append(total / count if total is not None and count else None)
    return made


def _of(table: str, name: str, namespace: str | None) -> tuple[str, list[object]]:
    if table == "performanceCounters":
        return "name = ?", [name]
    return "name = ? AND metricNamespace IS ?", [name, namespace]


def _latest(store: Store, table: str, name: str, namespace: str | None) -> tuple[tuple[str, ...], bool]:
    """Return the dimensions of a metric's latest points, and whether these seem to be cumulative."""
    where, parameters = _of(table, name, namespace)
    value = "valueSum" if table == "customMetrics" else "value"
    points = store.query(
        f"SELECT customDimensions, {value} FROM {table} WHERE {where} ORDER BY rowid DESC LIMIT {_LATEST_POINTS}", parameters
    )
    by_dimensions: dict[str, list[float]] = {}
    for dimensions, point in reversed(points):
        by_dimensions.setdefault(dimensions or "{}", []).append(point)
    names = sorted({key for dimensions in by_dimensions for key in json.loads(dimensions)})
    long = [series for series in by_dimensions.values() if len(series) >= _LEAST_POINTS]
    grows = any(series[-1] > series[0] for series in long)
    return tuple(names), grows and all(earlier <= later for series in long for earlier, later in pairwise(series))
