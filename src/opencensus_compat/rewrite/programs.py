"""Which files belong to one program: those that import each other, or name each other's modules in text."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from opencensus_compat.scan import notebooks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.scan.flow import Given
    from opencensus_compat.scan.project import Program
    from opencensus_compat.scan.values import Value

_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^#\n\\]*(?:\\\r?\n[^#\n\\]*)*)|import[ \t]+([^#\n]+))", re.MULTILINE
)
_DOTTED = re.compile(rb"""["']([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?::\w+)?["']""")
_COMMENT = re.compile(rb"#[^\n]*")
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
        for other in _named(path, source, find):
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


def _named(path: str, source: bytes, find: Callable[[str, int, str], str | None]) -> set[str]:
    """Return the files whose modules a file imports, or names in text."""
    names: set[tuple[int, str]] = set()
    for dots, module, imported, modules in _IMPORT.findall(source):
        if modules:
            names.update((0, part.split()[0]) for part in modules.decode("utf-8", "replace").split(",") if part.strip())
            continue
        level, base = len(dots), module.decode("utf-8", "replace")
        names.add((level, base))
        for part in _COMMENT.sub(b"", imported).strip(b"() \t\r\n;").decode("utf-8", "replace").replace("\\", " ").split(","):
            if part.split():
                names.add((level, f"{base}.{part.split()[0]}" if base else part.split()[0]))
    names.update((0, text.decode()) for text in _DOTTED.findall(source) if b"." in text)
    found = {
        find(path, level, ".".join(parts[:end])) for level, name in names for parts in [name.split(".")] for end in _ends(level, parts)
    }
    return {each for each in found if each is not None}


def _ends(level: int, parts: list[str]) -> range:
    return range(0 if level else 1, len(parts) + 1)
