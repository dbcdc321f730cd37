"""Which line of a program made an item: as the item itself says, or the calls that were seen while it was recorded.

A log record and an event name their line, an exception the frames of its stack. A span names none; of a recording with call sites it is the
line that called OpenCensus and has the item's name, or the name of the property that differs, as a text in it. After a rewrite there is no such
call: there it is where the map of lines puts the line before.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from .lines import is_of_a_library
from .model import Code
from .places import frames, places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from .lines import LineMap, Which

_SIDES: tuple[Which, Which] = ("before", "after")
_STATEMENT = 4
"""Lines of a call in which its arguments are looked for."""
_LONGEST = 60
_LONGEST_NAME = 200
_OF_STACKS = ("details.", "assembly", "method", "outer", "innermost", "problemId")


class CallSite(Protocol):
    """A line of a program that called OpenCensus."""

    @property
    def file(self) -> str:
        """Path of the file."""

    @property
    def line(self) -> int:
        """Its number, from 1."""

    @property
    def symbol(self) -> str:
        """Dotted name of what it called."""


class _Line(NamedTuple):
    path: str
    number: int
    text: str = ""


class Sources:
    """What is known of the code of two recordings."""

    def __init__(self, lines: LineMap | None = None, sites: Sequence[Callable[[], Iterable[CallSite]]] = (tuple, tuple)) -> None:
        """Begin; what is needed of the code is read when it is asked for.

        Args:
            lines: Where lines of the program went.
            sites: Give the calls that were seen before and after.

        """
        self._lines = lines
        self._sites = dict(zip(_SIDES, sites, strict=True))
        self._by_text: dict[Which, dict[str, list[CallSite]]] = {}
        self._texts: dict[str, list[str]] = {}

    def finder(
        self, column: str, before: Callable[[], Mapping[str, str]] | None, after: Callable[[], Mapping[str, str]] | None
    ) -> Callable[[], Code | None]:
        """Return a function that gives the lines that made an item; None from it where nothing tells.

        Args:
            column: The column that differs.
            before: Gives the texts of the item's columns; None where the item is not there.
            after: The same of the item after.

        """

        def find() -> Code | None:
            lines = [
                None if texts is None else self._line(column, texts(), which) for texts, which in zip((before, after), _SIDES, strict=True)
            ]
            if before is None and after is not None and lines[1] is None:
                # What is new may come from a call that sent nothing before.
                lines[0] = self._called(column, after(), "before")
            if lines[1] is None and lines[0] is not None:
                lines[1] = self._moved(lines[0])
            one, other = (self._shown(line, which) for line, which in zip(lines, _SIDES, strict=True))
            return Code(one, other) if one or other else None

        return find

    def _line(self, column: str, cells: Mapping[str, str], which: Which) -> _Line | None:
        named = [_Line(place.path, place.line) for place in places(cells) if place.line]
        own = [line for line in named if not is_of_a_library(line.path)] or named
        stacked = [_Line(*frame) for text in cells.values() for frame in frames(text)]
        if own and not (column.startswith(_OF_STACKS) and len(own) > 1):
            return own[0]
        if own:
            return own[1]
        called = self._called(column, cells, which)
        last = [line for line in stacked if not is_of_a_library(line.path)] or stacked
        return called or (last[-1] if last else None)

    def _called(self, column: str, cells: Mapping[str, str], which: Which) -> _Line | None:
        key = column.partition(".")[2]
        for text in (key, cells.get("name"), cells.get("message"), cells.get("data")):
            for site in self._sites_with(text or "", which):
                return _Line(site.file, site.line, self._statement(site, which).partition("\n")[0].strip())
        return None

    def _sites_with(self, text: str, which: Which) -> Iterator[CallSite]:
        if not text or len(text) > _LONGEST_NAME:
            return
        found = self._by_text.get(which)
        if found is None:
            found = self._by_text[which] = defaultdict(list)
            for site in self._sites[which]():
                for literal in dict.fromkeys(_literals(self._statement(site, which))):
                    found[literal].append(site)
        yield from found.get(text, ())

    def _statement(self, site: CallSite, which: Which) -> str:
        file = self._lines.file(site.file, which) if self._lines is not None else None
        lines = file.texts[_SIDES.index(which)] if file is not None else self._read(site.file)
        statement = ""
        for text in lines[site.line - 1 : site.line - 1 + _STATEMENT]:
            statement += f"{text}\n"
            if sum(map(statement.count, "([{")) <= sum(map(statement.count, ")]}")):
                break
        return statement

    def _read(self, path: str) -> list[str]:
        if path not in self._texts:
            try:
                self._texts[path] = Path(path).read_bytes().decode(errors="replace").splitlines()
            except (OSError, ValueError):
                self._texts[path] = []
        return self._texts[path]

    def _moved(self, line: _Line) -> _Line | None:
        file = self._lines.file(line.path, "before") if self._lines is not None else None
        after = file.find(line.number, "before") if file is not None else None
        if file is None or after is None:
            return None
        text = file.text(line.number, "before")
        likeness = {number: SequenceMatcher(None, text, file.text(number, "after")).ratio() for number in range(after[0], after[1] + 1)}
        return _Line(file.name, max(likeness, key=likeness.__getitem__))

    def _shown(self, line: _Line | None, which: Which) -> str:
        if line is None:
            return ""
        file = self._lines.file(line.path, which) if self._lines is not None else None
        text = file.text(line.number, which) if file is not None else line.text
        text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
        return f"{_short(file.name if file is not None else line.path)}:{line.number} {text}".rstrip()


def _short(path: str) -> str:
    """Return a path, from the working folder where it is below that."""
    here = os.getcwd()
    return os.path.relpath(path, here) if path.startswith(here + os.sep) else path


def _literals(code: str) -> Iterator[str]:
    """Yield the plain texts in quotation marks."""
    yield from (match[2] for match in re.finditer(r"""(["'])((?:(?!\1)[^\\\n])*)\1""", code))
