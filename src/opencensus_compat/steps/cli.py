"""The command ``census-compat step``: its arguments, and what is done with them.

Exit codes: 0 the step changes nothing but what is accepted, and is noted; 1 something differs, or code that the step needs gone is left;
2 wrong usage; 3 not comparable; 130 after a Ctrl+C. Those of ``files`` are those of ``census-compat rewrite``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from opencensus_compat.compare import AcceptedListError, RecordingError, read_accepted
from opencensus_compat.compare.programs import NOT_COMPARABLE, STOP_SIGNALS, Conditions, Driving, command, parse, record
from opencensus_compat.compare.progress import doing
from opencensus_compat.compare.reports import Sides, as_text
from opencensus_compat.compare.steps import STEPS
from opencensus_compat.local.commands.terminal import CommandError, style, terminated_as_interrupted, write, write_error
from opencensus_compat.rewrite import cli as rewrite_cli
from opencensus_compat.rewrite.verify import inside
from opencensus_compat.scan.project import HINT_RULES, masked, scan

from . import log
from .judging import Run, judged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opencensus_compat.compare import Accepted, Comparison
    from opencensus_compat.compare.programs import Command
    from opencensus_compat.scan.findings import Use

_DESCRIPTION = """\
Take a service from the retired SDK to OpenTelemetry in four steps. Each runs the
program before and after the step, compares what it sends, and notes the step in
.census-compat/steps.jsonl, which is to be committed.

  census-compat step swap --before 'old/bin/python app.py' -- python app.py
  census-compat step shape -- python app.py
  census-compat step files orders/ -- python app.py
  census-compat step remove -- python app.py

swap    from the retired SDK to this package; without --before the retired SDK
        must be installed beside it
shape   to OpenTelemetry's envelopes; saved queries that change are listed
files   from OpenCensus code to OpenTelemetry code: rewrite PATH --verify --write
remove  without this package's facades, which no code may use any more
"""

_EPILOG = """\
The program ends by itself; with --drive it is a server, as in census-compat compare.

exit codes
  0  nothing differs but what is accepted    1  something differs, or is left
  2  wrong usage                             3  not comparable: a program failed or
     sent nothing, or is unstable            4  files: an edit makes a difference
"""
_INTERRUPTED = 130
_SHOWN = 10
_ENVELOPES = "OPENCENSUS_COMPAT_ENVELOPES"
_DISABLED = "OPENCENSUS_COMPAT_DISABLED"
_NEXT = {
    "swap": "Next: let the service run on this package. When its dashboards may change: census-compat step shape -- CMD",
    "shape": f"Next: change the saved queries, and set {_ENVELOPES}=otel where the service runs. Then: census-compat step files PATH -- CMD",
    "files": "Next: commit, and go on with other files. When census-compat scan finds no use any more: census-compat step remove -- CMD",
    "remove": "Next: nothing. The service is on OpenTelemetry; what it needs of this package is appinsights_exporter.",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments on ``parser``."""
    parser.description = _DESCRIPTION
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("step", choices=log.STEPS, help="which")
    parser.add_argument(
        "paths",
        nargs="*",
        default=[],
        metavar="PATH",
        help="files: what is rewritten; shape: where saved queries are; remove: what may use nothing; default: the current folder",
    )
    parser.add_argument("--before", metavar="CMD", help="swap: the program on the retired SDK")
    parser.add_argument("--drive", metavar="CMD", help="the program is a server, and this sends it requests; {port} is its port")
    parser.add_argument("--stop-signal", choices=STOP_SIGNALS, metavar="SIGNAL", help="what ends a server: SIGTERM, the default, or SIGINT")
    parser.add_argument("--timeout", metavar="SECONDS", type=float, help="how long a run may take; default: for ever")
    parser.add_argument("--accept", metavar="FILE", help="list of differences that are meant, in TOML")
    parser.add_argument("--include", choices=("shape",), help="files: also rules of the class shape, such as integrations")
    parser.add_argument("--accept-known", choices=("instrumentations",), help="files: accept what instrumentations change on purpose")


def run(args: argparse.Namespace) -> int:
    """Carry out the parsed command and return its exit code."""
    try:
        words = args.program or ()
        if not words:
            raise CommandError(2, f"expected a program after --, such as census-compat step {args.step} -- python app.py")
        if args.before is not None and args.step != "swap":
            raise CommandError(2, f"--before is the program on the retired SDK, for swap; {args.step} has one program only")
        if args.step == "files":
            return _files(args)
        for name in ("include", "accept_known"):
            if getattr(args, name) is not None:
                raise CommandError(2, f"--{name.replace('_', '-')} is for files: {args.step} rewrites nothing")
        with terminated_as_interrupted():
            return _taken(args, command("--", words))
    except CommandError as failure:
        write_error(f"census-compat step: {failure}")
        return failure.code
    except RecordingError as failure:
        write_error(f"census-compat step: {failure}")
        return NOT_COMPARABLE
    except KeyboardInterrupt:
        write_error("census-compat step: interrupted; the programs are ended, and no step is noted")
        return _INTERRUPTED


def _files(args: argparse.Namespace) -> int:
    parser = argparse.ArgumentParser()
    rewrite_cli.add_arguments(parser)
    words = [*args.paths, "--write", "--verify"]
    for name in ("drive", "stop_signal", "timeout", "accept", "include", "accept_known"):
        value = getattr(args, name)
        words += [] if value is None else [f"--{name.replace('_', '-')}", str(value)]
    code = rewrite_cli.run(parser.parse_args(words, argparse.Namespace(program=args.program)))
    if code == 0:
        write(_NEXT["files"])
    return code


@dataclass(frozen=True, slots=True)
class _Step:
    """What is run before and after."""

    before: Command
    after: Command
    sides: Sides
    known: Iterable[Accepted] = ()


def _taken(args: argparse.Namespace, program: Command) -> int:
    if args.drive is None and args.stop_signal is not None:
        raise CommandError(2, "--stop-signal is for servers: give --drive CMD, too")
    driving = None if args.drive is None else Driving(parse("--drive", args.drive), args.stop_signal or STOP_SIGNALS[0])
    try:
        accepted = read_accepted(args.accept) if args.accept else ()
    except AcceptedListError as error:
        raise CommandError(2, str(error)) from None
    paths = args.paths or ["."]
    missing = [path for path in paths if not os.path.lexists(path)]
    if missing:
        raise CommandError(2, f"expected files or folders, found no {missing[0]!r}")
    queries = _queries(paths, args.accept) if args.step == "shape" else []
    if args.step == "remove":
        _check_nothing_left(paths)
    with tempfile.TemporaryDirectory(prefix="census-compat-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        step = _step(args, program, folder)
        runs = _recorded(step, folder, driving, Conditions(limit_s=args.timeout))
        before, after, twin = runs
        found = judged(before, after, [twin], accepted=accepted, known=step.known)
        hashes = {"before": log.hash_of(before.recording), "twin": log.hash_of(twin.recording), "after": log.hash_of(after.recording)}
    write(as_text(found, step.sides, style()))
    if queries:
        write("\n" + "\n".join(_listed(queries)))
    if found.verdict != "equal":
        write(f"\nThe step {args.step} is not noted.")
        return 1 if found.verdict == "different" else NOT_COMPARABLE
    _note(args, program, found, hashes)
    write(f"\nNoted in {log.PLACE}.\n{_NEXT[args.step]}")
    return 0


def _step(args: argparse.Namespace, program: Command, folder: Path) -> _Step:
    """Return the two programs of a step."""

    def with_variables(variables: Mapping[str, str]) -> Command:
        return replace(program, variables={**program.variables, **variables})

    if args.step == "swap":
        before = parse("--before", args.before) if args.before is not None else with_variables({_DISABLED: "1"})
        shown = args.before or f"{_DISABLED}=1 {program.text}"
        return _Step(before, program, Sides(shown, program.text, STEPS["bridge"]), STEPS["bridge"].accepted())
    if args.step == "shape":
        sides = Sides(f"{_ENVELOPES}=legacy {program.text}", f"{_ENVELOPES}=otel {program.text}", STEPS["shape"])
        return _Step(with_variables({_ENVELOPES: "legacy"}), with_variables({_ENVELOPES: "otel"}), sides, STEPS["shape"].accepted())
    (folder / "start").mkdir()
    shutil.copyfile(inside.__file__, folder / "start" / "sitecustomize.py")
    (folder / "orders").write_text(json.dumps({"hidden": ["opencensus", "opencensus_compat"]}), encoding="utf-8")
    path = {**os.environ, **program.variables}.get("PYTHONPATH", "")
    hidden = {
        _DISABLED: "1",
        inside.VARIABLE: str(folder / "orders"),
        "PYTHONPATH": os.pathsep.join([str(folder / "start"), *filter(None, [path])]),
    }
    return _Step(program, with_variables(hidden), Sides(program.text, f"{program.text}  (without opencensus and opencensus_compat)"))


def _recorded(step: _Step, folder: Path, driving: Driving | None, conditions: Conditions) -> tuple[Run, Run, Run]:
    """Run the program before, the one after, and the one before once more: what is wrong with the one after is said soon."""
    made = []
    for name, what, each in (
        ("before", "the program before", step.before),
        ("after", "the program after", step.after),
        ("twin", "the program before, run 2", step.before),
    ):
        with doing(f"recording {what}: {each.text}"):
            database = folder / f"{name}.db"
            made.append(Run(str(database), record(each, database, driving, conditions), what))
    before, after, twin = made
    return before, after, twin


def _queries(paths: list[str], but: str | None) -> list[Use]:
    """Return the uses in saved queries, but for those in the list of what is meant, which names columns, too."""
    with doing("looking for saved queries"):
        found = [use for use in scan(paths).uses if use.rule_id.startswith("Q")]
    return [use for use in found if but is None or os.path.abspath(use.path) != os.path.abspath(but)]


def _listed(queries: list[Use]) -> list[str]:
    """Return the lines that name saved queries."""
    lines = [
        f"{len(queries)} use{'' if len(queries) == 1 else 's'} in saved queries change{'s' if len(queries) == 1 else ''} with this step:"
    ]
    lines += [f"  {os.path.normpath(use.path)}:{use.line}  {use.symbol}: {use.rule.counterpart}" for use in queries[:_SHOWN]]
    if len(queries) > _SHOWN:
        lines.append(f"  and {len(queries) - _SHOWN} more: census-compat scan")
    return lines


def _check_nothing_left(paths: list[str]) -> None:
    with doing("looking for uses of OpenCensus"):
        # Requirements may name OpenCensus still, and then scan tells of what needs none of it, too.
        left = [use for use in scan(paths).uses if use.path.endswith((".py", ".ipynb")) and use.rule_id not in HINT_RULES]
    if left:
        names = "".join(f"\n  {os.path.normpath(use.path)}:{use.line}  {use.rule_id}  {use.text or use.symbol}" for use in left[:_SHOWN])
        more = f"\n  and {len(left) - _SHOWN} more: census-compat scan" if len(left) > _SHOWN else ""
        raise CommandError(1, f"remove comes last: OpenCensus is still used{names}{more}\nto rewrite it: census-compat step files -- CMD")


def _note(args: argparse.Namespace, program: Command, found: Comparison, hashes: Mapping[str, str]) -> None:
    root = log.root_of(Path.cwd())
    line = log.entry(args.step, root, program.text, found, hashes)
    if args.drive:
        line["drive"] = masked(args.drive)
    try:
        log.append(root, line)
    except OSError as error:
        raise CommandError(2, f"cannot note the step in {log.PLACE}: {error.strerror or error}") from None
