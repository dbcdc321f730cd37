"""What a scan finds: values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
    from opencensus_compat.scan.rule import Rule


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """One use of OpenCensus."""

    path: str
    line: int
    """From 1; of the cell, in a notebook."""
    column: int
    """From 1, in characters."""
    rule_id: str
    symbol: str
    """Dotted name below ``opencensus`` where the use has one, else what was found."""
    text: str = ""
    """The source line, without indentation and keys; a long one from the use on."""
    cell: int = 0
    """Cell of a notebook, from 1; 0 in other files."""
    seen: int | None = None
    """How often it ran, as a recording has it; None where that cannot be seen, and without a recording."""
    is_new: bool = False
    """It is one more than the baseline has."""

    @property
    def rule(self) -> Rule:
        """The row of the rule table."""
        return BY_ID[self.rule_id]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A file or folder that could not be read."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, order=True)
class Unfound:
    """A line that called OpenCensus in a recording, and is no use that the scan found."""

    path: str
    line: int
    symbol: str
    """Dotted names below ``opencensus``, with commas."""
    count: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a recording has beside the uses."""

    places: int
    """Lines of the program, and of what it imports, that called OpenCensus."""
    elsewhere: int
    """Those of them that are in no file of the scan."""
    unfound: tuple[Unfound, ...]
    """By path and line."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a scan has beside a baseline."""

    new: int
    """Uses that the baseline does not have."""
    gone: int
    """Uses of the baseline that are no longer there."""
    is_updated: bool
    """The baseline has been written without those that are gone."""


@dataclass(slots=True)
class Result:
    """What a scan found."""

    uses: list[Use] = field(default_factory=list)
    """By path, line and column."""
    problems: list[Problem] = field(default_factory=list)
    files: int = 0
    """How many files were looked at."""
    recorded: Recorded | None = None
    """None without a recording."""
    held: Held | None = None
    """None without a baseline."""
