"""Where telemetry waits on disk."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Disk", "Folder", "Legacy", "Storage"]


@dataclass(frozen=True, slots=True)
class Disk:
    """The file system that a folder is on, or would be made on."""

    kind: str
    """Such as ``ext4`` or ``nfs4``; empty where it is not known."""
    is_read_only: bool
    free_bytes: int | None
    free_files: int | None
    """How many more files it takes; None where it has no such limit."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of a store."""

    path: str
    is_there: bool = False
    fault: str = ""
    """Why it cannot be looked at, or is none; empty where it can."""
    owner: str = ""
    """Name or number of the user; empty where there are none."""
    is_ours: bool = True
    """Whether it belongs to the user who runs doctor."""
    mode: str = ""
    """Such as ``0700``; empty where it is not there."""
    may_write: bool = False
    """Whether this user may make files in it; where it is not there, whether it may be made."""
    blocker: str = ""
    """The folder above that keeps it from being made; empty where it is there or can be made."""
    files: int = 0
    items: int = 0
    bytes: int = 0
    """As they count against the limit: whole pages."""
    oldest_s: float = 0.0
    """Age of the oldest file, seconds."""
    ending_items: int = 0
    """Items that end within four hours."""
    damaged_files: int = 0
    """Of those that were looked into."""


@dataclass(frozen=True, slots=True)
class Legacy:
    """A folder that the retired SDK left."""

    path: str
    is_of_this_resource: bool
    owner: str
    is_ours: bool
    may_take: bool
    """Whether this user may read and delete what is in it."""
    files: int
    bytes: int
    oldest_s: float


@dataclass(frozen=True, slots=True)
class Storage:
    """All of it."""

    is_on: bool
    parent: str
    source: str
    """What names the parent: a variable, or that it is the folder for temporary files."""
    user: str
    resource_problem: str
    """Why the resource's own folder is not known; empty where it is."""
    folder: Folder | None
    """The resource's own."""
    others: tuple[Folder, ...]
    """Of the same resource, of other users; those that hold something."""
    disk: Disk
    limit_bytes: int
    takes_legacy: bool
    legacy: tuple[Legacy, ...]
