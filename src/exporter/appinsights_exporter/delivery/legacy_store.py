"""What the retired OpenCensus exporter left on disk, read so that its telemetry still arrives.

Use, when the program starts and now and then for as long as legacy processes may run beside it::

    moved = LegacyStore(key).move_to(store)     # count moved.lost; moved.items are in the store now

or, where nothing may be stored, ``lease()`` and send. The legacy exporter keeps blobs, text files of one envelope a line, in
``<temporary folder>/opencensus-python-<instrumentation key>``, shared by all its processes. They lease a blob by giving it a name that
says until when; this module takes part in that protocol, so a blob is in one process's hands only. Blobs are taken oldest first.

A folder may hold items for several resources, as where the legacy option ``storage_path`` was the same for all: those for others stay.

Loses: what :mod:`.legacy_envelopes` says.
Limits: the protocol goes by the wall clock, for both sides. Statsbeat, the retired SDK's telemetry about itself, is not delivered.
Source: specification section 12.2.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import re
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..counts import RateLimit
from ..reasons import LEGACY_OTHER_KEY
from . import folder as disk
from .legacy_envelopes import Dropped, normalised_item
from .store import Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from ..reasons import Reason
    from .store import Store

STATSBEAT_KEYS = frozenset({"c4a29126-a7cb-47e5-b348-11414998b11e", "7dc56bab-3c0c-4e9f-9ebb-d1acadee8d0f"})
"""Keys of the resources that the retired SDK reported to about itself."""
LEASE_S = 60.0
"""For how long a blob is taken, seconds: nothing is sent meanwhile, or one request."""
TEMPORARY_AGE_S = 60.0
"""The legacy exporter gives up on an unfinished blob after so many seconds."""

_FOLDER_PREFIX = "opencensus-python-"
_NAME = re.compile(r"(\d{4}-\d\d-\d\dT\d{6}\.\d{6}-[0-9a-f]{8}\.blob)(?:@(\d{4}-\d\d-\d\dT\d{6}\.\d{6})\.lock|(\.tmp))?", re.ASCII)
_FOREIGN_LOOK_S = 3600.0
"""How often to look whether what is in a blob for others has become too old, seconds."""
_MAX_BLOB_BYTES = 64 * 1024 * 1024
"""The legacy exporter stores nothing more once the folder holds 50 MiB."""
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_LAST_SECOND = 253_402_300_799
_logger = logging.getLogger(__name__)


class LegacyLease:
    """One blob's items, which no other process takes for a minute. Made by :meth:`LegacyStore.lease`.

    As a context manager it is given back at the end of the block unless it was done.
    """

    def __init__(
        self, path: str, name: str, free_name: str, items: list[bytes], lost: dict[Reason, int], others: Sequence[bytes] = ()
    ) -> None:
        self.items = items
        """The JSON texts, normalised; empty when nothing in the blob is worth sending."""
        self.lost = lost
        """Reason to number of items in the blob that are not; to be counted when it is done."""
        self.created_s = _seconds(name)
        """When the blob was made, seconds since the epoch."""
        self.others = others
        """Lines of the blob that are for other resources; they stay there."""
        self._path = path
        self._name: str | None = name
        self._free_name = free_name

    def __enter__(self) -> LegacyLease:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.give_back()

    def done(self) -> None:
        """Delete the blob, but for what others are to take. What remains must be kept elsewhere before: see :meth:`LegacyStore.move_to`."""
        name, self._name = self._name, None
        if name is not None:
            with contextlib.suppress(OSError, ValueError), disk.open_folder(self._path, make=False, own=False) as folder:
                if self.others:
                    # Where that cannot be written, the whole blob is free again in a minute: what is ours arrives twice, and nothing is lost.
                    folder.write(self._free_name, b"\n".join(self.others) + b"\n")
                folder.remove(name)

    def give_back(self) -> None:
        """Free the blob for the next process. Does nothing after the lease has ended."""
        name, self._name = self._name, None
        if name is not None:
            with contextlib.suppress(OSError, ValueError), disk.open_folder(self._path, make=False, own=False) as folder:
                folder.rename(name, self._free_name)


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of blobs that were moved."""

    items: int = 0
    """How many are in the store now."""
    lost: dict[Reason, int] = field(default_factory=dict)
    """Reason to number of items lost: of the blobs, and of those in the store that had to go."""
    finished: bool = True
    """Whether nothing is left that may be taken now."""


class LegacyStore:
    """The legacy exporter's folder for one destination. Making one touches nothing, and nothing ever makes the folder.

    Args:
        instrumentation_key: As resolved.
        folder: The legacy option ``storage_path``; None means the legacy default.
        wall_clock: Seconds since the epoch.
        clock: Monotonic clock, seconds.
    """

    def __init__(
        self,
        instrumentation_key: str,
        folder: str | os.PathLike[str] | None = None,
        *,
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key = instrumentation_key.strip().lower()
        self._given = None if folder is None else os.fsdecode(folder)
        self._wall_clock = wall_clock
        self._log_limit = RateLimit(clock=clock)
        self._may_remove = folder is None
        self._foreign: dict[str, float] = {}
        """Blobs in which only others have something, and until when they are not looked at again, seconds since the epoch."""

    def lease(self) -> LegacyLease | None:
        """Return the oldest blob that nobody holds, or None when there is none. Never raises for what a disk does."""
        path = self._path()
        if path is None:
            return None
        try:
            with disk.open_folder(path, make=False, own=False) as folder:
                now_s = self._wall_clock()
                for name in sorted(name for name, _ in folder.files()):
                    if self._foreign.get(name, 0.0) > now_s:
                        continue
                    taken = _take(folder, name, now_s)
                    if taken is None:
                        continue
                    lease = self._leased(path, *taken, now_s)
                    if lease.others:
                        # One look for each is enough until they are too old.
                        self._foreign[taken[1]] = now_s + _FOREIGN_LOOK_S
                    if lease.items or lease.lost or not lease.others:
                        return lease
                    lease.give_back()
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self._say(path, disk.reason(error).text)
            return None
        self._remove(path)
        return None

    def move_to(self, store: Store, max_blobs: int = 100) -> Moved:
        """Move blobs into a store, as old as they were, and remove the folder when it is empty.

        Args:
            store: Where they are kept until they are sent.
            max_blobs: After so many it returns, whether it is finished or not.
        """
        items = 0
        lost: Counter[Reason] = Counter()
        for _ in range(max_blobs):
            lease = self.lease()
            if lease is None:
                return Moved(items, dict(lost))
            # The first of its items may be older than the blob, never younger.
            stored = store.put(lease.items, created_s=lease.created_s) if lease.items else Stored()
            lost.update(stored.dropped)
            if lease.items and not stored.kept:
                # None of it is lost: it stays where it was.
                lease.give_back()
                return Moved(items, dict(lost))
            lease.done()
            items += stored.kept
            lost.update(lease.lost)
            lost.update(stored.refused)
        return Moved(items, dict(lost), finished=False)

    def _path(self) -> str | None:
        if self._key in STATSBEAT_KEYS:
            return None
        try:
            if self._given is not None:
                # The user's own choice may be a link; in the folder for everybody's temporary files a link may be a trap.
                return os.path.realpath(self._given)
            return os.path.join(tempfile.gettempdir(), _FOLDER_PREFIX + self._key)
        except (OSError, ValueError):
            return None

    def _leased(self, path: str, name: str, free_name: str, data: bytes, now_s: float) -> LegacyLease:
        lost: Counter[Reason] = Counter()
        items, others = [], []
        for line in data.split(b"\n"):
            if line.strip():
                item = normalised_item(line, now_s, self._key)
                if not isinstance(item, Dropped):
                    items.append(item)
                elif item.reason == LEGACY_OTHER_KEY:
                    others.append(line)
                else:
                    lost[item.reason] += 1
        return LegacyLease(path, name, free_name, items, dict(lost), others)

    def _remove(self, path: str) -> None:
        """Remove the folder if it is empty: once, as only a legacy process that lives can bring it back, and that one needs it."""
        if self._may_remove and os.path.isdir(path):
            with contextlib.suppress(OSError):
                os.rmdir(path)
                self._may_remove = False

    def _say(self, path: str, fault: str) -> None:
        if self._log_limit.due("fault"):
            _logger.warning("Telemetry that the OpenCensus exporter left in %s cannot be read: %s.", path, fault)


def _take(folder: disk.Folder, name: str, now_s: float) -> tuple[str, str, bytes] | None:
    """Rename a blob so that it is ours for a minute; return its new name, its name when free, and its content, or None."""
    parts = _NAME.fullmatch(name)
    if parts is None:
        return None
    blob, leased_until, temporary = parts.groups()
    if leased_until is not None and leased_until > _stamp(now_s):
        return None
    if temporary and name > _stamp(now_s - TEMPORARY_AGE_S):
        return None
    taken = f"{blob}@{_stamp(now_s + LEASE_S)}.lock"
    try:
        folder.rename(name, taken)
        data = folder.read(taken, _MAX_BLOB_BYTES)
    except OSError:
        # Somebody else was faster, or it cannot be read. In that case it is free again in a minute.
        return None
    return taken, blob + (temporary or ""), data


def _stamp(seconds: float) -> str:
    """Return a time as the names of blobs say it: UTC, to the microsecond, no colons; the order of texts is that of times."""
    return f"{_EPOCH + datetime.timedelta(seconds=min(max(seconds, 0.0), _LAST_SECOND)):%Y-%m-%dT%H%M%S.%f}"


def _seconds(name: str) -> float:
    """Return the time in a blob's name, seconds since the epoch."""
    text = name[: len("YYYY-MM-DDTHHMMSS.ffffff")]
    try:
        return (datetime.datetime.strptime(text + "+0000", "%Y-%m-%dT%H%M%S.%f%z") - _EPOCH).total_seconds()
    except ValueError:
        # Digits, but no date.
        return 0.0
