"""``census-compat doctor``: arguments, the terminal, and exit codes."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from typing import TYPE_CHECKING

from opencensus_compat.doctor.asked import as_ways, parse_asked
from opencensus_compat.doctor.check import merged, run_checks
from opencensus_compat.doctor.collect import gather
from opencensus_compat.doctor.collect.counts import environment_of
from opencensus_compat.doctor.counted import as_table, sent_table
from opencensus_compat.doctor.masking import masked, secrets_of
from opencensus_compat.doctor.report import Look, as_json, as_report, as_text, exit_code, without_secrets
from opencensus_compat.doctor.request import Request

if TYPE_CHECKING:
    import argparse

    from opencensus_compat.doctor.facts import Facts
    from opencensus_compat.doctor.sections.run import Asked

_EPILOG = """\
Run it in the environment of the program: with its interpreter, its variables,
in its folder. Nothing is written, and no key, token or password is printed.
Exit code: 0 no problem (warnings do not count); 1 a problem, or a warning
with --strict; 2 wrong usage; 3 something could not be checked, and there is
no problem.

With `-- CMD` the program is run, and looked at from inside as it ends: its
loggers, handlers, samplers, providers, views. It sends what it always sends.
`{port}` in the --drive command is the port that a server listens on.

examples:
  census-compat doctor
  census-compat doctor -- python app.py
  census-compat doctor --log shop.orders:INFO -- python app.py
  census-compat doctor --drive 'curl http://127.0.0.1:{port}/' -- \\
      gunicorn -b 127.0.0.1:8000 shop:app
"""
_STOP_SIGNALS = ("SIGTERM", "SIGINT")
_USAGE = 2
_WIDEST, _NARROWEST, _WIDTH_OF_A_PIPE = 100, 40, 80
"""Columns."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    import argparse

    parser.description = "Say why telemetry does not arrive, from the environment of a program."
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print JSON")
    output.add_argument("--report", action="store_true", help="print a block of Markdown for an issue")
    output.add_argument("--verbose", action="store_true", help="print what each finding was seen by, and the checks that found nothing")
    network = parser.add_mutually_exclusive_group()
    network.add_argument("--offline", action="store_true", help="contact nobody")
    network.add_argument("--send", action="store_true", help="send one test item to the resource, and say how to find it")
    running = parser.add_mutually_exclusive_group()
    running.add_argument(
        "--counts", metavar="FILE", help="show what processes have counted in the files that APPINSIGHTS_EXPORTER_COUNTS_FILE names"
    )
    running.add_argument(
        "--pid", type=int, metavar="N", help="show the same of a running process and its children, and look at its variables"
    )
    parser.add_argument("--log", metavar="NAME:LEVEL", help="tell the way of a log record, such as shop.orders:INFO; needs -- CMD")
    parser.add_argument("--drive", metavar="CMD", help="the program is a server, and this sends it requests; needs -- CMD")
    parser.add_argument(
        "--stop-signal", choices=_STOP_SIGNALS, metavar="SIGNAL", help="what ends a server: SIGTERM, the default, or SIGINT"
    )
    parser.add_argument("--strict", action="store_true", help="end with 1 also where there is a warning")


def run(namespace: argparse.Namespace) -> int:
    """Look at the environment, report, and return the exit code."""
    folder = _folder()
    if namespace.pid is not None:
        # In this process, too: the exporter's own code, which is asked about the way to the service, reads it.
        found = environment_of(namespace.pid, os.environ)
        os.environ.clear()
        os.environ.update(found)
    request = Request(
        environ=dict(os.environ),
        folder=folder,
        path=_path(folder),
        offline=namespace.offline,
        send=namespace.send,
        tell=_tell,
        counts=namespace.counts,
        pid=namespace.pid,
    )
    try:
        asked = None if namespace.log is None else parse_asked(namespace.log)
        _check_usage(namespace)
    except ValueError as error:
        sys.stderr.write(f"census-compat doctor: {error}\n")
        return _USAGE
    several = _facts(namespace, request, asked)
    facts = several[0]
    secrets = secrets_of(request.environ)

    def mask(text: str) -> str:
        return masked(text, secrets)

    results = without_secrets(merged([run_checks(each) for each in several]), mask)
    if namespace.json:
        _write(as_json(facts, results, strict=namespace.strict, mask=mask))
    elif namespace.report:
        _write(mask(as_report(facts, results)))
    else:
        look = _look(verbose=namespace.verbose)
        _write(mask(as_ways(several, look) + as_table(facts.counts) + sent_table(facts.network) + as_text(results, look)))
    return exit_code(results, strict=namespace.strict)


def _check_usage(namespace: argparse.Namespace) -> None:
    """Raise ValueError for options that need others."""
    for name in ("log", "drive"):
        if getattr(namespace, name) is not None and not namespace.program:
            raise ValueError(f"--{name}: only the running program shows that; give it, such as: -- python app.py")
    if namespace.program and (namespace.counts is not None or namespace.pid is not None):
        raise ValueError(
            "--counts and --pid are about processes that run already; with -- CMD the counts of the program are shown in any case"
        )
    if namespace.stop_signal is not None and namespace.drive is None:
        raise ValueError("--stop-signal is for servers: give --drive CMD, too")


def _facts(namespace: argparse.Namespace, request: Request, asked: Asked | None) -> list[Facts]:
    """Return the facts of this environment, or of each process of the program that uses this package."""
    before = logging.root.manager.disable
    # What modules of this package log as they load, checks say in their turn.
    logging.disable(logging.CRITICAL)
    try:
        if not namespace.program:
            return [gather(request)]
        from opencensus_compat.doctor.programs import facts_of

        stop_signal = namespace.stop_signal or _STOP_SIGNALS[0]
        return facts_of(namespace.program, request, asked=asked, drive=namespace.drive, stop_signal=stop_signal, to_stderr=namespace.json)
    finally:
        logging.disable(before)


def _tell(text: str) -> None:
    """Name a host before it is contacted, beside the output."""
    sys.stderr.write(f"{masked(text)}\n")


def _folder() -> str:
    """Return the current folder; empty where it is gone."""
    try:
        return os.getcwd()
    except OSError:
        return ""


def _path(folder: str) -> tuple[str, ...]:
    """Return ``sys.path`` as a script in the folder has it: its first entry is where this command's own script is, or the folder itself."""
    own = os.path.realpath(os.path.dirname(sys.argv[0] if sys.argv else ""))
    return (folder, *(entry for number, entry in enumerate(sys.path) if number or (entry and os.path.realpath(entry) != own)))


def _look(*, verbose: bool) -> Look:
    is_terminal = sys.stdout.isatty()
    columns = shutil.get_terminal_size((_WIDTH_OF_A_PIPE, 24)).columns if is_terminal else _WIDTH_OF_A_PIPE
    return Look(
        width=max(_NARROWEST, min(columns, _WIDEST)),
        colour=is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb",
        unicode=(sys.stdout.encoding or "ascii").lower().replace("-", "").startswith("utf"),
        verbose=verbose,
    )


def _write(text: str) -> None:
    encoding = sys.stdout.encoding or "ascii"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of a pipe has seen enough; Python must not flush into it as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
