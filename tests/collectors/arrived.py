"""What arrived of the four services, held against what they make: each once, below the right parents, in one trace. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

SERVICES = "front", "orders", "stock", "billing"
_SHELF = re.compile(r"(?<=_steps)_\d+$")

Path = tuple[str, ...]
"""The names of a span and of all above it, the root first; what is above a missing parent is ``…``."""


@dataclass(frozen=True, slots=True)
class Work:
    """How much the services do."""

    orders: int
    steps: int
    """Of each service for each order."""
    series: int
    """Values of the tag that steps are measured by."""

    @property
    def measured(self) -> int:
        """Measurements of one service."""
        return self.orders * self.steps


def expected_spans(work: Work) -> Iterator[Path]:
    """Yield all spans that the services make, each once."""
    yield ("front",)
    for order in range(work.orders):
        for name, path in _working(order).items():
            yield path
            for step in range(work.steps):
                yield (*path, f"{name} {order}.{step}")
        yield _working(order)["orders"][:-1]
        yield _working(order)["stock"][:-1]
        yield _working(order)["billing"][:-1]


def expected_records(work: Work) -> Iterator[tuple[Path, str]]:
    """Yield all records, each with the span in which it is made."""
    for order in range(work.orders):
        for name, path in _working(order).items():
            yield path, f"{name} {order}"
            for step in range(work.steps):
                yield (*path, f"{name} {order}.{step}"), f"{name} {order}.{step}"


def _working(order: int) -> dict[str, Path]:
    """Return the span in which each service works for an order."""
    front = ("front", f"front {order}")
    orders = (*front, f"/orders/{order}", f"[GET]http://127.0.0.1:PORT/orders/{order}")
    stock = (*orders, f"Sent.shop.Stock.Take{order}", f"Recv.shop.Stock.Take{order}")
    return {"front": front, "orders": orders, "stock": stock, "billing": (*stock, f"stock sends {order}", f"billing {order}")}


@dataclass(slots=True)
class Tally:
    """One signal."""

    expected: int
    once: int = 0
    """Different ones that arrived."""
    twice: int = 0
    """How many came once more than they should."""
    lost: int = 0
    problems: list[str] = field(default_factory=list)
    """What arrived in the wrong place, or that nobody made."""


def spans(work: Work, traces: Iterable[Any]) -> tuple[Tally, dict[bytes, Path]]:
    """Return the tally of spans, and the path of each by its id.

    Args:
        work: What the services did.
        traces: ``ExportTraceServiceRequest`` messages, all that arrived.
    """
    every = [span for request in traces for each in request.resource_spans for scope in each.scope_spans for span in scope.spans]
    by_id = {span.span_id: span for span in every}
    paths: dict[bytes, Path] = {}

    def path(span: Any) -> Path:
        known = paths.get(span.span_id)
        if known is None:
            parent = by_id.get(span.parent_span_id)
            above: Path = path(parent) if parent is not None else (("…",) if span.parent_span_id else ())
            known = paths[span.span_id] = (*above, re.sub(r":\d+/", ":PORT/", span.name))
        return known

    found = Counter(path(span) for span in by_id.values())
    tally = _tally(Counter(expected_spans(work)), found, len(every))
    if len(ids := {span.trace_id for span in every}) != 1:
        tally.problems.append(f"{len(ids)} traces")
    return tally, paths


def records(work: Work, logs: Iterable[Any], paths: dict[bytes, Path]) -> Tally:
    """Return the tally of records.

    Args:
        work: What the services did.
        logs: ``ExportLogsServiceRequest`` messages, all that arrived.
        paths: Those of the spans by their ids.
    """
    every = Counter(
        (paths.get(record.span_id, ("…",)), record.body.string_value)
        for request in logs
        for each in request.resource_logs
        for scope in each.scope_logs
        for record in scope.log_records
    )
    # A record has no id: the services make no two that are alike.
    return _tally(Counter(expected_records(work)), Counter(dict.fromkeys(every, 1)), sum(every.values()))


def points(work: Work, metrics: Iterable[Any]) -> Tally:
    """Return the tally of points: of each service the collections from its first to its last, and all series in each.

    A gauge of the services' own counts its collections. The series of the last one have all measurements, so none is after it.

    Args:
        work: What the services did.
        metrics: ``ExportMetricsServiceRequest`` messages, all that arrived.
    """
    every: Counter[tuple[str, int, str]] = Counter()
    at: dict[str, dict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for request in metrics:
        for each in request.resource_metrics:
            for scope in each.scope_metrics:
                for metric in scope.metrics:
                    for point in getattr(metric, metric.WhichOneof("data")).data_points:
                        # The series of a service's steps are spread over views.
                        name, shelf = _SHELF.sub("", metric.name), "".join(_SHELF.findall(metric.name))
                        series = "|".join([shelf, *(pair.value.string_value for pair in point.attributes)])
                        every[name, point.time_unix_nano, series] += 1
                        at[name][point.time_unix_nano][series] = point.as_int or point.as_double
    tally = Tally(0, once=len(every), twice=every.total() - len(every))
    for service in SERVICES:
        numbers = {time: int(values[""]) for time, values in at.pop(f"{service}_collections", {}).items()}
        last = max(numbers.values(), default=0)
        collections = sorted(at.pop(f"{service}_steps", {}).items())
        series = len(collections[-1][1]) if collections else 0
        tally.lost += (last - len(numbers)) * (1 + series)
        before = 0
        for _, values in collections:
            # Once a series has been measured, it is in each collection.
            before = max(before, len(values))
            tally.lost += before - len(values)
        ended = sum(collections[-1][1].values()) if collections else 0
        if ended != work.measured or before != min(work.series, work.measured):
            tally.problems.append(f"{service} ends with {ended:.0f} of {work.measured} steps in {before} series")
        without = {time for time, _ in collections} - set(numbers)
        if without:
            tally.problems.append(f"{len(without)} collections of {service} without their number")
    tally.problems += [f"{name}: nobody made it" for name in at]
    tally.expected = tally.once + tally.lost
    return tally


def size(request: Any) -> int:
    """Return how many spans, records or points a request of any of the three services has."""
    if hasattr(request, "resource_spans"):
        return sum(len(scope.spans) for each in request.resource_spans for scope in each.scope_spans)
    if hasattr(request, "resource_logs"):
        return sum(len(scope.log_records) for each in request.resource_logs for scope in each.scope_logs)
    metrics = [metric for each in request.resource_metrics for scope in each.scope_metrics for metric in scope.metrics]
    return sum(len(getattr(metric, metric.WhichOneof("data")).data_points) for metric in metrics)


def _tally(expected: Counter[Any], found: Counter[Any], arrived: int) -> Tally:
    tally = Tally(expected.total(), once=found.total(), twice=arrived - found.total(), lost=(expected - found).total())
    wrong = found - expected
    tally.problems += [f"{wrong.total()} that nobody made, as {next(iter(wrong))}"] if wrong else []
    return tally
