"""Fixtures that more than one folder of tests uses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def legacy_python() -> Path:
    """The interpreter of an environment with the real OpenCensus packages, to compare ours with."""
    python = Path(os.environ.get("CENSUS_COMPAT_LEGACY_PYTHON") or _REPOSITORY / ".venvs/legacy/bin/python")
    if not python.exists():
        pytest.fail(f"{python} does not exist; `make envs` makes the environment with the real OpenCensus packages", pytrace=False)
    return python
