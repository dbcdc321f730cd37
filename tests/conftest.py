"""Fixtures that more than one folder of tests uses."""

from __future__ import annotations

import gc
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples at each run: a suite that must be green on any machine is no place for new ones, which `make fuzz` looks for.
# To look for others with these tests: --hypothesis-profile=default. No limit on time, since any machine may be busy.
settings.register_profile("repeated", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeated")

_numbers = itertools.count()
_REPOSITORY = Path(__file__).parents[1]
_SETTINGS = ("APPINSIGHTS_", "APPLICATIONINSIGHTS_", "OPENCENSUS_COMPAT_", "OTEL_")


def pytest_configure() -> None:
    """Keep from the tests, and from the programs that they start, what the shell is set to."""
    # The way to a local endpoint leads through no proxy.
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        os.environ.pop(name, None)
        os.environ.pop(name.upper(), None)
    # Programs buffer what they print, as they do by themselves, and keep the bytecode of our modules, which the next one then need not
    # compile. Docker's images are often set otherwise.
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"):
        os.environ.pop(name, None)
    sys.dont_write_bytecode = False
    # What gRPC's core says of connections that end, it writes to standard error past Python.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    # What a shell runs in the background ignores Ctrl+C, and programs inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Keep what is loaded by now out of garbage collections: a test that collects, or asks who refers to an object, asks the rest."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out tests whose programs start threads in exit hooks, which the first two releases of Python 3.12 refuse."""
    if item.get_closest_marker("threads_at_exit") and sys.version_info[:3] in ((3, 12, 0), (3, 12, 1)):
        pytest.skip("this release of Python starts no threads in exit hooks; others do")


@pytest.fixture(scope="session")
def _temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(autouse=True)
def temporary_folder(_temporary: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, where telemetry is kept: one for each test, also for the programs that it starts."""
    folder = _temporary / str(next(_numbers))
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture(scope="session")
def interpreter():
    """Return a function that returns the interpreter of another environment, made by make or named by a variable."""

    def of(name: str, made_by: str) -> Path:
        python = Path(os.environ.get(f"CENSUS_COMPAT_{name.upper()}_PYTHON") or _REPOSITORY / f".venvs/{name}/bin/python")
        if not python.exists():
            pytest.fail(f"{python} does not exist; {made_by}", pytrace=False)
        return python

    return of


@pytest.fixture(scope="session")
def legacy_python(interpreter) -> Path:
    """The interpreter of an environment with the real OpenCensus packages, to compare ours with."""
    return interpreter("legacy", "`make envs` makes the environment with the real OpenCensus packages")


@pytest.fixture(scope="session")
def older_python(interpreter) -> Path:
    """The interpreter of an environment with this package and the oldest releases of the libraries that its integrations are tested with."""
    return interpreter("older", "`make envs` makes the environment with older libraries")


@pytest.fixture(scope="session")
def built_in() -> list[str]:
    """The names of the integrations that this package brings, as in ``opencensus.ext.NAME``."""
    folders = (_REPOSITORY / "src" / "opencensus_compat" / "ext").glob("*/__init__.py")
    return sorted(path.parent.name for path in folders if path.parent.name != "azure")


@pytest.fixture
def fresh_bridge():
    """Start a test, and leave it, without providers, destinations, current span or tracer."""
    # Here, because most tests need none of it.
    from opentelemetry import context as context_api

    from opencensus_compat._bridge.providers.lifecycle import reset
    from opencensus_compat.trace import execution_context

    reset()
    token = context_api.attach(context_api.Context())
    execution_context.clean()
    yield
    execution_context.clean()
    context_api.detach(token)
    reset()


@pytest.fixture(scope="session")
def django_project(tmp_path_factory):
    """Settings of a Django project with two databases, which a process has once."""
    import django
    from django.conf import settings as project

    folder = tmp_path_factory.mktemp("databases")
    if not project.configured:
        project.configure(
            ALLOWED_HOSTS=["*"],
            SECRET_KEY="s",
            LOGGING_CONFIG=None,
            DATABASES={alias: {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / alias} for alias in ("default", "other")},
        )
        django.setup()


@pytest.fixture
def run_program(tmp_path):
    """Return a function that runs Python source as a program of its own, with nothing configured, and returns what it printed."""

    def run(source, *, status=0, stderr="", timeout_s=120, options=("-W", "error"), **environment):
        program = tmp_path / "app.py"
        program.write_text(textwrap.dedent(source), encoding="utf-8")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(_SETTINGS)}
        process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", *options, str(program)],
            env={**kept, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                printed, said = process.communicate(timeout=timeout_s)
            except subprocess.TimeoutExpired:
                # It says where all of its threads are.
                process.send_signal(signal.SIGABRT)
                printed, said = process.communicate(timeout=120)
            finally:
                process.kill()
        assert (process.returncode, said) == (status, stderr), f"{printed}\n{said}"
        return printed

    return run
