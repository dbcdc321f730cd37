"""Runs programs against local endpoints, and gives what they sent as recordings that `opencensus_compat.compare` reads."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from appinsights_exporter import _sdk_logs
from opencensus_compat.local import LocalEndpoint

_HERE = Path(__file__).parent
_SET_BY_TESTS = ("APPINSIGHTS_", "APPLICATIONINSIGHTS_", "OPENCENSUS_", "OTEL_", "PYTHON")

_BOUNDARIES = "instruments take no bucket boundaries, and the bridge says so"
_OF_OLD_RELEASES = {
    "L004_all_of_a_record": "lists of several types are dropped, and the SDK says so",
    "S006_distribution": _BOUNDARIES,
    "S006_without_bounds": _BOUNDARIES,
    "S002_view_of_a_function": _BOUNDARIES,
    "S009_records_in_branches": _BOUNDARIES,
    "S013_view_that_is_read_back": _BOUNDARIES,
    "T020_values_that_become_text": "None as a value is said to be invalid",
    "order_metrics": _BOUNDARIES,
    "test_what_the_step_changes": _BOUNDARIES,
    "W012_fastapi": "the instrumentation writes a port into an address that has none",
}
"""Tests of which releases of OpenTelemetry before 1.39, and the instrumentations that belong to them, lack something, and what."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out what the release of OpenTelemetry cannot do."""
    if not _sdk_logs.KEEPS_MAPPINGS:
        for name, lacking in _OF_OLD_RELEASES.items():
            if name in item.name:
                pytest.skip(f"in this release of OpenTelemetry {lacking}")


@pytest.fixture(scope="session")
def _forked():
    """The process that runs programs in its children."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", str(_HERE / "forked.py")],
        env={key: value for key, value in os.environ.items() if not key.startswith(_SET_BY_TESTS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        yield process
        process.stdin.close()


@pytest.fixture
def service(tmp_path) -> Path:
    """The folder in which programs are run, as `app.py`, so that role and paths are the same."""
    return tmp_path / "service"


@pytest.fixture
def record(_forked, service, tmp_path, temporary_folder):
    """Return a function that runs a program and returns the recording of what it sent, a file.

    It fails where the program does, and where that writes to standard error. The program is a file, or a folder with `app.py`.
    """
    numbers = itertools.count()

    def run(program: Path, **environment: str) -> Path:
        shutil.rmtree(service, ignore_errors=True)
        if program.is_dir():
            shutil.copytree(program, service)
        else:
            service.mkdir()
            shutil.copy(program, service / "app.py")
        recording, errors = tmp_path / f"{next(numbers)}.db", tmp_path / "errors"
        with LocalEndpoint(database=recording) as endpoint:
            request = {
                "program": str(service / "app.py"),
                "environment": {
                    **{key: value for key, value in os.environ.items() if not key.startswith(_SET_BY_TESTS)},
                    "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string,
                    "OPENCENSUS_COMPAT_ENVELOPES": "otel",
                    "TMPDIR": str(temporary_folder),
                    **environment,
                },
                "errors": str(errors),
                "redirect": endpoint.url,
            }
            _forked.stdin.write(json.dumps(request).encode() + b"\n")
            _forked.stdin.flush()
            code = _forked.stdout.readline().strip()
            assert (code, errors.read_text()) == (b"0", ""), program.name
            endpoint.wait_idle()
        return recording

    return run
