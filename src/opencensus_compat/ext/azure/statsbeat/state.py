"""Kept for imports: the statistics are off, and cannot be switched on."""

from __future__ import annotations


def is_statsbeat_enabled() -> bool:
    """Return False."""
    return False


def get_statsbeat_shutdown() -> bool:
    """Return True."""
    return True


def get_statsbeat_initial_success() -> bool:
    """Return False."""
    return False
