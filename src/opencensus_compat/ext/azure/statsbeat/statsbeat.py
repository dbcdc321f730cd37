"""Kept for imports: nothing is collected and nothing is sent."""

from __future__ import annotations

from typing import Any


def collect_statsbeat_metrics(options: Any) -> None:
    """Do nothing."""


def shutdown_statsbeat_metrics() -> bool:
    """Do nothing and return False: there was nothing to stop."""
    return False
