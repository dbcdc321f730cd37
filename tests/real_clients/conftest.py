"""Programs that do what real clients of the retired SDK do: over a local endpoint, or on the real SDK and on the facade."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from opencensus_compat.local import LocalEndpoint


@pytest.fixture
def endpoint():
    """A running local Application Insights endpoint."""
    with LocalEndpoint() as running:
        yield running


@pytest.fixture
def run(endpoint, run_program):
    """Return a function that runs a program against the endpoint and returns the items that arrived, in order of start.

    Each is a dict with the portal's columns `name`, `id`, `operation_ParentId`, `customDimensions` and the like, and `table`.
    """

    def run_and_read(source, count, **options):
        options = {"APPLICATIONINSIGHTS_CONNECTION_STRING": endpoint.connection_string, **options}
        run_and_read.printed = run_program(source, **options)
        endpoint.wait_for(count)
        endpoint.wait_idle()
        assert endpoint.refused == []
        rows = [{"table": table, **row} for table in ("requests", "dependencies", "exceptions") for row in endpoint.rows(table)]
        assert len(rows) == count
        return sorted(rows, key=lambda row: (row["timestamp"], row["table"]))

    return run_and_read


PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture
def run_environment():
    """The environment of programs that tests start: nothing configured."""
    settings = ("APPINSIGHTS_", "APPLICATIONINSIGHTS_", "OPENCENSUS_COMPAT_", "OTEL_")
    return {key: value for key, value in os.environ.items() if not key.startswith(settings)}


@pytest.fixture
def result(run_environment):
    """Return a function that runs a program of the folder `programs` on an interpreter, and returns what it printed.

    Packages that the interpreter's own environment lacks may be lent to it from another one, whose `opencensus` is then on the path, too.
    """

    def run(python, program, *arguments, lent=None, **environment):
        start = f"import sys, runpy; sys.path[:0] = [{str(PROGRAMS)!r}]; sys.path += {[] if lent is None else [str(lent)]!r}; "
        start += f"runpy.run_path({str(PROGRAMS / program)!r}, run_name='__main__')"
        done = subprocess.run(
            [python, "-W", "ignore", "-c", start, *arguments],
            env={**run_environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


@pytest.fixture(scope="session")
def legacy_packages(legacy_python):
    """The folder of the packages of the environment with the real OpenCensus."""
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return subprocess.run([legacy_python, "-c", asked], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def both(result, legacy_python, legacy_packages):
    """Return a function that runs a program on the real SDK and on the facade, and returns both results.

    The legacy packages are the same files; the facade gets them where it finds those of a program's owner, beside the real SDK.
    """

    def run(program, *arguments):
        return result(legacy_python, program, *arguments), result(sys.executable, program, *arguments, lent=legacy_packages)

    return run
