"""What doctor says of the folder in which telemetry waits."""

from __future__ import annotations

import os
import time
from dataclasses import replace

import pytest

from appinsights_exporter.delivery.names import default_folder
from appinsights_exporter.delivery.store import Store
from appinsights_exporter.testing import CONNECTION_STRING, KEY
from opencensus_compat.doctor.check import run_checks
from opencensus_compat.doctor.collect import gather
from opencensus_compat.doctor.collect import storage as collect
from opencensus_compat.doctor.request import Request
from opencensus_compat.doctor.target import temporary_folder

NOBODY = 65534
HOUR_S = 3600.0
needs_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives a file to another user")


@pytest.fixture
def parent(tmp_path):
    """The folder in which the store makes its own."""
    made = tmp_path / "parent"
    made.mkdir()
    return made


@pytest.fixture
def facts_of(parent):
    """Return a function that collects the facts of an environment."""

    def facts(**environ):
        variables = {"APPLICATIONINSIGHTS_CONNECTION_STRING": CONNECTION_STRING, "TMPDIR": str(parent), **environ}
        return gather(Request(environ=variables, folder=str(parent)), ["storage"])

    return facts


@pytest.fixture
def said(facts_of):
    """Return a function that returns what the checks say: id -> verdict and texts, of those that say something."""

    def said(facts=None, **environ):
        results = run_checks(facts_of(**environ) if facts is None else facts)
        return {
            result.check.id: (result.verdict.value, [finding.text for finding in result.findings])
            for result in results
            if result.check.group == "storage" and (result.findings or result.failure)
        }

    return said


@pytest.fixture
def store(parent):
    """The store of the resource, by the exporter's own code."""
    return Store(default_folder(KEY, "https://ingest.test", parent))


def put(store, count=1, ago_s=0.0):
    """Keep items that are as old as that."""
    assert store.put([b"{}"] * count, created_s=time.time() - ago_s).kept == count


def test_a_healthy_store(said, store, parent):
    """Whether it is there or not, and with what was stored a moment ago, nothing is wrong."""
    assert said() == {}
    put(store, 3)
    assert said() == {}
    assert said(APPINSIGHTS_EXPORTER_STORAGE_FOLDER=str(parent)) == {}


def test_what_is_read_is_what_the_store_wrote(facts_of, store):
    """Folder, items, pages and age are those of the exporter."""
    put(store, 3, ago_s=60)
    put(store, 4)
    folder = facts_of().storage.folder
    assert (folder.path, folder.mode, folder.files, folder.items) == (str(store.folder), "0700", 2, 7)
    assert folder.bytes == store.size_bytes() == 8192
    assert 60 <= folder.oldest_s < 120
    assert folder.damaged_files == 0


def test_nothing_is_written_or_locked(facts_of, store, parent):
    """Looking leaves every file as it is, and a process that holds one keeps it."""
    put(store)
    lease = store.lease()
    before = sorted((path, path.stat().st_mtime_ns) for path in parent.rglob("*"))
    assert facts_of().storage.folder.items == 1
    assert sorted((path, path.stat().st_mtime_ns) for path in parent.rglob("*")) == before
    lease.done()


def test_storage_is_off(said):
    """Without a disk what waits goes with the process: a warning."""
    assert said(APPINSIGHTS_EXPORTER_STORAGE="off")["D050"][0] == "warning"


def test_no_resource(said):
    """Where the environment names no resource, or in a way that cannot be read, its folder is not known."""
    assert said(APPLICATIONINSIGHTS_CONNECTION_STRING="") == {
        "D050": ("skipped", ["The environment names no resource. The folder of its store is not known."])
    }
    assert said(APPLICATIONINSIGHTS_CONNECTION_STRING="nonsense")["D050"][0] == "skipped"


@needs_root
def test_a_store_of_another_user(said, store):
    """A folder that somebody else has made is not used, and the problem names both."""
    put(store)
    os.chown(store.folder, NOBODY, NOBODY)
    found = said()
    assert list(found) == ["D051"]
    assert found["D051"][1][0].startswith(f"The store {store.folder} belongs to nobody, and the program runs as root")


def test_what_waits_for_another_user(said, store, parent):
    """A folder of the same resource under another user's number holds what this user's processes do not send."""
    put(store, 5)
    store.folder.rename(parent / store.folder.name.replace(f"-{os.geteuid()}-", "-4242-"))
    found = said()
    assert {id: verdict for id, (verdict, _) in found.items()} == {"D051": "warning"}
    assert "5 items wait for the same resource" in found["D051"][1][0]


@pytest.mark.parametrize("kind", ["link", "file"])
def test_no_folder(said, store, parent, kind):
    """A link or a file in the place of the folder is a problem."""
    if kind == "link":
        store.folder.symlink_to(parent)
    else:
        store.folder.write_text("")
    found = said()
    assert (list(found), found["D051"][0]) == (["D051"], "problem")


def test_the_folder_above_is_a_file(said, parent):
    """Where nothing can be made, the folder or file that keeps it from being made is named."""
    (parent / "file").write_text("")
    found = said(APPINSIGHTS_EXPORTER_STORAGE_FOLDER=str(parent / "file" / "deeper"))
    # The name of the user is the system's.
    assert (list(found), found["D052"][1][0].endswith(f"may not make anything in {parent}{os.sep}file.")) == (["D052"], True)


def test_a_relative_folder(facts_of, parent):
    """A relative folder counts from where the program starts."""
    assert facts_of(APPINSIGHTS_EXPORTER_STORAGE_FOLDER="here").storage.parent == str(parent / "here")


def changed(facts, folder=None, disk=None):
    """Return the facts of another folder or disk, for what a test cannot make: another user, a disk without room."""
    storage = facts.storage
    folder = replace(storage.folder, **(folder or {}))
    return replace(facts, storage=replace(storage, folder=folder, disk=replace(storage.disk, **(disk or {}))))


CASES = {
    "mode": ({"is_there": True, "mode": "0500", "may_write": False}, {}, "D052", "problem"),
    "folder above": ({"blocker": "/srv"}, {}, "D052", "problem"),
    "read-only disk": ({}, {"is_read_only": True}, "D052", "problem"),
    "full disk": ({}, {"free_bytes": 1000}, "D053", "problem"),
    "no inodes": ({}, {"free_bytes": 10**9, "free_files": 0}, "D053", "problem"),
    "little room": ({}, {"free_bytes": 10**7}, "D053", "warning"),
    "network": ({}, {"kind": "nfs4"}, "D057", "warning"),
    "full store": ({"files": 9, "items": 9, "bytes": 50 * 1024 * 1024}, {}, "D054", "problem"),
}


@pytest.mark.parametrize(("folder", "disk", "id", "verdict"), CASES.values(), ids=CASES)
def test_what_keeps_things_from_being_stored(said, facts_of, folder, disk, id, verdict):
    """Each cause has one check that names it."""
    found = said(changed(facts_of(), folder, disk))
    assert {name: value for name, (value, _) in found.items()} == {id: verdict}


@pytest.mark.parametrize(
    ("ago_s", "verdict"),
    [(60, None), (HOUR_S, "warning"), (45 * HOUR_S, "problem"), (60 * HOUR_S, "problem")],
    ids=["new", "hour", "near its end", "too old"],
)
def test_what_waits(said, store, ago_s, verdict):
    """What should have gone out is a warning, and a problem where it is about to be lost."""
    put(store, 2, ago_s=ago_s)
    found = said()
    assert {id: value for id, (value, _) in found.items()} == ({} if verdict is None else {"D054": verdict})


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: b"\0" * len(data), lambda _: b""], ids=["cut", "zeros", "empty"])
def test_damaged_files(said, store, damage):
    """A file that cannot be read to its end is named; what a finished lease has left is none."""
    put(store)
    put(store)
    (first, _) = sorted(store.folder.iterdir())
    first.write_bytes(damage(first.read_bytes()))
    assert {id: value for id, (value, _) in said().items()} == {"D055": "warning"}
    first.write_bytes(b"finished")
    assert said() == {}


def leave(parent, key=KEY, ago_s=60.0):
    """Leave a file as the retired SDK does."""
    folder = parent / f"opencensus-python-{key}"
    folder.mkdir()
    when = time.strftime("%Y-%m-%dT%H%M%S", time.gmtime(time.time() - ago_s))
    (folder / f"{when}.000000-0123abcd.blob").write_text("{}\n")
    return folder


def test_what_the_retired_sdk_left(said, parent):
    """Its files for this resource are a warning that says what becomes of them; those of others are not ours."""
    folder = leave(parent)
    leave(parent, "00000000-0000-0000-0000-00000000000f")
    verdict, (text,) = said()["D056"]
    assert (verdict, text) == ("warning", f"1 files (3 bytes) of the retired SDK wait in {folder}.")
    assert "TAKE_STORED=off leaves them there" in said(OPENCENSUS_COMPAT_TAKE_STORED="off")["D056"][1][0]
    for path in folder.iterdir():
        path.unlink()
    assert said() == {}


def test_what_it_left_too_long_ago(said, parent):
    """What the service refuses is said to be."""
    leave(parent, ago_s=100 * HOUR_S)
    assert "the service refuses those" in said()["D056"][1][0]


def test_the_file_system_is_found(monkeypatch, tmp_path):
    """Of the mounts above a folder the nearest counts, also where its name has a space."""
    mounts = tmp_path / "mounts"
    place = str(tmp_path).replace(" ", r"\040")
    mounts.write_text(
        f"1 1 0:1 / / rw - ext4 /dev/a rw\n2 1 0:2 / {place}/a\\040b rw shared:1 - nfs4 host:/x rw\n3 1 0:3 / {place}/a rw - tmpfs t rw\nnonsense\n"
    )
    monkeypatch.setattr(collect, "_MOUNTS", str(mounts))
    (tmp_path / "a b" / "c").mkdir(parents=True)
    assert [collect._file_system(str(path)) for path in (tmp_path / "a b" / "c", tmp_path / "a", tmp_path)] == ["nfs4", "tmpfs", "ext4"]


def test_the_folder_for_temporary_files_is_pythons(tmp_path, run_program):
    """It is the one that a program with the same environment takes."""
    printed = run_program("import tempfile; print(tempfile.gettempdir())", TMPDIR=str(tmp_path / "missing"), TEMP=str(tmp_path))
    assert printed.strip() == temporary_folder({"TMPDIR": str(tmp_path / "missing"), "TEMP": str(tmp_path)}) == str(tmp_path)
