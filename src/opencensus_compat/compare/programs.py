"""Runs the programs that are to be compared, each against a local endpoint of its own, and keeps what they sent as recordings.

A program that ends by itself is waited for. A server is waited for until it listens; then another command drives it, and SIGTERM ends it.
Each program is the leader of a process group, so that nothing of it runs on: not after a failure, and not after a Ctrl+C.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from opencensus_compat.local import LocalEndpoint
from opencensus_compat.local.commands.program import keep_call_sites, program_environment, why_nothing
from opencensus_compat.local.commands.terminal import CommandError
from opencensus_compat.local.render import clean
from opencensus_compat.local.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

NOT_COMPARABLE = 3
"""Exit code where there is nothing that may be compared."""

_LISTENS_WITHIN_S = 60.0
_ENDS_WITHIN_S = 30.0
_SENDS_WITHIN_S = 10.0
"""How long connections to the endpoint may stay open after the end of the program."""
_LAST_WORDS_S = 5.0
"""Between SIGTERM and SIGKILL, where the work is given up."""
_LOOKS_EVERY_S = 0.1
_LINES_SHOWN = 15
"""Of a program's output, where it fails."""
_CUT_OFF = (
    "The signal ended the server without the exit hooks of Python, and what was queued was lost. gunicorn ends its workers in order; the "
    "servers of Flask, waitress and uvicorn do so with --stop-signal SIGINT."
)
_PORT = re.compile(r"[\w.:=/-]*\{port\}")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
STOP_SIGNALS = ("SIGTERM", "SIGINT")
"""Names of the signals that may end a server."""


class NotComparable(CommandError):
    """Ends the command with exit code 3; the message says what happened and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(NOT_COMPARABLE, message)


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it was typed in one argument."""

    text: str
    words: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that stood before the first word."""


def parse(option: str, text: str) -> Command:
    """Return a command; ``NAME=value`` before it sets environment variables, as in a shell, and nothing else is a shell's.

    Args:
        option: Where the text comes from, for the message.
        text: The command with its arguments, quoted as in a shell.

    Raises:
        CommandError: It cannot be understood.

    """
    try:
        words = shlex.split(text, posix=os.name == "posix")
    except ValueError as error:
        raise CommandError(2, f"{option}: expected a command as in a shell, got {text!r}: {error}") from None
    return _command(option, text, words)


def command(option: str, words: Sequence[str]) -> Command:
    """Return a command whose words a shell has taken apart already; ``NAME=value`` before it sets environment variables.

    Args:
        option: Where the words come from, for the message.
        words: The variables, the program, and its arguments.

    Raises:
        CommandError: There is no program.

    """
    return _command(option, shlex.join(words), list(words))


def _command(option: str, text: str, words: list[str]) -> Command:
    variables = {}
    while words and _ASSIGNMENT.match(words[0]):
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    if not words:
        raise CommandError(2, f"{option}: expected a command such as 'python app.py', got {text!r}")
    if option != "--drive" and any(map(_PORT.fullmatch, words)):
        raise CommandError(
            2, f"{option}: {{port}} is for --drive alone, which begins when the server listens; write 0 for a free port, got {text!r}"
        )
    return Command(text, tuple(words), variables)


@dataclass(frozen=True, slots=True)
class Driving:
    """How a server is driven, and ended."""

    command: Command
    """What sends requests to the server; ``{port}`` in its words is the port that the server listens on."""
    stop_signal: str = "SIGTERM"
    """One of ``STOP_SIGNALS``."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """How programs are run, beside what the command says."""

    folder: Path | None = None
    """Working folder of the programs; None is that of this process."""
    limit_s: float | None = None
    """How long a program that ends by itself, or the command that drives a server, may take; None is for ever."""
    call_sites: bool = False
    """Keep which lines of the programs called OpenCensus; ``recordings.call_sites`` reads that."""


def record(command: Command, database: Path, driving: Driving | None = None, conditions: Conditions = Conditions()) -> int | None:
    """Run a command, keep what it sends, and return the port that a server listened on.

    Args:
        command: A program that ends by itself; with ``driving`` a server.
        database: File to write; ``census-compat local show --database`` reads it, too.
        driving: How the server is driven.
        conditions: Where the programs run, and for how long they may.

    Raises:
        NotComparable: The command cannot be started, fails, or sends nothing.

    """
    try:
        kept = LocalEndpoint(database=database)
    except StoreError as error:
        raise NotComparable(f"{_named(command)} cannot be recorded: {error}") from None
    with (
        kept as endpoint,
        tempfile.TemporaryDirectory(prefix="census-compat-", ignore_cleanup_errors=True) as at,
    ):
        notes = Path(at, "notes")
        notes.touch(0o600)
        started_with = {**os.environ, **command.variables}
        environment = program_environment(endpoint, started_with, str(notes), pass_through=False, call_sites=conditions.call_sites)
        with _started(command, environment, Path(at, "output"), conditions.folder) as program:
            if driving is None:
                port, code = None, _ended(program, conditions)
            else:
                port, code = _driven(program, driving, Path(at, "driven"), conditions)
            try:
                endpoint.wait_idle(_SENDS_WITHIN_S)
            except TimeoutError:
                raise NotComparable(
                    f"{_named(command)} left processes behind that are still connected after {_SENDS_WITHIN_S:.0f} s: let the program wait for "
                    f"them at its end, so that a recording is whole"
                ) from None
        if conditions.call_sites:
            try:
                keep_call_sites(endpoint, environment)
            except StoreError as error:
                raise NotComparable(f"the recording of {_named(command)} is not whole: {error}") from None
        stats = endpoint.stats()
        if stats["storeError"]:
            raise NotComparable(f"the recording of {_named(command)} is not whole: {stats['storeError']}")
        if not endpoint.accepted and not stats["itemsRefused"]:
            raise NotComparable(f"{_named(command)} {_how(code)} and sent nothing. Likely reasons:{_reasons(endpoint, code, environment)}")
    return port


def drive(command: Command, environment: Mapping[str, str], driving: Driving) -> int:
    """Run a server for as long as it is driven, end it, and return its exit code.

    Args:
        command: The server.
        environment: Its environment; the variables of the command are added.
        driving: How it is driven.

    Raises:
        NotComparable: The command cannot be started, or fails.

    """
    with (
        tempfile.TemporaryDirectory(prefix="census-compat-", ignore_cleanup_errors=True) as at,
        _started(command, {**environment, **command.variables}, Path(at, "output"), None) as program,
    ):
        return _driven(program, driving, Path(at, "driven"), Conditions())[1]


def one_port(ports: Iterable[int | None]) -> list[tuple[re.Pattern[str], str]]:
    """Return what gives servers that took any free port the same one, as far as texts go.

    Args:
        ports: Of the runs that are compared; None of a program that is no server.

    """
    known = {str(port) for port in ports if port is not None}
    return [(re.compile(rf"(?<=:)({'|'.join(sorted(known))})(?!\d)"), "<port>")] if len(known) > 1 else []


def _reasons(endpoint: LocalEndpoint, code: int, environment: Mapping[str, str]) -> str:
    found = why_nothing(endpoint, 0, environment)
    if code:
        found = [_CUT_OFF, *found]
    return "".join(f"\n  - {clean(reason)}" for reason in found)


def _named(command: Command) -> str:
    return f"`{clean(command.text)}`"


@dataclass(frozen=True, slots=True)
class _Program:
    command: Command
    process: subprocess.Popen[bytes]
    output: Path

    def failed(self, how: str) -> NotComparable:
        """Return the error, with the last lines of the program's output."""
        return NotComparable(f"{_named(self.command)} {how}.{_last_lines(self.output)}")


@contextlib.contextmanager
def _started(command: Command, environment: Mapping[str, str], output: Path, folder: Path | None) -> Iterator[_Program]:
    """Run a program for as long as the body; whatever is left of it is ended then."""
    with contextlib.ExitStack() as at_end:
        with output.open("wb") as written, _interrupts_wait():
            try:
                process = subprocess.Popen(  # noqa: S603 -- running what the user names is the command
                    command.words,
                    cwd=folder,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=written,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) and error.strerror else error
                raise NotComparable(
                    f"cannot start {_named(command)}: {reason}. Give a program that is on PATH, or a path to it; what only a shell understands needs "
                    f"one: sh -c '…'"
                ) from None
            at_end.callback(_end, process)
        yield _Program(command, process, output)


@contextlib.contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Let a Ctrl+C wait for the end of the body: it may not come between the start of a program and the place that knows which to end."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if came:
        raise KeyboardInterrupt


def _ended(program: _Program, conditions: Conditions, what: str = "") -> int:
    """Wait for a program that ends by itself, and return its exit code, which is 0.

    Raises:
        NotComparable: It is another one, or the program takes too long.

    """
    try:
        code = program.process.wait(conditions.limit_s)
    except subprocess.TimeoutExpired:
        raise program.failed(f"{what}has not ended within {conditions.limit_s:g} s") from None
    if code:
        raise program.failed(f"{what}{_how(code)}" + ("" if what else ", so that what it sent may not be all"))
    return code


def _driven(program: _Program, driving: Driving, output: Path, conditions: Conditions) -> tuple[int, int]:
    """Drive a server from the moment when it listens, end it, and return its port and its exit code.

    Raises:
        NotComparable: It does not listen, or fails; the command that drives it fails.

    """
    port = _port(program)
    drive = driving.command
    words = tuple(word.replace("{port}", str(port)) for word in drive.words)
    with _started(Command(drive.text, words), {**os.environ, **drive.variables}, output, conditions.folder) as client:
        _ended(client, conditions, "(--drive) ")
    process = program.process
    if process.poll() is not None:
        raise program.failed(f"{_how(process.returncode)} while it was driven")
    number = signal.Signals[driving.stop_signal]
    process.send_signal(number)
    deadline = time.monotonic() + _ENDS_WITHIN_S
    try:
        code = process.wait(_ENDS_WITHIN_S)
        _end_rest(process, number, deadline)
    except subprocess.TimeoutExpired:
        raise program.failed(f"has not ended within {_ENDS_WITHIN_S:.0f} s of {number.name}; let that signal end it") from None
    if code not in (0, -number, 128 + number):
        raise program.failed(f"{_how(code)} at {number.name}")
    return port, code


def _port(program: _Program) -> int:
    """Wait until a program listens, and return the TCP port.

    Raises:
        NotComparable: It ends before, or takes too long.

    """
    deadline = time.monotonic() + _LISTENS_WITHIN_S
    while time.monotonic() < deadline:
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.process.wait(_LOOKS_EVERY_S)
            raise program.failed(f"{_how(program.process.returncode)} before it listened on a port")
        ports = _ports(program.process.pid)
        if ports:
            return min(ports)
    raise program.failed(f"listens on no TCP port after {_LISTENS_WITHIN_S:.0f} s; leave --drive out for a program that ends by itself")


def _ports(pid: int) -> set[int]:
    """Return the TCP ports that a process, or one that it started, listens on."""
    found: set[int] = set()
    try:
        leader = psutil.Process(pid)
        processes = [leader, *leader.children(recursive=True)]
    except psutil.Error:
        return found
    for process in processes:
        with contextlib.suppress(psutil.Error):
            # Named so since psutil 6
            connections = process.net_connections if hasattr(process, "net_connections") else process.connections
            found.update(each.laddr.port for each in connections(kind="tcp") if each.status == psutil.CONN_LISTEN)
    return found


def _end_rest(process: subprocess.Popen[bytes], number: signal.Signals, deadline: float) -> None:
    """End what is left of a group whose leader a signal has ended: a shell, say, hands the signal to nobody.

    Raises:
        subprocess.TimeoutExpired: It takes too long.

    """
    if not _group_lives(process.pid):
        return
    _signal_group(process, number)
    while _group_lives(process.pid):
        if time.monotonic() > deadline:
            raise subprocess.TimeoutExpired(process.args, _ENDS_WITHIN_S)
        time.sleep(_LOOKS_EVERY_S)


def _group_lives(group: int) -> bool:
    """Return whether a process of the group runs; those that have ended count for nothing, also where nobody has asked for their exit code."""
    if os.name != "posix":
        return False
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program with all that it started."""
    if process.poll() is None:
        _signal_group(process, signal.SIGTERM)
        # A second Ctrl+C ends the patience.
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            process.wait(_LAST_WORDS_S)
    if os.name == "posix":
        _signal_group(process, signal.SIGKILL)
    elif process.poll() is None:
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
        process.kill()
    process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if os.name == "posix":
        # macOS refuses it for a group whose processes have all ended.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
    else:
        process.terminate()


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with {code}"
    with contextlib.suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"


def _last_lines(output: Path) -> str:
    """Return the end of a program's output, for a message."""
    with contextlib.suppress(OSError):
        lines = output.read_text(encoding="utf-8", errors="replace").splitlines()[-_LINES_SHOWN:]
        return "".join(f"\n    {clean(line)}" for line in lines)
    return ""
