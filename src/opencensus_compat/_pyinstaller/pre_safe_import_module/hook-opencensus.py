"""Tells PyInstaller, before it looks for `opencensus`, that the name is another one of our package."""

from __future__ import annotations

from typing import Any


def pre_safe_import_module(api: Any) -> None:
    """Make the name an alias."""
    api.add_alias_module("opencensus_compat", "opencensus")
