"""``census-compat local show`` and ``transaction``: what a database or a running endpoint holds."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from .. import render, transaction
from ..remote import RemoteError, RemoteRecording, UnreachableError
from ..store import Store, StoreError
from .terminal import CommandError, as_json, style, write
from .variables import CONNECTION_STRING_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..filters import Filter
    from ..recording import Recording


@contextlib.contextmanager
def recording(database: str | None, address: str | None) -> Iterator[Recording]:
    """Open a database file, or else a running endpoint; errors in it end the command.

    Args:
        database: Path of the file.
        address: URL or connection string of the endpoint; ``None`` for the one that the environment names.

    Raises:
        CommandError: There is neither, it cannot be read, or it has no such table, column or operation.

    """
    try:
        if database is None:
            yield RemoteRecording(address if address is not None else _own_address())
        else:
            with contextlib.closing(Store(database, read_only=True)) as store:
                yield store
    except UnreachableError as error:
        raise CommandError(1, str(error)) from None
    except (StoreError, RemoteError) as error:
        raise CommandError(2, str(error)) from None


def show_counts(source: Recording, *, json: bool) -> int:
    """Print the number of rows of each table and what the check found; return the exit code."""
    counts, problems = source.counts(), source.problems()
    if json:
        write(as_json({"tables": counts, **problems}))
    else:
        text = render.problems(problems["refused"], problems["warnings"], style())
        write("\n\n".join(part for part in (render.overview(counts, style()), text) if part))
    return 0 if any(counts.values()) else 1


def show_table(source: Recording, table: str, wanted: Filter, most: int | None, *, json: bool) -> int:
    """Print the rows of a table that pass a filter, the newest ``most`` of them; return the exit code."""
    try:
        rows = source.select(table, wanted, most)
    except KeyError as error:
        raise CommandError(2, str(error.args[0])) from None
    if json:
        write(as_json({"table": table, "rows": rows}))
    else:
        write(render.table(table, rows, style()) if rows else f"No rows in {table}.")
    return 0 if rows else 1


def show_transaction(source: Recording, operation_id: str, *, json: bool) -> int:
    """Print one operation; return the exit code."""
    found = transaction.find(source, operation_id)
    if found is None:
        raise CommandError(1, f"no telemetry with operation id {operation_id!r}")
    if json:
        write(as_json(transaction.as_dict(found)))
    else:
        write("\n\n".join(filter(None, (render.transaction(found, style()), render.stacks(found, style())))))
    return 0


def _own_address() -> str:
    address = os.environ.get(CONNECTION_STRING_VARIABLE, "")
    if "//127.0.0.1:" not in address:
        raise CommandError(2, f"give --database FILE, or --url URL of a running endpoint (or set {CONNECTION_STRING_VARIABLE} to its own)")
    return address
