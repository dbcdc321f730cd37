"""The ``census-compat`` command: an argument parser; each command's work is elsewhere and is imported when it is asked for."""

from __future__ import annotations

import argparse
import difflib
import os
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from opencensus_compat import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_COMMANDS = {
    "local": ("opencensus_compat.local.cli", "run a local Application Insights endpoint and read what arrived there"),
    "compare": ("opencensus_compat.compare.cli", "compare what a program sends before and after a change"),
    "rewrite": ("opencensus_compat.rewrite.cli", "rewrite OpenCensus code as OpenTelemetry code"),
    "step": ("opencensus_compat.steps.cli", "take a step of the migration, and prove that nothing else changes"),
    "doctor": ("opencensus_compat.doctor.cli", "say why telemetry does not arrive"),
    "scan": ("opencensus_compat.scan.cli", "report what of OpenCensus a code base uses"),
    "guide": ("opencensus_compat.guide.cli", "show the guide"),
}
"""Command -> (module with ``add_arguments(parser)`` and ``run(namespace) -> int``, help line)."""

_WITH_PROGRAM = ("doctor", "rewrite", "step")
"""Commands that may end with ``-- CMD [ARG ...]``: their namespace has the words of it as ``program``."""

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126
"""Exit codes of a command that did not start, as shells have them."""

_RUN_DESCRIPTION = """\
Run CMD so that `import opencensus` gives the facades in every Python it starts.

  python -m opencensus_compat run -- python app.py

It is for places where `.pth` files are not read (`pip install --target`,
folders on PYTHONPATH), and works through PYTHONPATH and `sitecustomize`; one
that exists already still runs. A Python started with -S, -E or -I reads
neither: there, make `import opencensus_compat.auto` the first import.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments without the program name; None takes those of the process.
    Returns: the exit code: 0 done, 2 wrong usage (argparse), otherwise the command's own.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    problem = _misunderstood(arguments)
    if problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    if arguments[:1] == ["doctor"]:
        # It writes nothing, not even what Python keeps of the modules that it loads.
        sys.dont_write_bytecode = True
    own, program = _without_program(arguments)
    namespace = _parser(own[0] if own else "").parse_args(own, argparse.Namespace(program=program))
    if namespace.command == "run":
        return _run(namespace.argv)
    module, _ = _COMMANDS[namespace.command]
    code: int = import_module(module).run(namespace)
    return code


def _without_program(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Return the arguments of a command, and the program that stands after them."""
    if arguments[:1] and arguments[0] in _WITH_PROGRAM and "--" in arguments:
        at = arguments.index("--")
        return arguments[:at], arguments[at + 1 :]
    return arguments, []


def _misunderstood(arguments: Sequence[str]) -> str:
    """Return what is wrong with the command that arguments begin with, and what was probably meant; empty when nothing is."""
    known = ("run", *_COMMANDS)
    if not arguments or arguments[0].startswith("-"):
        return ""
    command, *rest = arguments
    if command not in known:
        expected = f"{', '.join(map(repr, known[:-1]))} or {known[-1]!r}"
        if shutil.which(command) or os.path.exists(command):
            return f"{_name()}: expected {expected}, got {command!r}; to run a program: {_name()} run -- {shlex.join(arguments)}"
        near = difflib.get_close_matches(command, known, n=1)
        return f"{_name()}: expected {expected}, got {command!r}" + (f"; did you mean {near[0]!r}?" if near else f"; try {_name()} --help")
    if command == "run" and rest and rest[0].startswith("-") and rest[0] not in ("--", "-h", "--help"):
        return f"{_name()} run: expected -- before the program, got the option {rest[0]!r}; try {_name()} run -- python app.py"
    return ""


def _name() -> str:
    """Return the command as it was typed: where `pip install --target` put it, the script is not on PATH."""
    return "python -m opencensus_compat" if os.path.basename(sys.argv[0]) == "__main__.py" else "census-compat"


def _parser(command: str) -> argparse.ArgumentParser:
    """Return the parser; only ``command`` gets its own arguments, so that no other command's module is loaded."""
    parser = argparse.ArgumentParser(prog=_name(), description="Unchanged OpenCensus programs, running on OpenTelemetry.")
    parser.add_argument("--version", action="version", version=f"census-compat {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run", help="run a program on the facades", description=_RUN_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    run.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- CMD [ARG ...]", help="the program and its arguments")
    for name, (module, help_line) in _COMMANDS.items():
        command_parser = commands.add_parser(name, help=help_line, description=help_line)
        if name == command:
            import_module(module).add_arguments(command_parser)
    return parser


def _run(argv: list[str]) -> int:
    """Replace this process by the program (where the system can), or run it and return its exit code."""
    words = argv[1:] if argv[:1] == ["--"] else argv
    if not words:
        sys.stderr.write(f"{_name()} run: expected a program after --, found nothing; try {_name()} run -- python app.py\n")
        return 2
    program = shutil.which(words[0])
    if program is None:
        sys.stderr.write(f"census-compat run: no such program: {words[0]}\n")
        return _NOT_FOUND
    environment = _environment(os.environ)
    try:
        if os.name == "posix":
            # The same process: signals and exit code are the program's own.
            os.execve(program, words, environment)  # noqa: S606 -- running what the user names is the command
        return subprocess.run([program, *words[1:]], env=environment, check=False).returncode  # noqa: S603 -- the same
    except OSError as error:
        sys.stderr.write(f"census-compat run: cannot start {program}: {error.strerror}\n")
        return _NOT_EXECUTABLE


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return ``environment`` with our ``sitecustomize`` folder first on ``PYTHONPATH``."""
    folder = os.path.join(os.path.dirname(__file__), "_run")
    others = [entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry and entry != folder]
    return {**environment, "PYTHONPATH": os.pathsep.join([folder, *others])}
