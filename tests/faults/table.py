"""The matrix as text: a line for the terminal, a page for the migration guide."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness import Account

_HEAD = """\
# When things go wrong

What becomes of [items](glossary.md#item) when the service, the network, the disk or the process fails. Each row was
measured by `make faults`, which wrote this page.

- **An outage loses nothing** that fits into the [store](operate.md#disk): items are delivered when it is over, by this
  process or the next.
- **What the service refuses is dropped**, and so is what no [limit](limits.md) leaves room for. Both are counted, with the
  [reason](losses.md#reasons-for-losses).
- **`kill -9` loses what is in memory**, and nothing that was stored.
- **Items arrive twice** only where a reply was lost after the service had accepted them.

## How to read it
`make faults` runs real processes against a local endpoint that misbehaves: unchanged OpenCensus programs, and
OpenTelemetry programs where a row says so. It counts every item:

    offered = delivered + still stored + dropped and counted

A run fails where that does not hold, where something arrives twice without having been counted as possible, where a
stranger receives anything, or where a process takes longer to end than its [grace period](limits.md#times).

| column | what it has |
|---|---|
| offered | items that programs made; below it what the fault itself put beside them |
| delivered | different items that the endpoint accepted; below it what the fault itself took away |
| stored | items on disk when the last process has ended; the next one sends them |
| dropped | by the [exporter's](glossary.md#exporter) own counters, with its reasons |
| twice | items that arrived more than once |
| back after | whole seconds from the end of the fault to the last delivery |
| exit | whole seconds that the process took to end |
| retired SDK | the same program on opencensus-ext-azure 1.1.15; *lost* is what is nowhere, and of which nothing tells; a dash: not run |

OpenCensus programs ran with `minimum_retry_interval` at 1 s and `export_interval` at 0.2 s, OpenTelemetry programs with
the defaults. `make faults ONLY="kill -9"` runs the rows whose names contain that.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One fault, and what came of it."""

    group: str
    name: str
    ours: Account | str
    """The account, or why there is none."""
    theirs: Account | str | None
    """The retired SDK's, None where it was not run."""


def line(row: Row) -> str:
    """Return a row for the terminal."""
    name = f"{row.group}: {row.name}"
    if isinstance(row.ours, str):
        return f"{name:<60} skipped: {row.ours}"
    account = row.ours
    numbers = f"offered {account.offered:>5}  delivered {account.delivered:>5}  stored {account.stored:>4}  dropped {_dropped(account):<6}"
    return f"{name:<60} {numbers}  twice {account.duplicates:>3}  back {_recovery(account):>4}  exit {_seconds(account.exit_s):>5}  retired: {_theirs(row)}"


def page(rows: Sequence[Row]) -> str:
    """Return the page, as Markdown."""
    parts = [_HEAD]
    for group, members in groupby(rows, key=lambda row: row.group):
        parts.append(f"\n## {group}\n")
        parts.append(
            "| fault | offered | delivered | stored | dropped | twice | back after | exit | retired SDK |\n|---|---|---|---|---|---|---|---|---|\n"
        )
        parts += [_cells(row) for row in members]
    return "".join(parts)


def _cells(row: Row) -> str:
    if isinstance(row.ours, str):
        return f"| {row.name} | | | | | | | | skipped: {row.ours} |\n"
    account = row.ours
    dropped = "<br>".join(f"{count}: {reason}" for reason, count in sorted(account.dropped.items()))
    added = f"<br>{account.added} {account.added_by}" if account.added else ""
    taken = f"<br>{account.taken} {account.taken_by}" if account.taken > 0 else ""
    return (
        f"| {row.name} | {account.offered}{added} | {account.delivered}{taken} | {account.stored} | {dropped or 0} "
        f"| {account.duplicates or ''} | {_recovery(account)} | {_seconds(account.exit_s)} | {_theirs(row)} |\n"
    )


def _dropped(account: Account) -> str:
    return str(sum(account.dropped.values()))


def _recovery(account: Account) -> str:
    return "" if account.recovery_s is None else f"{max(1, math.ceil(account.recovery_s))} s"


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{math.ceil(seconds)} s"


def _theirs(row: Row) -> str:
    if row.theirs is None:
        return "-"
    if isinstance(row.theirs, str):
        return row.theirs
    account = row.theirs
    if not account.starts:
        return "**the program does not start**"
    told = [f"{account.delivered} delivered"]
    if account.stored:
        told.append(f"{account.stored} stored")
    if account.taken > 0 and account.taken_by:
        told.append(f"{account.taken} {account.taken_by}")
    if account.unaccounted > 0:
        told.append(f"**{account.unaccounted} lost**")
    if account.duplicates:
        told.append(f"{account.duplicates} twice")
    if account.exit_s is not None:
        told.append(f"exit {_seconds(account.exit_s)}")
    return ", ".join(told)
