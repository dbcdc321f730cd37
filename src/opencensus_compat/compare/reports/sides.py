"""What the reports share: how the two sides are named, and sentences about what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opencensus_compat.local.render import clean

from ..model import ABSENT, ROW

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..model import Accepted, Change, Code, Comparison, Difference, Volatile
    from ..steps import Step


@dataclass(frozen=True, slots=True)
class Sides:
    """What was compared."""

    before: str
    """File of the recording, or the command."""
    after: str
    step: Step | None = None
    """The step between the two, whose rows may explain what is left."""

    def suggested(self, difference: Difference) -> tuple[str, ...]:
        """Return the ids of such rows."""
        return self.step.suggested(difference) if self.step is not None and difference.accepted is None else ()

    @property
    def guide(self) -> str:
        """Page of the guide that has the step's rows."""
        return "" if self.step is None else self.step.guide


def conclusion(comparison: Comparison) -> str:
    """Return the result as one sentence."""
    if comparison.verdict == "not comparable":
        return "Not comparable."
    left, accepted = len(comparison.open_differences), len(comparison.differences) - len(comparison.open_differences)
    beside = f" beside {accepted} that {'is' if accepted == 1 else 'are'} accepted" if accepted else ""
    return f"{left or 'No'} difference{'' if left < 2 else 's'}{beside}."


def extent(difference: Difference) -> str:
    """Return in how many items a column differs."""
    return f"in {difference.count} of {difference.of}"


def only(change: Change) -> str:
    """Return on which side alone the rows of a change are."""
    return "only after" if change.before == ABSENT else "only before"


def code_line(code: Code, arrow: str) -> str:
    """Return where the program's code is that made an item, before and after."""
    before, after = clean(code.before), clean(code.after)
    return f"{before} {arrow} {after}" if before and after and before != after else before or after


def is_row(difference: Difference) -> bool:
    """Return whether a difference is about whole rows."""
    return difference.column == ROW


def origin(entry: Accepted) -> str:
    """Return where an entry stands."""
    return entry.source or entry.known


def scope(entry: Accepted) -> str:
    """Return what an entry is about, for a message."""
    return f"{entry.table}, {entry.column}"


def by_columns(volatile: Iterable[Volatile]) -> Mapping[str, list[str]]:
    """Return the volatile columns, and the tables in which they are volatile."""
    found: dict[str, list[str]] = {}
    for entry in volatile:
        found.setdefault(entry.column, []).append(entry.table)
    return found


def by_line(text: str) -> str:
    """Return a text of several lines as harmless characters."""
    return "\n".join(map(clean, text.split("\n")))
