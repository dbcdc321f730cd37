"""What running processes have counted of their telemetry."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Counted", "CountedProcess", "CountedResource", "Counts", "LastTime"]


@dataclass(frozen=True, slots=True)
class Counted:
    """Items for one reason."""

    reason: str
    items: int


@dataclass(frozen=True, slots=True)
class LastTime:
    """When something happened last, and why."""

    at: str
    """ISO 8601, UTC."""
    ago_s: float
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CountedResource:
    """What became of the items for one resource."""

    key: str
    """Its first part only."""
    endpoint: str
    sent: int
    filtered: int
    stored: int
    held: int
    possibly_duplicated: int
    waiting: int
    retried: tuple[Counted, ...]
    dropped: tuple[Counted, ...]
    success: LastTime | None
    failure: LastTime | None
    loss: LastTime | None


@dataclass(frozen=True, slots=True)
class CountedProcess:
    """A process that has a file."""

    path: str
    pid: int
    host: str
    program: str
    state: str
    """``running``, ``ending`` or ``ended``, as the file says."""
    written: LastTime
    is_alive: bool | None
    """None where that cannot be known, as on another host."""
    resources: tuple[CountedResource, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """The files that were asked for."""

    asked: str
    """What was asked for, in words; empty for nothing."""
    problem: str
    """One sentence: why there is nothing to see; empty where there is."""
    step: str
    """What to do about that."""
    unreadable: tuple[str, ...]
    """Files that are no counts, each with the reason."""
    processes: tuple[CountedProcess, ...]
    """The latest file first."""
