"""Fixtures of the tests of mixed programs: the bridge reset for each test."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _fresh(fresh_bridge):
    """Give each test a fresh bridge."""


@pytest.fixture
def run_environment():
    """The environment of programs that tests start: nothing configured."""
    settings = ("APPINSIGHTS_", "APPLICATIONINSIGHTS_", "OPENCENSUS_COMPAT_", "OTEL_")
    return {key: value for key, value in os.environ.items() if not key.startswith(settings)}
