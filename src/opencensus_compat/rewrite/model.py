"""What a run is to change, and what it made, as plain values: `rewriting` makes them, reports show them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from opencensus_compat.rewrite.edits import Where

if TYPE_CHECKING:
    from collections.abc import Callable

    from opencensus_compat.rewrite.edits import Change
    from opencensus_compat.scan.findings import Problem

Why: TypeAlias = Literal["decide", "keep", "shape", "with", "generated"]
"""Why a use is left: a person must decide; it stays; it changes the shape, which was not asked for; another use beside it is left; a tool makes the file."""


@dataclass(frozen=True, slots=True, order=True)
class Left:
    """A use that is left as it is."""

    path: str
    cell: int
    """Of a notebook, from 1; 0 in other files."""
    line: int
    """From 1, in the text as it was before the run; of the cell, in a notebook."""
    rule: str
    why: Why
    text: str

    @property
    def key(self) -> Where:
        """Where it stands, and its rule."""
        return Where(self.path, self.cell, self.line, self.rule)


@dataclass(frozen=True, slots=True)
class Options:
    """What a run is to change."""

    shape: bool = False
    """Also where the telemetry arrives in another shape."""
    rules: frozenset[str] = frozenset()
    """Only changes with a use of one of these; all without any."""
    lines: frozenset[tuple[str, int, int]] = frozenset()
    """Only changes with a use at one of these files, cells (0 where it has none) and lines."""
    accepted: frozenset[str] = frozenset()
    """Exporters of other makers that OpenTelemetry's take the places of, by their rules."""
    markers: bool = True
    select: Callable[[Change], bool] | None = None
    """Only changes for which this is true."""

    @property
    def are_narrow(self) -> bool:
        """Whether they are for a part of what can change."""
        return bool(self.rules or self.lines or self.select)

    def want(self, change: Change) -> bool:
        """Return whether a change is one that the run is to make."""
        if self.rules and not any(part.rule in self.rules for part in change.parts):
            return False
        if self.lines and not any((os.path.abspath(part.path), part.cell, part.line) in self.lines for part in change.parts):
            return False
        return self.select is None or self.select(change)


@dataclass(slots=True)
class Rewritten:
    """What a run made."""

    before: dict[str, bytes] = field(default_factory=dict)
    """File -> its bytes, for the files that change."""
    after: dict[str, bytes] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    """Files that could not be read or parsed."""
    files: int = 0
    """How many files were looked at."""
