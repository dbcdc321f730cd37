"""Which distributions are installed, where."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Installed", "Versions"]


@dataclass(frozen=True, slots=True)
class Installed:
    """One distribution in one folder of the path."""

    name: str
    """As it is normalized: lower case, with hyphens."""
    version: str
    folder: str
    requires: tuple[str, ...] = ()
    """Its requirements without those that have a condition, as its metadata have them; of the distributions that checks look into only."""


@dataclass(frozen=True, slots=True)
class Versions:
    """The interpreter, and the distributions that have to do with telemetry."""

    python: tuple[int, int, int]
    implementation: str
    """Name of the interpreter, such as ``cpython``."""
    installed: tuple[Installed, ...]
    """In the order of the path: of two copies the first one is imported."""
    modules: tuple[str, ...] = ()
    """Modules of which a check asks whether they are there, and which are."""
