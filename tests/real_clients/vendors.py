"""All packages that we know of for OpenCensus, as they are installed, in one environment with the real SDK and with this package.

`make vendors` makes that environment, which takes too long for every run of the tests, and runs this. In it, as in those of users, the real
SDK is installed too, and ours answers; `OPENCENSUS_COMPAT_DISABLED=1` gives the same program the real one.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.real_clients.test_moved import moved

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def python(interpreter):
    """The interpreter of that environment."""
    return interpreter("vendors", "`make vendors` makes it")


PROGRAMS = {
    "zipkin": ("zipkin.py",),
    "jaeger": ("jaeger.py",),
    "prometheus": ("prometheus.py", "count", "spread"),
    "datadog": ("datadog.py",),
    "ocagent": ("ocagent.py",),
    "stackdriver": ("stackdriver.py",),
    "a program's own": ("own.py",),
    "django": ("django_app.py",),
    "fastapi": ("fastapi_app.py",),
    "flask": ("flask_app.py",),
    "pyramid": ("pyramid_app.py",),
    "httpx": ("httpx_calls.py",),
    "grpc, google_cloud_clientlibs": ("grpc_calls.py",),
    "sqlalchemy, dbapi": ("databases.py",),
    "mysql, postgresql, pymongo, pymysql": ("drivers.py",),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("command", PROGRAMS.values(), ids=PROGRAMS)
def test_packages(result, python, command):
    """What arrives at a loopback server, or at the program's own exporter, is the same from the facade as from the real SDK."""
    old = result(python, *command, OPENCENSUS_COMPAT_DISABLED="1")
    assert old
    assert result(python, *command) == old


@pytest.mark.timeout(300)
def test_a_program_that_moved(result, python, tmp_path):
    """Jaeger gets of a rewritten program what it gets of the program on the real SDK."""
    old, new = moved(
        "Jaeger",
        tmp_path,
        lambda program: result(python, program, OPENCENSUS_COMPAT_DISABLED="1"),
        lambda program: result(python, program),
    )
    assert old
    assert new == old


def test_each_program_has_its_test():
    """No program of the folder is left out, but those that others import, and tests of services, which `test_own_tests.py` runs."""
    apart = {"grpc_receiver.py", "own_tests.py", "service_integrations.py", "service_pytests.py", "service_unittests.py", "shop.py"}
    assert {path.name for path in (HERE / "programs").glob("*.py")} - apart == {name for name, *_ in PROGRAMS.values()}
