"""A command that was run, and the Python processes that it started."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Asked", "Process", "Run"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A log record whose way is to be told."""

    logger: str
    """Name; empty for the root logger."""
    level: int


@dataclass(frozen=True, slots=True)
class Process:
    """A Python process of the command."""

    pid: int
    python: str
    """Path of the interpreter."""
    command: str
    told: bool
    """Whether it could say what it made: it ended with its exit hooks, and could import this package."""
    ended: str = ""
    """How it ended itself without exit hooks: ``os._exit`` and where that was called, or a signal; empty for any other end."""
    why_not: str = ""
    """Why the facts of it could not be collected; empty for one that ended without exit hooks."""
    loaded: tuple[str, ...] = ()
    """Which packages of OpenCensus one had loaded whose facts could not be collected."""


@dataclass(frozen=True, slots=True)
class Run:
    """What was run, and how it ended."""

    command: str
    exit_code: int
    """Negative where a signal ended it."""
    processes: tuple[Process, ...]
    stop_signal: str = ""
    """The signal that was sent to end it; empty where it ended by itself."""
    asked: Asked | None = None
    """The record that the user asked about."""
    failure: str = ""
    """Why it could not be run or driven; empty where it could."""
