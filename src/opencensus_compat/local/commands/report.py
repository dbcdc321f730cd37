"""What a command sent, for programs and for people. Pure, but for what it reads from the endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import render, transaction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..recording import Recording

MAX_TRANSACTIONS = 20
"""Transactions printed after ``-- CMD``; the rest are counted."""
MAX_TABLE_ROWS = 50
"""Rows per table printed after ``-- CMD``: the latest; of performance counters the last value of each."""


@dataclass(frozen=True, slots=True)
class Report:
    """How a command ended, and what it sent."""

    recording: Recording
    exit_code: int
    reasons: Sequence[str]
    """Why nothing may have arrived; empty when something did."""
    redirected: Mapping[str, int]
    """Endpoints that would have got the items, with the number of items."""

    def as_dict(self, connection_string: str) -> dict[str, object]:
        """Return the report for programs."""
        recording = self.recording
        found = [transaction.find(recording, operation_id) for operation_id in recording.operation_ids()]
        return {
            "connectionString": connection_string,
            "exitCode": self.exit_code,
            "tables": {table: recording.rows(table) for table, count in recording.counts().items() if count},
            "transactions": [transaction.as_dict(tree) for tree in found if tree is not None],
            **({"redirected": self.redirected} if self.redirected else {}),
            **({"reasons": self.reasons} if self.reasons else {}),
            **recording.problems(),
        }

    def as_text(self, command: Sequence[str], *, accepted: bool, style: render.Style) -> str:
        """Return the report for people.

        Args:
            command: What ran.
            accepted: Whether anything was accepted.
            style: What the terminal can show.

        """
        recording = self.recording
        parts = [f"{' '.join(map(render.clean, command))} ended with {self.exit_code}{' and sent:' if accepted else '.'}"]
        for table, count in recording.counts().items():
            if count:
                rows = recording.rows(table)
                if table == "performanceCounters":
                    rows = list({(row["category"], row["counter"], row["instance"], row["cloud_RoleName"]): row for row in rows}.values())
                parts.append(render.table(table, rows[-MAX_TABLE_ROWS:], style, total=count))
        operations = recording.operation_ids()
        for operation_id in operations[:MAX_TRANSACTIONS]:
            tree = transaction.find(recording, operation_id)
            if tree is not None:
                parts += [render.transaction(tree, style), render.stacks(tree, style)]
        if len(operations) > MAX_TRANSACTIONS:
            parts.append(f"({len(operations) - MAX_TRANSACTIONS} more transactions)")
        if not accepted:
            parts.append(render.overview({}, style))
            parts.append(render.reasons(self.reasons, style))
        parts.append(render.redirected(self.redirected, style))
        problems = recording.problems()
        parts.append(render.problems(problems["refused"], problems["warnings"], style))
        return "\n\n".join(part for part in parts if part)
