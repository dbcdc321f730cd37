"""Files with envelopes that wait to be sent, in the retired SDK's own format, for programs that use the class directly.

This package's exporters keep nothing here. The format: one folder, one file per batch, one JSON envelope per line; a file that somebody
is sending is renamed to `<name>@<expiry>.lock`.

Source:
    https://github.com/census-instrumentation/opencensus-python/blob/cd020b07f06024b6c9243c514b5413cef46f4775/contrib/opencensus-ext-azure/opencensus/ext/azure/common/storage.py#L24-L205
"""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import os
import random
from collections.abc import Iterable, Iterator
from typing import Any

from opencensus_compat._bridge import context as _context
from opencensus_compat.common.schedule import PeriodicTask

logger = logging.getLogger("opencensus.ext.azure.common.storage")

_TIME_FORMAT = "%Y-%m-%dT%H%M%S.%f"


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def _fmt(timestamp: datetime.datetime) -> str:
    """Return a time as file names carry it: `2020-01-31T102030.123456`, in UTC, sortable as text."""
    return timestamp.strftime(_TIME_FORMAT)


def _seconds(seconds: float) -> datetime.timedelta:
    return datetime.timedelta(seconds=seconds)


class LocalFileBlob:
    """One batch on disk."""

    def __init__(self, fullpath: str) -> None:
        self.fullpath = fullpath

    def delete(self) -> None:
        """Remove the file; nothing happens where that fails."""
        with contextlib.suppress(OSError):
            os.remove(self.fullpath)

    def get(self) -> tuple[Any, ...] | None:
        """Return the envelopes, or None when the file cannot be read."""
        try:
            with open(self.fullpath, encoding="utf-8") as file:
                return tuple(json.loads(line) for line in file)
        except (OSError, ValueError):
            return None

    def put(self, data: Iterable[object], lease_period: float = 0) -> LocalFileBlob | None:
        """Write envelopes and return this blob, or None when that failed; then nothing of it stays behind.

        Args:
            data: The envelopes. Values that JSON cannot hold become text. (The retired SDK lost the batch.)
            lease_period: Seconds for which others leave the file alone.
        """
        temporary = self.fullpath + ".tmp"
        try:
            with open(temporary, "w", encoding="utf-8") as file:
                file.writelines(json.dumps(item, default=str) + "\n" for item in data)
            if lease_period:
                self.fullpath = _leased(self.fullpath, lease_period)
            os.rename(temporary, self.fullpath)
        except (OSError, TypeError, ValueError) as error:
            logger.warning("Envelopes were not stored: %s", type(error).__name__)
            with contextlib.suppress(OSError):
                os.remove(temporary)
            return None
        return self

    def lease(self, period: float) -> LocalFileBlob | None:
        """Reserve the file for some seconds and return this blob, or None when somebody else was faster."""
        leased = _leased(self.fullpath, period)
        try:
            os.rename(self.fullpath, leased)
        except OSError:
            return None
        self.fullpath = leased
        return self


def _leased(path: str, period: float) -> str:
    bare = path[: path.rindex("@")] if path.endswith(".lock") else path
    return f"{bare}@{_fmt(_now() + _seconds(period))}.lock"


class LocalFileStorage:
    """A folder of batches.

    Args:
        path: The folder. It is made when something is stored. (The retired SDK made it at once.)
        max_size: Bytes in the folder, beyond which nothing more is stored.
        maintenance_period: Seconds between removals of old files.
        retention_period: Seconds after which a batch is removed.
        write_timeout: Seconds after which an unfinished file is removed.
        source: Whose storage it is, for the thread's name.
    """

    def __init__(
        self,
        path: str,
        max_size: int = 50 * 1024 * 1024,
        maintenance_period: float = 60,
        retention_period: float = 7 * 24 * 60 * 60,
        write_timeout: float = 60,
        source: str | None = None,
    ) -> None:
        self.path = os.path.abspath(path)
        self.max_size = max_size
        self.maintenance_period = maintenance_period
        self.retention_period = retention_period
        self.write_timeout = write_timeout
        self._maintenance_routine()
        self._maintenance_task = PeriodicTask(
            interval=maintenance_period, function=self._maintenance_routine, name=f"{source} Storage Worker"
        )
        self._maintenance_task.daemon = True
        _context.in_empty_context(self._maintenance_task.start)

    def close(self) -> None:
        """Stop the removals."""
        self._maintenance_task.cancel()
        self._maintenance_task.join()

    def __enter__(self) -> LocalFileStorage:
        return self

    def __exit__(self, type: object, value: object, traceback: object) -> None:
        self.close()

    def _maintenance_routine(self) -> None:
        for _ in self.gets():
            pass

    def gets(self) -> Iterator[LocalFileBlob]:
        """Yield the batches that nobody has leased, oldest first, removing what is too old."""
        now = _now()
        try:
            names = sorted(os.listdir(self.path))
        except OSError:
            return
        for name in names:
            path = os.path.join(self.path, name)
            if not os.path.isfile(path):
                continue
            if name.endswith(".tmp"):
                if name < _fmt(now - _seconds(self.write_timeout)):
                    self._drop(path, "was not finished in time")
                continue
            if name.endswith(".lock"):
                bare, _, expiry = path.rpartition("@")
                if expiry[: -len(".lock")] > _fmt(now):
                    continue
                try:
                    os.rename(path, bare)
                except OSError:
                    continue
                path = bare
            if path.endswith(".blob"):
                if name < _fmt(now - _seconds(self.retention_period)):
                    self._drop(path, "was kept for too long")
                else:
                    yield LocalFileBlob(path)

    def _drop(self, path: str, reason: str) -> None:
        with contextlib.suppress(OSError):
            os.remove(path)
            logger.warning("A stored batch %s. Dropping telemetry.", reason)

    def get(self) -> LocalFileBlob | None:
        """Return the oldest batch that nobody has leased, or None."""
        return next(self.gets(), None)

    def put(self, data: Iterable[object], lease_period: float = 0) -> LocalFileBlob | None:
        """Store envelopes and return the blob, or None when the folder is full or cannot be written."""
        try:
            os.makedirs(self.path, exist_ok=True)
        except OSError as error:
            logger.warning("Envelopes were not stored: %s", type(error).__name__)
            return None
        if not self._check_storage_size():
            return None
        name = f"{_fmt(_now())}-{random.getrandbits(32):08x}.blob"
        return LocalFileBlob(os.path.join(self.path, name)).put(data, lease_period=lease_period)

    def _check_storage_size(self) -> bool:
        size = 0
        for folder, _, names in os.walk(self.path):
            for name in names:
                path = os.path.join(folder, name)
                with contextlib.suppress(OSError):
                    size += 0 if os.path.islink(path) else os.path.getsize(path)
        if size >= self.max_size:
            logger.warning("Persistent storage holds %s KiB, its maximum: telemetry is lost. Raise storage_max_size.", size // 1024)
            return False
        return True
