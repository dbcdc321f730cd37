"""Whole programs of others with a handler in them: Django, gunicorn, Celery, multiprocessing, over a local endpoint."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from opencensus_compat.local import LocalEndpoint

PROGRAMS = Path(__file__).with_name("programs")
_SETTINGS = ("APPINSIGHTS_", "APPLICATIONINSIGHTS_", "CELERY", "DJANGO_", "OPENCENSUS_COMPAT_", "OTEL_", "PYTHON")
PATIENCE_S = 120.0


@pytest.fixture
def endpoint():
    """A running local Application Insights endpoint."""
    with LocalEndpoint() as running:
        yield running
        assert running.refused == []


class Running:
    """A program that runs; what it prints, to both streams, goes to a file."""

    def __init__(self, command, environment, log):
        self.log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(command, cwd=PROGRAMS, env=environment, stdout=output, stderr=output, start_new_session=True)

    @property
    def printed(self):
        """What it has printed so far."""
        return self.log.read_text(encoding="utf-8")

    def until(self, holds):
        """Wait until something holds, and return it; fail with what the program printed if it ends or takes too long."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not (found := holds()):
            assert self.process.poll() is None, self.printed
            assert time.monotonic() < deadline_s, self.printed
            time.sleep(0.02)
        return found

    def end(self, number=signal.SIGTERM, send=os.kill):
        """Ask it to end, and return its exit code and how many seconds that took."""
        began_s = time.monotonic()
        send(self.process.pid, number)
        return self.wait(), time.monotonic() - began_s

    def wait(self):
        """Return its exit code when it has ended."""
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def start(endpoint, tmp_path):
    """Return a function that starts a Python program, which finds the endpoint in its environment."""
    started = []

    def run(*arguments, **variables):
        kept = {key: value for key, value in os.environ.items() if not key.startswith(_SETTINGS)}
        environment = {
            **kept,
            "APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            **variables,
        }
        started.append(Running([sys.executable, *map(str, arguments)], environment, tmp_path / f"log-{len(started)}"))
        return started[-1]

    yield run
    for program in started:
        if program.process.poll() is None:
            os.killpg(program.process.pid, signal.SIGKILL)
            program.process.wait()


@pytest.fixture
def messages(endpoint):
    """Return a function that returns the messages that arrived, with how often each did."""

    def count():
        endpoint.wait_idle()
        return Counter(row["message"] for row in endpoint.rows("traces"))

    return count
