"""Fixtures of the tests of mixed programs: fresh wiring for each test."""

from __future__ import annotations

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
