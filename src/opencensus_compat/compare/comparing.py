"""`compare`: from two recordings, and twins of the first, to a `Comparison`."""

from __future__ import annotations

import datetime
from collections import defaultdict
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from opencensus_compat.local.tables import TABLES

from . import accepted as accepted_lists
from . import differences, metrics, order
from .matching import Side, match
from .model import ROW, Accepted, Comparison, Problem, TableChange, Volatile
from .noise import NOT_COMPARED
from .noise import column as column_of
from .places import Placed
from .recordings import NoCallSites, Recording
from .sources import Sources

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from opencensus_compat.local.call_sites import CallSite

    from .lines import LineMap
    from .matching import Place, Replacements

_TABLES = tuple(table for table in TABLES if table not in metrics.METRIC_TABLES)


def compare(
    before: str | os.PathLike[str],
    after: str | os.PathLike[str],
    *,
    twins: Sequence[str | os.PathLike[str]] = (),
    accepted: Iterable[Accepted] = (),
    known: Iterable[Accepted] = (),
    tolerances: Mapping[str, float] | None = None,
    replacements: Replacements = (),
    lines: LineMap | None = None,
    today: datetime.date | None = None,
    progress: Callable[[str], None] | None = None,
) -> Comparison:
    """Return what differs between the telemetry of two runs.

    Args:
        before: Recording of a run, a file of ``census-compat local --database``.
        after: Recording of the run that is compared with it.
        twins: Further recordings of the program before, unchanged: what differs between them and `before` is volatile.
        accepted: Differences that are meant. Entries that are used by nothing, or expired, are reported.
        known: The same, but not reported; they come after `accepted`.
        tolerances: By column, which part of a number it may differ by: ``{"duration": 0.5}`` is half of the greater one. Durations are
            compared only with one.
        replacements: Patterns and what is put in their place, in all texts, before anything is compared.
        lines: Where lines of the program's code went: what items say of lines is the same where the map says so.
        today: The day on which entries expire; by default today, UTC.
        progress: Gets a short text as each step begins.

    Raises:
        RecordingError: A recording cannot be read; the class says why.

    """
    say = progress or (lambda _: None)
    today = today or datetime.datetime.now(datetime.timezone.utc).date()
    current, expired = accepted_lists.split(accepted, today)
    with ExitStack() as stack:
        files = [stack.enter_context(Recording(path)) for path in (before, after, *twins)]
        first, second, others = files[0], files[1], files[2:]
        say(f"reading {first.name}")
        placed = (Placed(lines, "before"), Placed(lines, "after")) if lines is not None else (None, None)
        one = Side(first, _TABLES, replacements, placed[0])
        series = metrics.read(first, replacements)
        problems = [problem for file in files for problem in _problems(file)]
        volatile: set[Place] = set()
        unordered: set[order.Neighbours] = set()
        for twin in others:
            say(f"looking for noise in {twin.name}")
            problem = _learn(
                one, series, Side(twin, _TABLES, replacements, placed[0]), metrics.read(twin, replacements), volatile, unordered
            )
            problems += [problem] if problem else []
        say(f"reading {second.name}")
        other = Side(second, _TABLES, replacements, placed[1])
        other_series = metrics.read(second, replacements)
        say("matching items")
        matching = match(one, other, volatile)
        found = differences.Differences((*current, *known))
        say("comparing items")
        sources = Sources(lines, (partial(_call_sites, first), partial(_call_sites, second)))
        differences.collect_order(found, matching, (first, second), unordered, sources)
        differences.collect(found, matching, (first, second), volatile, tolerances, sources=sources)
        metrics.collect(found, series, other_series, volatile, sources)
        tables = _tables((one, series), (other, other_series))
    used = {id(entry) for entry in found.used()}
    there = {"*", *(change.table for change in tables)}
    return Comparison(
        tables=tables,
        differences=found.found(),
        volatile=_named(volatile),
        not_compared=tuple(row for row in NOT_COMPARED if row.table in there),
        problems=tuple(problems),
        unused=tuple(entry for entry in current if id(entry) not in used),
        expired=expired,
        twins=len(others),
    )


def _call_sites(recording: Recording) -> Sequence[CallSite]:
    try:
        return recording.call_sites()
    except NoCallSites:
        return ()


def _problems(recording: Recording) -> list[Problem]:
    found = []
    if refused := recording.refused():
        reasons = list(dict.fromkeys(refused))
        more = f", and {len(reasons) - 1} more reasons" if len(reasons) > 1 else ""
        found.append(Problem("refused", f"{len(refused)} items in {recording.name!r} were refused: {reasons[0]}{more}"))
    if not any(True for table in TABLES for _ in recording.items(table)):
        found.append(Problem("empty", f"nothing arrived in {recording.name!r}: did the program run, and does it send to the endpoint?"))
    return found


def _learn(
    one: Side,
    series: list[metrics.Series],
    other: Side,
    other_series: list[metrics.Series],
    volatile: set[Place],
    unordered: set[order.Neighbours],
) -> Problem | None:
    """Add what differs between the program and its twin to what is volatile; return a problem where the twin has other items."""
    matching = match(one, other, volatile)
    for place, counterpart in matching.pairs.items():
        entry = one.entries[place]
        names = differences.differing(entry, other.entries[counterpart], volatile)
        volatile.update((entry.table, entry.label, name) for name in names)
    unordered |= order.unordered(matching)
    references = differences.References(matching)
    for place, counterpart in matching.pairs.items():
        entry = one.entries[place]
        volatile.update((entry.table, entry.label, column) for column, _, _ in references.changes(place, counterpart, frozenset()))
    pairs, left, right = metrics.pair(series, other_series)
    for mine, its in pairs:
        volatile.update((mine.table, mine.name, column) for column, *_ in metrics.differing(mine, its))
    odd = [(entry.table, entry.label) for entry in (*matching.only_before(), *matching.only_after())]
    odd += [(lone.table, lone.name) for lone in (*left, *right)]
    if not odd:
        return None
    table, label = odd[0]
    return Problem(
        "unstable",
        f"two runs of the unchanged program sent different items: {len(odd)} have no counterpart in {other.name!r}, for example "
        f"{label!r} in {table}. Make the runs alike (a fixed seed, no sampling), or compare less",
    )


def _tables(before: tuple[Side, list[metrics.Series]], after: tuple[Side, list[metrics.Series]]) -> tuple[TableChange, ...]:
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for place, (side, series) in enumerate((before, after)):
        amounts = [(entry.table, entry.weight, 1) for entry in side.entries] + [(lone.table, lone.weight, lone.rows) for lone in series]
        for table, weight, rows in amounts:
            counts[table][place] += weight
            counts[table][2 + place] += rows
    return tuple(TableChange(table, *counts[table]) for table in TABLES if table in counts)


def _named(volatile: set[Place]) -> tuple[Volatile, ...]:
    by_column: dict[tuple[str, str], set[str]] = defaultdict(set)
    for table, label, name in volatile:
        by_column[table, column_of(name)].add(label)
    return tuple(Volatile(table, column, tuple(sorted(labels))) for (table, column), labels in sorted(by_column.items()) if column != ROW)
