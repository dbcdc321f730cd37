"""Run a service's own tests, and print how many passed and what the others said."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


class Outcomes:
    """Gathers what became of each test."""

    def __init__(self):
        self.passed = 0
        self.failed = []

    def pytest_runtest_logreport(self, report):
        """Note one phase of a test."""
        if report.failed:
            self.failed.append(f"{report.nodeid}: {report.longreprtext[-2000:]}")
        elif report.when == "call":
            self.passed += 1

    def pytest_collectreport(self, report):
        """Note a file that cannot be loaded."""
        if report.failed:
            self.failed.append(f"{report.nodeid}: {report.longrepr}")


os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
# What libraries log of it is none of the outcome.
logging.lastResort = None
outcomes = Outcomes()
out, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: SIM115 -- until the end of the process
status = pytest.main(
    ["-c", os.devnull, "--rootdir", str(HERE), "-q", "-p", "no:cacheprovider", "--noconftest",
     *(str(HERE / f"service_{kind}.py") for kind in ("unittests", "pytests", "integrations"))],
    plugins=[outcomes],
)  # fmt: skip
print(json.dumps({"passed": outcomes.passed, "failed": outcomes.failed, "status": int(status)}), file=out, flush=True)
# Neither SDK's exit hooks belong to the tests.
os._exit(0)
