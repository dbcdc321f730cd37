"""Fixtures of the tests of mixed programs: fresh wiring for each test."""

from __future__ import annotations

import os

import pytest
from opentelemetry import context as context_api

from opencensus_compat import _wiring
from opencensus_compat.trace import execution_context


@pytest.fixture(autouse=True)
def _fresh():
    """Start each test, and leave it, without wiring, current span or tracer."""
    _wiring.reset()
    token = context_api.attach(context_api.Context())
    execution_context.clean()
    yield
    execution_context.clean()
    context_api.detach(token)
    _wiring.reset()


@pytest.fixture
def run_environment():
    """The environment of programs that tests start: nothing configured."""
    settings = ("APPINSIGHTS_", "APPLICATIONINSIGHTS_", "OPENCENSUS_COMPAT_", "OTEL_")
    return {key: value for key, value in os.environ.items() if not key.startswith(settings)}
