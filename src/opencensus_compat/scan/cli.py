"""``census-compat scan``: arguments, the terminal, and exit codes."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from typing import TYPE_CHECKING

from opencensus_compat.scan import report
from opencensus_compat.scan.project import scan

if TYPE_CHECKING:
    import argparse

    from opencensus_compat.scan.findings import Result

_EPILOG = """\
Exit code: 0 scanned, and nothing that --fail-on names; 1 such a use was
found; 2 wrong usage, or a path that does not exist; 3 some files could not
be read (they are listed, and the others are scanned).
"""
_FORMATS = {"json": report.as_json, "github": report.as_github, "markdown": report.as_markdown}
_PROGRESS_AFTER_S = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.description = "Report what of OpenCensus the files below PATH use, and what becomes of each use. Nothing is imported or run."
    parser.epilog = _EPILOG
    parser.add_argument("paths", nargs="*", default=["."], metavar="PATH", help="files and folders; default: the current folder")
    parser.add_argument("--format", choices=("text", *_FORMATS), default="text", help="default: text")
    parser.add_argument("--output", metavar="FILE", help="write the report there instead of on standard output")
    parser.add_argument("--exclude", action="append", default=[], metavar="GLOB", help="leave out names or paths that match; repeatable")
    parser.add_argument(
        "--fail-on",
        choices=("none", "decide", "any"),
        default="none",
        help="end with 1 where a person must decide about a use, or where there is any; default: none",
    )
    parser.add_argument("--statistics", action="store_true", help="count the uses of each form at the end of the text")


def run(namespace: argparse.Namespace) -> int:
    """Scan, write the report, and return the exit code."""
    missing = [path for path in namespace.paths if not os.path.lexists(path)]
    if missing:
        sys.stderr.write(f"census-compat scan: expected files or folders, found no {', '.join(map(repr, missing))}\n")
        return 2
    progress = _Progress()
    try:
        result = scan(namespace.paths, exclude=namespace.exclude, progress=progress)
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


def _code(result: Result, fail_on: str) -> int:
    if any(fail_on == "any" or (fail_on == "decide" and use.rule.kind == "decide") for use in result.uses):
        return 1
    return 3 if result.problems else 0


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
