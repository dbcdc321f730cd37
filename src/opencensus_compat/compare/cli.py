"""The command ``census-compat compare``: its arguments, and what is done with them.

Exit codes: 0 nothing differs but what is accepted; 1 differences; 2 wrong usage, a file that is no recording, or one that cannot be
written; 3 not comparable: a program cannot be started, fails or sends nothing, items were refused, runs of the unchanged program differ in
their counts, or a recording is damaged; 130 after a Ctrl+C.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import shlex
import shutil
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from opencensus_compat.local.commands.pages import look
from opencensus_compat.local.commands.terminal import CommandError, style, terminated_as_interrupted, write, write_error
from opencensus_compat.local.tables import TABLES

from . import compare
from .accepted import AcceptedListError, read
from .lines import LineMap
from .metrics import METRIC_TABLES
from .model import Comparison, Problem
from .output import check_output, save_output
from .pages import ComparisonPage
from .programs import NOT_COMPARABLE, STOP_SIGNALS, Conditions, Driving, NotComparable, one_port, parse, record
from .progress import doing
from .recordings import DamagedRecording, LockedRecording, OpenRecording, RecordingError
from .reports import Sides, as_html, as_json, as_junit, as_text
from .review import Dialogue, append, review
from .steps import STEPS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .model import Accepted
    from .programs import Command
    from .steps import Step

_DESCRIPTION = """\
Compare what two programs send, or one before and after a change: table by
table and column by column, under the portal's names.

  census-compat compare BEFORE.db AFTER.db
  census-compat compare --before CMD --after CMD
  census-compat compare --before CMD --after CMD --drive CMD

BEFORE.db and AFTER.db are recordings of `census-compat local --database FILE`.
With --before and --after, the programs are run and recorded, the one before
twice: what differs between its runs (times, ids) says nothing about the change
and is left out. Of several files, the last one is AFTER, and those before it are
runs of the program before.
"""

_EPILOG = """\
A CMD is one argument, quoted; NAME=value before it sets a variable. A program
ends by itself; with --drive it is a server: it is started, driven as soon as it
listens, and ended by SIGTERM. `{port}` in the --drive command is its port.

examples
  census-compat compare before.db after.db --accept accept.toml
  census-compat compare --before 'old/bin/python app.py' --after 'python app.py'
  census-compat compare --accept-known bridge --format junit --output compare.xml \\
      --before 'old/bin/gunicorn -b 127.0.0.1:0 shop:app' \\
      --after 'gunicorn -b 127.0.0.1:0 shop:app' --drive 'python drive.py {port}'

exit codes
  0  nothing differs but what is accepted    1  something differs
  2  wrong usage, or a file of no use        3  not comparable: a program failed or
     sent nothing, items were refused, or the program before is unstable
"""

_EXIT_CODES = {"equal": 0, "different": 1, "not comparable": NOT_COMPARABLE}
_FORMATS = {"json": as_json, "html": as_html, "junit": as_junit}
_INTERRUPTED = 130
_LIST = "accept.toml"
_RECORDING = re.compile(r"'[^']*\b(before-\d+|after)\.db'")
_RUNS = 2
"""Of the program before: the least in which noise shows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments on ``parser``."""
    parser.description = _DESCRIPTION
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("recordings", nargs="*", metavar="FILE", help="recordings: BEFORE [BEFORE ...] AFTER")
    parser.add_argument("--before", metavar="CMD", help="run and record this as the program before")
    parser.add_argument("--after", metavar="CMD", help="run and record this as the program after")
    parser.add_argument("--twins", metavar="N", type=_runs, help="runs of the program before; default: 2")
    parser.add_argument("--drive", metavar="CMD", help="the programs are servers, and this sends them requests")
    parser.add_argument("--stop-signal", choices=STOP_SIGNALS, metavar="SIGNAL", help="what ends a server: SIGTERM, the default, or SIGINT")
    parser.add_argument("--accept", metavar="FILE", help="list of differences that are meant, in TOML")
    parser.add_argument(
        "--accept-known",
        choices=tuple(STEPS),
        help="accept what is known to differ where one value tells: bridge is from the retired SDK to this package, shape is to "
        "OPENCENSUS_COMPAT_ENVELOPES=otel, rewrite is to rewritten files, instrumentations is from integrations to OpenTelemetry's instrumentations",
    )
    parser.add_argument(
        "--tolerance",
        metavar="COLUMN=PERCENT",
        type=_tolerance,
        action="append",
        default=[],
        help="numbers of this column may differ so much, as in duration=50; may be repeated",
    )
    parser.add_argument(
        "--sources",
        nargs=2,
        metavar=("BEFORE", "AFTER"),
        help="folders with the program's code: lines that merely moved between them are the same",
    )
    parser.add_argument(
        "--review",
        action="store_true",
        help="ask about each difference that nothing accepts, and add what is meant to accept.toml, or to --accept",
    )
    parser.add_argument(
        "--pages", action="store_true", help="then show both in a browser, until Ctrl-C: there, differences can be accepted, too"
    )
    parser.add_argument("--format", choices=("text", *_FORMATS), default="text", help="form of the report; default: text")
    parser.add_argument("--output", metavar="FILE", help="write the report to this file, and the text to standard output")


def _runs(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"expected a number of runs from 1 to 100, got {text!r}")
    return int(text)


def _tolerance(text: str) -> tuple[str, float]:
    column, _, percent = text.partition("=")
    try:
        value = float(percent.removesuffix("%"))
    except ValueError:
        value = -1.0
    if not column or not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"expected COLUMN=PERCENT such as duration=50, got {text!r}")
    own = column.startswith(("customDimensions.", "customMeasurements."))
    if not own and not any(
        columns.get(column, "TEXT") in ("REAL", "INTEGER") for table, columns in TABLES.items() if table not in METRIC_TABLES
    ):
        raise argparse.ArgumentTypeError(f"expected a column with numbers, of no metrics, such as duration, got {column!r}")
    return column, value / 100


def run(args: argparse.Namespace) -> int:
    """Carry out the parsed command and return its exit code."""
    try:
        with terminated_as_interrupted():
            return _compared(args)
    except CommandError as failure:
        write_error(f"census-compat compare: {failure}")
        return failure.code
    except KeyboardInterrupt:
        write_error("census-compat compare: interrupted; the programs are ended, and no report is written")
        return _INTERRUPTED


def _compared(args: argparse.Namespace) -> int:
    programs = _programs(args)
    _accepted(args)
    if args.review:
        _check_review(args)
    lines = _lines(args.sources)
    if args.output is not None:
        check_output("--output", Path(args.output))
    names = (args.before, args.after) if programs else (" ".join(args.recordings[:-1]), args.recordings[-1])
    step = STEPS.get(args.accept_known)
    sides = Sides(names[0], names[1], step)
    with tempfile.TemporaryDirectory(prefix="census-compat-", ignore_cleanup_errors=True) as folder:
        try:
            runs = programs.recorded(Path(folder)) if programs else [_Run(name) for name in args.recordings]
            compared = _Comparing(runs, step, dict(args.tolerance), lines)
            found = compared(_accepted(args))
            if args.review and found.verdict == "different" and _reviewed(found, sides, Path(args.accept or _LIST)):
                found = compared(_accepted(args))
            if args.pages:
                _report(found, sides, args.format, args.output)
                _look(compared, sides, Path(args.accept or _LIST), Path(folder, "shown"))
                return _EXIT_CODES[found.verdict]
            if programs:
                found = replace(found, problems=tuple(programs.problem(each) for each in found.problems))
        except NotComparable as failure:
            if args.format == "text":
                raise
            if args.output is None:  # else the text goes to standard output
                write_error(f"census-compat compare: {failure}")
            found = Comparison((), (), (), (), (Problem("program", str(failure)),), (), (), 0)
        except RecordingError as error:
            damaged = isinstance(error, (OpenRecording, LockedRecording, DamagedRecording))
            raise CommandError(NOT_COMPARABLE if damaged else 2, str(error)) from None
    try:
        _report(found, sides, args.format, args.output)
    except BrokenPipeError:
        # The reader of our output has gone (| head): nothing is left to write, and exit must not try to flush. The exit code stands.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _EXIT_CODES[found.verdict]


class _Run(NamedTuple):
    """One run of a program."""

    recording: str
    port: int | None = None
    """Of a server."""


@dataclass(frozen=True, slots=True)
class _Comparing:
    """The comparison of some runs, the last of which is after, for any list of what is accepted."""

    runs: Sequence[_Run]
    step: Step | None
    tolerances: Mapping[str, float]
    lines: LineMap | None

    def __call__(self, accepted: Sequence[Accepted]) -> Comparison:
        """Return what differs."""
        first, *twins, after = self.runs
        with doing("comparing") as say:
            return compare(
                first.recording,
                after.recording,
                twins=[twin.recording for twin in twins],
                accepted=accepted,
                known=() if self.step is None else self.step.accepted(),
                tolerances=self.tolerances,
                replacements=one_port(run.port for run in self.runs),
                lines=self.lines,
                progress=say,
            )


def _look(compared: _Comparing, sides: Sides, accepted: Path, folder: Path) -> None:
    """Show the comparison in a browser, until that is ended.

    Args:
        compared: Compares anew for each list of what is accepted.
        sides: Names of the two sides.
        accepted: The list.
        folder: Gets a copy of the recording after: one that is being looked at cannot be compared again.
    """
    first, *_, after = compared.runs
    page = ComparisonPage(
        compared, sides, accepted, (str(first.recording), str(after.recording)), one_port(run.port for run in compared.runs)
    )
    shown = folder / Path(after.recording).name
    folder.mkdir()
    shutil.copyfile(after.recording, shown)
    look(str(shown), 0, json=False, comparison=page)


@dataclass(frozen=True, slots=True)
class _Programs:
    """The programs to run and record."""

    before: Command
    after: Command
    runs: int
    """Of the program before."""
    driving: Driving | None

    def recorded(self, folder: Path) -> list[_Run]:
        """Run the programs, and return the runs: those before, and the one after as the last.

        Raises:
            NotComparable: One cannot be started, fails or sends nothing.

        """
        # The one after is the second: what is wrong with it is said soon.
        first, *twins = [(f"before-{number}.db", self.before) for number in range(1, self.runs + 1)]
        made = {}
        for name, command in (first, ("after.db", self.after), *twins):
            with doing(f"recording {_run_name(name)}: {command.text}"):
                made[name] = _Run(str(folder / name), record(command, folder / name, self.driving, Conditions(call_sites=True)))
        return [*(made[name] for name, _ in (first, *twins)), made["after.db"]]

    def problem(self, problem: Problem) -> Problem:
        """Return a problem of the comparison with the programs in place of their recordings."""
        return replace(problem, text=_RECORDING.sub(lambda match: _run_name(match[1]), problem.text))


def _run_name(recording: str) -> str:
    """Return what a recording of ours is of."""
    side, _, number = recording.removesuffix(".db").partition("-")
    return f"the program {side}" + (f", run {number}" if number else "")


def _programs(args: argparse.Namespace) -> _Programs | None:
    """Return the programs to run; None where files are given.

    Raises:
        CommandError: It is neither, or both, or an option is without what it belongs to.

    """
    if args.before is None and args.after is None:
        for option in ("twins", "drive", "stop_signal"):
            if getattr(args, option) is not None:
                raise CommandError(2, f"--{option.replace('_', '-')} is for programs: give --before CMD and --after CMD, too")
        if len(args.recordings) < 2:
            got = f"one file: {args.recordings[0]!r}" if args.recordings else "nothing"
            raise CommandError(2, f"expected two recordings, or --before CMD and --after CMD, got {got}; try census-compat compare --help")
        return None
    if args.recordings:
        raise CommandError(
            2,
            f"expected recordings or programs, got both: {shlex.join(args.recordings)} beside --before and --after; quote each CMD as one argument",
        )
    if args.before is None or args.after is None:
        given, missing = ("--before", "--after") if args.after is None else ("--after", "--before")
        raise CommandError(2, f"expected {missing} CMD beside {given}; to record one program: census-compat local --database FILE -- CMD")
    driving = None
    if args.drive is not None:
        driving = Driving(parse("--drive", args.drive), args.stop_signal or STOP_SIGNALS[0])
    elif args.stop_signal is not None:
        raise CommandError(2, "--stop-signal is for servers: give --drive CMD, too")
    return _Programs(parse("--before", args.before), parse("--after", args.after), args.twins or _RUNS, driving)


def _accepted(args: argparse.Namespace) -> Sequence[Accepted]:
    """Return what is accepted.

    Raises:
        CommandError: The list cannot be read.

    """
    file = args.accept
    extends = args.review or args.pages
    if extends and not Path(file or _LIST).exists():
        return ()  # It is made.
    try:
        return read(file or _LIST) if file is not None or extends else ()
    except AcceptedListError as error:
        raise CommandError(2, str(error)) from None


def _check_review(args: argparse.Namespace) -> None:
    """Raise, before any program runs, where nobody can be asked, or the answers cannot be kept."""
    for stream, name in ((sys.stdin, "standard input"), (sys.stdout, "standard output")):
        if not stream.isatty():
            raise CommandError(
                2, f"--review asks questions: expected a terminal, and {name} is none. Run it in one, or write the list by hand (--accept)"
            )
    if args.format != "text" and args.output is None:
        raise CommandError(2, f"--review asks on standard output, where --format {args.format} goes: give --output FILE, too")
    check_output("--review", Path(args.accept or _LIST))


def _reviewed(found: Comparison, sides: Sides, path: Path) -> bool:
    """Ask about each difference, and return whether the list has become longer."""
    today = datetime.datetime.now(datetime.timezone.utc).date()
    entries = review(found, sides, Dialogue(input, write, style()), today)
    if entries:
        append(path, entries)
        write(f"\n{len(entries)} {'entry' if len(entries) == 1 else 'entries'} added to {path}.\n")
    else:
        write("")
    return bool(entries)


def _lines(sources: Sequence[str] | None) -> LineMap | None:
    """Return where the lines of the programs went; None where no folders are given.

    Raises:
        CommandError: One is no folder.

    """
    if sources is None:
        return None
    for name in sources:
        if not Path(name).is_dir():
            raise CommandError(2, f"--sources: expected two folders, of the code before and after, and {name!r} is none")
    return LineMap.of_folders(*sources)


def _report(found: Comparison, sides: Sides, form: str, output: str | None) -> None:
    """Write the report in its form, to the file where one is given, and the text of it to standard output then."""
    if form == "text":
        document = as_text(found, sides, replace(style(), colour=False, unicode=True))
    else:
        # ASCII means the same in every encoding that standard output may have.
        document = _FORMATS[form](found, sides).encode("ascii", "xmlcharrefreplace").decode()
    if output is not None:
        save_output("--output", Path(output), document + "\n")
    if form == "text" or output is not None:
        write(as_text(found, sides, style()))
    else:
        write(document)
