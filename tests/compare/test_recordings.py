"""Files that are compared: whole recordings, and what else people give."""

from __future__ import annotations

import os
import shutil
import sqlite3

import pytest

from opencensus_compat.compare import (
    DamagedRecording,
    LockedRecording,
    MissingRecording,
    NotARecording,
    OpenRecording,
    OtherFormat,
    RecordingError,
    compare,
)


def _error(good, bad):
    with pytest.raises(RecordingError) as first:
        compare(good, bad)
    with pytest.raises(RecordingError) as second:
        compare(good, good, twins=[bad])
    assert str(first.value) == str(second.value)
    assert repr(str(bad)) in str(first.value)
    return first.type


@pytest.fixture
def good(record, shop):
    """Return a recording."""
    return record(shop(0).arrived())


def test_no_file(good, tmp_path):
    """A file that is not there is said to be missing, and is not made."""
    assert _error(good, tmp_path / "absent.db") is MissingRecording
    assert not (tmp_path / "absent.db").exists()


@pytest.mark.parametrize(
    "content", [b"", b"timestamp,name\n", b"SQLite format 3\0" + b"x" * 200, os.urandom(5000)], ids=["empty", "text", "half", "noise"]
)
def test_something_else(content, good, tmp_path):
    """An empty file, text and noise are no recordings."""
    path = tmp_path / "other"
    path.write_bytes(content)
    assert issubclass(_error(good, path), (NotARecording, DamagedRecording))


def test_a_folder(good, tmp_path):
    """A folder is no recording."""
    assert _error(good, tmp_path) is NotARecording


def test_another_programs_database(good, tmp_path):
    """A database of another program is not read."""
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE requests (name TEXT)")
    connection.close()
    assert _error(good, path) is NotARecording


def test_another_format(good, tmp_path):
    """A recording in the form of another release says which."""
    path = shutil.copy(good, tmp_path / "other.db")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert _error(good, path) is OtherFormat


def test_a_truncated_recording(good, tmp_path):
    """A recording that was cut off anywhere is damaged."""
    content = good.read_bytes()
    for number, part in enumerate((0.1, 0.5, 0.9)):
        path = tmp_path / f"cut-{number}.db"
        path.write_bytes(content[: int(len(content) * part)])
        assert _error(good, path) is DamagedRecording


def test_an_overwritten_recording(good, tmp_path):
    """A recording whose middle is overwritten is damaged."""
    content = bytearray(good.read_bytes())
    content[len(content) // 3 : len(content) * 2 // 3] = b"\xff" * (len(content) * 2 // 3 - len(content) // 3)
    path = tmp_path / "overwritten.db"
    path.write_bytes(content)
    assert _error(good, path) is DamagedRecording


@pytest.mark.parametrize("text", ["{}", "[]", "null", "{", '{"data": {"baseData": null}}', None])
def test_items_that_cannot_be_read(text, good, tmp_path):
    """A recording with an item that is none is damaged, and the item is named."""
    path = shutil.copy(good, tmp_path / "other.db")
    connection = sqlite3.connect(path)
    connection.execute("UPDATE envelopes SET envelope = ? WHERE number = 3", (text,))
    connection.commit()
    connection.close()
    with pytest.raises(DamagedRecording, match="item 3"):
        compare(good, path)


def test_an_open_recording(good, record, shop):
    """A recording that an endpoint still writes is not whole."""
    path, store = record(shop(1).arrived(), leave_open=True)
    assert _error(good, path) is OpenRecording
    store.close()
    assert compare(good, path).verdict == "equal"


def test_a_locked_recording(good, tmp_path):
    """A recording that another program changes says so."""
    path = shutil.copy(good, tmp_path / "locked.db")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("BEGIN EXCLUSIVE")
    assert _error(good, path) is LockedRecording
    connection.close()


def test_a_recording_whose_endpoint_was_killed(good, record, shop, tmp_path):
    """What a killed endpoint had accepted is compared."""
    path, store = record(shop(1).arrived(), leave_open=True)
    (tmp_path / "copy").mkdir()
    for name in (path.name, f"{path.name}-wal"):
        shutil.copy(tmp_path / name, tmp_path / "copy" / name)
    store.close()
    assert (tmp_path / "copy" / f"{path.name}-wal").stat().st_size > 0
    assert compare(good, tmp_path / "copy" / path.name).verdict == "equal"


def test_reading_leaves_no_trace(good):
    """A finished recording is read as it is, beside others that read it, also where nothing may be written."""
    before = good.read_bytes()
    good.chmod(0o400)
    good.parent.chmod(0o500)
    try:
        assert compare(good, good, twins=[good]).verdict == "equal"
    finally:
        good.parent.chmod(0o700)
    assert good.read_bytes() == before
    assert [path.name for path in good.parent.iterdir()] == [good.name]
