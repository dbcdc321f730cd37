"""Brings what an item says of lines of code into one form on both sides, by a map of lines."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .lines import LineMap, Lines, Which

_COLUMNS = (
    ("customDimensions.fileName", "customDimensions.lineNumber", "customDimensions.module"),
    ("customDimensions.code.file.path", "customDimensions.code.line.number", "customDimensions.code.function.name"),
    ("customDimensions.code.filepath", "customDimensions.code.lineno", "customDimensions.code.function"),
)
"""Columns of a file, of a line in it, and of what else names the place."""
_LINE_CELLS = {line for _, line, _ in _COLUMNS}
_FRAME = re.compile(r'(?m)^(?P<indent>[ |+-]*)File "(?P<path>[^"\n]+)", line (?P<line>\d+)(?P<rest>[^\n]*)(?:\n(?P=indent)  [^\n]*)*')
"""A frame of a traceback, with the code below it."""


class Place(NamedTuple):
    """A line of code that an item names, and the cells that do."""

    path: str
    line: int
    path_cell: str
    line_cell: str
    name_cell: str
    """Of the function or the module; it may be absent."""


def places(cells: Mapping[str, object]) -> Iterator[Place]:
    """Yield the lines of code that an item names: where it was made, then those of its stacks."""
    for path_cell, line_cell, name_cell in _COLUMNS:
        yield from _place(cells, path_cell, line_cell, name_cell)
    for cell in cells:
        if cell.endswith(".fileName") and cell.startswith("details."):
            frame = cell.removesuffix("fileName")
            yield from _place(cells, cell, f"{frame}line", f"{frame}method")


def _place(cells: Mapping[str, object], path_cell: str, line_cell: str, name_cell: str) -> Iterator[Place]:
    path, line = cells.get(path_cell), cells.get(line_cell)
    number = int(line) if isinstance(line, (int, str)) and re.fullmatch(r"\d{1,9}", str(line)) else 0
    if isinstance(path, str) and path:
        yield Place(path, number, path_cell, line_cell, name_cell)


def is_line(cell: str) -> bool:
    """Return whether a cell is the number of a line of code."""
    return cell in _LINE_CELLS or (cell.startswith("details.") and cell.endswith(".line"))


def frames(text: str) -> Iterator[tuple[str, int]]:
    """Yield files and lines of a traceback, as it names them."""
    if 'File "' in text:
        yield from ((match["path"], int(match["line"])) for match in _FRAME.finditer(text))


class Placed:
    """What the items of one side say of lines, in the form that both sides have."""

    def __init__(self, lines: LineMap, which: Which) -> None:
        """Begin.

        Args:
            lines: The map.
            which: The side that the items are of.

        """
        self._lines, self._which = lines, which
        self._roots = list(lines.moved_roots()) if which == "before" else []

    def cells(self, cells: Mapping[str, object]) -> dict[str, object]:
        """Return the cells of an item, lines as they are after and files by their names in the map."""
        found = dict(cells)
        spelt: dict[tuple[str, str], str] = {}
        for place in places(cells):
            file = self._lines.file(place.path, self._which)
            if file is None:
                continue
            found[place.path_cell] = file.name
            name = str(cells.get(place.name_cell) or "")
            module, module_now = (os.path.basename(path).partition(".py")[0] for path in (place.path, file.name))
            if place.name_cell.endswith(".module") and name == module:
                found[place.name_cell] = module_now
            if not place.line:
                continue
            after = file.find(place.line, self._which)
            found[place.line_cell] = _as(cells[place.line_cell], place.line, after)
            line, line_now = str(place.line), _text(place.line, after)
            for one, other in ((os.path.basename(place.path), os.path.basename(file.name)), (module, module_now), (name, name)):
                if one:
                    spelt[one, line] = f"{other}\0{line_now}"
        pattern = _spelling({name for name, _ in spelt}) if spelt else None
        for cell, value in cells.items():
            if isinstance(value, str) and found[cell] is value:
                text = self._frames(value)
                for one, other in self._roots:
                    text = text.replace(f"{one}{os.sep}", f"{other}{os.sep}")
                found[cell] = text if pattern is None else pattern.sub(lambda match: _respelt(match, spelt), text)
        return found

    def _frames(self, text: str) -> str:
        return _FRAME.sub(self._frame, text) if 'File "' in text else text

    def _frame(self, match: re.Match[str]) -> str:
        file = self._lines.file(match["path"], self._which)
        if file is None:
            return match[0]
        # The code below a frame is the program's text: it may have changed, and says nothing that the line does not.
        line = int(match["line"])
        return f'{match["indent"]}File "{file.name}", line {_text(line, file.find(line, self._which))}{match["rest"]}'


def _as(value: object, line: int, after: Lines | None) -> Any:
    """Return a line in the type that the item has it in."""
    if isinstance(value, str):
        return _text(line, after)
    return after[0] if after is not None and after[0] == after[1] else [_text(line, after)]


def _text(line: int, after: Lines | None) -> str:
    if after is None:
        return f"{line}, which is gone"
    return str(after[0]) if after[0] == after[1] else f"{after[0]}-{after[1]}"


def _spelling(names: set[str]) -> re.Pattern[str]:
    """Return what finds places that a text spells: ``orders.py:28``, ``orders.py, line 28``, ``orders(28)``."""
    alternatives = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(rf"(?<![\w.])(?P<name>{alternatives})(?P<between>:|\(|#|:line |,? line )(?P<line>\d+)(?!\w)")


def _respelt(match: re.Match[str], spelt: Mapping[tuple[str, str], str]) -> str:
    now = spelt.get((match["name"], match["line"]))
    if now is None:
        return match[0]
    name, _, line = now.partition("\0")
    return f"{name}{match['between']}{line}"
