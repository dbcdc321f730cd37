"""A service that is rewritten one file at a time, in OpenTelemetry's shape: each of its states sends what the first one sent."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from opencensus_compat.compare import LineMap, compare
from opencensus_compat.local import LocalEndpoint

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

SERVICE = Path(__file__).parents[1] / "mixed" / "programs" / "service"
FILES = ("web", "stock", "client", "worker")
FORMS = BEFORE, AFTER = ("opencensus", "rewritten")
STATES = list(itertools.product(FORMS, repeat=len(FILES)))
FIRST, LAST = (*STATES[0], BEFORE), (*STATES[-1], AFTER)
"""The fifth file sets exporters and handlers up."""


def _assembled(state, folder):
    """Put the service together: each file in the form that `state` names."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy(SERVICE / "main.py", folder / "app.py")
    for form, name in zip(state, (*FILES, "telemetry"), strict=True):
        shutil.copy(SERVICE / form / f"{name}.py", folder)
    return folder


def _differences(before, twin, after, state, service):
    """Return what arrives otherwise, as text, but for the numbers of lines that have moved."""
    lines = LineMap()
    for form, name in zip(state, (*FILES, "telemetry"), strict=True):
        texts = [(SERVICE / each / f"{name}.py").read_text(encoding="utf-8") for each in (BEFORE, form)]
        lines.add(str(service / f"{name}.py"), *texts)
    found = compare(before, after, twins=[twin], lines=lines)
    return [*found.problems, *(f"{lost.table}.{lost.column}: {lost.changes[0]}" for lost in found.open_differences)]


def test_each_state_sends_the_same(record, service, tmp_path):
    """With both ways of setting up, in all sixteen states, and nothing is said on standard error."""
    before, twin = (record(_assembled(FIRST, tmp_path / "assembled")) for _ in range(2))
    found = {}
    for state in ((*state, form) for form in FORMS for state in STATES):
        after = record(_assembled(state, tmp_path / "assembled"))
        found[state] = _differences(before, twin, after, state, service)
    assert {state: lost for state, lost in found.items() if lost} == {}


def test_the_last_state_needs_no_facade(record, service, tmp_path):
    """Where nothing of OpenCensus can be imported, the rewritten service sends what the facade sent."""
    before, twin = (record(_assembled(FIRST, tmp_path / "assembled")) for _ in range(2))
    shutil.rmtree(service)
    _assembled(LAST, service)
    for name in ("opencensus", "opencensus_compat"):
        (service / f"{name}.py").write_text("raise ImportError(__name__)\n")
    recording = tmp_path / "last.db"
    with LocalEndpoint(database=recording) as endpoint:
        done = subprocess.run(
            [sys.executable, "-W", "error", service / "app.py"],
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith(("APPINSIGHTS_", "OPENCENSUS_", "OTEL_"))},
                "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string,
                "OPENCENSUS_COMPAT_DISABLED": "1",
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        endpoint.wait_idle()
    assert _differences(before, twin, recording, LAST, service) == []
