"""Metrics as charts show them: by series, the sum, count, least and greatest of all points; how often a program exported says little."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from .differences import Compared
from .model import ABSENT, NOTE, PRESENT, ROW
from .noise import is_compared

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator
    from collections.abc import Set as AbstractSet

    from .differences import Differences
    from .matching import Place, Replacements
    from .recordings import Recording
    from .sources import Sources

METRIC_TABLES = ("customMetrics", "performanceCounters")
_NUMBERS = ("value", "valueCount", "valueSum", "valueMin", "valueMax", "valueStdDev")
_OF_A_SERIES = ("name", "metricNamespace", "category", "counter", "instance")
_NOT_OF_A_SERIES = {*_NUMBERS, "itemCount"}
_EXACT = 1e-9
_LONGEST = 200
PER_INTERVAL = "cumulative → per interval"
"""Note of a series that had what there was since the start, and has what there was since the last export."""


@dataclass(slots=True)
class Series:
    """All points of one metric with one set of dimensions."""

    table: str
    name: str
    resource: str
    """The instrumentation key."""
    key: tuple[tuple[str, str], ...]
    """Name, namespace and dimensions."""
    cells: dict[str, str]
    """What else its points have, as text; several values of one column are joined."""
    rows: int = 0
    weight: int = 0
    totals: list[float] = field(default_factory=list)
    """``valueSum`` by point, in order of time."""
    counts: list[float] = field(default_factory=list)
    least: list[float] = field(default_factory=list)
    greatest: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, str]:
        """Return what a chart shows, by column."""
        if self.table == "performanceCounters":
            return {}
        values = {"valueSum": math.fsum(self.totals), "valueCount": math.fsum(self.counts)}
        for column, found, choose in (("valueMin", self.least, min), ("valueMax", self.greatest, max)):
            if found:
                values[column] = choose(found)
        return {column: f"{value:.12g}" for column, value in values.items()}

    def texts(self) -> dict[str, str]:
        """Return the columns of its first point, for ``where``."""
        return {**self.cells, **dict(self.key)}


def read(recording: Recording, replacements: Replacements = ()) -> list[Series]:
    """Return the series of a recording, in order of their first points."""
    found: dict[Hashable, Series] = {}
    for table in METRIC_TABLES:
        rows = [(str(item.row.get("timestamp")), item.number, item) for item in recording.items(table)]
        for _, _, item in sorted(rows, key=lambda row: row[:2]):
            cells = {name: _text(value, replacements) for name, value in item.cells.items() if is_compared(table, name)}
            key = tuple(
                sorted((name, text) for name, text in cells.items() if name in _OF_A_SERIES or name.startswith("customDimensions."))
            )
            resource = str(item.row.get("iKey"))
            series = found.get((table, resource, key))
            rest = {name: text for name, text in cells.items() if name not in _NOT_OF_A_SERIES and (name, text) not in key}
            if series is None:
                series = found[table, resource, key] = Series(table, str(item.row.get("name"))[:_LONGEST], resource, key, rest)
            _join(series.cells, rest)
            series.rows += 1
            series.weight += int(item.row["itemCount"] or 1)
            if table == "customMetrics":
                _add_point(series, item.row)
    return list(found.values())


def _text(value: object, replacements: Replacements) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    for pattern, other in replacements:
        text = pattern.sub(other, text)
    return text


def _join(cells: dict[str, str], more: dict[str, str]) -> None:
    for name, text in more.items():
        known = cells.setdefault(name, text)
        if text != known and text not in known.split(" | "):
            cells[name] = " | ".join(sorted([*known.split(" | "), text]))


def _add_point(series: Series, row: Any) -> None:
    series.totals.append(float(row["valueSum"] or 0))
    series.counts.append(float(row["valueCount"] or 0))
    for values, column in ((series.least, "valueMin"), (series.greatest, "valueMax")):
        if row[column] is not None:
            values.append(float(row[column]))


def pair(before: list[Series], after: list[Series]) -> tuple[list[tuple[Series, Series]], list[Series], list[Series]]:
    """Return the series of both sides that are the same one, and those that one side alone has.

    The same name and dimensions, of the same resource first, then in another namespace; what is left, the same name and figures; then the same
    dimensions and figures.
    """
    pairs: list[tuple[Series, Series]] = []
    left, right = list(before), list(after)
    steps: tuple[Callable[[Series], Hashable], ...] = (
        lambda series: (series.table, series.resource, series.key),
        lambda series: (series.table, series.key),
        lambda series: (series.table, tuple(row for row in series.key if row[0] != "metricNamespace")),
        lambda series: (series.table, series.resource, series.name, tuple(series.figures().items())),
        lambda series: (series.table, series.name, tuple(series.figures().items())),
        lambda series: (series.table, tuple(row for row in series.key if row[0] != "name"), tuple(series.figures().items())),
    )
    for step in steps:
        waiting: dict[Hashable, list[Series]] = defaultdict(list)
        for series in right:
            waiting[step(series)].append(series)
        rest = []
        for series in left:
            same = waiting.get(step(series))
            if same:
                pairs.append((series, same.pop(0)))
            else:
                rest.append(series)
        left, right = rest, [series for series in right if any(series is other for others in waiting.values() for other in others)]
    return pairs, left, right


def differing(before: Series, after: Series) -> Iterator[tuple[str, str, str, str]]:
    """Yield column, text before and after, and a note, of what differs in a series."""
    texts = [{**series.texts(), **series.figures()} for series in (before, after)]
    note = _note(before, after)
    for column in dict.fromkeys((*texts[0], *texts[1])):
        one, other = (side.get(column, ABSENT) for side in texts)
        if one != other and not (column in _NUMBERS and _close(one, other)):
            yield column, one, other, note if column in _NUMBERS else ""


def _close(one: str, other: str) -> bool:
    return ABSENT not in (one, other) and math.isclose(float(one), float(other), rel_tol=_EXACT)


def _note(before: Series, after: Series) -> str:
    """Say where one side exports what there was since the start, and the other what there was since the last export."""
    for cumulative, other, text in ((before, after, PER_INTERVAL), (after, before, "per interval → cumulative")):
        rising = len(cumulative.totals) > 1 and all(one <= two for one, two in pairwise(cumulative.totals))
        if rising and other.totals:
            total = math.fsum(other.totals)
            if math.isclose(cumulative.totals[-1], total, rel_tol=_EXACT) and not math.isclose(
                math.fsum(cumulative.totals), total, rel_tol=_EXACT
            ):
                return text
    return ""


def _with_note(series: Series, note: str) -> dict[str, str]:
    return {**series.texts(), NOTE: note}


def collect(found: Differences, before: list[Series], after: list[Series], volatile: AbstractSet[Place], sources: Sources) -> None:
    """Note everything that differs between two recordings' metrics."""
    for side, all_of_it in ((PRESENT, before), (ABSENT, after)):
        for series in all_of_it:
            found.of[series.table, side] += series.weight
    pairs, left, right = pair(before, after)
    for one, other in pairs:
        found.of[one.table, ""] += one.weight
        for column, first, second, note in differing(one, other):
            if (one.table, one.name, column) not in volatile:
                code = sources.finder(column, one.texts, other.texts)
                item = Compared(one.table, one.texts, partial(_with_note, other, note), one.weight, one.rows, one.name)
                found.add(item, column, first, second, note=note, code=code)
    for first, second, rest in ((PRESENT, ABSENT, left), (ABSENT, PRESENT, right)):
        for series in rest:
            code = sources.finder(ROW, *((series.texts, None) if first == PRESENT else (None, series.texts)))
            item = Compared(series.table, series.texts, weight=series.weight, rows=series.rows, example=series.name)
            found.add(item, ROW, first, second, code=code)
