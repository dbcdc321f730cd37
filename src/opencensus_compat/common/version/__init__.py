"""The OpenCensus release whose behaviour this package reproduces."""

from __future__ import annotations

__version__ = "0.11.4"
"""Reported to Application Insights as part of `ai.internal.sdkVersion`, so it stays that of the last OpenCensus release."""
