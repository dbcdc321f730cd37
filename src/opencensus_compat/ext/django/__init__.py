"""The integration with Django: see `middleware`."""

from __future__ import annotations
