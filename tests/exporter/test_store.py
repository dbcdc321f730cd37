"""The store: real files, real locks, and clocks set by hand."""

from __future__ import annotations

import errno
import gzip
import importlib.util
import itertools
import logging
import os
import random
import re
import stat
import sys
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appinsights_exporter import reasons
from appinsights_exporter.delivery import folder as disk
from appinsights_exporter.delivery import index
from appinsights_exporter.delivery import store as store_module
from appinsights_exporter.delivery.packing import packed
from appinsights_exporter.delivery.store import MAX_LEASE_FILES, Store, Stored
from appinsights_exporter.reasons import DAMAGED, EVICTED, NOT_STORED, TOO_OLD
from appinsights_exporter.testing import ManualClock

DAY_S = 86400.0
WALL_S = 1_700_000_000.123456
"""2023-11-14T22:13:20.123456Z."""
NAME = re.compile(r"20231114T2213\d{8}-[0-9a-f]{16}-(\d+)\.jsonl\.gz")
PAGE = 4096

fuzz = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


class Clocks:
    """The two clocks of a store; both move together, and the wall clock jumps on its own."""

    def __init__(self):
        self.clock = ManualClock()
        self.wall = ManualClock(WALL_S)

    def advance(self, seconds):
        """Let time pass."""
        self.clock.advance(seconds)
        self.wall.advance(seconds)


@pytest.fixture
def clocks():
    """Clocks set by hand."""
    return Clocks()


@pytest.fixture
def make(tmp_path, clocks):
    """Return a function that makes a store in one folder, with clocks set by hand."""

    def made(folder=tmp_path / "store", **options):
        return Store(folder, clock=clocks.clock, wall_clock=clocks.wall, **options)

    return made


def items(count, first=0):
    """Return so many numbered items."""
    return [b'{"n":%d}' % number for number in range(first, first + count)]


def noise(count, size=3000, seed=1):
    """Return items of so many bytes, of which compression can only take half."""
    source = random.Random(seed)
    return [b'"%s"' % source.randbytes(size // 2).hex().encode() for _ in range(count)]


def drained(store):
    """Lease until nothing is left; return all items and all losses."""
    found, lost = [], {}
    while (lease := store.lease()) is not None:
        found += lease.items
        for why, count in lease.lost.items():
            lost[why] = lost.get(why, 0) + count
        lease.done()
    return found, lost


def names(store):
    """Return the names in a store's folder, sorted."""
    return sorted(os.listdir(store.folder))


def mode(path):
    """Return a path's permission bits."""
    return stat.S_IMODE(path.lstat().st_mode)


# What is on disk


def test_making_a_store_touches_nothing(tmp_path, make):
    """Neither making one nor asking it for items or numbers makes the folder."""
    store = make()
    assert (store.lease(), store.count(), store.size_bytes()) == (None, 0, 0)
    assert list(tmp_path.iterdir()) == []


def test_only_this_user_can_read(tmp_path, make):
    """The folder and the parents made for it have mode 0700, files 0600, whatever the umask lets through."""
    old = os.umask(0)
    try:
        store = make(tmp_path / "a" / "b" / "store")
        assert store.put(items(1)) == Stored(1)
    finally:
        os.umask(old)
    assert [mode(tmp_path / path) for path in ("a", "a/b", "a/b/store")] == [0o700] * 3
    assert [mode(path) for path in store.folder.iterdir()] == [0o600]


def test_a_file_holds_a_batch(make):
    """A batch is one gzip file of one item a line, whose name says when it was made and how many items it has."""
    store = make()
    assert store.put(items(3)) == Stored(3)
    (name,) = names(store)
    assert NAME.fullmatch(name)[1] == "3"
    assert gzip.decompress((store.folder / name).read_bytes()) == b'{"n":0}\n{"n":1}\n{"n":2}\n'
    assert (store.count(), store.size_bytes()) == (3, PAGE)


def test_large_puts_become_several_files(make):
    """A file takes at most 512 items, and at most 1 MiB of JSON."""
    store = make()
    assert store.put(items(1200)) == Stored(1200)
    assert [NAME.fullmatch(name)[1] for name in names(store)] == ["512", "512", "176"]
    assert drained(store) == (items(1200), {})
    large = [b'"%s"' % (b"x" * 400_000) for _ in range(5)]
    assert store.put(large) == Stored(5)
    assert [NAME.fullmatch(name)[1] for name in names(store)] == ["2", "2", "1"]
    assert drained(store) == (large, {})


@pytest.mark.parametrize(
    ("item", "why"),
    [
        (b'{"a":\n1}', reasons.NOT_ONE_LINE),
        (b"\n", reasons.NOT_ONE_LINE),
        (b"", reasons.NOT_ONE_LINE),
        (b"x" * 1024 * 1024, reasons.ITEM_TOO_LONG),
    ],
    ids=["line feed inside", "only a line feed", "empty", "too long"],
)
def test_what_no_file_can_hold_is_refused(make, item, why):
    """An item that would break its neighbours is refused and counted; the neighbours are kept."""
    store = make()
    assert store.put([*items(1), item, *items(1, 1)]) == Stored(2, {why: 1})
    assert drained(store) == (items(2), {})


def test_nothing_to_keep(tmp_path, make):
    """Without items nothing is touched."""
    assert make().put([]) == Stored()
    assert list(tmp_path.iterdir()) == []


# Leases


def test_oldest_first(make):
    """Items come back in the order in which they were put, also when all of it happens within one microsecond."""
    store = make()
    for number in range(20):
        store.put(items(1, number))
    assert drained(store) == (items(20), {})
    assert names(store) == []


def test_small_files_are_grouped(make):
    """A lease joins files up to its limits; a file that alone exceeds them is given whole."""
    store = make()
    for first, count in ((0, 2), (2, 2), (4, 3), (7, 1)):
        store.put(items(count, first))
    sizes = []
    while (lease := store.lease(max_items=4)) is not None:
        sizes.append(len(lease.items))
        lease.done()
    assert sizes == [4, 4]
    store.put(items(9))
    store.put(items(1))
    assert len(store.lease(max_items=4).items) == 9


def test_the_limit_in_bytes_counts_line_feeds(make):
    """Four items of seven bytes and their line feeds are 32 bytes."""
    for limit, expected in ((32, 4), (31, 2)):
        store = make()
        store.put(items(2))
        store.put(items(2, 2))
        with store.lease(max_bytes=limit) as lease:
            assert len(lease.items) == expected
        assert len(drained(store)[0]) == 4


def test_a_lease_opens_few_files(make):
    """However small the files are, a lease does not use up the process's open files."""
    store = make()
    for number in range(MAX_LEASE_FILES + 5):
        store.put(items(1, number))
    with store.lease() as lease:
        assert len(lease.items) == MAX_LEASE_FILES


def test_nobody_else_gets_leased_items(make):
    """Neither the same store nor another one on the folder gives out what is leased."""
    first, second = make(), make()
    first.put(items(1))
    first.put(items(1, 1))
    one = first.lease(max_items=1)
    two = second.lease(max_items=1)
    assert (one.items, two.items) == (items(1), items(1, 1))
    assert (first.lease(), second.lease()) == (None, None)
    assert (one.done(), two.done()) == (Stored(), Stored())
    assert names(first) == []


@pytest.mark.parametrize("how", ["give_back", "with", "forget"])
def test_what_is_given_back_is_there_again(make, how):
    """A lease that ends without being done leaves its items, also when it is merely forgotten."""
    store, other = make(), make()
    store.put(items(2))
    lease = store.lease()
    if how == "give_back":
        lease.give_back()
    elif how == "with":
        with lease:
            pass
    del lease
    assert other.lease().items == items(2)
    assert drained(store) == (items(2), {})


def test_given_back_until_later(make, clocks):
    """Items given back for a time are not given out by this store before it is over; others do not know of it."""
    store, other = make(), make()
    store.put(items(1))
    store.lease().give_back(after_s=30)
    clocks.advance(29)
    assert store.lease() is None
    other.lease().give_back()
    clocks.advance(1)
    assert store.lease().items == items(1)


def test_a_lease_ends_once(make):
    """After its end a lease touches nothing, even if the items have been leased again."""
    store = make()
    store.put(items(1))
    lease = store.lease()
    lease.give_back()
    again = store.lease()
    assert lease.done() == Stored()
    lease.give_back()
    assert store.lease() is None
    again.give_back()
    assert drained(store) == (items(1), {})


def test_the_rest_stays_and_keeps_its_age(make, clocks):
    """Items that are to be sent another time replace the batch, and are no younger for it."""
    store = make(max_age_s=100)
    store.put(items(3))
    clocks.advance(60)
    assert store.lease().done(items(1, 1)) == Stored(1)
    assert store.count() == 1
    with store.lease() as lease:
        assert lease.items == items(1, 1)
    clocks.advance(41)
    assert drained(store) == ([], {TOO_OLD: 1})


def test_the_rest_needs_no_room_of_its_own(make):
    """In a store that is full the rest takes the place of its batch, and nothing else has to go."""
    store = make(max_bytes=PAGE)
    store.put(items(3))
    assert store.lease().done(items(2)) == Stored(2)
    assert drained(store) == (items(2), {})


# Limits


def test_the_oldest_go_first(make):
    """A full store drops its oldest files, counts their items, and keeps the newest."""
    store = make(max_bytes=4 * PAGE)
    for number in range(4):
        assert store.put(items(number + 1)) == Stored(number + 1)
    assert store.put(noise(1, 6000)) == Stored(1, {}, {EVICTED: 1})
    assert store.put(noise(1, 6000)) == Stored(1, {}, {EVICTED: 2})
    assert store.put(noise(2, 6000)) == Stored(2, {}, {EVICTED: 3 + 4})
    assert (store.count(), store.size_bytes()) == (4, 4 * PAGE)


def test_what_is_leased_is_not_dropped(make):
    """What somebody is sending right now is left; when everything is, the new items are refused."""
    store, other = make(max_bytes=2 * PAGE), make(max_bytes=2 * PAGE)
    store.put(items(1))
    store.put(items(1, 1))
    held = other.lease(max_items=1)
    assert store.put(items(1, 2)) == Stored(1, {}, {EVICTED: 1})
    assert store.lease().items == items(1, 2)
    assert held.items == items(1)
    both = [store.lease(), held]
    assert both[0].items == items(1, 2)
    assert store.put(items(1, 3)) == Stored(0, {reasons.NO_ROOM.after(NOT_STORED): 1})


@pytest.mark.parametrize("max_bytes", [0, PAGE - 1])
def test_no_room_at_all(tmp_path, make, max_bytes):
    """Items that the whole store could not hold are refused without touching the disk, and drop nothing."""
    assert make(max_bytes=max_bytes).put(items(2)) == Stored(0, {reasons.NO_ROOM.after(NOT_STORED): 2})
    assert list(tmp_path.iterdir()) == []


def test_a_put_that_cannot_succeed_drops_nothing(make):
    """Where dropping all there is would not make room, it is left."""
    store = make(max_bytes=2 * PAGE)
    store.put(items(1))
    lease = store.lease()
    store.put(items(1, 1))
    assert store.put(noise(1, 12_000)) == Stored(0, {reasons.NO_ROOM.after(NOT_STORED): 1})
    lease.give_back()
    assert drained(store) == (items(2), {})


def test_files_of_other_processes_count(make, clocks):
    """What others have stored is counted ten seconds later at the latest."""
    store, other = make(max_bytes=4 * PAGE), make(max_bytes=4 * PAGE)
    store.put(items(1))
    for number in range(3):
        other.put(items(1, 1 + number))
    clocks.advance(10)
    assert (store.count(), store.size_bytes()) == (4, 4 * PAGE)
    assert store.put(items(1, 4)) == Stored(1, {}, {EVICTED: 1})


@pytest.mark.parametrize("by", ["put", "lease"])
def test_old_items_are_dropped_and_counted(make, clocks, by):
    """After 48 hours items go, whoever looks next, and are counted once."""
    store = make()
    store.put(items(2))
    clocks.advance(2 * DAY_S - 1)
    store.put(items(1, 2))
    clocks.advance(2)
    if by == "put":
        clocks.advance(10)
        assert store.put(items(1, 3)) == Stored(1, {}, {TOO_OLD: 2})
        assert drained(store) == (items(2, 2), {})
    else:
        assert drained(store) == (items(1, 2), {TOO_OLD: 2})


def test_numbers_alone_drop_nothing(make, clocks):
    """Asking how much is stored loses nothing uncounted."""
    store = make()
    store.put(items(2))
    clocks.advance(3 * DAY_S)
    assert store.count() == 2
    assert drained(store) == ([], {TOO_OLD: 2})


# Clocks


@pytest.mark.parametrize("jump_s", [-30 * 365 * DAY_S, -1000 * 365 * DAY_S, -3 * DAY_S, -1, 1, 3 * DAY_S, 9000 * 365 * DAY_S, float("nan")])
def test_a_jump_of_the_wall_clock_loses_and_doubles_nothing(make, clocks, jump_s):
    """Items put before, during and after a jump are leased once each, in their order; a lease lasts through it."""
    store, other = make(), make()
    store.put(items(1))
    lease = store.lease()
    clocks.wall.advance(jump_s)
    clocks.advance(1)
    assert other.lease() is None
    assert store.put(items(1, 1)) == Stored(1)
    clocks.advance(1)
    clocks.wall.now_s = WALL_S + 2
    assert store.put(items(1, 2)) == Stored(1)
    clocks.advance(11)
    assert other.lease().items == items(2, 1)
    lease.give_back()
    assert drained(store) == (items(3), {})


# Damage


def put_raw(store, content, name="20231114T221320000000-0123456789abcdef-3.jsonl.gz"):
    """Put a file into the folder by hand."""
    store.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = store.folder / name
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def test_what_a_damaged_file_lost_is_counted_once(make):
    """The first to meet a damaged file counts what is missing; given back, what is left comes again without a loss."""
    store, other = make(), make()
    content = packed([*items(2), *noise(1)])
    put_raw(store, content[:-900])
    lease = store.lease()
    assert (lease.items, lease.lost) == (items(2), {DAMAGED: 1})
    lease.give_back()
    assert drained(other) == (items(2), {})
    assert names(store) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"\x1f\x8b", b"garbage" * 100, packed(items(3))[:12], packed(items(3))[:8], bytes(8)],
    ids=["empty", "start", "garbage", "header", "as short as a finished file", "zeros as short as that"],
)
def test_a_file_without_anything_readable_is_deleted(make, content):
    """A damaged file of which nothing is left is counted as its name says, and goes; its neighbours are not affected."""
    store = make()
    put_raw(store, content)
    store.put(items(1))
    assert drained(store) == (items(1), {DAMAGED: 3})
    assert names(store) == []


@given(name=st.one_of(st.text(max_size=40), st.from_regex(r"\d{8}T\d{12}-[0-9a-f]{16}-\d{1,6}\.jsonl\.gz(\.tmp)?", fullmatch=True)))
@fuzz
def test_no_name_raises(tmp_path_factory, name):
    """Whatever a file in the folder is called, the store's own items come through."""
    store = Store(tmp_path_factory.mktemp("store"), wall_clock=lambda: WALL_S)
    try:
        put_raw(store, b"", name or "x")
    except (OSError, ValueError):
        return
    assert store.put(items(1)).kept == 1
    assert drained(store)[0] == items(1)
    assert store.count() == 0


# Others on the machine

TRAP = "20231114T221320000000-0123456789abcdef-1.jsonl.gz"


@pytest.mark.parametrize("relative", [False, True], ids=["fd", "path"])
@pytest.mark.parametrize("kind", ["link", "hard link", "pipe", "folder", "dangling link"])
def test_traps_in_the_folder_are_left_alone(tmp_path, make, monkeypatch, kind, relative):
    """What is named like a batch and is none of ours is neither read, nor waited for, nor deleted, nor counted."""
    if relative:
        monkeypatch.setattr(disk, "_HAS_FOLDER_FD", False)
    store = make()
    target = tmp_path / "secret"
    target.write_bytes(packed(items(1, 99)))
    store.folder.mkdir(mode=0o700)
    trap = store.folder / TRAP
    match kind:
        case "link":
            trap.symlink_to(target)
        case "hard link":
            trap.hardlink_to(target)
        case "pipe":
            os.mkfifo(trap)
        case "folder":
            trap.mkdir()
        case "dangling link":
            trap.symlink_to(tmp_path / "nothing")
    (store.folder / (TRAP + ".tmp")).symlink_to(target)
    assert store.put(items(1)) == Stored(1)
    assert store.count() == 1
    assert drained(store) == (items(1), {})
    assert names(store) == [TRAP, TRAP + ".tmp"]
    assert target.read_bytes() == packed(items(1, 99))


def test_a_trap_set_after_listing_is_left_alone(tmp_path, make):
    """A file that is replaced by a link between listing and opening is forgotten."""
    store = make()
    store.put(items(1))
    target = tmp_path / "secret"
    target.write_bytes(packed(items(1, 99)))
    (name,) = names(store)
    (store.folder / name).unlink()
    (store.folder / name).symlink_to(target)
    assert (store.lease(), store.count()) == (None, 0)
    assert target.read_bytes() == packed(items(1, 99))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_what_belongs_to_others_is_not_used(tmp_path, make, caplog):
    """A folder of another user is refused, and so is another user's file in a folder of ours."""
    store = make()
    store.folder.mkdir()
    os.chown(put_raw(store, packed(items(1, 99)), TRAP), 65534, -1)
    store.put(items(1))
    assert drained(store) == (items(1), {})
    os.chown(store.folder, 65534, -1)
    assert store.put(items(2)) == Stored(0, {reasons.OTHER_USER.after(NOT_STORED): 2})
    assert store.lease() is None
    assert names(store) == [TRAP]
    assert [record.getMessage() for record in caplog.records] == [f"Telemetry cannot be stored in {store.folder}: belongs to another user."]


# Faults of the disk; test_store_processes.py has those that need a process of their own


def _blocked(tmp_path, kind):
    match kind:
        case "a file":
            (tmp_path / "x").touch()
            return tmp_path / "x"
        case "below a file":
            (tmp_path / "x").touch()
            return tmp_path / "x" / "store"
        case "a link":
            (tmp_path / "x").symlink_to(tmp_path)
            return tmp_path / "x"
        case "below a dangling link":
            (tmp_path / "x").symlink_to(tmp_path / "nothing")
            return tmp_path / "x" / "store"
        case "name too long":
            return tmp_path / ("x" * 300)
        case "path too long":
            return tmp_path.joinpath(*["x" * 200] * 30)
        case "null character":
            return f"{tmp_path}/a\0b"
        case "no file system":
            return "/proc/store/here"
    raise AssertionError(kind)


FAULTS = {
    "a file": reasons.NOT_A_FOLDER,
    "below a file": reasons.NOT_A_FOLDER,
    "a link": reasons.NOT_A_FOLDER,
    "below a dangling link": reasons.FOLDER_REMOVED,
    "name too long": reasons.PATH_TOO_LONG,
    "path too long": reasons.PATH_TOO_LONG,
    "null character": reasons.PATH_UNUSABLE,
    "no file system": reasons.FOLDER_REMOVED,
}


@pytest.mark.parametrize("relative", [False, True], ids=["fd", "path"])
@pytest.mark.parametrize("kind", FAULTS)
def test_a_path_that_cannot_be_used(tmp_path, make, caplog, monkeypatch, kind, relative):
    """Items are refused for a stated reason, nothing raises, and one line a minute says so."""
    if relative:
        monkeypatch.setattr(disk, "_HAS_FOLDER_FD", False)
    store = make(_blocked(tmp_path, kind))
    for _ in range(3):
        assert store.put(items(700)) == Stored(0, {FAULTS[kind].after(NOT_STORED): 700})
    assert (store.lease(), store.count(), store.size_bytes()) == (None, 0, 0)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert FAULTS[kind].text in caplog.text


def test_a_relative_path_of_a_folder_that_is_gone(tmp_path, monkeypatch, caplog):
    """A relative folder is taken from where the program was when the store was made; where that is nowhere, nothing can be stored."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    here = Store("store")
    gone.rmdir()
    nowhere = Store("store")
    monkeypatch.chdir(tmp_path)
    assert here.folder == gone / "store"
    assert here.put(items(1)) == Stored(1)
    assert nowhere.put(items(1)) == Stored(0, {reasons.FOLDER_REMOVED.after(NOT_STORED): 1})
    assert len(caplog.records) == 1


def test_a_folder_removed_under_us_is_made_again(make):
    """What was in it is gone; what comes then is kept."""
    store = make()
    store.put(items(1))
    lease = store.lease()
    for path in store.folder.iterdir():
        path.unlink()
    store.folder.rmdir()
    assert lease.done() == Stored()
    assert store.put(items(1, 1)) == Stored(1)
    assert mode(store.folder) == 0o700
    assert drained(store) == (items(1, 1), {})


def test_a_file_that_vanishes_is_forgotten(make):
    """A file that somebody deletes between listing and opening costs nothing else."""
    store = make()
    store.put(items(1))
    store.put(items(1, 1))
    (store.folder / names(store)[0]).unlink()
    assert drained(store) == (items(1, 1), {})
    assert (store.count(), store.size_bytes()) == (0, 0)


def test_unfinished_files_are_swept(make, clocks):
    """What a dead process was writing goes after a minute; what a living one writes stays however long it takes."""
    store = make()
    dead, living, young = (f"20231114T221{minute}00000000-{minute:016x}-5.jsonl.gz.tmp" for minute in (0, 1, 3))
    for name in (dead, living, young):
        put_raw(store, b"half", name)
    with disk.open_folder(str(store.folder), make=False) as folder:
        fd = folder.take(living)
        assert store.put(items(1)) == Stored(1)
        assert [name for name in names(store) if name.endswith(".tmp")] == [living, young]
        disk.release(fd)
    clocks.advance(100)
    assert drained(store) == (items(1), {})
    assert names(store) == []


def test_a_log_handler_may_store(make, caplog, tmp_path):
    """A handler that stores telemetry itself, in the very store that has just complained, gets no dead lock."""
    (tmp_path / "x").touch()
    store = make(tmp_path / "x")

    class Storing(logging.Handler):
        def emit(self, record):
            thread = threading.Thread(target=store.put, args=(items(1),))
            thread.start()
            thread.join(60)
            assert not thread.is_alive()

    handler = Storing()
    logger = logging.getLogger("appinsights_exporter.delivery.store")
    logger.addHandler(handler)
    try:
        assert store.put(items(1)) == Stored(0, {reasons.NOT_A_FOLDER.after(NOT_STORED): 1})
    finally:
        logger.removeHandler(handler)
    assert len(caplog.records) == 1


def test_without_calls_relative_to_a_folder(make, monkeypatch):
    """Where the system lacks them (Windows), the store works by paths."""
    monkeypatch.setattr(disk, "_HAS_FOLDER_FD", False)
    store = make(max_bytes=2 * PAGE)
    assert [store.put(items(1, number)) for number in range(3)] == [Stored(1), Stored(1), Stored(1, {}, {EVICTED: 1})]
    put_raw(store, packed(items(3))[:-9], "20231114T221320000000-0123456789abcdef-4.jsonl.gz")
    found, lost = drained(make())
    assert (sorted(found), lost) == (sorted([*items(3), *items(2, 1)]), {DAMAGED: 1})
    assert names(store) == []


class _WindowsDisk:
    """Calls of the system as they are on Windows: an open file keeps its name and cannot be deleted, and files are locked by a byte of theirs."""

    LK_UNLCK, LK_NBLCK = 0, 2

    def __init__(self):
        self.paths = {}
        self.locked = {}

    def __getattr__(self, name):
        if name in ("geteuid", "O_NOFOLLOW", "O_CLOEXEC", "O_DIRECTORY", "O_NONBLOCK"):
            raise AttributeError(name)
        return getattr(os, name)

    def open(self, path, *arguments, **_):
        fd = os.open(path, *arguments)
        self.paths[fd] = os.path.abspath(path)
        return fd

    def close(self, fd):
        self.locked = {place: holder for place, holder in self.locked.items() if holder != fd}
        del self.paths[fd]
        os.close(fd)

    def unlink(self, path, **_):
        self._refuse_open(path)
        os.unlink(path)

    def rename(self, old, new, **_):
        self._refuse_open(old)
        if os.path.exists(new):
            raise FileExistsError(errno.EEXIST, "exists", new)
        os.rename(old, new)

    def _refuse_open(self, path):
        if os.path.abspath(path) in self.paths.values():
            raise PermissionError(errno.EACCES, "used by another process", path)

    def locking(self, fd, mode, count):
        assert count == 1
        place = (self.paths[fd], os.lseek(fd, 0, os.SEEK_CUR))
        is_free = self.locked.get(place, fd) == fd
        if not is_free or (mode == self.LK_UNLCK and place not in self.locked):
            raise PermissionError(errno.EACCES, "locked by another, or not locked")
        if mode == self.LK_UNLCK:
            del self.locked[place]
        else:
            self.locked[place] = fd


@pytest.fixture
def windows(monkeypatch):
    """The store's folder as it is on Windows: its module is executed once more."""
    system = _WindowsDisk()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "win32")
        patch.setitem(sys.modules, "msvcrt", system)
        found = importlib.util.find_spec(disk.__name__)
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
    module.os, module._HAS_FOLDER_FD, module._FILE_FLAGS = system, False, 0
    # The classes of errors are those that others know.
    module.ForeignError = disk.ForeignError
    monkeypatch.setattr(store_module, "disk", module)
    return system


def test_the_life_of_files_on_windows(make, windows):
    """What is sent is deleted, what is given back stays, and nobody else is given a file that is held, although open files cannot be deleted."""
    first, second = make(), make()
    assert first.put(items(3)) == Stored(3)
    lease = first.lease()
    assert second.lease() is None
    assert lease.done(lease.items[2:]) == Stored(1)
    assert drained(second) == (items(1, 2), {})
    assert (names(first), windows.paths, windows.locked) == ([], {}, {})


def test_repair_and_clearing_on_windows(make, windows, clocks):
    """A damaged file is counted once, and what a dead process left unfinished goes, although open files keep their names."""
    store = make()
    put_raw(store, packed(items(3))[:-9], "20231114T221320000000-0123456789abcdef-4.jsonl.gz")
    put_raw(store, b"half", "20231114T221320000000-0123456789abcdef-5.jsonl.gz.tmp")
    clocks.advance(100)
    lease = store.lease()
    assert lease.lost[DAMAGED] >= 1
    found, lost = len(lease.items), lease.lost[DAMAGED]
    assert found + lost == 4
    lease.give_back()
    assert drained(store) == (lease.items, {})
    assert (names(store), windows.paths, windows.locked) == ([], {}, {})


# Accounting


@given(steps=st.lists(st.tuples(st.sampled_from(["put", "put", "lease", "done", "rest", "back", "wait"]), st.integers(1, 9)), max_size=40))
@fuzz
def test_every_item_is_accounted_for(tmp_path_factory, steps):
    """Whatever is done in whatever order: offered = delivered once + still stored + counted as lost."""
    clocks = Clocks()
    folder = tmp_path_factory.mktemp("store")
    stores = [Store(folder, max_bytes=6 * PAGE, max_age_s=300, clock=clocks.clock, wall_clock=clocks.wall) for _ in range(2)]
    offered, delivered, lost, leases = 0, [], 0, []
    for step, number in steps:
        store = stores[number % 2]
        if step == "put":
            stored = store.put(items(number, offered))
            offered += number
            lost += sum(stored.lost.values())
        elif step == "lease":
            lease = store.lease(max_items=number)
            if lease is not None:
                lost += sum(lease.lost.values())
                leases.append(lease)
        elif step == "wait":
            clocks.advance(number * 20)
        elif leases:
            lease = leases.pop(number % len(leases))
            if step == "back":
                lease.give_back(after_s=number)
            else:
                rest = lease.items[:number] if step == "rest" else []
                delivered += lease.items[len(rest) :]
                lost += sum(lease.done(rest).lost.values())
    for lease in leases:
        lease.give_back()
    clocks.advance(10)
    left, also_lost = drained(stores[0])
    delivered += left
    assert len(set(delivered)) == len(delivered)
    assert offered == len(delivered) + lost + sum(also_lost.values())


def test_a_file_that_a_signal_handler_stores_meanwhile(monkeypatch):
    """The oldest names are given, whatever is added between two steps of finding them."""
    known = index.Index()
    known.add("a-1.gz", 1)
    added = iter(("b-1.gz", "c-1.gz"))

    def interrupted(files, count):
        found = itertools.islice(files, count)
        for name in added:
            known.add(name, 1)
            break
        return found

    monkeypatch.setattr(index, "islice", interrupted)
    assert known.oldest(2) == ["a-1.gz", "b-1.gz"]
    assert known.names() == ["a-1.gz", "b-1.gz", "c-1.gz"]
