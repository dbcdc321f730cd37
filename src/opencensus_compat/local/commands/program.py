"""``census-compat local -- CMD``: run a command against a fresh endpoint and say what it sent."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..call_sites import call_sites_in
from ..reasons import Seen, read_notes, reasons
from ..store import StoreError
from .opening import EndpointOptions, summary
from .report import Report
from .terminal import CommandError, as_json, style, terminated_as_interrupted, wait_for_the_end, write, write_error
from .variables import CALL_SITES_VARIABLE, CONNECTION_STRING_VARIABLE, NOTES_VARIABLE, REDIRECT_VARIABLE, STATISTICS_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..endpoint import LocalEndpoint

_LEFT_BEHIND_S = 2.0
_START = Path(__file__).parents[1] / "start"
"""What interpreters run first: it redirects the retired SDK."""


def run_program(options: EndpointOptions, command: list[str], *, pass_through: bool, json: bool, call_sites: bool) -> int:
    """Run a command against a fresh endpoint, print what it sent, and return its exit code.

    Args:
        options: The endpoint.
        command: The program and its arguments.
        pass_through: Leave exporters alone that are given another connection string.
        json: Print JSON; the command's standard output goes to standard error.
        call_sites: Keep in the database which lines of the program called OpenCensus.

    Raises:
        CommandError: The endpoint cannot be opened, or the command cannot be started.

    """
    endpoint = options.open()
    keeps_call_sites = call_sites and options.database is not None and not options.count_only
    try:
        with tempfile.TemporaryDirectory(prefix="census-compat-", ignore_cleanup_errors=True) as folder:
            notes = Path(folder, "notes")
            notes.touch(0o600)
            environment = program_environment(endpoint, os.environ, str(notes), pass_through=pass_through, call_sites=keeps_call_sites)
            if endpoint.pages_url is not None:
                write_error(f"Pages: {endpoint.pages_url}")
            code = _child(command, environment, to_stderr=json)
            # The child is gone, and so are its connections, unless it left processes of its own behind.
            with contextlib.suppress(TimeoutError):
                endpoint.wait_idle(_LEFT_BEHIND_S)
            if keeps_call_sites:
                try:
                    keep_call_sites(endpoint, environment)
                except StoreError as error:
                    write_error(f"census-compat local: the recording has no call sites: {error}")
            misbehaves = bool(options.misbehaviour)
            why = [] if endpoint.accepted else why_nothing(endpoint, code, environment, pass_through=pass_through, misbehaves=misbehaves)
        report = Report(endpoint, code, why, endpoint.redirected)
        if options.count_only:
            write(as_json(endpoint.stats()) if json else summary(endpoint))
        elif json:
            write(as_json(report.as_dict(endpoint.connection_string)))
        else:
            write(report.as_text(command, accepted=endpoint.accepted > 0, style=style()))
        if endpoint.pages_url is not None:
            with terminated_as_interrupted(), contextlib.suppress(KeyboardInterrupt):
                write_error(f"The pages stay at {endpoint.pages_url}; Ctrl-C ends.")
                wait_for_the_end()
        return code
    finally:
        endpoint.close()


def program_environment(
    endpoint: LocalEndpoint, environment: Mapping[str, str], notes: str, *, pass_through: bool, call_sites: bool = False
) -> dict[str, str]:
    """Return the environment of a command that is to send to the endpoint, and whose Python processes note in a file what they made.

    Args:
        endpoint: Where it is to send.
        environment: What it would have.
        notes: The file.
        pass_through: Leave exporters alone that are given another connection string.
        call_sites: Have the processes note, too, which lines call OpenCensus; `keep_call_sites` reads that.

    """
    changed = {**environment, CONNECTION_STRING_VARIABLE: endpoint.connection_string, NOTES_VARIABLE: notes}
    for name in (REDIRECT_VARIABLE, CALL_SITES_VARIABLE):
        changed.pop(name, None)
    if call_sites:
        changed[CALL_SITES_VARIABLE] = "1"
    if not pass_through:
        changed[REDIRECT_VARIABLE] = endpoint.url
        changed.setdefault(STATISTICS_VARIABLE, "true")
        paths = [str(_START), *filter(None, [environment.get("PYTHONPATH")])]
        changed["PYTHONPATH"] = os.pathsep.join(paths)
    # Our exporters never use a proxy for this machine; those of other SDKs, which read the connection string too, would.
    if any(value and name.lower() in ("http_proxy", "all_proxy") for name, value in environment.items()):
        for name in ("no_proxy", "NO_PROXY"):
            hosts = [host.strip() for host in changed.get(name, changed.get("no_proxy", "")).split(",") if host.strip()]
            if "*" not in hosts:
                changed[name] = ",".join([*hosts, *(host for host in ("127.0.0.1", "localhost") if host not in hosts)])
    return changed


def keep_call_sites(endpoint: LocalEndpoint, environment: Mapping[str, str]) -> None:
    """Keep beside what a command has sent which of its lines called OpenCensus.

    Args:
        endpoint: Where it has sent.
        environment: What ``program_environment`` returned for it.

    Raises:
        StoreError: The database refuses.

    """
    endpoint.keep_call_sites(call_sites_in(read_notes(environment[NOTES_VARIABLE])))


def why_nothing(
    endpoint: LocalEndpoint, code: int, environment: Mapping[str, str], *, pass_through: bool = False, misbehaves: bool = False
) -> list[str]:
    """Return the likely reasons for which a command that has ended sent nothing.

    Args:
        endpoint: Where nothing was accepted.
        code: Exit code of the command.
        environment: What ``program_environment`` returned for it.
        pass_through: Whether it was to leave exporters with another connection string alone.
        misbehaves: Whether the endpoint had rules of misbehaviour.

    """
    seen = Seen(
        code,
        environment,
        read_notes(environment[NOTES_VARIABLE]),
        refused=[entry.message for entry in endpoint.refused],
        requests=endpoint.stats()["requests"],
        misbehaves=misbehaves,
        pass_through=pass_through,
        python=sys.executable,
    )
    return reasons(seen)


def _child(command: list[str], environment: Mapping[str, str], *, to_stderr: bool) -> int:
    """Run the command to its end and return its exit code. Ctrl-C reaches the child itself; we wait for what it makes of it."""
    sys.stdout.flush()
    try:
        process = subprocess.Popen(command, env=dict(environment), stdout=sys.stderr if to_stderr else None)  # noqa: S603  # the user's own
    except (OSError, ValueError) as error:
        raise CommandError(127, f"cannot run {command[0]!r}: {error}") from None
    while process.poll() is None:
        with contextlib.suppress(KeyboardInterrupt):
            process.wait()
    code = process.returncode
    return code if code >= 0 else 128 - code
