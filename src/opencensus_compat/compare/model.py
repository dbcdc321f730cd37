"""What a comparison finds, as plain values: `compare` makes them, reports show them.

Names of tables and columns are the portal's; a property is ``customDimensions.<key>``, a part of an exception ``details.<part>``, a context
tag that has no column ``tags.<tag>``. Counts are the portal's, ``sum(itemCount)``, where nothing else is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Mapping

ROW = "row"
"""Column of a `Difference` that is a whole row on one side only; no column of the portal has this name."""
ABSENT = "<absent>"
"""Text of a value where there is none: a property that is not there, the side that lacks a row."""
PRESENT = "<row>"
"""Text of a row that is there, where the other side lacks it."""
NOTE = "note"
"""Column for conditions; no column of the portal has this name. The note of a metric's difference; of a row that is new, how many rows of its
table the item above it had before."""

Verdict: TypeAlias = Literal["equal", "different", "not comparable"]
"""``equal`` also where accepted differences are left."""
ProblemKind: TypeAlias = Literal["empty", "refused", "unstable", "program"]
"""``program``: one that was to be recorded cannot be started, fails or sends nothing; the others are found in the recordings."""


@dataclass(frozen=True, slots=True)
class Values:
    """A difference of one item, as conditions see it."""

    column: str
    before: str
    """Text of the value."""
    after: str
    """The same."""
    item_before: Mapping[str, str]
    """Texts of the item's columns. Of an item that is on one side only, the other side's are those of the counterpart of the item above it."""
    item_after: Mapping[str, str]


Condition: TypeAlias = "Callable[[Values], bool]"


@dataclass(frozen=True, slots=True)
class Accepted:
    """Differences that are meant: a row of an accepted list, or of a known difference."""

    reason: str
    """Why it is meant, one sentence."""
    table: str = "*"
    """Table of the portal; ``*`` for all."""
    column: str = "*"
    """Column as in `Difference.column`, ``row`` for whole rows; ``*`` for all columns, ``customDimensions.*`` for all properties."""
    where: Mapping[str, str] | None = None
    """Values that columns of the row before (of the row after, where there is none before) must have, as text."""
    before: str | None = None
    """Text of the value before; ``re:`` begins a regular expression that the whole text matches; None for every value."""
    after: str | None = None
    """The same for the value after."""
    until: datetime.date | None = None
    """Last day on which it counts; None for ever."""
    source: str = ""
    """Where it stands: ``accept.toml, entry 2``."""
    known: str = ""
    """Id of the row of the guide that it belongs to; empty in a user's list."""
    only_if: Condition | None = None
    """What must hold besides; a user's list has none."""


@dataclass(frozen=True, slots=True)
class Code:
    """The line of the program that made an item, before and after."""

    before: str
    """``orders.py:28``, and the text of the line where that is at hand; empty where nothing tells."""
    after: str
    """The same."""


@dataclass(frozen=True, slots=True)
class Change:
    """One value that became another one."""

    before: str
    """Text of the value; ids by the item that they name, ``<id of requests 'GET /'>``; numbers as JSON writes them, and so text that could
    be taken for a number, in quotation marks."""
    after: str
    """The same."""
    count: int
    """Items in which it did, counted as the portal counts."""
    rows: int
    """Rows in which it did."""
    examples: tuple[str, ...]
    """Names or messages of up to three such items."""
    code: tuple[Code, ...] = ()
    """Lines that made them, as far as the recordings tell: of up to three items."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs in one column of one table, for one reason."""

    table: str
    column: str
    """`ROW` for whole rows that are on one side only. Of metrics the columns are what a chart shows of a series: ``valueSum`` (sum),
    ``valueCount`` (count), ``valueMin``, ``valueMax``."""
    changes: tuple[Change, ...]
    """The most frequent first, `MOST_CHANGES` of them at most."""
    distinct: int
    """How many different changes there are, those that `changes` leaves out included."""
    count: int
    """Items that differ, counted as the portal counts."""
    rows: int
    """Rows that differ."""
    of: int
    """Items of the table that have a counterpart, or, of whole rows, that there are on the side that has them; counted likewise."""
    accepted: Accepted | None = None
    """Why it is meant; None where nothing says so."""
    note: str = ""
    """More than the values say: ``cumulative → per interval``, ``1000 times as long: another unit``."""

    @property
    def shown(self) -> bool:
        """Whether the portal shows it: the number 1 and the text "1" read the same there, so do null and nothing."""
        return any(_as_the_portal_shows(change.before) != _as_the_portal_shows(change.after) for change in self.changes)


MOST_CHANGES = 20
"""Changes that a `Difference` keeps."""


@dataclass(frozen=True, slots=True)
class TableChange:
    """How much there is in one table."""

    table: str
    before: int
    """Items, counted as the portal counts."""
    after: int
    """The same."""
    rows_before: int
    rows_after: int


@dataclass(frozen=True, slots=True)
class Volatile:
    """A column that differs between runs of the unchanged program, and so says nothing."""

    table: str
    column: str
    items: tuple[str, ...]
    """Names or messages (digits as ``#``) of the items in which it does, sorted."""


@dataclass(frozen=True, slots=True)
class NotCompared:
    """A column that can never be compared by value."""

    table: str
    """``*`` for all."""
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a comparison says nothing about the programs."""

    kind: ProblemKind
    text: str
    """A sentence for the user: which recording, what, what to do."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `compare` found."""

    tables: tuple[TableChange, ...]
    """Tables with a row on either side, in the portal's order."""
    differences: tuple[Difference, ...]
    """What nothing accepts first; then by table and column."""
    volatile: tuple[Volatile, ...]
    """Found between the recording before and its twins."""
    not_compared: tuple[NotCompared, ...]
    """Declared, with reasons; only tables that are there."""
    problems: tuple[Problem, ...]
    """Not empty: the recordings are not comparable, and `differences` are a help to find out why."""
    unused: tuple[Accepted, ...]
    """Entries of the accepted list that no difference needed, expired ones left out."""
    expired: tuple[Accepted, ...]
    """Entries of the accepted list whose last day is over; they accept nothing."""
    twins: int
    """How many recordings of the unchanged program there were beside the first."""

    @property
    def open_differences(self) -> tuple[Difference, ...]:
        """The differences that nothing accepts."""
        return tuple(difference for difference in self.differences if difference.accepted is None)

    @property
    def verdict(self) -> Verdict:
        """The answer: problems come first, then differences that nothing accepts. Empty against empty is never ``equal``."""
        if self.problems:
            return "not comparable"
        return "different" if self.open_differences else "equal"


def _as_the_portal_shows(text: str) -> str:
    if text in (ABSENT, "null"):
        return ""
    text = {"true": "True", "false": "False"}.get(text, text)
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
