"""PostgreSQL, MariaDB and Redis of Debian's packages, in folders and on ports of their own; no service of the system is touched.

As a program, ``python tests/servers/servers.py postgresql``: prints where the server listens as one line of JSON as soon as it takes
connections, and stops it when standard input closes. A server thus ends with the process that asked for it, however that one ends.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

USER = "census"
"""The databases' user, without a password."""
DATABASE = "census"
_ATTEMPTS = 3
"""Another program may take a free port before the server does."""
_STOP_S = 30.0
_FOLDERS = "/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"
_ACCOUNTS = "nobody", "daemon"
"""System users that own nothing: PostgreSQL refuses to run as root."""


class ServerError(Exception):
    """A server that cannot be had here, with the reason and what to do."""


class _Kind(NamedTuple):
    package: str
    """The Debian package that has it."""
    programs: tuple[str, ...]
    """What is started, the server last."""
    ready: str
    """What the server logs when it takes connections."""
    commands: Callable[[list[str], Path, int], tuple[list[str], list[str]]]
    """Returns the command that prepares its folder, which may be empty, and the command that serves."""
    stop: signal.Signals
    """Ends the server although clients are connected."""


def _postgresql(programs: list[str], folder: Path, port: int) -> tuple[list[str], list[str]]:
    data = str(folder / "data")
    options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "fsync": "off", "max_connections": 120}
    prepare = [programs[0], "--pgdata", data, "--username", USER, "--auth", "trust", "--no-locale", "--encoding", "UTF8", "--no-sync"]
    return prepare, [programs[1], "-D", data, *(part for key, value in options.items() for part in ("-c", f"{key}={value}"))]


def _mariadb(programs: list[str], folder: Path, port: int) -> tuple[list[str], list[str]]:
    data = f"--datadir={folder / 'data'}"
    first = folder / "first.sql"
    account = f"'{USER}'@'127.0.0.1'"
    # The server reads a statement from each line.
    first.write_text(f"CREATE USER {account};\nGRANT ALL ON *.* TO {account};\nCREATE DATABASE {DATABASE};\n", encoding="utf-8")
    prepare = [programs[0], "--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
    small = ["--innodb-buffer-pool-size=16M", "--innodb-log-file-size=4M", "--innodb-flush-log-at-trx-commit=0", "--max-connections=120"]
    place = [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}"]
    return prepare, [programs[1], "--no-defaults", data, *place, *small, "--skip-name-resolve", f"--init-file={first}"]


def _redis(programs: list[str], folder: Path, port: int) -> tuple[list[str], list[str]]:
    return [], [programs[0], "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "no"]


KINDS = {
    "postgresql": _Kind("postgresql", ("initdb", "postgres"), "ready to accept connections", _postgresql, signal.SIGINT),
    "mariadb": _Kind("mariadb-server", ("mariadb-install-db", "mariadbd"), "ready for connections", _mariadb, signal.SIGTERM),
    "redis": _Kind("redis-server", ("redis-server",), "Ready to accept connections", _redis, signal.SIGTERM),
}


def _folders() -> list[str]:
    # Debian keeps each release of PostgreSQL in a folder of its own.
    return [*sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True), *os.environ.get("PATH", "").split(os.pathsep), *_FOLDERS]


def programs_of(name: str, folders: list[str] | None = None) -> list[str]:
    """Return the paths of a server's programs.

    Args:
        name: A key of `KINDS`.
        folders: Where they may be; default is where Debian has them, and the PATH.

    Raises:
        ServerError: One is not installed; the message names the package.
    """
    kind = KINDS[name]
    found = [shutil.which(program, path=os.pathsep.join(_folders() if folders is None else folders)) for program in kind.programs]
    if None in found:
        missing = kind.programs[found.index(None)]
        raise ServerError(f"{missing} is not installed: apt-get install {kind.package}")
    return [program for program in found if program is not None]


def _account() -> pwd.struct_passwd | None:
    """Return the system user that servers run as, None for that of this process."""
    if os.geteuid() != 0:
        return None
    if not os.stat(os.devnull).st_mode & stat.S_IWOTH:
        raise ServerError(f"servers do not run as root, and {os.devnull} is not for other users, which they need: chmod 666 {os.devnull}")
    for name in _ACCOUNTS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServerError(f"PostgreSQL does not run as root, and there is none of the system users {', '.join(_ACCOUNTS)}: run as another user")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def serving(name: str) -> Iterator[tuple[int, int]]:
    """Run a server for a block of code, and return its port on 127.0.0.1 and its process id as soon as it takes connections.

    Args:
        name: A key of `KINDS`.

    Raises:
        ServerError: It is not installed, or does not start here.
    """
    programs, account = programs_of(name), _account()
    # Not the caller's folder for temporary files: another user must get into it, and a socket's path may have a hundred characters.
    with tempfile.TemporaryDirectory(prefix=f"census-{name}-", dir="/tmp", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        process, port = _started(name, programs, folder, account)
        drained = threading.Thread(target=process.communicate, daemon=True)
        drained.start()
        try:
            yield port, process.pid
        finally:
            process.send_signal(KINDS[name].stop)
            drained.join(_STOP_S)
            process.kill()
            process.wait()


def _started(name: str, programs: list[str], folder: Path, account: pwd.struct_passwd | None) -> tuple[subprocess.Popen[str], int]:
    kind, log = KINDS[name], ""
    for _ in range(_ATTEMPTS):
        port = _free_port()
        prepare, serve = kind.commands(programs, folder, port)
        if prepare and not (folder / "data").exists():
            with _popen(prepare, folder, account) as preparing:
                log = preparing.communicate()[0]
            if preparing.returncode != 0:
                break
        process = _popen(serve, folder, account)
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if kind.ready in line:
                return process, port
        process.wait()
        log = "".join(lines)
    raise ServerError(f"{programs[-1]} does not start:\n{log}")


def _popen(command: list[str], folder: Path, account: pwd.struct_passwd | None) -> subprocess.Popen[str]:
    change = {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    try:
        return subprocess.Popen(
            command,
            cwd=folder,
            env={"PATH": os.pathsep.join(_FOLDERS), "LC_ALL": "C", "HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
            **change,
        )
    except PermissionError as error:
        raise ServerError(f"{command[0]} cannot be started as the user {account.pw_name if account else os.geteuid()}: {error}") from error


def main(name: str) -> int:
    """Serve until standard input closes, and return the exit code."""
    try:
        with serving(name) as (port, pid):
            print(json.dumps({"port": port, "pid": pid}), flush=True)
            sys.stdin.read()
    except ServerError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 1
    return 0


if __name__ == "__main__":
    # The one that asked closes standard input; a Ctrl+C is its own.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main(sys.argv[1]))
