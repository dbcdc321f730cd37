"""Which files belong to one program: those that import each other, or name each other's modules in text."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from opencensus_compat.scan import import_lines, notebooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.scan.flow import Given
    from opencensus_compat.scan.project import Program
    from opencensus_compat.scan.values import Value

_BY_NAME = (b"import_module(", b"__import__(", b"iter_modules(", b"walk_packages(", b"spec_from_file_location(")
"""How files import modules whose names they make up as they run."""


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
    above: dict[str, str] = {}
    paths = {os.path.abspath(path): path for path in [*every, *wanted]}

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
        try:
            with open(path, "rb") as file:
                source = notebooks.code(path, file.read())
        except (OSError, ValueError):
            continue
        for other in import_lines.named(path, source, find):
            join(path, other)
        if any(word in source for word in _BY_NAME):
            folder = os.path.dirname(whole) + os.sep
            for below, other in paths.items():
                if below.startswith(folder):
                    join(path, other)
    found: dict[str, list[str]] = {}
    for path in wanted:
        found.setdefault(group(path), []).append(path)
    return list(found.values())
