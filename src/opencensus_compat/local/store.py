"""SQLite tables under the portal's names, in memory or in a file.

The tables of ``tables.TABLES`` hold the accepted items; ``envelopes`` keeps each one's JSON text as it was sent, under
the same rowid; ``refused`` and ``warnings`` say what the check found. A file can be read by another process while items
arrive. One lock guards the connection, so a store may be shared by threads.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .filters import Filter, conditions, in_sql, known_table
from .tables import TABLES, Row, TableRow, decoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .bodies import JsonObject
    from .call_sites import CallSite
    from .schema import FieldWarning

APPLICATION_ID = 0x43436F6D
"""SQLite header field that marks a file as ours."""
FORMAT_VERSION = 1

_BOOK_TABLES = {
    "envelopes": "number INTEGER PRIMARY KEY, tableName TEXT, envelope TEXT",
    "refused": "number INTEGER PRIMARY KEY, itemIndex INTEGER, statusCode INTEGER, message TEXT, envelope TEXT",
    "warnings": "number INTEGER PRIMARY KEY, item INTEGER, path TEXT, text TEXT",
}
_CALL_SITES = "CREATE TABLE IF NOT EXISTS callSites (file TEXT, line INTEGER, symbol TEXT, via TEXT, count INTEGER, PRIMARY KEY (file, line, symbol, via))"
"""There only where call sites were noted, which is more than that there were none."""


class StoreError(OSError):
    """A database that cannot be opened or is not one of ours; the message says which file and why."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """One item to keep."""

    number: int
    """Arrival number, from 1."""
    row: Row
    text: str
    """The envelope's JSON text as sent."""
    warnings: tuple[FieldWarning, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """One item that was not accepted."""

    index: int
    """Position in its request, from 0."""
    status: int
    """Item status code."""
    message: str
    text: str
    """The item's JSON text as sent."""


@dataclass(frozen=True, slots=True)
class ItemWarning:
    """One schema warning about an accepted item."""

    item: int
    """Arrival number of the envelope, from 1: ``endpoint.envelopes()[item - 1]``."""
    path: str
    """Place in the envelope, for example ``$.data.baseData.name``."""
    text: str


class Store:
    """What an endpoint has accepted and refused."""

    def __init__(self, database: str | os.PathLike[str] | None = None, *, read_only: bool = False) -> None:
        """Open a store.

        Args:
            database: Path of the SQLite file, created when absent and continued when present; ``None`` keeps
                everything in memory.
            read_only: Only read an existing file.

        Raises:
            StoreError: The file cannot be opened, or holds something else.

        """
        self._lock = threading.Lock()
        self._closed = False
        self.cleared = 0
        """How often ``clear`` was called: arrival numbers began anew each time."""
        name = ":memory:" if database is None else os.fspath(database)
        try:
            if read_only:
                address = Path(name).absolute().as_uri() + "?mode=ro"
                self._connection = sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)
            else:
                if name not in ("", ":memory:"):  # SQLite's names for a database without a file
                    _make_private(os.path.realpath(name))
                self._connection = sqlite3.connect(name, check_same_thread=False, isolation_level=None)
            try:
                self._prepare(read_only)
            except BaseException:
                self._connection.close()
                raise
        except (sqlite3.Error, ValueError, OSError) as error:
            raise StoreError(f"cannot open {name!r} as a database of received telemetry: {error}") from None
        self._inserts = {
            table: f"INSERT INTO {table} (rowid, {', '.join(columns)}) VALUES ({', '.join('?' * (len(columns) + 1))})"
            for table, columns in TABLES.items()
        }

    def last_number(self) -> int:
        """Return the highest arrival number in the store, 0 when it is empty."""
        return int(self.query("SELECT coalesce(max(number), 0) FROM envelopes")[0][0])

    def add(self, accepted: Sequence[Accepted], refused: Sequence[Refused] = ()) -> None:
        """Keep one request's items, all of them or none.

        Raises:
            StoreError: The database refuses (disk full, file removed); nothing was kept.

        """
        by_table: dict[str, list[tuple[object, ...]]] = {}
        for item in accepted:
            by_table.setdefault(item.row.table, []).append((item.number, *item.row.values))
        batches = [(self._inserts[table], values) for table, values in by_table.items()]
        batches.append(("INSERT INTO envelopes VALUES (?, ?, ?)", [(item.number, item.row.table, item.text) for item in accepted]))
        batches.append(
            (
                "INSERT INTO warnings (item, path, text) VALUES (?, ?, ?)",
                [(item.number, warning.path, warning.text) for item in accepted for warning in item.warnings],
            )
        )
        batches.append(
            (
                "INSERT INTO refused (itemIndex, statusCode, message, envelope) VALUES (?, ?, ?, ?)",
                [(item.index, item.status, item.message, item.text) for item in refused],
            )
        )
        try:
            self._write(batches)
        except (UnicodeEncodeError, OverflowError):
            # A lone surrogate or an integer over 64 bits, both legal in JSON: SQLite holds neither, so bend the values.
            self._write([(statement, [tuple(map(_storable, values)) for values in rows]) for statement, rows in batches])

    def add_call_sites(self, sites: Sequence[CallSite]) -> None:
        """Keep call sites; counts of the same one add up.

        Raises:
            StoreError: The database refuses; nothing was kept.

        """
        values: list[tuple[object, ...]] = [
            (_storable(site.file), site.line, site.symbol, _storable(site.via), site.count) for site in sites
        ]
        added = "INSERT INTO callSites VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count"
        self._write([(_CALL_SITES, None), (added, values)])

    def rows(self, table: str, where: Mapping[str, str] | None = None) -> list[TableRow]:
        """Return the rows of a portal table in arrival order, dynamic columns decoded.

        Args:
            table: A key of ``tables.TABLES``.
            where: Values that a row must equal, compared as text, by column or property (``customDimensions.cart``).

        Raises:
            FilterError: Unknown table or column; the message lists the known ones.

        """
        return self.select(table, Filter(where=conditions(where or {})))

    def select(self, table: str, wanted: Filter, most: int | None = None) -> list[TableRow]:
        """Return the rows of a portal table that pass a filter, in arrival order; where there are more than ``most``, the newest.

        Raises:
            FilterError: Unknown table or column; the message lists the known ones.

        """
        found = in_sql(replace(wanted, tables=(known_table(table),)), table)
        if found is None:
            return []
        having, parameters = found
        newest = self.query(
            f"SELECT * FROM {table}{having and f' WHERE {having}'} ORDER BY rowid DESC LIMIT ?", [*parameters, -1 if most is None else most]
        )
        return [decoded(table, values) for values in reversed(newest)]

    def envelopes(self, after: int = 0) -> list[JsonObject]:
        """Return the accepted envelopes in arrival order, freshly parsed; only those with a number over ``after``."""
        found = self.query("SELECT envelope FROM envelopes WHERE number > ? ORDER BY number", (after,))
        return [json.loads(text) for (text,) in found]

    def counts(self) -> dict[str, int]:
        """Return the number of rows by portal table, in the order of ``tables.TABLES``."""
        # Each count walks the table's index; the envelopes beside them are many times as large.
        [found] = self.query(f"SELECT {', '.join(f'(SELECT count(*) FROM {table})' for table in TABLES)}")
        return dict(zip(TABLES, found, strict=True))

    def refused(self) -> list[Refused]:
        """Return the refused items in arrival order."""
        return [Refused(*values) for values in self.query("SELECT itemIndex, statusCode, message, envelope FROM refused ORDER BY number")]

    def warnings(self) -> list[ItemWarning]:
        """Return the schema warnings in arrival order."""
        return [ItemWarning(*values) for values in self.query("SELECT item, path, text FROM warnings ORDER BY number")]

    def problems(self) -> dict[str, list[JsonObject]]:
        """Return ``warnings`` and ``refused``, each item as a dict."""
        return {"warnings": [asdict(entry) for entry in self.warnings()], "refused": [asdict(entry) for entry in self.refused()]}

    def findings(self) -> tuple[int, int]:
        """Return how many items were refused, and how many warnings there are."""
        [(refused, warnings)] = self.query("SELECT (SELECT count(*) FROM refused), (SELECT count(*) FROM warnings)")
        return refused, warnings

    def operation_ids(self) -> list[str]:
        """Return the operation ids of all requests and dependencies, in order of each one's first start."""
        found = self.query(
            "SELECT operation_Id, min(timestamp) AS start FROM ("
            "SELECT operation_Id, timestamp FROM requests UNION ALL SELECT operation_Id, timestamp FROM dependencies)"
            " WHERE operation_Id IS NOT NULL GROUP BY operation_Id ORDER BY start"
        )
        return [operation_id for operation_id, _ in found]

    def clear(self) -> None:
        """Forget everything; arrival numbers start again at 1."""
        self._write([(f"DELETE FROM {table}", None) for table in (*TABLES, *_BOOK_TABLES)])
        self.cleared += 1

    def close(self) -> None:
        """Close the database. Calling it again does nothing."""
        with self._lock:
            self._closed = True
            self._connection.close()

    def _prepare(self, read_only: bool) -> None:
        (application_id,) = self._connection.execute("PRAGMA application_id").fetchone()
        (tables,) = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application_id != APPLICATION_ID and (tables or read_only):
            raise ValueError("the file is another program's database")
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if tables and version != FORMAT_VERSION:
            raise ValueError(f"the file has format {version}; this release reads format {FORMAT_VERSION}")
        if read_only:
            return
        self._connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last items, never the file
        if tables:
            return
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self._connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
        for table, columns in TABLES.items():
            shape = ", ".join(f"{name} {'TEXT' if kind == 'JSON' else kind}" for name, kind in columns.items())
            self._connection.execute(f"CREATE TABLE {table} ({shape})")
            self._connection.execute(f"CREATE INDEX {table}_operation ON {table} (operation_Id)")
        for table, shape in _BOOK_TABLES.items():
            self._connection.execute(f"CREATE TABLE {table} ({shape})")

    def query(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a ``SELECT``.

        Raises:
            StoreError: The store is closed, or cannot be read.

        """
        with self._lock:
            if self._closed:
                raise StoreError("the store is closed")
            try:
                return self._connection.execute(statement, parameters).fetchall()
            except sqlite3.Error as error:
                raise StoreError(f"cannot read the database: {error}") from None

    def _write(self, batches: Iterable[tuple[str, list[tuple[object, ...]] | None]]) -> None:
        with self._lock:
            if self._closed:
                raise StoreError("the store is closed")
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    for statement, rows in batches:
                        if rows is None:
                            self._connection.execute(statement)
                        elif rows:
                            self._connection.executemany(statement, rows)
                    self._connection.execute("COMMIT")
                except BaseException:
                    if self._connection.in_transaction:
                        # SQLite has ended it by itself where the disk is full.
                        self._connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise StoreError(f"cannot write the database: {error}") from None


def _make_private(name: str) -> None:
    """Make the file, where it is not there yet, for its owner only: SQLite gives its journal and WAL files the mode of the database.

    Raises:
        OSError: It cannot be made; the message leaves the name out.
    """
    try:
        os.close(os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600))
    except FileExistsError:
        pass  # It has the mode that its owner gave it.
    except OSError as error:
        raise OSError(error.strerror or type(error).__name__) from None


def _storable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return float(value)
    return value
