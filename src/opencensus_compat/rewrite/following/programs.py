"""Which files belong to one program: those that import each other, or name each other's modules in text."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from opencensus_compat.scan import import_lines, notebooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.scan.flow import Given
    from opencensus_compat.scan.project import Program
    from opencensus_compat.scan.values import Value

_BY_NAME = (b"import_module(", b"__import__(", b"iter_modules(", b"walk_packages(", b"spec_from_file_location(")
"""How files import modules whose names they make up as they run."""
_SETS_UP = re.compile(rb"\b(?:appinsights_exporter|azure\.monitor|opentelemetry\.(?:sdk|instrumentation)|logging\.config)\b")


class View:
    """The program's modules as one file imports them, after what has changed so far.

    Args:
        program: The files around.
        exports: File -> what it hands on; grows with each round.
        here: The file.
    """

    def __init__(self, program: Program, exports: Mapping[str, Mapping[str, Value]], here: str) -> None:
        self._program, self._exports = program, exports
        self.here = here
        self.asked: set[str] = set()
        """Files whose names it wanted."""

    def find(self, level: int, name: str) -> str | None:
        """Return the file of a module that an import statement names."""
        return self._program.find(self.here, level, name)

    def exports(self, path: str) -> Mapping[str, Value]:
        """Return what a file hands on."""
        self.asked.add(path)
        return self._exports.get(path, {})


def handed_over(files: Iterable[File]) -> dict[str, Given]:
    """Return file -> what its functions are handed in others."""
    found: dict[str, Given] = {}
    for file in files:
        for path, given in file.module.handed.items():
            for key, value in given.items():
                found.setdefault(path, {}).setdefault(key, value)
    return found


def programs(files: Iterable[str], every: Iterable[str], find: Callable[[str, int, str], str | None]) -> list[list[str]]:
    """Return files in groups: no file of one can get an object of another one's.

    Args:
        files: The files that are to be grouped.
        every: All Python files around, through which they may be connected.
        find: The file of a module that an import statement in another names.
    """
    wanted = list(files)
    if len(wanted) < 2:
        return [wanted] if wanted else []
    group = _groups([*every, *wanted], find)
    found: dict[str, list[str]] = {}
    for path in wanted:
        found.setdefault(group(path), []).append(path)
    return list(found.values())


def _groups(files: Iterable[str], find: Callable[[str, int, str], str | None]) -> Callable[[str], str]:
    """Return what gives each of some Python files the one that stands for its program."""
    above: dict[str, str] = {}
    paths = {os.path.abspath(path): path for path in files}

    def group(path: str) -> str:
        while (next_one := above.get(path, path)) != path:
            above[path] = path = above.get(next_one, next_one)
        return path

    def join(one: str, other: str) -> None:
        first, second = group(one), group(other)
        if first != second:
            above[first] = second

    for whole, path in paths.items():
        package = paths.get(os.path.join(os.path.dirname(whole), "__init__.py"))
        if package is not None:
            join(path, package)
        source = _code(path)
        for other in import_lines.named(path, source, find):
            join(path, other)
        if any(word in source for word in _BY_NAME):
            folder = os.path.dirname(whole) + os.sep
            for below, other in paths.items():
                if below.startswith(folder):
                    join(path, other)
    return group


class Surroundings:
    """The files around those that are rewritten, of which most never name OpenCensus.

    Args:
        program: All of them.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._group: Callable[[str], str] | None = None
        self._imported: dict[str, set[str]] = {}

    def has_formats_with_ids(self) -> bool:
        """Return whether a file has formats of log lines with `traceId` or `spanId`."""
        return self._program.has_formats_with_ids()

    def makes_engines(self, but: str) -> bool:
        """Return whether another file of the program of one makes engines of SQLAlchemy's, or has a library that does."""
        found = [path for path in self._program.engine_makers() if path != but]
        if found and self._group is None:
            self._group = _groups(self._program.files, self._program.find)
        return self._group is not None and any(self._group(path) == self._group(but) for path in found)

    def required(self, path: str, names: re.Pattern[bytes]) -> set[str]:
        """Return which of some names the files of requirements say that stand above a file or beside it."""
        return self._program.required(path, names)

    def is_configured(self, name: str) -> bool:
        """Return whether a file of settings names a class of the program."""
        return self._program.is_configured(name)

    def imported_by(self, path: str) -> set[str]:
        """Return the files that an import of a file runs: itself, the faces of the packages around it, and what these import."""
        if path not in self._imported:
            found, pending = set(), [path]
            while pending:
                each = pending.pop()
                if each not in found:
                    found.add(each)
                    pending += [*self._faces(each), *import_lines.named(each, _code(each), self._program.find)]
            self._imported[path] = found
        return self._imported[path]

    def _faces(self, path: str) -> Iterator[str]:
        folder = os.path.dirname(os.path.abspath(path))
        while os.path.exists(face := os.path.join(folder, "__init__.py")):
            yield face
            folder = os.path.dirname(folder)

    def sets_up(self, path: str, source: bytes | None = None) -> bool:
        """Return whether a file may set up what is sent by other names than OpenCensus's."""
        return _SETS_UP.search(_code(path) if source is None else source) is not None


def _code(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return notebooks.code(path, file.read())
    except (OSError, ValueError):
        return b""
