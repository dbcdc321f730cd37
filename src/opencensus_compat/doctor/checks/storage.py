"""Storage: can what is not sent be kept, and does what was kept go out."""

from __future__ import annotations

from collections.abc import Iterator

from opencensus_compat.doctor.check import PROBLEM, SKIPPED, WARNING, Finding, check, need
from opencensus_compat.doctor.counted import ago
from opencensus_compat.doctor.facts import Facts
from opencensus_compat.doctor.sections.storage import Folder, Storage

_FOLDER = "APPINSIGHTS_EXPORTER_STORAGE_FOLDER"
_LIFE_S = 48 * 3600.0
_LATE_S = 15 * 60.0
"""What is older should have gone out: the store is looked through once a minute while a process exports."""
_LITTLE_BYTES, _LITTLE_FILES = 1024 * 1024, 16
_FULL = 0.95
_ON_THE_NETWORK = ("nfs", "cifs", "smb", "9p", "fuse.", "ceph", "glusterfs", "lustre", "afs", "ncpfs")


@check("D050", group="storage", title="storage on disk")
def is_on(facts: Facts) -> Iterator[Finding]:
    """Something may be kept on disk, and it is known where."""
    storage = need(facts.storage)
    if not storage.is_on:
        yield Finding(
            WARNING,
            "APPINSIGHTS_EXPORTER_STORAGE=off: what cannot be sent waits in memory, 4 MiB at most, and goes with the process.",
            "Remove the variable, unless nothing may be written there.",
        )
    elif storage.folder is None:
        yield Finding(SKIPPED, f"{storage.resource_problem} The folder of its store is not known.")


@check("D051", group="storage", title="whose the store is")
def owner(facts: Facts) -> Iterator[Finding]:
    """The folder is one, and this user's."""
    storage = need(facts.storage)
    for folder in _used(storage):
        if folder.fault:
            yield Finding(
                PROBLEM,
                f"The store {folder.path} cannot be used: {folder.fault}.",
                f"Delete it, or name another folder in {_FOLDER}.",
                _seen(folder),
            )
        elif not folder.is_ours:
            yield Finding(
                PROBLEM,
                f"The store {folder.path} belongs to {folder.owner}, and the program runs as {storage.user}: nothing is stored there.",
                f"Name a folder of {storage.user} in {_FOLDER}.",
                _seen(folder),
            )
    for folder in storage.others:
        held = f"{folder.items:,} items wait" if folder.items else "something waits"
        yield Finding(
            WARNING,
            f"In {folder.path}, which belongs to {folder.owner}, {held} for the same resource: a process of {storage.user} does not send it.",
            f"Run the program as {folder.owner} once, or as the same user always; what is older than 48 hours is lost.",
            _seen(folder),
        )


@check("D052", group="storage", title="whether the store can be written")
def writable(facts: Facts) -> Iterator[Finding]:
    """Files can be made in it."""
    storage = need(facts.storage)
    for folder in _used(storage):
        if folder.fault or not folder.is_ours:
            continue
        if storage.disk.is_read_only:
            yield Finding(
                PROBLEM, f"The disk of the store {folder.path} is read-only: nothing can be stored.", _elsewhere(storage), _seen(folder)
            )
        elif folder.blocker:
            yield Finding(
                PROBLEM,
                f"The store {folder.path} cannot be made: {storage.user or 'this user'} may not make anything in {folder.blocker}.",
                _elsewhere(storage),
                _seen(folder),
            )
        elif folder.is_there and not folder.may_write:
            yield Finding(
                PROBLEM,
                f"{storage.user or 'This user'} may not write to the store {folder.path} (mode {folder.mode}).",
                f"chmod 700 {folder.path}",
                _seen(folder),
            )


@check("D053", group="storage", title="room for the store")
def room(facts: Facts) -> Iterator[Finding]:
    """There is room on the disk."""
    storage = need(facts.storage)
    disk = storage.disk
    if not storage.is_on or disk.is_read_only:
        return
    if disk.free_bytes is not None and disk.free_bytes < _LITTLE_BYTES:
        yield Finding(
            PROBLEM,
            f"The disk of {storage.parent} is full ({_size(disk.free_bytes)} free): nothing can be stored.",
            f"Make room, or: {_elsewhere(storage)}",
        )
    elif disk.free_files is not None and disk.free_files < _LITTLE_FILES:
        yield Finding(
            PROBLEM,
            f"The disk of {storage.parent} takes {disk.free_files} more files (its inodes are used up): nothing can be stored.",
            f"Delete small files there, or: {_elsewhere(storage)}",
        )
    elif disk.free_bytes is not None and disk.free_bytes < storage.limit_bytes - (storage.folder.bytes if storage.folder else 0):
        yield Finding(
            WARNING,
            f"The disk of {storage.parent} has {_size(disk.free_bytes)} free, less than a store may take ({_size(storage.limit_bytes)}).",
            "Make room, or give the store less (storage_max_size).",
        )


@check("D054", group="storage", title="what waits in the store")
def waiting(facts: Facts) -> Iterator[Finding]:
    """What was stored goes out before it is too old or has no room."""
    storage = need(facts.storage)
    folder = storage.folder
    if folder is None or not folder.files:
        return
    held = (
        f"{folder.items:,} items ({_size(folder.bytes)}) wait in {folder.path}, the oldest for {ago(folder.oldest_s).removesuffix(' ago')}"
    )
    if folder.ending_items:
        yield Finding(
            PROBLEM,
            f"{held}: {folder.ending_items:,} of them are lost within four hours, as the service refuses items of more than 48 hours.",
            "See the checks of the endpoint for why it does not take them; then start a process of the program: it sends them.",
            _seen(folder),
        )
    elif folder.bytes >= _FULL * storage.limit_bytes:
        yield Finding(
            PROBLEM,
            f"{held}: the store is full, and the oldest items go as new ones come.",
            "See the checks of the endpoint for why it does not take them, and give the store more room (storage_max_size).",
            _seen(folder),
        )
    elif folder.oldest_s > _LATE_S:
        yield Finding(
            WARNING,
            f"{held}.",
            "A process of the program sends them as soon as the endpoint takes them: is one running, and what do the checks of the endpoint say?",
            _seen(folder),
        )


@check("D055", group="storage", title="damaged files in the store")
def damaged(facts: Facts) -> Iterator[Finding]:
    """What was stored can be read."""
    folder = need(facts.storage).folder
    if folder is not None and folder.damaged_files:
        yield Finding(
            WARNING,
            f"{folder.damaged_files} of the oldest files in {folder.path} cannot be read to the end: what is missing in them is lost.",
            "Look at the disk: a power cut or a full disk leaves such files. The next process clears them away and counts the loss.",
            _seen(folder),
        )


@check("D056", group="storage", title="what the retired SDK left")
def legacy(facts: Facts) -> Iterator[Finding]:
    """Nothing of the retired SDK waits where nobody takes it."""
    storage = need(facts.storage)
    for left in storage.legacy:
        what = f"{left.files} files ({_size(left.bytes)}) of the retired SDK wait in {left.path}"
        if left.oldest_s > _LIFE_S and left.is_of_this_resource:
            what += ", some for more than 48 hours: the service refuses those"
        if not left.is_of_this_resource:
            # Somebody else's, or the environment does not say which resource it is.
            continue
        if not left.may_take:
            yield Finding(
                PROBLEM,
                f"{what}, and {storage.user} may not take them: they belong to {left.owner}.",
                f"Run the program as {left.owner} once.",
            )
        elif not storage.takes_legacy:
            yield Finding(
                WARNING, f"{what}, and OPENCENSUS_COMPAT_TAKE_STORED=off leaves them there.", "Remove the variable, or delete the folder."
            )
        else:
            yield Finding(
                WARNING, f"{what}.", "The next start of the program sends them; OPENCENSUS_COMPAT_TAKE_STORED=off leaves them there."
            )


@check("D057", group="storage", title="file system of the store")
def file_system(facts: Facts) -> Iterator[Finding]:
    """The file system has locks that every process sees."""
    storage = need(facts.storage)
    if storage.is_on and storage.disk.kind.startswith(_ON_THE_NETWORK):
        yield Finding(
            WARNING,
            f"The store is on a network file system ({storage.disk.kind}) in {storage.parent}: where it has no locks, processes may send an item twice.",
            f"Name a folder on a disk of this machine in {_FOLDER}.",
        )


def _used(storage: Storage) -> Iterator[Folder]:
    if storage.is_on and storage.folder is not None:
        yield storage.folder


def _elsewhere(storage: Storage) -> str:
    user = storage.user or "the user of the program"
    return f"Name a folder that {user} may write to in {_FOLDER}, or set APPINSIGHTS_EXPORTER_STORAGE=off."


def _seen(folder: Folder) -> tuple[str, ...]:
    mode = f", mode {folder.mode}, owner {folder.owner}" if folder.mode else ", not there"
    return (f"{folder.path}{mode}; {folder.files} files, {folder.items} items, {_size(folder.bytes)}",)


def _size(number: int) -> str:
    for unit_bytes, unit in ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB")):
        if number >= unit_bytes:
            return f"{number / unit_bytes:.0f} {unit}" if number >= 10 * unit_bytes else f"{number / unit_bytes:.1f} {unit}"
    return f"{number} bytes"
