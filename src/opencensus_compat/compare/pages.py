"""A comparison in the pages of the local endpoint, where differences can be accepted."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from opencensus_compat.local import queries
from opencensus_compat.local.commands.terminal import CommandError
from opencensus_compat.local.store import Store

from .accepted import read
from .counterparts import counterparts
from .reports import as_json
from .reports.sides import is_row
from .review import append, entries_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .counterparts import Counterparts
    from .matching import Replacements
    from .model import Accepted, Comparison, Difference
    from .reports import Sides


class ComparisonPage:
    """What differs, compared anew when the accepted list has become longer."""

    def __init__(
        self,
        compared: Callable[[Sequence[Accepted]], Comparison],
        sides: Sides,
        accepted_list: Path,
        recordings: tuple[str, str],
        replacements: Replacements = (),
    ) -> None:
        """Prepare to compare.

        Args:
            compared: Compares with an accepted list.
            sides: Names of what is compared.
            accepted_list: File that holds what is accepted; it is made where there is none.
            recordings: Files of the recordings before and after.
            replacements: As for `compare`.

        """
        self._compared = compared
        self._sides = sides
        self._list = accepted_list
        self._recordings = recordings
        self._replacements = replacements
        self._known: Comparison | None = None
        self._counterparts: Counterparts | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the report, as `--format json` has it, with the name of the accepted list.

        Raises:
            ValueError: The accepted list cannot be read.

        """
        return {**json.loads(as_json(self._comparison(), self._sides)), "list": str(self._list)}

    def accept(self, entry: dict[str, Any]) -> None:
        """Accept one of the differences that nothing accepts: `table` and `column` name it, `changes` are the texts before and after that it
        has, `reason` says why.

        Raises:
            ValueError: There is no such difference (any more), there is no reason, or the list cannot be written.

        """
        reason = entry.get("reason")
        if not isinstance(reason, str) or not reason.strip():
            raise ValueError("expected a reason: one sentence that says why the difference is meant")
        meant = next((each for each in self._comparison().open_differences if _is(each, entry)), None)
        if meant is None:
            raise ValueError("this difference is no longer there: load the page again")
        whole_column = not is_row(meant) and meant.distinct > len(meant.changes)
        try:
            append(self._list, entries_for(meant, reason.strip(), whole_column=whole_column))
        except CommandError as error:
            raise ValueError(str(error)) from None
        self._known = None

    def changes(self) -> dict[str, Any]:
        """Return which items after differ: `changed`, columns by arrival number, and `added`, numbers of those without a counterpart."""
        found = self._pairs()
        return {"changed": found.changed, "added": found.added}

    def counterpart(self, number: int) -> dict[str, Any] | None:
        """Return the item before that an item after is: its number, table, row and envelope; None where there is none."""
        before = self._pairs().before.get(number)
        if before is None:
            return None
        with closing(Store(self._recordings[0], read_only=True)) as store:
            found = queries.item(store, before)
        return None if found is None else asdict(found)

    def _pairs(self) -> Counterparts:
        if self._counterparts is None:
            columns = {(each.table, each.column) for each in self._comparison().differences}
            self._counterparts = counterparts(*self._recordings, columns, replacements=self._replacements)
        return self._counterparts

    def _comparison(self) -> Comparison:
        if self._known is None:
            self._known = self._compared(read(self._list) if self._list.exists() else ())
        return self._known


def _is(difference: Difference, entry: dict[str, Any]) -> bool:
    return [difference.table, difference.column, [[each.before, each.after] for each in difference.changes]] == [
        entry.get("table"),
        entry.get("column"),
        entry.get("changes"),
    ]
