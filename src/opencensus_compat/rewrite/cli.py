"""``census-compat rewrite``: arguments, the terminal, files, and exit codes."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

from opencensus_compat.local.commands.terminal import CommandError
from opencensus_compat.rewrite import files, reports
from opencensus_compat.rewrite.explaining import explain
from opencensus_compat.rewrite.model import Options, Rewritten
from opencensus_compat.rewrite.rewriting import rewrite, rewrite_text
from opencensus_compat.rewrite.rules import REWRITERS
from opencensus_compat.rewrite.rules.exporters.makers import ACCEPTABLE
from opencensus_compat.rewrite.verify import cli as verification
from opencensus_compat.scan import notebooks
from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
    import argparse

_EPILOG = """\
Exit code: 0 nothing is left to rewrite, or all of it was written; 1 there are
edits that were not written; 2 wrong usage, or the files may not be written;
3 a person must decide about a use (with --strict), or the runs of the program
prove nothing (with --verify); 4 an edit changes the telemetry, and nothing was
written (with --verify); 5 a file could not be read or parsed (the others are
rewritten).
"""
_INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.description = "Rewrite OpenCensus code as OpenTelemetry code. Without --write no file is changed: the diff is shown."
    parser.epilog = _EPILOG
    parser.add_argument(
        "paths", nargs="*", default=["."], metavar="PATH", help="files and folders, default the current folder; - is standard input"
    )
    parser.add_argument("--write", action="store_true", help="write the files")
    parser.add_argument("--diff", action="store_true", help="show the diff also with --write")
    parser.add_argument("--patch", metavar="FILE", help="write the diff there; `git apply -R FILE` undoes what was written")
    parser.add_argument("--rule", action="append", default=[], metavar="T010,…", help="only changes with a use of these rules; repeatable")
    parser.add_argument(
        "--line",
        action="append",
        default=[],
        metavar="FILE:LINE",
        help="only changes with a use on this line (FILE:CELL:LINE in notebooks); repeatable",
    )
    parser.add_argument(
        "--include",
        choices=("shape", *sorted(ACCEPTABLE)),
        action="append",
        default=[],
        help="shape: also where the same fact arrives in other columns or as another number; a rule such as V002: also the exporter of that "
        "maker, where a program goes on to send to it; B003: also classes on a log handler that are made elsewhere; S001: also measures that a "
        "function makes for each value, of which OpenCensus records the first alone; W014, W015: also interceptors of gRPC, and Google's client "
        "libraries, whose spans get other names and codes; X003: also imports of releases before 0.3, which get the last release's names first; "
        "repeatable",
    )
    parser.add_argument(
        "--markers", action="store_true", default=True, help="write a comment above a line where a person must decide (default)"
    )
    parser.add_argument("--no-markers", action="store_false", dest="markers", help="write no such comments")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--allow-dirty", action="store_true", help="write also where git cannot undo it: uncommitted changes, or no repository"
    )
    parser.add_argument("--strict", action="store_true", help="end with 3 where a person must decide about a use")
    parser.add_argument("--exclude", action="append", default=[], metavar="GLOB", help="leave out names or paths that match; repeatable")
    parser.add_argument("--list-rules", action="store_true", help="list the rules that are rewritten, and end")
    parser.add_argument("--explain", metavar="RULE", help="say what becomes of a form of use, with programs before and after, and end")
    verification.add_arguments(parser)


def run(namespace: argparse.Namespace) -> int:
    """Rewrite, report, and return the exit code."""
    if namespace.list_rules:
        _print(reports.rules(_look(), frozenset(REWRITERS)))
        return 0
    if namespace.explain:
        rule = BY_ID.get(namespace.explain.upper())
        if rule is None:
            return _refused(f"expected a rule such as T010 after --explain, got {namespace.explain!r}; --list-rules lists them")
        _print(explain(rule, _look()))
        return 0
    try:
        verification.check(namespace)
        options = _options(namespace)
        result = _result(namespace, options)
    except (_UsageError, CommandError) as error:
        return _refused(str(error))
    except KeyboardInterrupt:
        sys.stderr.write("census-compat rewrite: interrupted; no file was changed\n")
        return _INTERRUPTED
    if namespace.paths == ["-"]:
        return _filtered(result, namespace)
    if namespace.verify:
        return _verified(namespace, options, result)
    written = namespace.write and bool(result.after)
    if written:
        problem = _write(result, namespace)
        if problem:
            return _refused(problem)
    try:
        _keep_way_back(result, namespace)
        _report(result, namespace, written=written)
    except BrokenPipeError:
        # The reader of a pipe has seen enough; Python must not flush into it as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        return _refused(f"cannot write {namespace.patch}: {error.strerror}")
    return _code(result, namespace, written=written)


def _verified(namespace: argparse.Namespace, options: Options, result: Rewritten) -> int:
    if namespace.write or namespace.write_proven:
        problem = _obstacle(result, namespace)
        if problem:  # said before the program runs
            return _refused(problem)
    shown = [result]

    def save(some: Rewritten) -> str:
        shown[:] = [some]
        try:
            _keep_way_back(some, namespace)
        except OSError as error:
            return f"nothing was written: cannot write {namespace.patch}: {error.strerror}"
        return _write(some, namespace)

    code = verification.run_verified(namespace, options, result, save)
    if code not in (0, 1, verification.DIFFERENT) or namespace.json:
        return code
    if namespace.diff:
        _print_bytes(reports.diff(shown[0], by_cell=True))
    if code != verification.DIFFERENT and result.left:
        _print(reports.left(result, _look()))
    if code != verification.DIFFERENT and namespace.strict and any(each.why == "decide" for each in result.left):
        return 3
    return code or (5 if result.problems else 0)


def _keep_way_back(result: Rewritten, namespace: argparse.Namespace) -> None:
    if namespace.patch and result.after:
        with open(namespace.patch, "wb") as file:
            file.write(reports.diff(result))


class _UsageError(Exception):
    """The command was called in a way that cannot work."""


def _refused(problem: str) -> int:
    sys.stderr.write(f"census-compat rewrite: {problem}\n")
    return 2


def _options(namespace: argparse.Namespace) -> Options:
    rules = frozenset(rule.strip().upper() for text in namespace.rule for rule in text.split(",") if rule.strip())
    unknown = sorted(rules - BY_ID.keys())
    if unknown:
        raise _UsageError(f"expected rules such as T010, got {', '.join(unknown)}; --list-rules lists them")
    lines = set()
    for text in namespace.line:
        path, _, line = text.rpartition(":")
        cell = "0"
        if path.rpartition(":")[0].endswith(notebooks.SUFFIX):
            path, _, cell = path.rpartition(":")
        if not path or not line.isdecimal() or not cell.isdecimal() or path.endswith(notebooks.SUFFIX) == (cell == "0"):
            raise _UsageError(f"expected FILE:LINE after --line, or FILE:CELL:LINE of a notebook, got {text!r}")
        lines.add((os.path.abspath(path), int(cell), int(line)))
    return Options(
        shape="shape" in namespace.include,
        rules=rules,
        lines=frozenset(lines),
        accepted=ACCEPTABLE & set(namespace.include),
        markers=namespace.markers,
    )


def _result(namespace: argparse.Namespace, options: Options) -> Rewritten:
    if "-" in namespace.paths:
        if namespace.paths != ["-"] or namespace.write:
            raise _UsageError("expected standard input alone and without --write: the new text goes to standard output")
        namespace.input = sys.stdin.buffer.read()
        return rewrite_text(namespace.input, options=options)
    missing = [path for path in namespace.paths if not os.path.lexists(path)]
    if missing:
        raise _UsageError(f"expected files or folders, found no {', '.join(map(repr, missing))}")
    return rewrite(namespace.paths, options, exclude=namespace.exclude)


def _filtered(result: Rewritten, namespace: argparse.Namespace) -> int:
    """Answer what came on standard input: the new text, or a report of it."""
    if namespace.json or namespace.diff:
        _report(result, namespace, written=False)
        return _code(result, namespace, written=False)
    _print_bytes(next(iter(result.after.values()), namespace.input))
    sys.stderr.write(reports.left(result, reports.Look()))
    return _code(result, namespace, written=True)


def _obstacle(result: Rewritten, namespace: argparse.Namespace) -> str:
    """Return why files may not be written; empty where they may."""
    paths = sorted(result.after)
    if not namespace.allow_dirty:
        try:
            dirty = files.uncommitted(paths)
        except files.NoGit as error:
            if not namespace.patch:
                return (
                    f"nothing was written, since git cannot undo it ({error}); --patch FILE keeps the way back, --allow-dirty goes without"
                )
        else:
            if dirty:
                return f"nothing was written: uncommitted changes in {', '.join(dirty)}; commit them, or use --allow-dirty"
    closed = [path for path in paths if not os.access(path, os.W_OK) or not os.access(os.path.dirname(os.path.realpath(path)), os.W_OK)]
    if closed:
        return f"nothing was written: read-only {', '.join(closed)}"
    return ""


def _write(result: Rewritten, namespace: argparse.Namespace) -> str:
    """Write all files, or none; return why nothing was written, empty where it was."""
    problem = _obstacle(result, namespace)
    if problem:
        return problem
    paths = sorted(result.after)
    done: list[str] = []
    try:
        for path in paths:
            files.write(path, result.after[path])
            done.append(path)
    except (OSError, KeyboardInterrupt) as error:
        for path in done:
            files.write(path, result.before[path])
        reason = "interrupted" if isinstance(error, KeyboardInterrupt) else f"cannot write {paths[len(done)]}: {error.strerror}"
        return f"nothing was written: {reason}"
    return ""


def _report(result: Rewritten, namespace: argparse.Namespace, *, written: bool) -> None:
    if namespace.json:
        _print(reports.as_json(result, written=written))
        return
    look = _look()
    if namespace.diff or not written:
        patch = reports.diff(result, by_cell=True)
        if sys.stdout.isatty():
            _print(reports.shown(patch, look))
        else:
            _print_bytes(patch)
    _print(reports.left(result, look))
    if result.after and not written:
        _print("No file was changed; --write writes them.\n")


def _code(result: Rewritten, namespace: argparse.Namespace, *, written: bool) -> int:
    if result.problems:
        return 5
    if namespace.strict and any(each.why == "decide" for each in result.left):
        return 3
    return 1 if result.after and not written else 0


def _look() -> reports.Look:
    is_terminal = sys.stdout.isatty()
    return reports.Look(
        width=shutil.get_terminal_size((80, 24)).columns if is_terminal else 80,
        colour=is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb",
    )


def _print(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()


def _print_bytes(data: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
