"""The counts of this process in a file, for who looks from outside: ``census-compat doctor --counts`` and ``--pid``.

Each process has a file of its own, which has the process's id in its name: ``counts.json`` becomes ``counts.1234.json``. It is replaced as a
whole, at most once a second while something is counted, and once more as the process ends. What it holds is no secret: keys are cut.

A process that is killed leaves its file, in which the last second may be missing. Its start is in the file, so that another process with the
same id is not taken for it. The first file that a process writes clears away those of dead processes, but for the latest :data:`KEPT_FILES`.

Limits: containers that share a folder may have the same process ids; each needs a name of its own.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import os
import platform
import re
import sys
import threading
import time
import weakref
from collections import Counter
from typing import TYPE_CHECKING

import psutil

from .. import counts
from ..forks import restart_in_child
from ..notices import say
from ..settings import COUNTS_FILE_VARIABLE
from . import folder as disk
from .drain import Drain

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..reasons import Reason
    from ..settings import Settings
    from .deliver import Delivery

FORMAT = "census-compat counts 1"
"""What the field ``format`` of a file says."""
WRITE_INTERVAL_S = 1.0
"""Shortest time between two writes, seconds, while the process does not end."""
AFTER_FAULT_S = 60.0
"""How long to wait where the file cannot be written, seconds."""
KEPT_FILES = 20
"""How many files of dead processes stay."""

RUNNING, ENDING, ENDED = "running", "ending", "ended"
"""What the field ``state`` says: the exit hooks have run, or telemetry has a time limit already; a process that is killed says ``running``."""

_SAME_START_S = 2.0
"""By how much, seconds, two readings of one process's start may differ: it is reckoned from a clock that may be set."""
_PATIENCE_S = 1.0
_MAX_FILE_BYTES = 1024 * 1024
_NUMBERS = (counts.SENT, counts.FILTERED, counts.STORED, counts.HELD, counts.POSSIBLY_DUPLICATED)

_logger = logging.getLogger(__name__)


class Tally:
    """What was counted for one resource since this process began, over all exporters that it had. A listener of counters.

    Args:
        file: Where it is written.
        key: Of the resource, as it is written.
        endpoint: Base URL.
    """

    def __init__(self, file: CountsFile, key: str, endpoint: str) -> None:
        self._file = file
        self._key = key
        self._endpoint = endpoint
        self._delivery: Callable[[], Delivery | None] = _nobody
        """The latest one to that resource, if it is alive."""
        self.restart()
        restart_in_child(self)

    def restart(self) -> None:
        """Set all numbers to zero."""
        self._lock = threading.Lock()
        self._numbers: Counter[str] = Counter()
        self._reasons: dict[str, Counter[str]] = {counts.RETRIED: Counter(), counts.DROPPED: Counter()}
        self._last_success_s: float | None = None
        self._last: dict[str, tuple[float, Reason, str]] = {}
        self._waiting = 0

    def follow(self, delivery: Delivery) -> None:
        """Look at what a delivery keeps from now on. It is held weakly."""
        self._delivery = weakref.ref(delivery)

    def counted(self, event: str, items: int, reason: Reason | None, detail: str) -> None:
        """Count items, and see to it that they are written; see :class:`~..counts.Listener`."""
        now_s = time.time()
        with self._lock:
            if reason is None:
                self._numbers[event] += items
                if event == counts.SENT:
                    self._last_success_s = now_s
            else:
                self._reasons[event][reason.text] += items
                self._last[event] = (now_s, reason, detail)
        self._file.changed(at_once=self.is_ending())

    def settled(self) -> None:
        """Write what is not written yet; see :class:`~..counts.Listener`."""
        self._file.settled()

    def as_written(self) -> dict[str, object]:
        """Return the counts as they are written."""
        delivery = self._delivery()
        if delivery is not None:
            self._waiting = delivery.kept()
        with self._lock:
            return {
                "key": self._key,
                "endpoint": self._endpoint,
                **{name: self._numbers[name] for name in _NUMBERS},
                "waiting": self._waiting,
                **{event: dict(by_reason) for event, by_reason in self._reasons.items()},
                "last_success": None if self._last_success_s is None else _text(self._last_success_s),
                "last_failure": _last(self._last.get(counts.RETRIED)),
                "last_loss": _last(self._last.get(counts.DROPPED)),
            }

    def is_ending(self) -> bool:
        """Return whether telemetry has a time limit."""
        delivery = self._delivery()
        return delivery is not None and delivery.is_ending


class CountsFile:
    """Keeps the file of this process up to date.

    Args:
        named: What files are named after, or a folder for them.
    """

    def __init__(self, named: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            named = os.path.join(os.path.abspath(named), "counts.json") if os.path.isdir(named) else os.path.abspath(named)
        self._root, self._extension = os.path.splitext(named)
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._drain = Drain(self._step, "appinsights-counts")
        self.restart()
        restart_in_child(self)

    def restart(self) -> None:
        """Begin another file: for a child made by fork."""
        self._writing = threading.Lock()
        self._changes = self._written = 0
        """How often something was counted, in all and when the file was written."""
        self._written_state = ""
        self._is_over = False
        self._is_first = True
        self._started: str | None = None
        self._has_said = False
        self._drain.restart()

    @property
    def path(self) -> str:
        """Where this process's file is."""
        return f"{self._root}.{os.getpid()}{self._extension}"

    def tally(self, settings: Settings) -> Tally:
        """Return the tally of the settings' resource."""
        key = (settings.instrumentation_key, settings.ingestion_endpoint)
        found = self._tallies.get(key)
        if found is None:
            # Two threads may both come here with one resource: each has a registry's lock, and that is the same.
            found = self._tallies[key] = Tally(self, f"{key[0][:8]}-***", key[1])
        return found

    def changed(self, *, at_once: bool) -> None:
        """Write soon.

        Args:
            at_once: Whether the process may be gone before.
        """
        # Two threads may both come to one number: either's counts are in what is written from now on.
        self._changes += 1
        if at_once or self._is_over:
            self._write()
        else:
            self._drain.wake()

    def settled(self) -> None:
        """Write what is not written yet, and whether the process ends."""
        if self._changes and (self._written != self._changes or self._state() != self._written_state):
            self._write()

    def end(self) -> None:
        """Write what the process ends with. What is counted later is written at once."""
        self._is_over = True
        if self._changes:
            self._write()

    def _step(self) -> float | None:
        if self._written == self._changes:
            return None
        return WRITE_INTERVAL_S if self._write() else AFTER_FAULT_S

    def _write(self) -> bool:
        """Write the file; return whether that was possible."""
        # A signal's handler may have interrupted this very thread in here.
        if not self._writing.acquire(timeout=_PATIENCE_S):
            return False
        try:
            if self._is_first:
                self._is_first = False
                started_s = _start_s(os.getpid())
                self._started = None if started_s is None else _text(started_s)
                self._clear_away()
            changes, state = self._changes, self._state()
            _replace(self.path, json.dumps(self._as_written(state), indent=1).encode())
            self._written, self._written_state = changes, state
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not to cost the telemetry that is counted.
            self._say(disk.reason(error).text if isinstance(error, (OSError, ValueError)) else type(error).__name__)
            return False
        finally:
            self._writing.release()
        return True

    def _say(self, fault: str) -> None:
        if not self._has_said:
            self._has_said = True
            message = "The counts of this process cannot be written to %s, as %s asks for: %s. It is tried again; this is said once."
            say(_logger, logging.WARNING, message, self.path, COUNTS_FILE_VARIABLE, fault)

    def _state(self) -> str:
        if self._is_over:
            return ENDED
        return ENDING if any(tally.is_ending() for tally in list(self._tallies.values())) else RUNNING

    def _as_written(self, state: str) -> dict[str, object]:
        return {
            "format": FORMAT,
            "pid": os.getpid(),
            "host": platform.node(),
            "program": os.path.basename(str(next(iter(sys.argv), ""))),
            "started": self._started,
            "written": _text(time.time()),
            "state": state,
            "resources": [tally.as_written() for tally in list(self._tallies.values())],
        }

    def _clear_away(self) -> None:
        """Delete the files of dead processes, but for the latest."""
        folder, name = os.path.split(self._root)
        ours = re.compile(rf"{re.escape(name)}\.(\d{{1,10}}){re.escape(self._extension)}")
        dead: list[tuple[float, str]] = []
        for entry in os.scandir(folder):
            found = ours.fullmatch(entry.name)
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                if found is not None and int(found[1]) != os.getpid() and _is_of_dead(entry.path, int(found[1])):
                    dead.append((entry.stat(follow_symlinks=False).st_mtime, entry.path))
        for _, path in sorted(dead, reverse=True)[KEPT_FILES:]:
            with contextlib.suppress(OSError):
                os.unlink(path)


def listener(settings: Settings, delivery: Delivery) -> counts.Listener:
    """Return what counts for the settings' resource in the file that they name.

    Args:
        settings: They name one.
        delivery: To that resource; held weakly.
    """
    named = settings.counts_file or ""
    file = _files.get(named)
    if file is None:
        file = _files[named] = CountsFile(named)
        counts.at_end.append(file.end)
    tally = file.tally(settings)
    tally.follow(delivery)
    return tally


def _nobody() -> None:
    return None


_files: dict[str, CountsFile] = {}
"""By what they are named after; one, unless a program changes its environment."""


def _replace(path: str, data: bytes) -> None:
    """Make a file or replace it, whole or not at all. Others may read it."""
    temporary = path + disk.TEMPORARY
    with contextlib.suppress(FileNotFoundError):
        # Of a process that was killed in the midst of it.
        os.unlink(temporary)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o644)
    try:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(fd, rest) :]
        finally:
            os.close(fd)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _is_of_dead(path: str, pid: int) -> bool:
    """Return whether a file is one of ours, of a process of this host that is gone.

    Raises:
        OSError: It cannot be read. KeyError, TypeError, ValueError: it is none of ours.
    """
    if os.path.islink(path) or os.path.getsize(path) > _MAX_FILE_BYTES:
        return False
    with open(path, encoding="utf-8") as stream:
        found = json.load(stream)
    if found["format"] != FORMAT or found["host"] != platform.node():
        return False
    try:
        started_s = _start_s(pid)
    except psutil.NoSuchProcess:
        return True
    written_s = None if found["started"] is None else datetime.datetime.fromisoformat(found["started"]).timestamp()
    return started_s is not None and written_s is not None and abs(started_s - written_s) > _SAME_START_S


def _start_s(pid: int) -> float | None:
    """Return when a process began, seconds since the epoch; None where that cannot be known.

    Raises:
        psutil.NoSuchProcess: It is gone.
    """
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.AccessDenied:
        return None


def _last(found: tuple[float, Reason, str] | None) -> dict[str, str] | None:
    return None if found is None else {"at": _text(found[0]), "reason": found[1].text, "detail": found[2]}


def _text(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat(timespec="milliseconds")
