"""Which item after is which item before, one by one: for those who look at both side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opencensus_compat.local.tables import TABLES

from . import metrics
from .differences import differing
from .matching import Side, match
from .recordings import Recording

if TYPE_CHECKING:
    import os
    from collections.abc import Collection

    from .matching import Replacements


@dataclass(frozen=True, slots=True)
class Counterparts:
    """Items of the recording after, by arrival number. Points of metrics have no counterparts: what is compared of them is their sums."""

    before: dict[int, int]
    """Number of the same item in the recording before."""
    changed: dict[int, tuple[str, ...]]
    """Columns, as in `Difference.column`, that differ; items without any are not there. Ids are compared by what they name, and are not here."""
    added: tuple[int, ...]
    """Items that have no counterpart."""


def counterparts(
    before: str | os.PathLike[str],
    after: str | os.PathLike[str],
    columns: Collection[tuple[str, str]],
    *,
    replacements: Replacements = (),
) -> Counterparts:
    """Return which item is which.

    Args:
        before: A recording.
        after: The other one.
        columns: Tables and columns that are known to differ; others differ from run to run.
        replacements: As for `compare`.

    Raises:
        RecordingError: A recording cannot be read.

    """
    tables = [table for table in TABLES if table not in metrics.METRIC_TABLES]
    with Recording(before) as first, Recording(after) as second:
        one, other = Side(first, tables, replacements), Side(second, tables, replacements)
    matching = match(one, other)
    pairs = [(one.entries[place], other.entries[counterpart]) for place, counterpart in matching.pairs.items()]
    changed = {}
    for entry, its in pairs:
        found = tuple(name for name in differing(entry, its) if _is_among(entry.table, name, columns))
        if found:
            changed[its.number] = found
    return Counterparts({its.number: entry.number for entry, its in pairs}, changed, tuple(entry.number for entry in matching.only_after()))


def _is_among(table: str, cell: str, columns: Collection[tuple[str, str]]) -> bool:
    """Return whether a cell belongs to a column; parts of lists have numbers, ``details.0.message``, that columns leave out."""
    plain = ".".join(part for part in cell.split(".") if not part.isdecimal())
    return (table, cell) in columns or (table, plain) in columns
