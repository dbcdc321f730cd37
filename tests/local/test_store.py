from __future__ import annotations

import json
import os
import sqlite3
import stat
import threading

import pytest

from opencensus_compat.local.schema import FieldWarning
from opencensus_compat.local.store import Accepted, ItemWarning, Refused, Store, StoreError
from opencensus_compat.local.tables import row


@pytest.fixture
def store():
    """Open a store in memory."""
    opened = Store()
    yield opened
    opened.close()


@pytest.fixture
def accepted(message):
    """Return a function that makes an accepted item."""

    def make(number, text="stock low", warnings=(), **properties):
        envelope = message(text)
        envelope["data"]["baseData"]["properties"].update(properties)
        return Accepted(number, row(envelope, number), json.dumps(envelope), warnings)

    return make


def test_rows_and_envelopes_come_back(store, accepted, message):
    """What is added is read back as rows with decoded dimensions, and as the envelopes that were sent."""
    store.add([accepted(1), accepted(2, "sold out")])
    rows = store.rows("traces")
    assert [(found["message"], found["customDimensions"]) for found in rows] == [("stock low", {"sku": "A1"}), ("sold out", {"sku": "A1"})]
    assert store.envelopes() == [message(), message("sold out")]
    assert store.envelopes(after=1) == [message("sold out")]
    assert store.last_number() == 2


def test_counts_name_every_table(store, accepted):
    """Every portal table has a count, most of them 0."""
    store.add([accepted(1)])
    assert {table: count for table, count in store.counts().items() if count} == {"traces": 1}
    assert len(store.counts()) == 9


@pytest.mark.parametrize(
    ("where", "messages"),
    [
        ({}, ["a", "b"]),
        ({"message": "a"}, ["a"]),
        ({"severityLevel": "2"}, ["a", "b"]),
        ({"severityLevel": "2", "message": "b"}, ["b"]),
        ({"message": "' OR 1=1 --"}, []),
    ],
)
def test_where(store, accepted, where, messages):
    """Conditions compare as text and all must hold."""
    store.add([accepted(1, "a"), accepted(2, "b")])
    assert [found["message"] for found in store.rows("traces", where)] == messages


@pytest.mark.parametrize(("table", "where"), [("nothing", {}), ("traces", {"nothing": "1"}), ("traces; DROP TABLE traces", {})])
def test_unknown_names(store, table, where):
    """An unknown table or column is a KeyError that lists the known ones."""
    with pytest.raises(KeyError, match=r"tables are requests|columns are timestamp"):
        store.rows(table, where)


def test_findings_come_back(store, accepted):
    """Warnings point at the item's arrival number; refused items keep their text."""
    store.add([accepted(1), accepted(2, warnings=(FieldWarning("$.tags", "is null"),))], [Refused(3, 400, "bad", "{}")])
    assert store.warnings() == [ItemWarning(2, "$.tags", "is null")]
    assert store.refused() == [Refused(3, 400, "bad", "{}")]
    assert store.findings() == (1, 1)


def test_values_that_sqlite_cannot_hold(store, accepted):
    """A lone surrogate is replaced; its neighbours are kept."""
    store.add([accepted(1, "a\ud800b"), accepted(2, "fine\x00"), accepted(3, sku="\udfff")])
    assert [found["message"] for found in store.rows("traces")] == ["a?b", "fine\x00", "stock low"]
    assert store.envelopes()[0]["data"]["baseData"]["message"] == "a\ud800b"


def test_operation_ids_by_start(store):
    """Operations come in order of their first request or dependency, whatever arrived first."""

    def item(number, table, operation, second):
        data = {"id": "1", "name": "n", "duration": "00:00:01", "responseCode": "200", "success": True}
        envelope = {
            "name": "n",
            "iKey": "k",
            "time": f"2023-11-14T22:13:{second:02d}Z",
            "tags": {"ai.operation.id": operation},
            "data": {"baseType": table, "baseData": data},
        }
        return Accepted(number, row(envelope, number), "{}", ())

    store.add([item(1, "RequestData", "b", 5), item(2, "RemoteDependencyData", "b", 4), item(3, "RequestData", "a", 1)])
    assert store.operation_ids() == ["a", "b"]


def test_clear(store, accepted):
    """After a clear nothing is left and numbers start again."""
    store.add([accepted(1, warnings=(FieldWarning("$", "x"),))], [Refused(0, 400, "bad", "{}")])
    store.clear()
    assert (store.envelopes(), store.rows("traces"), store.warnings(), store.refused(), store.last_number()) == ([], [], [], [], 0)


def test_file_is_continued(tmp_path, accepted):
    """A database file keeps its items over a restart, and another reader sees them while it is open."""
    path = tmp_path / "items.db"
    first = Store(path)
    first.add([accepted(1)])
    reader = Store(path, read_only=True)
    assert reader.counts()["traces"] == 1
    reader.close()
    first.close()
    second = Store(path)
    second.add([accepted(2)])
    assert (second.last_number(), len(second.envelopes())) == (2, 2)
    second.close()


def test_plain_sqlite_reads_it(tmp_path, accepted):
    """Any SQLite tool can query the portal's names, and join the raw envelope by rowid."""
    store = Store(tmp_path / "items.db")
    store.add([accepted(1)])
    store.close()
    connection = sqlite3.connect(tmp_path / "items.db")
    query = (
        "SELECT message, json_extract(customDimensions, '$.sku'), json_extract(envelope, '$.data.baseType') "
        "FROM traces JOIN envelopes ON envelopes.number = traces.rowid WHERE cloud_RoleName = 'shop'"
    )
    assert connection.execute(query).fetchall() == [("stock low", "A1", "MessageData")]
    connection.close()


@pytest.mark.parametrize("read_only", [False, True])
def test_other_files_are_left_alone(tmp_path, read_only):
    """A file that is no database, another program's database, or a folder is refused by name and not touched."""
    text = tmp_path / "notes.txt"
    text.write_text("dear diary " * 100)
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE mine (a)")
    connection.commit()
    connection.close()
    before = text.read_bytes(), other.read_bytes()
    for path in (text, other, tmp_path):
        with pytest.raises(StoreError, match=f"cannot open '{path}'"):
            Store(path, read_only=read_only)
    assert (text.read_bytes(), other.read_bytes()) == before


def test_missing_file_is_not_made_by_reading(tmp_path):
    """Reading a file that does not exist is an error and creates nothing."""
    with pytest.raises(StoreError):
        Store(tmp_path / "none.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_closed_store_says_so(store):
    """A closed store answers with a StoreError, never with SQLite's own."""
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.envelopes()
    with pytest.raises(StoreError, match="closed"):
        store.add([])


def test_threads(store, accepted):
    """Threads may add and read at the same time."""

    def add(base):
        for number in range(base, base + 50):
            store.add([accepted(number)])
            store.counts()

    threads = [threading.Thread(target=add, args=(base,)) for base in (1, 101, 201, 301)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.counts()["traces"] == 200


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
@pytest.mark.parametrize("linked", [False, True], ids=["file", "link to a file that is not there yet"])
def test_a_database_is_for_its_owner_only(tmp_path, accepted, linked):
    """The file and what SQLite keeps beside it have the mode 0600, whatever the umask."""
    path = tmp_path / "items.db"
    if linked:
        path.symlink_to(tmp_path / "elsewhere.db")
    before = os.umask(0)
    try:
        opened = Store(path)
        opened.add([accepted(1)])
    finally:
        os.umask(before)
    modes = {found.name: oct(stat.S_IMODE(found.stat().st_mode)) for found in tmp_path.iterdir()}
    opened.close()
    assert len(modes) >= 3
    assert set(modes.values()) == {"0o600"}


def test_a_database_that_is_there_keeps_its_mode(tmp_path):
    """Whoever made the file decided who may read it."""
    path = tmp_path / "items.db"
    path.touch(0o640)
    path.chmod(0o640)
    Store(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_full_disk_is_named(store, accepted):
    """SQLite takes a transaction back by itself where the disk is full; what is said then is that."""
    store.query(f"PRAGMA max_page_count = {store.query('PRAGMA page_count')[0][0] + 1}")
    with pytest.raises(StoreError, match="full"):
        store.add([accepted(1, "x" * 100_000)])
