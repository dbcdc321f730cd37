"""The order in which items below one parent followed on each other.

Items of other names, of which one had ended before the other began, in each transaction before: code of one thread, as far as recordings tell.
Where they overlap, or come in either order, they are concurrent, and their order says nothing. Durations are known to the millisecond.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from .matching import Entry, Matching, Side

Kind: TypeAlias = "tuple[str, str]"
"""Table and label."""
Neighbours: TypeAlias = "tuple[Kind, Kind, Kind]"
"""The parent, the item that comes first before, and the one that follows on it."""

_TABLES = frozenset({"requests", "dependencies", "traces", "customEvents"})
"""An exception has the time of its span, or of its record."""
_ROUNDED_MS = 0.5
_SURE = 3
"""Transactions before that have the same order: then one after with another order tells."""


@dataclass(slots=True)
class _Seen:
    """What two neighbours did in all transactions."""

    followed: int = 0
    """Transactions before in which one had ended when the other began."""
    overlapped: bool = False
    kept: int = 0
    """Transactions after in the same order."""
    swapped: list[int] = field(default_factory=list)
    """Places, before, of the item that came second before and first after."""


class _Siblings:
    """From when to when there were items of each name below one parent, in milliseconds, and their last place."""

    def __init__(self, side: Side, places: list[int]) -> None:
        self.spans: dict[Kind, tuple[float, float, int]] = {}
        for place in places:
            entry = side.entries[place]
            start = _milliseconds(entry)
            end = start + max(0.0, (entry.duration_ms or 0.0) - _ROUNDED_MS)
            kind = entry.table, entry.label
            known = self.spans.get(kind, (start, end, place))
            self.spans[kind] = min(start, known[0]), max(end, known[1]), place

    def follows(self, first: Kind, second: Kind) -> bool | None:
        """Return whether the second came after the first, and not the other way round; None where they overlapped or one is not there."""
        one, other = self.spans.get(first), self.spans.get(second)
        if one is None or other is None:
            return None
        return True if one[1] <= other[0] else False if other[1] <= one[0] else None


def swapped(matching: Matching, unordered: AbstractSet[Neighbours] = frozenset()) -> Iterator[tuple[int, Kind]]:
    """Yield the items, by place before, that come before what they followed on, and what that is.

    Args:
        matching: Which item is which.
        unordered: Neighbours whose order says nothing.

    """
    seen = _seen(matching)
    for neighbours, found in seen.items():
        parent, first, second = neighbours
        if neighbours in unordered or found.overlapped or (parent, second, first) in seen or (found.kept and found.followed < _SURE):
            continue
        for place in found.swapped:
            yield place, first


def unordered(matching: Matching) -> set[Neighbours]:
    """Return the neighbours that come in another order in another run of the same program."""
    return {neighbours for neighbours, found in _seen(matching).items() if found.overlapped or found.swapped}


def _seen(matching: Matching) -> dict[Neighbours, _Seen]:
    before, after = _by_parent(matching.before), _by_parent(matching.after)
    seen: dict[Neighbours, _Seen] = defaultdict(_Seen)
    for parent, places in before.items():
        counterpart = matching.pairs.get(parent, -1)
        if len(places) < 2 or counterpart not in after:
            continue
        one, other = _Siblings(matching.before, places), _Siblings(matching.after, after[counterpart])
        top = matching.before.entries[parent]
        for first, second in pairwise(sorted(one.spans, key=lambda kind: one.spans[kind])):
            found = seen[(top.table, top.label), first, second]
            if not one.follows(first, second):
                found.overlapped = True
                continue
            found.followed += 1
            if first in other.spans and second in other.spans:
                kept = other.follows(first, second)
                found.overlapped |= kept is None
                found.kept += kept is True
                if kept is False:
                    found.swapped.append(one.spans[second][2])
    return seen


def _by_parent(side: Side) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for place, entry in enumerate(side.entries):
        if entry.above >= 0 and entry.table in _TABLES:
            found[entry.above].append(place)
    return found


def _milliseconds(entry: Entry) -> float:
    try:
        return datetime.fromisoformat(f"{entry.moment[:26]}+00:00").timestamp() * 1000
    except ValueError:  # a time that the endpoint has let pass, in another form
        return 0.0
