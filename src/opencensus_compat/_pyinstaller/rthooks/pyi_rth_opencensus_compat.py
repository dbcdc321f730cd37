"""Runs in a frozen program before its own code, in place of the `.pth` file."""

from __future__ import annotations

from opencensus_compat import _alias

_alias.install_at_start()
