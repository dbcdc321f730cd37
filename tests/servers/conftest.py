"""Servers of databases, one of each kind for a session, where Debian's packages are installed; `make servers` fails where they are not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_SERVERS = Path(__file__).with_name("servers.py")
_ARE_REQUIRED = os.environ.get("CENSUS_COMPAT_SERVERS") == "required"


@contextmanager
def _running(name: str) -> Iterator[int]:
    # In a session of its own: a Ctrl+C ends the tests, and these end the server.
    command = [sys.executable, str(_SERVERS), name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        if "error" in said:
            if _ARE_REQUIRED:
                pytest.fail(said["error"], pytrace=False)
            pytest.skip(said["error"])
        yield said["port"]
        process.stdin.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[int]:
    """The port of a running PostgreSQL."""
    with _running("postgresql") as port:
        yield port


@pytest.fixture(scope="session")
def mariadb() -> Iterator[int]:
    """The port of a running MariaDB."""
    with _running("mariadb") as port:
        yield port


@pytest.fixture(scope="session")
def redis() -> Iterator[int]:
    """The port of a running Redis."""
    with _running("redis") as port:
        yield port
