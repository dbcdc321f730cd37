"""``census-compat scan``: arguments, the terminal, and exit codes."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from opencensus_compat.scan import baseline, report
from opencensus_compat.scan.findings import Held
from opencensus_compat.scan.page import as_html
from opencensus_compat.scan.project import scan
from opencensus_compat.scan.sarif import as_sarif
from opencensus_compat.scan.seen import Site
from opencensus_compat.scan.selection import AREAS, areas

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opencensus_compat.scan.findings import Result

_EPILOG = """\
Exit code: 0 scanned, and nothing that --fail-on names; 1 such a use was
found; 2 wrong usage, a path that does not exist, or a recording or baseline
of no use; 3 some files could not be read (they are listed, and the others are
scanned).
"""
_FORMATS = {
    "json": report.as_json,
    "sarif": as_sarif,
    "html": as_html,
    "github": report.as_github,
    "markdown": report.as_markdown,
}
_CLASSES = ("exact", "shape", "decide", "keep")
_PROGRESS_AFTER_S = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.description = "Report what of OpenCensus the files below PATH use, and what becomes of each use. Nothing is imported or run."
    parser.epilog = _EPILOG
    parser.add_argument("paths", nargs="*", default=["."], metavar="PATH", help="files and folders; default: the current folder")
    parser.add_argument("--format", choices=("text", *_FORMATS), default="text", help="default: text")
    parser.add_argument("--output", metavar="FILE", help="write the report there instead of on standard output")
    parser.add_argument("--exclude", action="append", default=[], metavar="GLOB", help="leave out names or paths that match; repeatable")
    parser.add_argument("--only", metavar="AREA,…", type=_some(AREAS), help=f"report these areas alone: {', '.join(AREAS)}")
    parser.add_argument(
        "--class", metavar="CLASS,…", dest="classes", type=_some(_CLASSES), help=f"report these alone: {', '.join(_CLASSES)}"
    )
    parser.add_argument("--seen", metavar="RECORDING", help="say which uses ran, by a `census-compat local --database RECORDING -- CMD`")
    parser.add_argument("--baseline", metavar="FILE", help="the uses that are known: others are new")
    parser.add_argument(
        "--update", action="store_true", help="write the baseline: all uses the first time, then only without those that are gone"
    )
    parser.add_argument(
        "--fail-on",
        choices=("none", "decide", "any", "new", "unfound"),
        default="none",
        help="end with 1 where a person must decide about a use, there is any, one is new to the baseline, or a line ran that is no use found; "
        "default: none",
    )
    parser.add_argument("--statistics", action="store_true", help="count the uses of each form at the end of the text")


def _some(known: Sequence[str]) -> Callable[[str], frozenset[str]]:
    def some(text: str) -> frozenset[str]:
        words = [word.strip() for word in text.split(",")]
        wrong = [word for word in words if word not in known]
        if wrong:
            raise argparse.ArgumentTypeError(f"expected some of {', '.join(known)}, got {', '.join(map(repr, wrong))}")
        return frozenset(words)

    return some


class _Refused(Exception):
    """Ends the command with exit code 2; the message says why."""


def run(namespace: argparse.Namespace) -> int:
    """Scan, write the report, and return the exit code."""
    progress = _Progress()
    try:
        known = _checked(namespace)
        sites = None if namespace.seen is None else _sites(namespace.seen)
        result = scan(namespace.paths, exclude=namespace.exclude, sites=sites, progress=progress)
        if known is not None:
            _hold_against(known, result, namespace)
        _select(result, namespace)
    except _Refused as refused:
        progress.clear()
        sys.stderr.write(f"census-compat scan: {refused}\n")
        return 2
    except KeyboardInterrupt:
        progress.clear()
        sys.stderr.write("census-compat scan: interrupted; no report was written\n")
        return 130
    progress.clear()
    try:
        _write(_report(result, namespace), namespace.output)
    except BrokenPipeError:
        # The reader of a pipe has seen enough; Python must not flush into it as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        sys.stderr.write(f"census-compat scan: cannot write {namespace.output}: {error.strerror}\n")
        return 2
    return _code(result, namespace.fail_on)


def _checked(namespace: argparse.Namespace) -> baseline.Baseline | None:
    """Return the baseline, an empty one where it is yet to be made; None without one.

    Raises:
        _Refused: The arguments do not go together, or name what is of no use.
    """
    missing = [path for path in namespace.paths if not os.path.lexists(path)]
    if missing:
        raise _Refused(f"expected files or folders, found no {', '.join(map(repr, missing))}")
    for option, needed, is_given in (
        ("--update", "--baseline FILE", namespace.baseline is None and namespace.update),
        ("--fail-on new", "--baseline FILE", namespace.baseline is None and namespace.fail_on == "new"),
        ("--fail-on unfound", "--seen RECORDING", namespace.seen is None and namespace.fail_on == "unfound"),
    ):
        if is_given:
            raise _Refused(f"{option} needs {needed}")
    if namespace.baseline is None:
        return None
    try:
        return baseline.read(namespace.baseline)
    except FileNotFoundError:
        if namespace.update:
            return baseline.Baseline(namespace.baseline)
        raise _Refused(f"there is no baseline {namespace.baseline}; --update makes it") from None
    except baseline.BaselineError as error:
        raise _Refused(str(error)) from None
    except OSError as error:
        raise _Refused(f"cannot read {namespace.baseline}: {error.strerror}") from None


def _sites(recording: str) -> list[Site]:
    from opencensus_compat.compare.recordings import RecordingError, call_sites

    try:
        return [Site(site.file, site.line, site.symbol, site.via, site.count) for site in call_sites(recording)]
    except RecordingError as error:
        raise _Refused(str(error)) from None


def _hold_against(known: baseline.Baseline, result: Result, namespace: argparse.Namespace) -> None:
    """Mark what is new, and write the baseline where that is asked for.

    Raises:
        _Refused: It cannot be written.
    """
    is_first = namespace.update and not os.path.exists(namespace.baseline)
    after = known.first(result.uses) if is_first else known
    marks = after.new(result.uses)
    result.uses[:] = [replace(use, is_new=is_new) for use, is_new in zip(result.uses, marks, strict=True)]
    result.held = Held(sum(marks), after.gone(result.uses, namespace.paths), namespace.update)
    if namespace.update:
        try:
            _write((after if is_first else after.fallen(result.uses, namespace.paths)).as_text(), namespace.baseline)
        except OSError as error:
            raise _Refused(f"cannot write {namespace.baseline}: {error.strerror}") from None


def _select(result: Result, namespace: argparse.Namespace) -> None:
    if namespace.only is not None:
        result.uses[:] = [use for use in result.uses if areas(use) & namespace.only]
    if namespace.classes is not None:
        result.uses[:] = [use for use in result.uses if use.rule.kind in namespace.classes]


def _code(result: Result, fail_on: str) -> int:
    has_unfound = result.recorded is not None and bool(result.recorded.unfound)
    fails = {
        "none": False,
        "unfound": has_unfound,
        "new": any(use.is_new for use in result.uses),
        # A line that ran and was not found is for a person, too.
        "decide": has_unfound or any(use.rule.kind == "decide" for use in result.uses),
        "any": has_unfound or bool(result.uses),
    }
    return 1 if fails[fail_on] else 3 if result.problems else 0


def _report(result: Result, namespace: argparse.Namespace) -> str:
    if namespace.format in _FORMATS:
        return _FORMATS[namespace.format](result)
    is_terminal = namespace.output is None and sys.stdout.isatty()
    look = report.Look(
        width=shutil.get_terminal_size((80, 24)).columns if is_terminal else 80,
        colour=is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb",
    )
    return report.as_text(result, look, statistics=namespace.statistics)


def _write(text: str, path: str | None) -> None:
    if path is None:
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()
        return
    # A file that is only half written never has the name.
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(path)), prefix=".census-compat-")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


class _Progress:
    """How many files have been looked at, on a terminal, once a scan takes a second."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty()
        self._next = time.monotonic() + _PROGRESS_AFTER_S
        self._is_dirty = False

    def __call__(self, files: int) -> None:
        if self._is_shown and files % 100 == 0 and time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.2
            self._is_dirty = True
            sys.stderr.write(f"\r{files:,} files")
            sys.stderr.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._is_dirty:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
