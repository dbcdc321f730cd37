"""The checks, a module for each section: pure functions of facts."""

from __future__ import annotations

__all__ = ["MODULES"]

MODULES = (
    "imports",
    "versions",
    "program",
    "settings",
    "doubled",
    "records",
    "spans",
    "measurements",
    "messages",
    "ran",
    "network",
    "storage",
    "counts",
)
"""The modules with checks."""
