"""The servers that the tests start: what is said where one cannot be had, and that none stays."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

_SERVERS = Path(__file__).with_name("servers.py")


def _module():
    specification = importlib.util.spec_from_file_location("servers", _SERVERS)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("postgresql", "initdb is not installed: apt-get install postgresql"),
        ("mariadb", "mariadb-install-db is not installed: apt-get install mariadb-server"),
        ("redis", "redis-server is not installed: apt-get install redis-server"),
    ],
)
def test_a_missing_package(name, message, tmp_path):
    """The error names the program, and the package that has it."""
    servers = _module()
    with pytest.raises(servers.ServerError) as raised:
        servers.programs_of(name, [str(tmp_path)])
    assert str(raised.value) == message


def test_root_without_a_user_to_be(monkeypatch):
    """PostgreSQL does not run as root: where there is no other user, the error says so."""
    servers = _module()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(servers, "_ACCOUNTS", ("no-such-user",))
    monkeypatch.setattr(os, "devnull", "/dev/zero")
    with pytest.raises(servers.ServerError, match=r"PostgreSQL does not run as root, .* no-such-user: run as another user"):
        servers._account()


@pytest.mark.parametrize("way", ["ends", "is killed", "gets a Ctrl+C", "stays, and the program is terminated"])
def test_a_server_ends_with_who_asked_for_it(way, redis):
    """However that process ends, the server is stopped, and its folder is gone."""
    source = f"""
    import subprocess, sys
    process = subprocess.Popen([sys.executable, {str(_SERVERS)!r}, "redis"], stdin=subprocess.PIPE, start_new_session=True)
    sys.stdin.read()
    """
    command = [sys.executable, "-c", "\n".join(line.strip() for line in source.splitlines())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as asking:
        said = json.loads(asking.stdout.readline())
        server = psutil.Process(said["pid"])
        folder = Path(server.cwd())
        guardian = server.parent()
        assert socket.create_connection(("127.0.0.1", said["port"]), timeout=60).close() is None
        if way == "ends":
            asking.stdin.close()
        elif way.startswith("stays"):
            guardian.terminate()
            server.wait(60)
            # It takes note of the guardian's end.
            asking.stdin.close()
        else:
            asking.send_signal(signal.SIGKILL if way == "is killed" else signal.SIGINT)
        guardian.wait(60)
    assert not server.is_running()
    assert not folder.exists()
