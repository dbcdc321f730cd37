"""The store with several processes on one folder, killed at any instant, forked, and on disks that fail for real."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from collections import Counter

import pytest

from appinsights_exporter.delivery.store import Store
from appinsights_exporter.testing import ManualClock

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills, forks and limits as POSIX has them")

START = """
import errno, itertools, json, os, signal, subprocess, sys, time
from appinsights_exporter.delivery.store import Store

folder = sys.argv[1]

def items(count, first=0):
    return [b'{"n":%d}' % number for number in range(first, first + count)]

def noise(size):
    return [b'"%s"' % os.urandom(size).hex().encode()]

def says(stored):
    texts = [{reason.text: items for reason, items in lost.items()} for lost in (stored.refused, stored.dropped)]
    print(json.dumps([stored.kept, *texts]), flush=True)
"""


def start(source, folder, *arguments, prefix=()):
    """Start a program on a folder; return the process."""
    return subprocess.Popen(
        [*prefix, sys.executable, "-W", "error", "-c", START + textwrap.dedent(source), str(folder), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(source, folder, *arguments, prefix=()):
    """Run a program on a folder; return the lines it printed, as values, and those of its standard error."""
    process = start(source, folder, *arguments, prefix=prefix)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return [json.loads(line) for line in out.splitlines()], errors.splitlines()


def drained(store):
    """Lease until nothing is left; return all items and all losses."""
    found, lost = [], Counter()
    while (lease := store.lease()) is not None:
        found += lease.items
        lost.update(lease.lost)
        lease.done()
    return found, dict(lost)


def _works(*command):
    return shutil.which(command[0]) is not None and subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="session")
def own_mounts():
    """The start of a command that may mount without anybody else seeing it."""
    prefix = ("unshare", "--mount")
    if not _works(*prefix, "true"):
        pytest.skip("a small or read-only disk needs a mount of its own, which needs root")
    return prefix


@pytest.fixture(scope="session")
def plain_user():
    """The start of a command for which permission bits hold."""
    if os.geteuid() != 0:
        return ()
    prefix = ("setpriv", "--inh-caps=-all", "--bounding-set=-all")
    if not _works(*prefix, "true"):
        pytest.skip("root may write everywhere, and there is no setpriv to take that away")
    return prefix


# Several processes

WRITER = """
store = Store(folder)
first = int(sys.argv[2]) * 1_000_000
number = 0
while number < 3000:
    count = 1 + number % 7
    assert store.put(items(count, first + number)).lost == {}
    number += count
print(json.dumps(number))
"""

READER = """
store = Store(folder)
ended = False
for turn in itertools.count():
    lease = store.lease(max_items=50)
    if lease is None:
        if ended:
            break
        # What is put before this file appears is still looked for.
        ended = os.path.exists(folder + ".end")
        continue
    assert lease.lost == {}
    if turn % 5 == 0:
        lease.give_back()
    else:
        # The text of items that are not kept as the rest, out before they are gone.
        rest = lease.items[:1] if turn % 5 == 1 else []
        print(b",".join(lease.items[len(rest):]).decode(), flush=True)
        assert lease.done(rest).kept == len(rest)
"""


def test_each_item_is_leased_once(tmp_path):
    """Writers and readers on one folder, giving back and keeping rests: what was put is leased once or still there."""
    folder = tmp_path / "store"
    writers = [start(WRITER, folder, number) for number in range(2)]
    readers = [start(READER, folder) for _ in range(3)]
    outputs = {}
    threads = [
        threading.Thread(target=lambda reader=reader: outputs.update({reader.pid: reader.communicate(timeout=120)})) for reader in readers
    ]
    for thread in threads:
        thread.start()
    offered = [
        number * 1_000_000 + item for number, writer in enumerate(writers) for item in range(int(writer.communicate(timeout=120)[0]))
    ]
    (tmp_path / "store.end").touch()
    for thread in threads:
        thread.join(60)
    assert [reader.returncode for reader in readers] == [0] * 3, outputs
    taken = [item["n"] for out, _ in outputs.values() for line in out.splitlines() for item in json.loads(f"[{line}]")]
    left, lost = drained(Store(folder))
    assert lost == {}
    assert sorted(taken + [json.loads(item)["n"] for item in left]) == sorted(offered)
    assert taken
    assert os.listdir(folder) == []


KILLED_WRITER = """
store = Store(folder)
print("ready", flush=True)
for batch in itertools.count():
    store.put([b'{"b":%d,"n":%d,"x":"%s"}' % (batch, number, os.urandom(300).hex().encode()) for number in range(20)])
"""


def test_a_writer_that_is_killed_leaves_whole_batches(tmp_path):
    """After kill -9 at random instants every batch in the folder is whole, in order, and what was being written is swept."""
    chance = random.Random(5)
    unfinished = batches = 0
    for turn in itertools.count():
        # Where disks are slow, there may be no whole batch in the first ones.
        if turn >= 12 and batches:
            break
        folder = tmp_path / str(turn)
        process = start(KILLED_WRITER, folder)
        assert process.stdout.readline() == "ready\n"
        threading.Event().wait(chance.uniform(0.001, 0.08))
        process.kill()
        process.communicate()
        wall = ManualClock(Store(folder)._wall_clock() + 120)
        unfinished += any(name.endswith(".tmp") for name in os.listdir(folder)) if folder.exists() else 0
        found, lost = drained(Store(folder, wall_clock=wall))
        numbers = [(item["b"], item["n"]) for item in map(json.loads, found)]
        assert lost == {}
        assert numbers == [(batch, number) for batch in range(len(numbers) // 20) for number in range(20)]
        assert not folder.exists() or os.listdir(folder) == []
        batches += len(numbers) // 20


KILLED_READER = """
store = Store(folder)
print("ready", flush=True)
while (lease := store.lease(max_items=30)) is not None:
    os.write(1, b",".join(lease.items) + b"\\n")
    if len(lease.items) % 3:
        lease.done()
    else:
        lease.done(lease.items[:1])
"""


def test_a_reader_that_is_killed_loses_nothing(tmp_path):
    """After kill -9 of readers everything they had not finished is there at once; only what they were finishing can come twice."""
    chance = random.Random(6)
    folder = tmp_path / "store"
    store = Store(folder)
    for first in range(0, 6000, 10):
        store.put([b'{"n":%d}' % number for number in range(first, first + 10)])
    seen, unknown = Counter(), set()
    for _ in range(8):
        process = start(KILLED_READER, folder)
        assert process.stdout.readline() == "ready\n"
        threading.Event().wait(chance.uniform(0.001, 0.03))
        process.kill()
        # Not communicate(), which misses what has been read ahead.
        out = process.stdout.read()
        process.communicate()
        groups = [[item["n"] for item in json.loads(f"[{line}]")] for line in out.splitlines()]
        for group in groups[:-1]:
            seen.update(group if len(group) % 3 else group[1:])
        # Of the last group nobody knows whether it was finished.
        unknown.update(groups[-1] if groups else [])
    left, lost = drained(Store(folder))
    assert lost == {}
    seen.update(json.loads(item)["n"] for item in left)
    assert set(seen) | unknown == set(range(6000))
    assert {number for number, count in seen.items() if count > 1} <= unknown


# Forks

FORKED = """
store = Store(folder)
store.put(items(1))
store.put(items(1, 1))
lease = store.lease(max_items=1)
inside, outside = os.pipe()
parent = os.getpid()
child = os.fork()
if child == 0:
    os.close(outside)
    try:
        # The lease is the parent's: ending it here does nothing.
        lease.done()
        mine = store.lease()
        says(store.put(items(1, 2)))
        print(json.dumps([json.loads(item)["n"] for item in mine.items]), flush=True)
        mine.give_back()
        os.read(inside, 1)
        while os.getppid() == parent:
            # A process that dies closes its files one by one, the pipe before those of the store.
            time.sleep(0.001)
        # The parent is gone, and what it held is free although this process was made while it held it.
        with store.lease() as rest:
            print(json.dumps([json.loads(item)["n"] for item in rest.items]), flush=True)
    finally:
        os._exit(0)
os.close(inside)
sys.stdin.readline()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_child_made_by_fork_shares_the_folder(tmp_path):
    """It has none of the parent's leases, holds none of its files, and stores and leases on its own."""
    process = start(FORKED, tmp_path / "store")
    assert [json.loads(process.stdout.readline()) for _ in range(2)] == [[1, {}, {}], [1]]
    process.stdin.write("die\n")
    process.stdin.flush()
    out, errors = process.communicate(timeout=120)
    assert (process.returncode, json.loads(out), errors) == (-signal.SIGKILL, [0, 1, 2], "")


FORKED_WHILE_BUSY = """
import threading
store = Store(folder)
stop = threading.Event()
def busy():
    while not stop.is_set():
        store.put(items(1))
        with store.lease(max_items=1):
            pass
threads = [threading.Thread(target=busy) for _ in range(2)]
for thread in threads:
    thread.start()
codes = []
for _ in range(40):
    child = os.fork()
    if child == 0:
        signal.alarm(110)
        os._exit(0 if store.put(items(1)).kept == 1 and store.count() else 1)
    codes.append(os.waitpid(child, 0)[1])
stop.set()
for thread in threads:
    thread.join()
print(json.dumps(codes))
"""


def test_a_fork_while_threads_store(tmp_path):
    """A child never waits for a lock that a thread of its parent held."""
    source = "import warnings; warnings.simplefilter('ignore', DeprecationWarning)\n" + FORKED_WHILE_BUSY
    assert run(source, tmp_path / "store")[0] == [[0] * 40]


REENTRANT = """
store = Store(folder)
stored = []
def interrupt(*_):
    stored.append(store.put(items(1, 10**6)).kept)
    # Not at intervals: where storing takes longer than one, handlers would interrupt each other without end. And not after the last one: a
    # signal that comes when the interpreter has given its handlers up ends the process.
    if len(stored) < 100:
        signal.setitimer(signal.ITIMER_REAL, 0.001)
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.001)
number = 0
while len(stored) < 100:
    assert store.put(items(1, number)).kept == 1
    number += 1
    if number % 3 == 0:
        with store.lease():
            pass
print(json.dumps([number + len(stored), Store(folder).count()]))
"""


def test_a_signal_handler_may_store(tmp_path):
    """A handler that interrupts the store and stores something itself gets no dead lock, and nothing is lost."""
    [[offered, kept]], errors = run(REENTRANT, tmp_path / "store")
    assert (offered, errors) == (kept, [])


# Disks that fail

FULL = """
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], check=True)
store = Store(folder + "/store")
with open(folder + "/other", "wb") as other:
    other.write(bytes(16 * 1024))
for _ in range(14):
    stored = store.put(noise(2500))
    assert stored.kept == 1, stored
dropped = 14 - store.count()
with open(folder + "/other2", "wb", buffering=0) as other:
    try:
        while True:
            other.write(bytes(4096))
    except OSError as error:
        assert error.errno == errno.ENOSPC
says(store.put(noise(2500)))
leases = []
while (lease := store.lease()) is not None:
    leases.append(lease)
says(store.put(noise(2500)))
print(json.dumps([dropped, sum(len(lease.items) for lease in leases)]))
print(json.dumps(leases[0].done(leases[0].items[-1:]).kept))
"""


def test_a_full_disk(tmp_path, own_mounts):
    """On a disk that is full, our own oldest items make room; where there are none, items are refused, counted, and said once."""
    out, errors = run(FULL, tmp_path, prefix=own_mounts)
    [by_oldest, refused, [dropped, left], rest] = out
    assert by_oldest == [1, {}, {"store full: the oldest dropped": 1}]
    assert refused == [0, {"not stored: disk full": 1}, {}]
    assert dropped > 0
    assert left == 14 - dropped
    assert rest == 1
    assert errors == [f"Telemetry cannot be stored in {tmp_path}/store: disk full."]


READ_ONLY = """
subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=True)
store = Store(folder + "/store")
store.put(items(1))
lease = store.lease()
lease.give_back()
subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
for _ in range(3):
    says(store.put(items(2)))
says(Store(folder + "/another").put(items(2)))
print(json.dumps([store.lease() is None, store.count()]))
"""


def test_a_read_only_disk(tmp_path, own_mounts):
    """Items are refused for that reason, and none is given out that could not be deleted afterwards."""
    out, errors = run(READ_ONLY, tmp_path, prefix=own_mounts)
    assert out == [[0, {"not stored: read-only disk": 2}, {}]] * 4 + [[True, 1]]
    assert errors == [f"Telemetry cannot be stored in {tmp_path}/{name}: read-only disk." for name in ("store", "another")]


NO_PERMISSION = """
store = Store(folder + "/store")
store.put(items(1))
os.chmod(folder + "/store", 0o500)
for _ in range(3):
    says(store.put(items(2)))
lease = store.lease()
print(json.dumps(len(lease.items)))
lease.done()
print(json.dumps([store.lease() is None, Store(folder + "/store").lease() is None, Store(folder + "/store").count()]))
os.chmod(folder, 0o500)
says(Store(folder + "/another").put(items(2)))
os.chmod(folder + "/store", 0o000)
says(store.put(items(2)))
print(json.dumps([store.lease() is None, store.count()]))
os.chmod(folder, 0o700)
os.chmod(folder + "/store", 0o700)
print(json.dumps([Store(folder + "/store").count(), os.listdir(folder + "/store")]))
"""


def test_a_folder_that_cannot_be_written(tmp_path, plain_user):
    """Items are refused; those that are there are given out once although their file cannot be deleted."""
    out, errors = run(NO_PERMISSION, tmp_path, prefix=plain_user)
    refused = [0, {"not stored: no permission": 2}, {}]
    assert out == [refused, refused, refused, 1, [True, True, 0], refused, refused, [True, 0], [0, []]]
    assert errors == [f"Telemetry cannot be stored in {tmp_path}/{name}: no permission." for name in ("store", "another")]


LIMITED = """
import resource
store = Store(folder)
says(store.put(items(10)))
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
says(store.put(noise(20_000)))
print(json.dumps(len(os.listdir(folder))))
says(store.put(items(10, 10)))
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
held = [os.open("/dev/null", os.O_RDONLY)]
resource.setrlimit(resource.RLIMIT_NOFILE, (held[0] + 2, hard))
held.append(os.open("/dev/null", os.O_RDONLY))
says(store.put(items(10, 20)))
print(json.dumps(store.lease() is None))
os.close(held.pop())
# One is left: enough to list the folder, and not to open a file in it.
says(store.put(items(10, 20)))
print(json.dumps(store.lease() is None))
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
with store.lease() as lease:
    print(json.dumps(len(lease.items)))
"""


def test_limits_of_the_process(tmp_path):
    """A limit on the size of files or on their number is a counted loss; what is stored stays, and nothing half is left."""
    out, errors = run(LIMITED, tmp_path / "store")
    too_many = [0, {"not stored: too many open files": 10}, {}]
    assert out == [[10, {}, {}], [0, {"not stored: file size limit": 1}, {}], 1, [10, {}, {}], too_many, True, too_many, True, 20]
    assert errors == [f"Telemetry cannot be stored in {tmp_path}/store: file size limit."]
