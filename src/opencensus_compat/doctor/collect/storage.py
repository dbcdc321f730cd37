"""Where telemetry waits on disk. Reads, and neither writes nor locks anything: a program may be at work there.

Limits: what a program sets in code (`storage_path`, `storage_max_size`) is seen only from inside it.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import os
import re
import stat
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace

from opencensus_compat.doctor.request import Request
from opencensus_compat.doctor.sections.storage import Disk, Folder, Legacy, Storage
from opencensus_compat.doctor.target import UnusableError, target_of, temporary_folder, unquoted

__all__ = ["collect"]

STORAGE, FOLDER, TAKE = "APPINSIGHTS_EXPORTER_STORAGE", "APPINSIGHTS_EXPORTER_STORAGE_FOLDER", "OPENCENSUS_COMPAT_TAKE_STORED"
LIMIT_BYTES = 50 * 1024 * 1024
LIFE_S, ENDING_S = 48 * 3600.0, 4 * 3600.0
_PREFIX, _LEGACY_PREFIX = "appinsights-exporter-", "opencensus-python-"
_NAME = re.compile(r"(\d{8}T\d{12})-[0-9a-f]{16}-(\d{1,6})\.jsonl\.gz", re.ASCII)
_LEGACY_NAME = re.compile(r"(\d{4}-\d\d-\d\dT\d{6}\.\d{6})-[0-9a-f]{8}\.blob(?:@.*\.lock|\.tmp)?", re.ASCII)
_PAGE_BYTES = 4096
_LOOK_INTO_FILES, _LOOK_INTO_BYTES = 16, 2 * 1024 * 1024
_MOST_FILES = 50_000
_GZIP_FORMAT = 16 + zlib.MAX_WBITS
_FINISHED = b"finished"
_MOUNTS = "/proc/self/mountinfo"


def collect(request: Request) -> Storage:
    """Return what is known of the folders."""
    environ = request.environ
    named = unquoted(environ.get(FOLDER, ""))
    parent = os.path.join(request.folder, named) if named else temporary_folder(environ)
    digest, key, problem = _resource(environ)
    own = None if digest is None else _folder(os.path.join(parent, _name(digest, _user_id())))
    return Storage(
        is_on=unquoted(environ.get(STORAGE, "")).lower() != "off",
        parent=parent,
        source=FOLDER if named else "the folder for temporary files",
        user=_user(),
        resource_problem=problem,
        folder=own,
        others=() if digest is None else tuple(_of_others(parent, digest)),
        disk=_disk(parent),
        limit_bytes=LIMIT_BYTES,
        takes_legacy=unquoted(environ.get(TAKE, "")).lower() != "off",
        legacy=tuple(_left(temporary_folder(environ), key)),
    )


def _resource(environ: Mapping[str, str]) -> tuple[str | None, str, str]:
    """Return the digest in the names of the resource's folders and its key, or why they are not known."""
    try:
        target = target_of(environ)
    except (UnusableError, ImportError) as error:
        return None, "", f"The resource is not known: {error}"
    if target is None:
        return None, "", "The environment names no resource."
    text = f"{target.key}\n{target.endpoint}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:32], target.key, ""


def _name(digest: str, user_id: int | None) -> str:
    return f"{_PREFIX}{'' if user_id is None else f'{user_id}-'}{digest}"


def _user_id() -> int | None:
    return os.geteuid() if hasattr(os, "geteuid") else None


def _user() -> str:
    user_id = _user_id()
    return "" if user_id is None else _named(user_id)


def _named(user_id: int) -> str:
    """Return the name of a user, or the number where there is none."""
    with contextlib.suppress(ImportError, KeyError):
        import pwd

        return pwd.getpwuid(user_id).pw_name
    return str(user_id)


def _of_others(parent: str, digest: str) -> Iterator[Folder]:
    """Yield the folders of the same resource that other users have something in, as far as that can be seen."""
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and entry.name.endswith(f"-{digest}") and entry.name != _name(digest, _user_id()):
                found = _folder(entry.path)
                if found.files or found.fault:
                    yield found


def _folder(path: str) -> Folder:
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        blocker = _blocker(path)
        return Folder(path, may_write=not blocker, blocker=blocker)
    except (OSError, ValueError) as error:
        return Folder(path, fault=getattr(error, "strerror", None) or "the path cannot be used")
    owner, is_ours = _owner(status)
    if not stat.S_ISDIR(status.st_mode):
        kind = "a link, which is not followed" if stat.S_ISLNK(status.st_mode) else "no folder"
        return Folder(path, is_there=True, fault=f"it is {kind}", owner=owner, is_ours=is_ours)
    found = Folder(
        path,
        is_there=True,
        owner=owner,
        is_ours=is_ours,
        mode=f"{stat.S_IMODE(status.st_mode):04o}",
        may_write=os.access(path, os.R_OK | os.W_OK | os.X_OK),
    )
    return _with_files(found)


def _owner(status: os.stat_result) -> tuple[str, bool]:
    user_id = _user_id()
    return ("", True) if user_id is None else (_named(status.st_uid), status.st_uid == user_id)


def _blocker(path: str) -> str:
    """Return the folder above that keeps another from being made; empty where none does."""
    above = os.path.dirname(path)
    while not os.path.lexists(above) and os.path.dirname(above) != above:
        above = os.path.dirname(above)
    return "" if os.path.isdir(above) and os.access(above, os.W_OK | os.X_OK) else above


def _with_files(folder: Folder) -> Folder:
    found: list[tuple[str, int, int]] = []
    try:
        with os.scandir(folder.path) as entries:
            for entry in entries:
                name = _NAME.fullmatch(entry.name)
                if name is not None and len(found) < _MOST_FILES:
                    with contextlib.suppress(OSError):
                        size = entry.stat(follow_symlinks=False).st_size
                        if size != len(_FINISHED):
                            found.append((entry.name, int(name[2]), size))
    except OSError as error:
        return replace(folder, fault=f"it cannot be read: {error.strerror}")
    now_s = time.time()
    found.sort()
    ages = [max(0.0, now_s - _time_s(name.partition("-")[0], "%Y%m%dT%H%M%S%f")) for name, _, _ in found]
    return replace(
        folder,
        files=len(found),
        items=sum(items for _, items, _ in found),
        bytes=sum(-(-max(size, 1) // _PAGE_BYTES) * _PAGE_BYTES for _, _, size in found),
        oldest_s=ages[0] if ages else 0.0,
        ending_items=sum(items for (_, items, _), age_s in zip(found, ages, strict=True) if age_s > LIFE_S - ENDING_S),
        damaged_files=sum(_is_damaged(os.path.join(folder.path, name)) for name, _, _ in found[:_LOOK_INTO_FILES]),
    )


def _is_damaged(path: str) -> bool:
    """Return whether a file cannot be unpacked to its end. One that is gone meanwhile, or that may not be read, is not."""
    try:
        with open(path, "rb") as stream:
            data = stream.read(_LOOK_INTO_BYTES + 1)
    except OSError:
        return False
    if len(data) > _LOOK_INTO_BYTES or data == _FINISHED:
        return False
    unpack = zlib.decompressobj(_GZIP_FORMAT)
    try:
        unpack.decompress(data, 4 * _LOOK_INTO_BYTES)
    except zlib.error:
        return True
    return not unpack.eof and not unpack.unconsumed_tail


def _time_s(text: str, form: str) -> float:
    try:
        return datetime.datetime.strptime(f"{text}+0000", f"{form}%z").timestamp()
    except ValueError:
        return time.time()


def _disk(path: str) -> Disk:
    """Return what is known of the file system of a folder, or of the one above that is there."""
    while not os.path.isdir(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    kind = _file_system(path)
    if not hasattr(os, "statvfs"):
        return Disk(kind, False, None, None)
    try:
        found = os.statvfs(path)
    except OSError:
        return Disk(kind, False, None, None)
    is_read_only = bool(found.f_flag & getattr(os, "ST_RDONLY", 1))
    free = found.f_bavail if _user_id() else found.f_bfree
    return Disk(kind, is_read_only, free * found.f_frsize, found.f_favail if found.f_files else None)


def _file_system(path: str) -> str:
    try:
        real = os.path.realpath(path)
        with open(_MOUNTS, encoding="utf-8", errors="surrogateescape") as stream:
            rows = [line.split() for line in stream]
    except OSError:
        return ""
    best, kind = "", ""
    for row in rows:
        if "-" not in row or len(row) < 5:
            continue
        place = re.sub(r"\\(\d{3})", lambda found: chr(int(found[1], 8)), row[4])
        if (real == place or real.startswith(place.rstrip(os.sep) + os.sep)) and len(place) >= len(best):
            best, kind = place, row[row.index("-") + 1]
    return kind


def _left(folder: str, key: str) -> Iterator[Legacy]:
    """Yield the folders of the retired SDK that hold something."""
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if entry.name.startswith(_LEGACY_PREFIX) and entry.is_dir(follow_symlinks=False)]
    except OSError:
        return
    for entry in sorted(found, key=lambda each: each.name):
        with contextlib.suppress(OSError):
            owner, is_ours = _owner(entry.stat(follow_symlinks=False))
            blobs = _blobs(entry.path)
            if blobs:
                yield Legacy(
                    path=entry.path,
                    is_of_this_resource=entry.name.removeprefix(_LEGACY_PREFIX).lower() == key,
                    owner=owner,
                    is_ours=is_ours,
                    may_take=os.access(entry.path, os.R_OK | os.W_OK | os.X_OK),
                    files=len(blobs),
                    bytes=sum(size for size, _ in blobs),
                    oldest_s=max(age_s for _, age_s in blobs),
                )


def _blobs(path: str) -> list[tuple[int, float]]:
    now_s = time.time()
    blobs: list[tuple[int, float]] = []
    with os.scandir(path) as entries:
        for entry in entries:
            name = _LEGACY_NAME.fullmatch(entry.name)
            if name is not None and len(blobs) < _MOST_FILES:
                age_s = now_s - _time_s(name[1], "%Y-%m-%dT%H%M%S.%f")
                blobs.append((entry.stat(follow_symlinks=False).st_size, max(0.0, age_s)))
    return blobs
