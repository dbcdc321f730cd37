"""How the store's folder and its files are named. Pure, but that the default folder lies where the system has its temporary files.

A file is named ``<creation time, UTC>-<random>-<items>.jsonl.gz``: names sort by age, and what is dropped can be counted without reading.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import re
import tempfile
from pathlib import Path

_NAME = re.compile(r"(\d{8}T\d{12})-[0-9a-f]{16}-(\d{1,6})\.jsonl\.gz(\.tmp)?", re.ASCII)
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_LAST_US = 253_370_764_799_999_999
"""The end of year 9998. In the year that is left of the calendar, names rise by a microsecond each."""


def default_folder(instrumentation_key: str, endpoint: str, parent: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder for one destination and user: the same in every process, wherever it was started.

    The key and the endpoint are in its name as a digest only: other users can read names.

    Args:
        instrumentation_key: As resolved.
        endpoint: Base URL of ingestion.
        parent: Folder to make it in; None takes the system's one for temporary files. The first call in a process may look for that one
            by writing to it, so ask when something is to be stored.
    """
    if parent is None:
        try:
            parent = tempfile.gettempdir()
        except OSError:
            # There is no folder that can be written, so it does not matter which one cannot.
            parent = os.path.join(os.sep, "tmp")
    digest = hashlib.sha256(f"{instrumentation_key.lower()}\n{endpoint.rstrip('/')}".encode("utf-8", "surrogatepass")).hexdigest()
    # Without user ids (Windows) every user has a folder for temporary files of their own.
    user = f"{os.geteuid()}-" if hasattr(os, "geteuid") else ""
    return Path(parent, f"appinsights-exporter-{user}{digest[:32]}")


def is_ours(name: str) -> bool:
    """Return whether a name is one of the store's, finished or not."""
    return _NAME.fullmatch(name) is not None


def new_name(us: int, random_bits: int, count: int) -> str:
    """Return the name of a file.

    Args:
        us: When its items were stored, microseconds since the epoch.
        random_bits: 64 bits that no other file of that time has.
        count: How many items it has.
    """
    return f"{_text(us)}-{random_bits:016x}-{count}.jsonl.gz"


def with_count(name: str, count: int) -> str:
    """Return the name that a file has with another number of items."""
    return f"{name[: name.rindex('-')]}-{count}.jsonl.gz"


def count_of(name: str) -> int:
    """Return the number of items that a name says."""
    return int(name[name.rindex("-") + 1 :].partition(".")[0])


def microseconds(seconds: float) -> int:
    """Return microseconds since the epoch, kept within the calendar."""
    return min(int(seconds * 1e6), _LAST_US) if 0 < seconds < _LAST_US else 0


def _text(us: int) -> str:
    return f"{_EPOCH + datetime.timedelta(microseconds=us):%Y%m%dT%H%M%S%f}"


def stamp(seconds: float) -> str:
    """Return what names of that time begin with; earlier names sort before it."""
    return _text(microseconds(seconds))


def created_s(name: str) -> float:
    """Return the time in a name, seconds since the epoch."""
    try:
        moment = datetime.datetime.strptime(name.partition("-")[0] + "+0000", "%Y%m%dT%H%M%S%f%z")
    except ValueError:
        # Digits, but no date.
        return 0.0
    return (moment - _EPOCH).total_seconds()
