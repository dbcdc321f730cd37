"""The items of a recording, streamed: what ``census-compat local --database FILE`` has written.

A recording that is finished is read without a lock and without a trace beside it, so that several comparisons may read it, and one that
lies in a folder that cannot be written is read like any other. Errors::

    RecordingError            all of them; the message names the file and says what to do
     ├─ MissingRecording      no such file
     ├─ NotARecording         empty, or something else: text, another program's database
     ├─ OtherFormat           made by another release, in another form
     ├─ OpenRecording         an endpoint still writes to it
     ├─ LockedRecording       another program holds it
     ├─ NoCallSites           it was made without call sites
     └─ DamagedRecording      truncated, or overwritten in part
"""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opencensus_compat.local.call_sites import CallSite
from opencensus_compat.local.store import APPLICATION_ID, FORMAT_VERSION
from opencensus_compat.local.tables import TABLES, TAG_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

JSON_COLUMNS = ("customDimensions", "customMeasurements", "details")
_IDS = ("id", "operation_Id", "operation_ParentId", "iKey")
_SHOWN_TAGS = {*TAG_COLUMNS.values(), "ai.internal.sdkVersion"}


class RecordingError(Exception):
    """A recording that cannot be compared."""


class MissingRecording(RecordingError):
    """There is no such file."""


class NotARecording(RecordingError):
    """The file is something else."""


class OtherFormat(RecordingError):
    """Another release made the file, in another form."""


class OpenRecording(RecordingError):
    """An endpoint still writes to the file."""


class LockedRecording(RecordingError):
    """Another program holds the file."""


class NoCallSites(RecordingError):
    """The recording was made without call sites, which is not the same as that the program had none."""


class DamagedRecording(RecordingError):
    """The file is truncated, or parts of it are overwritten."""


@dataclass(frozen=True, slots=True)
class Item:
    """One accepted item."""

    number: int
    """Arrival number, from 1."""
    table: str
    row: Mapping[str, Any]
    """The portal's values by column, without the dynamic ones."""
    cells: Mapping[str, object]
    """What is compared, by column as in `Difference.column`, parts of lists by their number: ``details.0.parsedStack.2.line``. Properties
    as they were sent, null included."""


class Recording:
    """A finished recording."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open a recording.

        Raises:
            RecordingError: It cannot be read.

        """
        self.name = os.fspath(path)
        self._connection = _opened(self.name)

    def __enter__(self) -> Recording:
        """Return the recording; leaving the block closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the file. Calling it again does nothing."""
        self._connection.close()

    def refused(self) -> list[str]:
        """Return why items were refused, one text for each, in arrival order."""
        return [text for (text,) in self._ask("SELECT message FROM refused ORDER BY number")]

    def call_sites(self) -> list[CallSite]:
        """Return which lines of the program called which public names of OpenCensus, by file and line.

        Raises:
            NoCallSites: They were not kept.

        """
        if not list(self._ask("SELECT 1 FROM sqlite_master WHERE name = 'callSites'")):
            raise NoCallSites(
                f"{self.name!r} has no call sites: record the program with `census-compat local --database FILE -- COMMAND`, without --no-call-sites"
            )
        return [CallSite(*values) for values in self._ask("SELECT file, line, symbol, via, count FROM callSites ORDER BY 1, 2, 3, 4")]

    def ids(self) -> Iterator[str]:
        """Yield all ids of all items, as they were sent."""
        for table, columns in TABLES.items():
            wanted = [column for column in _IDS if column in columns]
            for found in self._ask(f"SELECT {', '.join(wanted)} FROM {table}"):
                yield from filter(None, found)

    def items(self, table: str) -> Iterator[Item]:
        """Yield the items of a table in arrival order.

        Raises:
            DamagedRecording: The file ends before they do.

        """
        columns = list(TABLES[table])
        query = f"SELECT own.rowid, book.envelope, own.* FROM {table} own LEFT JOIN envelopes book ON book.number = own.rowid"
        for number, envelope, *values in self._ask(f"{query} ORDER BY own.rowid"):
            yield self._item(table, number, envelope, columns, values)

    def item(self, table: str, number: int) -> Item:
        """Return the item with an arrival number."""
        query = f"SELECT book.envelope, own.* FROM {table} own LEFT JOIN envelopes book ON book.number = own.rowid WHERE own.rowid = ?"
        ((envelope, *values),) = self._ask(query, number)
        return self._item(table, number, envelope, list(TABLES[table]), values)

    def _item(self, table: str, number: int, envelope: str | None, columns: list[str], values: list[Any]) -> Item:
        try:
            row = dict(zip(columns, values, strict=True))
            return Item(number, table, row, cells(row, json.loads(envelope or "")))
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            raise DamagedRecording(f"item {number} in {self.name!r} cannot be read: {error}") from None

    def _ask(self, query: str, *parameters: object) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._connection.execute(query, parameters)
        except sqlite3.DatabaseError as error:
            raise _damaged(self.name, error) from None


def call_sites(recording: str | os.PathLike[str]) -> list[CallSite]:
    """Return which lines of the program that a recording is of called which public names of OpenCensus, by file and line.

    Raises:
        RecordingError: It cannot be read, or was made without call sites (``NoCallSites``).

    """
    with Recording(recording) as opened:
        return opened.call_sites()


def cells(row: Mapping[str, Any], envelope: Mapping[str, Any]) -> dict[str, object]:
    """Return what is compared of an item: the columns of its row that have a value, and what the row does not hold.

    Args:
        row: The portal's values by column, dynamic columns as JSON text.
        envelope: The item as it was sent.

    """
    found = {column: value for column, value in row.items() if value is not None and column not in JSON_COLUMNS}
    base = envelope["data"]["baseData"]
    for column, field in (("customDimensions", "properties"), ("customMeasurements", "measurements")):
        part = base.get(field)
        if isinstance(part, dict):
            for key, value in part.items():
                found[f"{column}.{key}"] = value
    if row.get("details"):
        found.update(_leaves("details", json.loads(row["details"])))
    for tag, value in (envelope.get("tags") or {}).items():
        if tag not in _SHOWN_TAGS:
            found[f"tags.{tag}"] = value
    return found


def _leaves(path: str, value: object) -> Iterator[tuple[str, object]]:
    inside: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not inside:
        yield path, value
    for key, part in inside:
        yield from _leaves(f"{path}.{key}", part)


def _opened(name: str) -> sqlite3.Connection:
    path = Path(name)
    if not path.exists():
        raise MissingRecording(f"there is no recording {name!r}; `census-compat local --database {name} -- COMMAND` makes one")
    if not path.is_file():
        raise NotARecording(f"{name!r} is no file; give the file of a `census-compat local --database FILE`")
    if path.stat().st_size == 0:
        raise NotARecording(f"{name!r} is empty: nothing was ever written to it")
    waiting = Path(f"{name}-wal")
    if waiting.exists():
        _settled(name)
    # What SQLite has not yet taken into the file is only seen by a connection that may lock; without such a rest none is needed.
    mode = "mode=ro&immutable=1" if not waiting.exists() and _writes_beside(path) else "mode=ro"
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=1, isolation_level=None)
    except sqlite3.Error as error:
        raise RecordingError(f"cannot open {name!r}: {error}") from None
    try:
        _checked(connection, name)
    except BaseException:
        connection.close()
        raise
    return connection


def _writes_beside(path: Path) -> bool:
    """Return whether a database has its journal in a file ``-wal``, as recordings have; else who writes locks the file itself."""
    try:
        with path.open("rb") as file:
            return file.read(20)[18:20] == b"\x02\x02"
    except OSError:
        return False


def _settled(name: str) -> None:
    """Take what lies beside a recording into its file, as the next endpoint would.

    Raises:
        OpenRecording: Somebody has it open.

    """
    try:
        connection = sqlite3.connect(f"{Path(name).absolute().as_uri()}?mode=rw", uri=True, timeout=0, isolation_level=None)
    except sqlite3.Error:
        return  # It can be read only; what is wrong with it is found as it is read.
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise OpenRecording(
                f"{name!r} is still open: an endpoint writes to it, or another program reads it. End that first; "
                "a recording is whole when its endpoint has ended"
            ) from None
    except sqlite3.DatabaseError:
        return
    finally:
        connection.close()


def _checked(connection: sqlite3.Connection, name: str) -> None:
    try:
        (application_id,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application_id != APPLICATION_ID:
            raise NotARecording(f"{name!r} is another program's database; give the file of a `census-compat local --database FILE`")
        if version != FORMAT_VERSION:
            raise OtherFormat(f"{name!r} has format {version}, and this release reads format {FORMAT_VERSION}: record it again")
        (damage,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if damage != "ok":
            raise DamagedRecording(f"{name!r} is damaged ({damage}): record it again")
        for table in (*TABLES, "envelopes", "refused"):
            connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()
    except sqlite3.DatabaseError as error:
        if "not a database" in str(error):
            raise NotARecording(f"{name!r} is no recording; give the file of a `census-compat local --database FILE`") from None
        if "locked" in str(error):
            raise LockedRecording(f"{name!r} is locked by another program; end it, or copy the file first") from None
        raise _damaged(name, error) from None


def _damaged(name: str, error: Exception) -> DamagedRecording:
    return DamagedRecording(f"{name!r} is damaged or truncated ({error}): record it again")
