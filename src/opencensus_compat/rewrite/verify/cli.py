"""What ``census-compat rewrite --verify`` adds to the command: arguments, the report, and what is written."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from opencensus_compat.compare import AcceptedListError, RecordingError
from opencensus_compat.compare import read_accepted as read_list
from opencensus_compat.compare.output import check_output, save_output
from opencensus_compat.compare.programs import NOT_COMPARABLE, STOP_SIGNALS, Driving, command, parse
from opencensus_compat.compare.steps import STEPS
from opencensus_compat.local.commands.terminal import CommandError, style, terminated_as_interrupted, write, write_error
from opencensus_compat.rewrite.rewriting import rewrite
from opencensus_compat.steps import log

from . import reports
from .account import by_rule, places, summary
from .running import Program
from .session import Options, verify
from .tree import root_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from opencensus_compat.rewrite.edits import Change
    from opencensus_compat.rewrite.model import Options as Rules
    from opencensus_compat.rewrite.model import Rewritten

    from .account import Account
    from .proving import Edit

DIFFERENT = 4
"""Exit code where an edit makes a difference."""
_NOT_WRITTEN = 1
_INTERRUPTED = 130
_BELONGING = (
    "drive",
    "stop_signal",
    "timeout",
    "accept",
    "accept_known",
    "copy",
    "require_proof",
    "write_proven",
    "report",
    "report_format",
    "recordings",
)
_FORMATS = {"text": None, "json": reports.as_json, "markdown": reports.as_markdown}
_ENDINGS = {".json": "json", ".md": "markdown"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    group = parser.add_argument_group(
        "proof",
        "Run the program in a copy of its folder: twice as it is, and once with the edits. An edit is proven where its line ran and the "
        "telemetry stayed as it was. The command stands at the end, after --.",
    )
    group.add_argument("--verify", action="store_true", help="prove the edits: rewrite PATH --verify -- CMD [ARG ...]")
    group.add_argument("--drive", metavar="CMD", help="the program is a server, and this sends it requests; {port} is its port")
    group.add_argument("--stop-signal", choices=STOP_SIGNALS, metavar="SIGNAL", help="what ends a server: SIGTERM, the default, or SIGINT")
    group.add_argument("--timeout", metavar="SECONDS", type=float, help="how long a run may take; default: for ever")
    group.add_argument("--accept", metavar="FILE", help="list of differences that are meant, as of `census-compat compare`")
    group.add_argument(
        "--accept-known",
        choices=("instrumentations",),
        help="with --include shape: accept what instrumentations change, by the rows of the guide's page about them",
    )
    group.add_argument("--copy", metavar="PATH", action="append", help="copy this, too, though git ignores it; repeatable")
    group.add_argument("--require-proof", action="store_true", help="with --write: leave out edits whose line did not run")
    group.add_argument("--write-proven", action="store_true", help="write the proven edits, also where others make a difference")
    group.add_argument("--report", metavar="FILE", help="write the report for the reviewer there")
    group.add_argument("--report-format", choices=tuple(_FORMATS), help="its form; default: by the ending .json or .md, else text")
    group.add_argument("--recordings", metavar="FOLDER", help="keep the recordings there: before.db, twin.db, after.db")


def check(namespace: argparse.Namespace) -> None:
    """Raise where options are without what they belong to.

    Raises:
        CommandError: The message says what is missing.

    """
    words = getattr(namespace, "program", None)
    if not namespace.verify:
        given = next((name for name in _BELONGING if getattr(namespace, name)), None)
        if given or words:
            what = f"--{given.replace('_', '-')}" if given else "-- CMD"
            raise CommandError(2, f"{what} is for --verify: census-compat rewrite PATH --verify -- CMD")
        return
    if not words:
        raise CommandError(2, "--verify: expected a command after --, such as census-compat rewrite orders --verify -- python -m pytest")
    if namespace.stop_signal and not namespace.drive:
        raise CommandError(2, "--stop-signal is for servers: give --drive CMD, too")
    if namespace.timeout is not None and not namespace.timeout > 0:
        raise CommandError(2, f"--timeout: expected a number of seconds above 0, got {namespace.timeout:g}")
    if namespace.require_proof and not (namespace.write or namespace.write_proven):
        raise CommandError(2, "--require-proof says what --write writes: give that, too")
    if namespace.report:
        check_output("--report", Path(namespace.report))
    if namespace.recordings and not Path(namespace.recordings).is_dir():
        raise CommandError(2, f"--recordings: there is no folder {namespace.recordings!r}")


@dataclass(frozen=True, slots=True)
class _Plan:
    """The changes of a rewrite, any of which can be made without the others."""

    rewritten: Rewritten
    again: Callable[[Callable[[Change], bool]], Rewritten]

    @property
    def edits(self) -> Sequence[Change]:
        return list({change.key: change for change in self.rewritten.changes}.values())

    def some(self, edits: Sequence[Edit]) -> Rewritten:
        """Return the rewrite with some of the changes."""
        keys = {edit.key for edit in edits}
        if keys == {edit.key for edit in self.edits}:
            return self.rewritten
        return self.again(lambda change: change.key in keys)

    def texts(self, edits: Sequence[Edit]) -> Mapping[str, tuple[bytes, bytes]]:
        found = self.some(edits)
        return {path: (before, found.after[path]) for path, before in found.before.items()}


def run_verified(namespace: argparse.Namespace, rules: Rules, rewritten: Rewritten, save: Callable[[Rewritten], str]) -> int:
    """Verify a rewrite, report, write, and return the exit code.

    Args:
        namespace: The arguments.
        rules: What the rewrite was to change.
        rewritten: What it made.
        save: Writes the files of a rewrite, and returns why it did not.

    """
    plan = _Plan(rewritten, lambda select: rewrite(namespace.paths, replace(rules, select=select), exclude=namespace.exclude))
    if not plan.edits:
        write("Nothing to rewrite, and so nothing to prove.")
        return 0
    try:
        with terminated_as_interrupted():
            account = verify(plan, _options(namespace))
            return _concluded(namespace, account, plan, save)
    except CommandError as failure:
        write_error(f"census-compat rewrite: {failure}\nnothing was written")
        return failure.code
    except RecordingError as failure:
        write_error(f"census-compat rewrite: {failure}\nnothing was written")
        return NOT_COMPARABLE
    except KeyboardInterrupt:
        write_error("census-compat rewrite: interrupted; the programs are ended, and nothing was written")
        return _INTERRUPTED


def _concluded(namespace: argparse.Namespace, account: Account, plan: _Plan, save: Callable[[Rewritten], str]) -> int:
    chosen = account.chosen if account.is_equal or namespace.write_proven else ()
    wanted = namespace.write or namespace.write_proven
    done = plan.some(chosen) if chosen and wanted else None
    problem = save(done) if done is not None else ""
    if done is not None and not problem:
        _note(account, done)
    if namespace.report:
        save_output(
            "--report",
            Path(namespace.report),
            _document(account, namespace.report_format or _ENDINGS.get(Path(namespace.report).suffix, "text")),
        )
    write(reports.as_json(account) if namespace.json else reports.as_text(account, style()))
    if problem:
        raise CommandError(2, problem)
    if not namespace.json:
        write(_said(account, done, wanted=wanted))
    if not account.is_equal:
        return DIFFERENT
    return 0 if done is not None and len(chosen) == len(account.edits) else _NOT_WRITTEN


def _said(account: Account, done: Rewritten | None, *, wanted: bool) -> str:
    """Return what was written, and what may be done next."""
    if done is not None:
        files = len(done.after)
        return f"Written: {len(places(account.chosen))} of {len(places(account.edits))} edits in {files} file{'' if files == 1 else 's'}; noted in {log.PLACE}."
    if account.is_equal:
        return "Nothing was written: no edit is proven." if wanted else "Nothing was written; --write writes the edits."
    more = "; --write-proven writes the proven ones" if account.coverage.whole and not wanted else ""
    return f"Nothing was written{more}."


def _note(account: Account, done: Rewritten) -> None:
    known = account.circumstances
    root = root_of(list(done.after))
    comparison = account.comparison
    if comparison is None:
        return
    line = log.entry("files", root, known.command, comparison, account.recordings)
    line |= {
        "hasChanges": known.has_changes,  # before the files were written
        "rules": by_rule(places(account.chosen)),
        "files": sorted(os.path.relpath(os.path.realpath(path), root) for path in done.after),
        "summary": summary(account),
    }
    if known.drive:
        line["drive"] = known.drive
    try:
        log.append(root, line)
    except OSError as error:
        write_error(f"census-compat rewrite: cannot add the step to {log.PLACE}: {error.strerror}")


def _options(namespace: argparse.Namespace) -> Options:
    program = command("--verify", namespace.program)
    driving = Driving(parse("--drive", namespace.drive), namespace.stop_signal or STOP_SIGNALS[0]) if namespace.drive else None
    try:
        accepted = read_list(namespace.accept) if namespace.accept else ()
    except AcceptedListError as error:
        raise CommandError(2, str(error)) from None
    return Options(
        Program(program, driving, namespace.timeout),
        accepted,
        namespace.copy or (),
        Path(namespace.recordings).absolute() if namespace.recordings else None,
        only_proven=namespace.write_proven or namespace.require_proof,
        known=[entry for step in ("rewrite", namespace.accept_known) if step for entry in STEPS[step].accepted()],
    )


def _document(account: Account, form: str) -> str:
    document = _FORMATS[form]
    return document(account) if document else reports.as_text(account, replace(style(), colour=False, unicode=True)) + "\n"
