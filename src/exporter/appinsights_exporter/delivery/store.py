"""Encoded items on disk, until the service takes them.

Use::

    store = Store(names.default_folder(key, endpoint))
    stored = store.put(items)                   # what could not be sent
    while (lease := store.lease()) is not None:
        ...                                     # count lease.lost, send lease.items
        lease.done(rest)                        # or lease.give_back(after_s)

The folder may be shared by threads, by processes and with children made by fork. A file holds one batch, as :mod:`.packing` has it,
under a name of :mod:`.names`. It is written under another name first: a process that is killed leaves a batch whole or not at all.

**Clocks.** Who may read a file is decided by locks, never by time. Time decides only what is too old, and there the smaller of two ages
counts: by the wall clock, and by what that clock said when the store was made plus the time that has passed since. A wall clock that
jumps while the program runs therefore drops nothing, and a name never says an earlier time than that reckoning.

**Faults.** No method raises for what a disk does. What is lost comes back as reason and number of items, and a line in the log, at most
one a minute, says why the disk was of no use.

Loses: the oldest items when there are more than ``max_bytes``, items older than ``max_age_s``, and what a damaged file does not yield.
Limits: a process that starts while the wall clock is wrong believes it. Other processes' files are counted every ten seconds, so
``max_bytes`` may be exceeded by what they store meanwhile, and at most a sixteenth each. After a power cut, files that the system had
not written yet are found damaged.
Source: specification section 12.3.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random, SystemRandom
from typing import TYPE_CHECKING

from ..counts import RateLimit
from ..forks import restart_in_child
from ..notices import say
from ..reasons import DAMAGED, EVICTED, NO_ROOM, NOT_STORED, TOO_OLD, Reason
from . import folder as disk
from . import names
from .encode import MAX_BATCH_BYTES, MAX_BATCH_ITEMS
from .index import Index
from .packing import chunks, packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType

MAX_BYTES = 50 * 1024 * 1024
"""Most bytes on disk, unless told otherwise."""
MAX_AGE_S = 48 * 3600.0
"""The service refuses older items, seconds."""
MAX_LEASE_FILES = 50
"""Each file of a lease is an open file of the process."""

_SCAN_INTERVAL_S = 10.0
_SCAN_SHARE = 16
_TEMPORARY_AGE_S = 60.0
_ATTEMPTS = 3
_PAGE_BYTES = 4096
_MAX_FILE_BYTES = 2 * MAX_BATCH_BYTES
_FINISHED = b"finished"
"""Content of a file whose items are gone, where the file cannot be deleted. Shorter than any gzip file."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of items that were put."""

    kept: int = 0
    """How many of them are on disk."""
    refused: dict[Reason, int] = field(default_factory=dict)
    """Reason to number of items that are not."""
    dropped: dict[Reason, int] = field(default_factory=dict)
    """Reason to number of items stored before that had to go."""

    @property
    def lost(self) -> dict[Reason, int]:
        """Reason to number of items, refused and dropped."""
        return {**self.refused, **self.dropped}


@dataclass(frozen=True, slots=True)
class LockedFile:
    """A file that a lease holds."""

    name: str
    fd: int


class Lease:
    """Items taken from the store, which nobody else is given meanwhile. Made by :meth:`Store.lease`.

    It lasts until it is done or given back, or the process ends, however that ends; a lease that is forgotten is given back. As a
    context manager it is given back at the end of the block unless it was done.
    """

    def __init__(self, store: Store, held: list[LockedFile], items: list[bytes], lost: dict[Reason, int]) -> None:
        self.items = items
        """The JSON texts, oldest first; empty only when something was lost."""
        self.lost = lost
        """Reason to number of items that were found lost on the way."""
        self._store = store
        self._held = held

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.give_back()

    def __del__(self) -> None:
        self.give_back()

    def done(self, rest: Sequence[bytes] = ()) -> Stored:
        """Delete the items from the store, except for the rest, which stays as old as it was.

        Args:
            rest: Those of the items that are to be sent another time.
        Returns: What became of the rest.
        """
        return self._store._finish(self, rest)

    def give_back(self, after_s: float = 0.0) -> None:
        """Leave the items in the store. Does nothing after the lease has ended.

        Args:
            after_s: Seconds for which this store does not give them out again; others that share the folder may.
        """
        self._store._give_back(self, after_s)


class Store:
    """Batches of items in one folder. Making one touches nothing; the folder is made when something is put.

    Args:
        folder: Where; made with mode 0700, as are missing parents. A link, or the folder of another user, is not used.
        max_bytes: Most bytes on disk. A file counts as whole pages of 4096 bytes, so this bounds the number of files as well.
        max_age_s: Seconds after which items are dropped.
        clock: Monotonic clock, seconds.
        wall_clock: Seconds since the epoch.
        random: For names; must differ between processes, also after fork. None asks the system.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        max_bytes: int = MAX_BYTES,
        max_age_s: float = MAX_AGE_S,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        random: Random | None = None,
    ) -> None:
        self.folder = Path(_absolute(folder))
        """Where the files are, absolute."""
        self._path = str(self.folder)
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._clock = clock
        self._wall_clock = wall_clock
        self._random = SystemRandom() if random is None else random
        self._first_s = (clock(), wall_clock())
        self._log_limit = RateLimit(clock=clock)
        self._last_us = 0
        self._leases: weakref.WeakSet[Lease] = weakref.WeakSet()
        self.restart()
        restart_in_child(self)

    def put(self, items: Iterable[bytes], *, created_s: float | None = None) -> Stored:
        """Keep items, dropping the oldest when there is no room.

        Args:
            items: One JSON text each, without a line feed.
            created_s: Wall-clock time from which their age counts, seconds since the epoch; None means now.
        """
        refused: Counter[Reason] = Counter()
        dropped: Counter[Reason] = Counter()
        faults: list[Reason] = []
        kept = 0
        for chunk in chunks(items, refused):
            data = packed(chunk)
            with self._lock:
                fault = self._keep(len(chunk), data, created_s, dropped)
            if fault is None:
                kept += len(chunk)
            else:
                refused[fault.after(NOT_STORED)] += len(chunk)
                faults.append(fault)
        self._say(faults)
        return Stored(kept, dict(refused), dict(dropped))

    def lease(self, max_items: int = MAX_BATCH_ITEMS, max_bytes: int = MAX_BATCH_BYTES) -> Lease | None:
        """Return the oldest items that nobody holds, or None when there are none.

        Args:
            max_items: Most items; small files are grouped up to it. A file that alone has more is given whole.
            max_bytes: Most bytes of JSON, line feeds included; the same holds.
        """
        lost: Counter[Reason] = Counter()
        faults: list[Reason] = []
        with self._lock:
            held, items = self._gather(max_items, max_bytes, lost, faults)
            lease = Lease(self, held, items, dict(lost)) if held or lost else None
            if lease is not None:
                self._leases.add(lease)
        self._say(faults)
        return lease

    def count(self) -> int:
        """Return about how many items are stored, leased ones included: exact for this store's own, up to ten seconds old for others'."""
        self._scan_if_due()
        return self._index.items

    def size_bytes(self) -> int:
        """Return about how many bytes the stored files take on disk, as :meth:`count`."""
        self._scan_if_due()
        return self._index.bytes

    def restart(self) -> None:
        """Know nothing and hold nothing: for a new store, and for a child made by fork, whose copies of the files stay the parent's."""
        # Guards everything below, and stays held while files are written and read: a disk that hangs would hang each thread anyway.
        # Re-entrant, as a signal handler or the garbage collector may come back here from inside.
        self._lock = threading.RLock()
        self._index = Index()
        self._scanned_s: float | None = None
        self._put_bytes = 0
        self._leased: set[str] = set()
        for lease in list(self._leases):
            lease._held = []
        self._leases.clear()

    # What follows needs the lock.

    def _keep(self, count: int, data: bytes, created_s: float | None, lost: Counter[Reason]) -> Reason | None:
        """Write one file; return what prevented it."""
        size = _pages(len(data))
        if size > self._max_bytes:
            return NO_ROOM
        if created_s is None:
            # One store's names rise, so that its items keep their order.
            us = self._last_us = max(names.microseconds(max(self._wall_clock(), self._reckoned_s())), self._last_us + 1)
        else:
            us = names.microseconds(created_s)
        name = names.new_name(us, self._random.getrandbits(64), count)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with disk.open_folder(self._path, make=True) as folder:
                    if self._scan_due():
                        self._scan(folder, lost)
                    if not self._make_room(folder, self._index.bytes + size - self._max_bytes, lost):
                        return NO_ROOM
                    self._write(folder, name, data, lost)
            except (OSError, ValueError) as error:
                # A folder that was removed under us is made again.
                if attempt == _ATTEMPTS or not isinstance(error, FileNotFoundError):
                    return disk.reason(error)
            else:
                break
        self._index.add(name, size)
        self._put_bytes += size
        if created_s is not None:
            # It may belong before others.
            self._scanned_s = None
        return None

    def _write(self, folder: disk.Folder, name: str, data: bytes, lost: Counter[Reason]) -> None:
        """Write one file; on a disk that is full although we have our share, for our own oldest files."""
        try:
            folder.write(name, data)
        except OSError as error:
            if not disk.is_full(error) or not self._make_room(folder, _pages(len(data)), lost):
                raise
            folder.write(name, data)

    def _make_room(self, folder: disk.Folder, excess_bytes: int, lost: Counter[Reason]) -> bool:
        """Drop the oldest files that nobody holds until so many bytes are free; return whether they are."""
        if excess_bytes <= 0:
            return True
        held = self._leased.copy()
        if self._index.bytes - sum(map(self._index.size_bytes, held)) < excess_bytes:
            # Dropping all there is would not help.
            return False
        while oldest := [name for name in self._index.oldest(len(held) + 1) if name not in held]:
            name = oldest[0]
            size = self._index.size_bytes(name)
            if self._drop(folder, name, EVICTED, lost):
                excess_bytes -= size
                if excess_bytes <= 0:
                    return True
            else:
                held.add(name)
        return False

    def _drop(self, folder: disk.Folder, name: str, why: Reason, lost: Counter[Reason]) -> bool:
        """Delete a file and count its items, unless it is held; return whether it is gone."""
        try:
            fd = folder.take(name)
        except (FileNotFoundError, disk.ForeignError):
            self._index.forget(name)
            return True
        except OSError:
            return False
        if not self._delete(folder, LockedFile(name, fd)):
            return False
        lost[why] += names.count_of(name)
        return True

    def _delete(self, folder: disk.Folder | None, file: LockedFile) -> bool:
        """Delete a file that we hold and let it go; return whether its items are gone."""
        gone = folder is not None and folder.remove(file.name)
        try:
            if not gone:
                # In a folder that cannot be written, or while it is open on Windows. Its items must not be sent again all the same.
                os.lseek(file.fd, 0, os.SEEK_SET)
                gone = os.write(file.fd, _FINISHED) == len(_FINISHED)
                os.ftruncate(file.fd, len(_FINISHED))
        except OSError:
            pass
        finally:
            disk.release(file.fd)
        if gone:
            self._index.forget(file.name)
            if folder is not None:
                folder.remove(file.name)
        return gone

    def _gather(self, max_items: int, max_bytes: int, lost: Counter[Reason], faults: list[Reason]) -> tuple[list[LockedFile], list[bytes]]:
        """Take the oldest files, within the limits, and read them."""
        try:
            with disk.open_folder(self._path, make=False) as folder:
                scanned = self._scan_due()
                if scanned:
                    self._scan(folder, lost)
                held, items = self._take(folder, max_items, max_bytes, lost, faults)
                if not held and not scanned:
                    # Other processes may have stored something since.
                    self._scan(folder, lost)
                    held, items = self._take(folder, max_items, max_bytes, lost, faults)
                return held, items
        except FileNotFoundError:
            self._index.adopt({})
        except (OSError, ValueError) as error:
            faults.append(disk.reason(error))
        return [], []

    def _take(
        self, folder: disk.Folder, max_items: int, max_bytes: int, lost: Counter[Reason], faults: list[Reason]
    ) -> tuple[list[LockedFile], list[bytes]]:
        held: list[LockedFile] = []
        items: list[bytes] = []
        size = 0
        oldest = names.stamp(self._now_s() - self._max_age_s)
        for name in self._index.names():
            if name in self._leased or self._index.rests(name, self._clock()):
                continue
            if name < oldest and self._drop(folder, name, TOO_OLD, lost):
                continue
            if held and (len(held) == MAX_LEASE_FILES or len(items) + names.count_of(name) > max_items):
                break
            try:
                fd = folder.take(name)
            except (FileNotFoundError, disk.ForeignError):
                self._index.forget(name)
                continue
            except BlockingIOError:
                continue
            except OSError as error:
                faults.append(disk.reason(error))
                continue
            try:
                found, whole = unpacked(disk.read(fd, _MAX_FILE_BYTES))
            except OSError as error:
                disk.release(fd)
                faults.append(disk.reason(error))
                continue
            file = LockedFile(name, fd)
            if not whole:
                damaged = self._repair(folder, file, found, lost)
                if damaged is None:
                    continue
                file = damaged
            found_bytes = sum(map(len, found)) + len(found)
            if held and (len(items) + len(found) > max_items or size + found_bytes > max_bytes):
                disk.release(fd)
                break
            self._leased.add(file.name)
            held.append(file)
            items += found
            size += found_bytes
        return held, items

    def _repair(self, folder: disk.Folder, file: LockedFile, found: list[bytes], lost: Counter[Reason]) -> LockedFile | None:
        """Count what a damaged file has lost and write it into its name, so that it is not counted again; delete it if it has nothing."""
        missing = max(0, names.count_of(file.name) - len(found))
        if not found:
            if self._delete(folder, file):
                lost[DAMAGED] += missing
            return None
        if missing:
            name = names.with_count(file.name, len(found))
            repaired = LockedFile(name, file.fd)
            try:
                folder.rename(file.name, name)
            except OSError:
                # On Windows no open file can get another name: another file takes its place.
                try:
                    folder.write(name, packed(found))
                    repaired = LockedFile(name, folder.take(name))
                except OSError:
                    return file
            lost[DAMAGED] += missing
            self._index.rename(file.name, name)
            if repaired.fd != file.fd:
                self._delete(folder, file)
            return repaired
        return file

    def _finish(self, lease: Lease, rest: Sequence[bytes]) -> Stored:
        """End a lease; see :meth:`Lease.done`."""
        with self._lock:
            held, lease._held = lease._held, []
            self._leases.discard(lease)
            self._leased.difference_update(file.name for file in held)
        stored = Stored()
        created_s = names.created_s(held[0].name) if held else None
        if rest:
            # Stored before the rest of it is deleted: a process killed in between sends some items twice rather than never.
            stored = self.put(rest, created_s=created_s)
        with self._lock:
            self._delete_all(held)
        if rest and held and not stored.kept:
            # There was no room for both.
            again = self.put(rest, created_s=created_s)
            stored = Stored(again.kept, again.refused, dict(Counter(stored.dropped) + Counter(again.dropped)))
        return stored

    def _delete_all(self, held: list[LockedFile]) -> None:
        try:
            with disk.open_folder(self._path, make=False) as folder:
                for file in held:
                    self._delete(folder, file)
        except (OSError, ValueError):
            for file in held:
                self._delete(None, file)

    def _give_back(self, lease: Lease, after_s: float) -> None:
        """End a lease; see :meth:`Lease.give_back`."""
        if not lease._held:
            return
        with self._lock:
            held, lease._held = lease._held, []
            self._leases.discard(lease)
            for file in held:
                disk.release(file.fd)
                self._leased.discard(file.name)
                if after_s > 0:
                    self._index.rest_until(file.name, self._clock() + after_s)

    def _scan_if_due(self) -> None:
        """Scan when that is due, without dropping anything: the loss could not be counted."""
        with self._lock:
            if self._scan_due():
                try:
                    with disk.open_folder(self._path, make=False) as folder:
                        self._scan(folder, None)
                except (OSError, ValueError):
                    self._index.adopt({})

    def _scan_due(self) -> bool:
        return (
            self._scanned_s is None
            or self._clock() - self._scanned_s >= _SCAN_INTERVAL_S
            or self._put_bytes > self._max_bytes // _SCAN_SHARE
        )

    def _scan(self, folder: disk.Folder, lost: Counter[Reason] | None) -> None:
        """Learn what is in the folder; clear away what is too old, finished, or left unfinished by a dead process."""
        now_s = self._now_s()
        oldest, stale = names.stamp(now_s - self._max_age_s), names.stamp(now_s - _TEMPORARY_AGE_S)
        index: dict[str, int] = {}
        expired = []
        for name, size in sorted(folder.files()):
            if not names.is_ours(name):
                continue
            if name.endswith(disk.TEMPORARY):
                if name < stale:
                    _remove_abandoned(folder, name)
            elif size == len(_FINISHED) and not _is_torn(folder, name):
                folder.remove(name)
            else:
                index[name] = _pages(size)
                if name < oldest:
                    expired.append(name)
        self._index.adopt(index)
        self._scanned_s = self._clock()
        self._put_bytes = 0
        if lost is not None:
            for name in expired:
                if name not in self._leased:
                    self._drop(folder, name, TOO_OLD, lost)

    def _reckoned_s(self) -> float:
        """Return the wall-clock time as it would be had that clock never jumped since the store was made."""
        clock_s, wall_s = self._first_s
        return wall_s + self._clock() - clock_s

    def _now_s(self) -> float:
        """Return the time that ages count to."""
        return min(self._wall_clock(), self._reckoned_s())

    def _say(self, faults: list[Reason]) -> None:
        """Log, at most once a minute, why the disk was of no use. Needs no lock: a log handler may come back here."""
        if faults and self._log_limit.due("fault"):
            say(_logger, logging.WARNING, "Telemetry cannot be stored in %s: %s.", self._path, faults[-1].text)


def _remove_abandoned(folder: disk.Folder, name: str) -> None:
    """Delete a file that was being written by a process that is gone; one that lives holds it."""
    try:
        fd = folder.take(name)
    except OSError:
        return
    gone = folder.remove(name)
    disk.release(fd)
    if not gone:
        # On Windows no open file can be deleted.
        folder.remove(name)


def _is_torn(folder: disk.Folder, name: str) -> bool:
    """Return whether a file as short as a finished one is what is left of a damaged one, whose items are still to be counted as lost."""
    try:
        fd = folder.take(name)
    except OSError:
        # Gone, or held by who has finished it.
        return False
    try:
        return disk.read(fd, len(_FINISHED)) != _FINISHED
    except OSError:
        return True
    finally:
        disk.release(fd)


def _pages(size: int) -> int:
    """Return the bytes that a file of some size takes on disk."""
    return -(-max(size, 1) // _PAGE_BYTES) * _PAGE_BYTES


def _absolute(folder: str | os.PathLike[str]) -> str:
    path = os.fsdecode(folder)
    try:
        return os.path.abspath(path)
    except OSError:
        # The working directory is gone; so is what the path would have meant.
        return path
