"""What pages and ``local show`` ask of a store: which items pass a filter, windows of them, one item whole, the newest operations.

Items have arrival numbers, which are the rowids of their table; they grow, and never change. So a list of any length is a list of
numbers, of which a window is read at a time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .filters import Filter, check, in_sql
from .schema import FieldWarning
from .schema import check as judge
from .tables import TABLES, TableRow, decoded
from .times import parse_time

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .store import Store

MOST_NUMBERS = 200_000
"""Items of one list; a longer one has the newest of them, and says how many there are."""
SHORT_CHARS = 300
"""Characters of a text in a list; the item itself has it whole."""

_OUTSIDE_THE_WINDOW = ("103:", "104:")
_NO_SUCH_KEY = "Invalid instrumentation key"
"""Messages whose reason cannot be found again from the item alone."""

_CALLS = ("requests", "dependencies")
_LONG_COLUMNS = ("customDimensions", "customMeasurements", "details")


@dataclass(frozen=True, slots=True)
class Listed:
    """One item of a list."""

    number: int
    table: str
    row: TableRow
    """Without dynamic columns, and with texts cut to ``SHORT_CHARS``."""
    warnings: int
    """What the check had to say of it."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item whole."""

    number: int
    table: str
    row: TableRow
    envelope: str
    """As sent."""
    warnings: tuple[FieldWarning, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation in a list."""

    operation_id: str
    last_number: int
    """Arrival number of its newest call."""
    name: str
    """Of its first request, else of its first call."""
    start: str
    duration_ms: float | None
    """Of that call."""
    role: str | None
    success: bool
    """None of its calls failed, and there is no exception."""
    counts: dict[str, int]
    """Items by table; tables without any are not there."""


def numbers(store: Store, wanted: Filter, *, after: int = 0, most: int = MOST_NUMBERS) -> list[int]:
    """Return the arrival numbers of the items that pass, in ascending order; where there are more than ``most``, the newest.

    Args:
        store: Where they are.
        wanted: What they must have.
        after: Only those with a higher number.
        most: Length of the list.

    Raises:
        FilterError: A column that does not exist.

    """
    check(wanted)
    if wanted.selects_all:
        last = store.last_number()
        return list(range(max(after, last - most) + 1, last + 1))
    select, parameters = _of_all_tables("rowid", wanted)
    if not select:
        return []
    # Sorted here: SQLite would walk every table backwards at once, which takes twice as long.
    found = sorted(number for (number,) in store.query(f"SELECT * FROM ({select}) WHERE rowid > ?", [*parameters, after]))
    return found[-most:]


def count(store: Store, wanted: Filter) -> int:
    """Return how many items pass.

    Raises:
        FilterError: A column that does not exist.

    """
    check(wanted)
    select, parameters = _of_all_tables("count(*) AS found", wanted)
    return int(store.query(f"SELECT sum(found) FROM ({select})", parameters)[0][0]) if select else 0


def _of_all_tables(what: str, wanted: Filter) -> tuple[str, list[object]]:
    """Return a query for the rows of all tables that pass, and its parameters; empty where no table can have any."""
    selects: list[str] = []
    parameters: list[object] = []
    for table in TABLES:
        found = in_sql(wanted, table)
        if found is not None:
            having, values = found
            selects.append(f"SELECT {what} FROM {table}{having and ' WHERE '}{having}")
            parameters += values
    return " UNION ALL ".join(selects), parameters


def items(store: Store, wanted: Sequence[int]) -> list[Listed]:
    """Return the items with these numbers, in this order; those that do not exist are not there."""
    marks = ", ".join("?" * len(wanted))
    tables: dict[str, list[int]] = {}
    for number, table in store.query(f"SELECT number, tableName FROM envelopes WHERE number IN ({marks})", wanted):
        tables.setdefault(table, []).append(number)
    warned = dict(store.query(f"SELECT item, count(*) FROM warnings WHERE item IN ({marks}) GROUP BY item", wanted))
    found: dict[int, Listed] = {}
    for table, own in tables.items():
        columns = [name for name in TABLES[table] if name not in _LONG_COLUMNS]
        shown = [f"substr({name}, 1, {SHORT_CHARS})" if TABLES[table][name] == "TEXT" else name for name in columns]
        for number, *values in store.query(
            f"SELECT rowid, {', '.join(shown)} FROM {table} WHERE rowid IN ({', '.join('?' * len(own))})", own
        ):
            found[number] = Listed(number, table, dict(zip(columns, values, strict=True)), warned.get(number, 0))
    return [found[number] for number in wanted if number in found]


def shortened(row: Mapping[str, object]) -> TableRow:
    """Return a row as an operation's timeline has it: without what is null, too."""
    return {
        name: value[:SHORT_CHARS] if isinstance(value, str) else value
        for name, value in row.items()
        if name not in _LONG_COLUMNS and value is not None
    }


def item(store: Store, number: int) -> Item | None:
    """Return an item whole; None when there is none with this number."""
    found = store.query("SELECT tableName, envelope FROM envelopes WHERE number = ?", (number,))
    if not found:
        return None
    [(table, envelope)] = found
    [values] = store.query(f"SELECT * FROM {table} WHERE rowid = ?", (number,))
    warnings = store.query("SELECT path, text FROM warnings WHERE item = ? ORDER BY number", (number,))
    return Item(number, table, decoded(table, values), envelope, tuple(FieldWarning(*warning) for warning in warnings))


def operations(store: Store, *, before: int | None = None, limit: int = 50, failed: bool = False) -> list[Operation]:
    """Return the operations with the newest calls, newest first.

    Args:
        store: Where they are.
        before: Only those whose newest call has a lower arrival number: the ``last_number`` of the last one on the page before.
        limit: Most operations.
        failed: Only those with a failed call or an exception.

    """
    calls = " UNION ALL ".join(f"SELECT operation_Id, rowid AS number FROM {table}" for table in _CALLS)
    conditions = ["operation_Id IS NOT NULL"]
    if failed:
        bad = [f"SELECT operation_Id FROM {table} WHERE success = 'False'" for table in _CALLS]
        conditions.append(f"operation_Id IN ({' UNION ALL '.join([*bad, 'SELECT operation_Id FROM exceptions'])})")
    newest = store.query(
        f"SELECT operation_Id, max(number) AS newest FROM ({calls}) WHERE {' AND '.join(conditions)}"
        " GROUP BY operation_Id HAVING newest < ? ORDER BY newest DESC LIMIT ?",
        (2**62 if before is None else before, limit),
    )
    return [_operation(store, operation_id, number) for operation_id, number in newest]


def _operation(store: Store, operation_id: str, last_number: int) -> Operation:
    counted = store.query(
        f"SELECT {', '.join(f'(SELECT count(*) FROM {table} WHERE operation_Id = ?1)' for table in TABLES)}", (operation_id,)
    )[0]
    counts = {table: number for table, number in zip(TABLES, counted, strict=True) if number}
    [(failures,)] = store.query(
        f"SELECT {' + '.join(f'''(SELECT count(*) FROM {table} WHERE operation_Id = ?1 AND success = 'False')''' for table in _CALLS)}",
        (operation_id,),
    )
    name, start, duration_ms, role = next(
        found[0]
        for table in _CALLS
        if (
            found := store.query(
                f"SELECT substr(name, 1, {SHORT_CHARS}), timestamp, duration, cloud_RoleName FROM {table} WHERE operation_Id = ?"
                " ORDER BY timestamp LIMIT 1",
                (operation_id,),
            )
        )
    )
    return Operation(
        operation_id, last_number, name or "", start or "", duration_ms, role, not failures and "exceptions" not in counts, counts
    )


def refused(store: Store, *, before: int | None = None, limit: int = 100) -> list[dict[str, object]]:
    """Return refused items, newest first: number, index in its request, status, message, the item as sent, and the place that was wrong."""
    found = store.query(
        "SELECT number, itemIndex, statusCode, message, envelope FROM refused WHERE number < ? ORDER BY number DESC LIMIT ?",
        (2**62 if before is None else before, limit),
    )
    names = ("number", "index", "status", "message", "envelope")
    return [{**dict(zip(names, values, strict=True)), "path": _place(values[4], values[3])} for values in found]


def _place(text: str, message: str) -> str:
    """Return the place for which an item was refused; empty where the check today has another reason, or none."""
    try:
        envelope = json.loads(text)
    except ValueError:
        return ""
    if message.startswith(_OUTSIDE_THE_WINDOW):
        return "$.time"
    time = parse_time(envelope["time"]) if isinstance(envelope, dict) and isinstance(envelope.get("time"), str) else None
    verdict = judge(envelope, size_bytes=len(text.encode("utf-8", "replace")), now_s=time[0].timestamp() if time is not None else 0.0)
    if message == _NO_SUCH_KEY:
        return "$.iKey" if isinstance(envelope, dict) and "iKey" in envelope else "$"
    return verdict.path if verdict.message == message else ""


def warnings(store: Store) -> list[dict[str, object]]:
    """Return what the check had to say of accepted items, equal findings together, the most frequent first, with one item as an example."""
    found = store.query("SELECT path, text, count(*), max(item) FROM warnings GROUP BY path, text ORDER BY count(*) DESC, max(item) DESC")
    return [dict(zip(("path", "text", "count", "item"), values, strict=True)) for values in found]
