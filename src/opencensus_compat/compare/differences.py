"""What differs between items that are the same one, added up by table and column."""

from __future__ import annotations

import json
import re
import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opencensus_compat.local.tables import TABLES

from . import accepted as accepted_lists
from . import order
from .matching import ID, shape
from .model import ABSENT, MOST_CHANGES, NOTE, PRESENT, ROW, Accepted, Change, Difference
from .noise import column as column_of
from .places import is_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from .matching import Entry, Matching, Place, Side
    from .model import Code
    from .recordings import Item, Recording
    from .sources import Sources

_WIRE_TYPED = ("customDimensions.", "customMeasurements.", "details.", "tags.")
_AS_IN_JSON = re.compile(r'-?\d+(\.\d+)?([eE][+-]?\d+)?|true|false|null|".*"|[\[{].*', re.DOTALL)
_LONGEST = 300
_CONTEXT = 40
"""Characters of two long texts before the place where they part."""
_MOST_DISTINCT = 1000
_EXAMPLES = 3
_LOOKED_AT = 50
"""Rows of one change whose lines of code are looked for."""
_UNITS = (1e-6, 1e-3, 1e3, 1e6)
"""Between nanoseconds, microseconds, milliseconds and seconds."""
_ROUGHLY = 1.6
_OF_A_UNIT = 0.8
"""Part of the items whose duration must have changed by such a factor."""
_PAIRS_OF_A_UNIT = 3


@dataclass(slots=True)
class _Tally:
    changes: dict[tuple[str, str, str], list[Any]] = field(default_factory=dict)
    """Values before and after, and of whole rows their name -> items, rows, examples, lines of code."""
    count: int = 0
    rows: int = 0
    more: int = 0


@dataclass(frozen=True, slots=True)
class Compared:
    """An item in which something differs, or several that are counted as one."""

    table: str
    """The portal's."""
    texts: Callable[[], Mapping[str, str]]
    """Gives the texts of its columns, for ``where`` and conditions."""
    other: Callable[[], Mapping[str, str]] = dict
    """The same of its counterpart after; of an item that is on one side only, of the counterpart of the item above it."""
    weight: int = 1
    """Items that it counts for."""
    rows: int = 1
    """Rows that it is."""
    example: str = ""
    """Its name or message."""


class Differences:
    """What differs, added up as it is found."""

    def __init__(self, entries: Sequence[Accepted]) -> None:
        """Begin with nothing.

        Args:
            entries: What is accepted; the first that fits counts.

        """
        self._entries = entries
        self._tallies: dict[tuple[str, str, str, str, int], _Tally] = {}
        self.of: Counter[tuple[str, str]] = Counter()
        """Items by table and by what a difference is part of: ``""`` those with a counterpart, `PRESENT` all before, `ABSENT` all after."""

    def add(
        self,
        item: Compared,
        column: str,
        before: str,
        after: str,
        *,
        note: str = "",
        again: bool = False,
        code: Callable[[], Code | None] = lambda: None,
    ) -> None:
        """Note that a value differs in an item.

        Args:
            item: The item.
            column: Column as in `Difference.column`.
            before: Text of the value before.
            after: Text of the value after.
            note: What the values do not say; differences with different notes stay apart.
            again: It is one more value of a column that was noted for the item before: a line of its stack.
            code: Gives the lines of the program that made the item.

        """
        table, example = item.table, item.example
        entry = next(
            (
                place
                for place, entry in enumerate(self._entries)
                if accepted_lists.fits(entry, table, column, before, after, item.texts, item.other)
            ),
            -1,
        )
        side = before if column == ROW else ""
        tally = self._tallies.setdefault((table, column, side, note, entry), _Tally())
        if not again:
            tally.count += item.weight
            tally.rows += item.rows
        key = (*_short(before, after), example if column == ROW else "")
        change = tally.changes.get(key)
        if change is None:
            if len(tally.changes) == _MOST_DISTINCT:
                tally.more += 1
                return
            change = tally.changes[key] = [0, 0, [], []]
        change[0] += item.weight
        change[1] += item.rows
        if len(change[2]) < _EXAMPLES and example not in change[2]:
            change[2].append(example)
        if len(change[3]) < _EXAMPLES and change[1] <= _LOOKED_AT and (line := code()) is not None and line not in change[3]:
            change[3].append(line)

    def found(self) -> tuple[Difference, ...]:
        """Return the differences, those that nothing accepts first."""
        result = []
        for (table, column, side, note, entry), tally in self._tallies.items():
            changes = [
                Change(before, after, count, rows, tuple(examples), tuple(code))
                for (before, after, _), (count, rows, examples, code) in tally.changes.items()
            ]
            changes.sort(key=lambda change: -change.count)
            accepted = self._entries[entry] if entry >= 0 else None
            kept = tuple(changes[:MOST_CHANGES])
            of = self.of[table, side]
            result.append(Difference(table, column, kept, len(changes) + tally.more, tally.count, tally.rows, of, accepted, note))
        return tuple(
            sorted(
                result, key=lambda found: (found.accepted is not None, list(TABLES).index(found.table), found.column != ROW, found.column)
            )
        )

    def used(self) -> list[Accepted]:
        """Return the entries that accepted something."""
        places = {entry for *_, entry in self._tallies}
        return [entry for place, entry in enumerate(self._entries) if place in places]


def collect(
    found: Differences,
    matching: Matching,
    recordings: tuple[Recording, Recording],
    volatile: AbstractSet[Place] = frozenset(),
    tolerances: Mapping[str, float] | None = None,
    *,
    sources: Sources,
) -> None:
    """Note everything that differs between two recordings' spans, logs and events.

    Args:
        found: Gets it.
        matching: Which item is which.
        recordings: Before and after; only items that differ are read again.
        volatile: Columns that say nothing.
        tolerances: By column, which part of a number it may differ by: 0.5 is half of the greater one.
        sources: Knows which line of the program made an item.

    """
    for side, entries in ((PRESENT, matching.before.entries), (ABSENT, matching.after.entries)):
        for entry in entries:
            found.of[entry.table, side] += entry.weight
    _collect_lone(found, matching, recordings, sources)
    tolerances = tolerances or {}
    references = References(matching)
    for one, other in matching.pairs.items():
        first, second = matching.before.entries[one], matching.after.entries[other]
        found.of[first.table, ""] += first.weight
        names = differing(first, second, volatile)
        changes = list(references.changes(one, other, volatile))
        if "duration" in tolerances and not _near(first.duration_ms, second.duration_ms, tolerances["duration"]):
            changes.append(("duration", _text(first.duration_ms), _text(second.duration_ms)))
        if not names and not changes:
            continue
        texts, others = _Texts(recordings[0], first), _Texts(recordings[1], second)
        changes += _changed_cells(matching, texts, others, names, tolerances)
        item = Compared(first.table, texts, others, first.weight, example=first.label)
        noted = set()
        for column, before, after in changes:
            again = column in noted
            noted.add(column)
            code = sources.finder(column, texts, others)
            found.add(item, column, before, after, again=again, code=code)
    _collect_units(found, matching)


def _collect_lone(found: Differences, matching: Matching, recordings: tuple[Recording, Recording], sources: Sources) -> None:
    """Note the items that are on one side only."""
    for before, after, lone, recording in (
        (PRESENT, ABSENT, matching.only_before(), recordings[0]),
        (ABSENT, PRESENT, matching.only_after(), recordings[1]),
    ):
        for entry in lone:
            texts = _Texts(recording, entry)
            items = (texts, None) if before == PRESENT else (None, texts)
            code = sources.finder(ROW, *items)
            above = _above(entry, matching, recordings, is_before=before == PRESENT)
            found.add(Compared(entry.table, texts, above, entry.weight, example=entry.label), ROW, before, after, code=code)


def _changed_cells(
    matching: Matching, one: _Texts, other: _Texts, names: Sequence[str], tolerances: Mapping[str, float]
) -> Iterator[tuple[str, str, str]]:
    """Yield the column and the texts before and after of the values under some names, as far as they differ by more than is tolerated."""
    if not names:
        return
    before, after = matching.before.cells(one.item), matching.after.cells(other.item)
    for name in names:
        old, new, column = before.get(name, _NOTHING), after.get(name, _NOTHING), column_of(name)
        if column in tolerances and _near(old, new, tolerances[column]):
            continue
        text = _as_text(name, old, matching.before)
        if is_line(name) and old != (there := one.item.cells.get(name, _NOTHING)):
            text = f"{_text(there)}, now {text}"
        yield column, text, _as_text(name, new, matching.after)


def _above(
    entry: Entry, matching: Matching, recordings: tuple[Recording, Recording], *, is_before: bool
) -> Callable[[], Mapping[str, str]]:
    """Return what gives the texts of the counterpart of the item above one that has none itself."""
    if entry.above < 0:
        return dict
    if is_before:
        place = matching.pairs.get(entry.above)
        return dict if place is None else _Texts(recordings[1], matching.after.entries[place])
    place = matching.back.get(entry.above)
    if place is None:
        return dict
    texts = _Texts(recordings[0], matching.before.entries[place])
    return lambda: {**texts(), NOTE: str(matching.before.below[entry.table, place])}


def collect_order(
    found: Differences,
    matching: Matching,
    recordings: tuple[Recording, Recording],
    unordered: AbstractSet[order.Neighbours],
    sources: Sources,
) -> None:
    """Note which items come before those that they followed on.

    Args:
        found: Gets it.
        matching: Which item is which.
        recordings: Before and after.
        unordered: Items whose order says nothing.
        sources: Knows which line of the program made an item.

    """
    for place, (table, label) in order.swapped(matching, unordered):
        entry = matching.before.entries[place]
        counterpart = matching.pairs.get(place)
        texts = _Texts(recordings[0], entry)
        others = None if counterpart is None else _Texts(recordings[1], matching.after.entries[counterpart])
        found.add(
            Compared(entry.table, texts, weight=entry.weight, example=entry.label),
            "timestamp",
            f"<after {table} {label!r}>",
            f"<before {table} {label!r}>",
            code=sources.finder("timestamp", texts, others),
        )


def differing(first: Entry, second: Entry, volatile: AbstractSet[Place] = frozenset()) -> list[str]:
    """Return the cells in which two items differ, volatile ones left out."""
    if first.columns is second.columns:
        if first.hashes == second.hashes:
            return []
        names = [name for name, one, other in zip(first.columns, first.hashes, second.hashes, strict=True) if one != other]
    else:
        one, other = (dict(zip(entry.columns, entry.hashes, strict=True)) for entry in (first, second))
        names = [name for name in dict.fromkeys((*one, *other)) if one.get(name) != other.get(name)]
    return [name for name in names if (first.table, first.label, name) not in volatile] if volatile else names


class References:
    """What ids stand for: compared by what they name."""

    def __init__(self, matching: Matching) -> None:
        self._matching = matching
        self._there: dict[tuple[str, str], str] = {}
        self._back: dict[tuple[str, str], str] = {}
        # An id that no item has and that both sides name comes from the program or its caller, and stands for itself.
        ids = [
            {entry.span for entry in side.entries if entry.span is not None and entry.above < 0}
            for side in (matching.before, matching.after)
        ]
        for span in ids[0] & ids[1]:
            self._there["parent", span] = self._back["parent", span] = span

    def changes(self, one: int, other: int, volatile: AbstractSet[Place]) -> Iterator[tuple[str, str, str]]:
        """Yield column, and text before and after, of each id that names something else."""
        first, second = self._matching.before.entries[one], self._matching.after.entries[other]
        for column, same, show in (
            ("iKey", self._same("iKey", first.key, second.key), self._key),
            ("operation_Id", self._same_operation(first, second), self._operation),
            ("id", self._same_id(first, second), self._own),
            ("operation_ParentId", self._same_parent(first, second), self._parent),
        ):
            if not same and (first.table, first.label, column) not in volatile:
                before, after = show(self._matching.before, first), show(self._matching.after, second)
                yield column, before, after if after != before else _another(after)

    def _same(self, kind: str, before: str, after: str) -> bool:
        if not before or not after:
            return before == after
        return self._there.setdefault((kind, before), after) == after and self._back.setdefault((kind, after), before) == before

    def _same_operation(self, first: Entry, second: Entry) -> bool:
        if first.in_operation is None or second.in_operation is None:
            return first.operation == second.operation
        if shape(first.operation) != shape(second.operation):
            return False
        return self._matching.operations.get(first.operation) == second.operation

    def _same_id(self, first: Entry, second: Entry) -> bool:
        return shape(first.own) == shape(second.own) and self._same("id", first.own, second.own)

    def _same_parent(self, first: Entry, second: Entry) -> bool:
        if shape(first.parent) != shape(second.parent):
            return False
        if first.above >= 0 or second.above >= 0:
            return self._matching.pairs.get(first.above) == second.above
        if first.span is None or second.span is None:
            return first.span == second.span
        return self._same("parent", first.span, second.span)

    @staticmethod
    def _key(side: Side, entry: Entry) -> str:
        del side
        return entry.key or ABSENT

    @staticmethod
    def _own(side: Side, entry: Entry) -> str:
        del side
        return f"<id: {shape(entry.own)}>" if entry.own else ABSENT

    def _operation(self, side: Side, entry: Entry) -> str:
        if not entry.operation:
            return ABSENT
        if entry.in_operation is None:
            return entry.operation
        root = side.root(entry.operation)
        form = "" if ID.fullmatch(entry.operation) and len(entry.operation) == 32 else f", {shape(entry.operation)}"
        return f"<operation of {root.table} {root.label!r}{form}>"

    @staticmethod
    def _parent(side: Side, entry: Entry) -> str:
        if not entry.parent:
            return ABSENT
        if entry.above >= 0:
            above = side.entries[entry.above]
            named = f"<id of {above.table} {above.label!r}>"
        elif entry.span is None:
            return entry.parent.replace(entry.operation, "<operation>") if entry.in_operation else entry.parent
        else:
            named = "<id of no item here>"
        return named if entry.parent == entry.span else f"|<operation>.{named}."


def _another(text: str) -> str:
    if "<id of no item here>" in text:
        return text.replace("<id of no item here>", "<another id of no item here>")
    return re.sub(r"<(id|operation) of ", r"<\1 of another ", text) if " of " in text else f"another {text}"


class _Texts:
    """The texts of an item's columns, read when they are asked for."""

    def __init__(self, recording: Recording, entry: Entry) -> None:
        self._recording, self._entry = recording, entry
        self._item: Item | None = None

    @property
    def item(self) -> Item:
        if self._item is None:
            self._item = self._recording.item(self._entry.table, self._entry.number)
        return self._item

    def __call__(self) -> Mapping[str, str]:
        return {name: _text(value) for name, value in self.item.cells.items()}


_NOTHING = object()


def _as_text(name: str, value: object, side: Side) -> str:
    """Return the text of a value as differences show it."""
    if value is _NOTHING:
        return ABSENT
    value = side.masked(value)
    if isinstance(value, str) and name.startswith(_WIRE_TYPED) and _AS_IN_JSON.fullmatch(value):
        return json.dumps(value, ensure_ascii=False)
    return _text(value)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _short(before: str, after: str) -> tuple[str, str]:
    """Return two texts of which long ones are cut, so that the place where they part is there."""
    start = 0
    if min(len(before), len(after)) > _LONGEST:
        shorter = min(len(before), len(after))
        parted = next((place for place, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), shorter)
        start = parted - _CONTEXT if parted - _CONTEXT > _LONGEST // 2 else 0

    def cut(text: str) -> str:
        if len(text) <= _LONGEST:
            return text
        end = "…" if start + _LONGEST < len(text) else ""
        return f"{'…' if start else ''}{text[start : start + _LONGEST]}{end} ({len(text)} characters)"

    return cut(before), cut(after)


def _near(before: object, after: object, part: float) -> bool:
    if not isinstance(before, (int, float)) or not isinstance(after, (int, float)):
        return before is after or before == after
    return abs(before - after) <= part * max(abs(before), abs(after))


def _collect_units(found: Differences, matching: Matching) -> None:
    """Note where durations are in another unit: nearly all of a table's by the same factor, which no load of a machine makes."""
    pairs: dict[str, dict[str, list[tuple[float, float, int]]]] = defaultdict(lambda: defaultdict(list))
    for one, other in matching.pairs.items():
        first, second = matching.before.entries[one], matching.after.entries[other]
        if first.duration_ms and second.duration_ms:
            pairs[first.table][first.label].append((first.duration_ms, second.duration_ms, first.weight))
    for table, by_label in pairs.items():
        medians = {label: tuple(statistics.median(row[place] for row in rows) for place in (0, 1)) for label, rows in by_label.items()}
        rows = sum(map(len, by_label.values()))
        for factor in _UNITS:
            fitting = [label for label, (before, after) in medians.items() if factor / _ROUGHLY <= after / before <= factor * _ROUGHLY]
            there = [row for label in fitting for row in by_label[label]]
            if len(there) >= max(_PAIRS_OF_A_UNIT, _OF_A_UNIT * rows):
                before, after = (statistics.median(row[place] for row in there) for place in (0, 1))
                times = f"{factor:,.0f} times as long" if factor > 1 else f"{1 / factor:,.0f} times as short"
                found.add(
                    Compared(table, dict, weight=sum(row[2] for row in there), rows=len(there), example=fitting[0]),
                    "duration",
                    f"{before:g} ms",
                    f"{after:g} ms",
                    note=f"{times}, by the median: another unit",
                )
