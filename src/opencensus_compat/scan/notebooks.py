"""The code of a Jupyter notebook as one syntax tree, whose lines lead back to the cells."""

from __future__ import annotations

import ast
import json
import re
import warnings
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

_MAGIC = re.compile(r"^(\s*)[%!?].*$", re.MULTILINE)


@dataclass(slots=True)
class Notebook:
    """The code of a notebook."""

    tree: ast.Module = field(default_factory=lambda: ast.Module(body=[], type_ignores=[]))
    lines: list[str] = field(default_factory=list)
    """Of all cells, one after the other."""
    cells: list[int] = field(default_factory=list)
    """Numbers of the code's cells, from 1 over all cells."""
    starts: list[int] = field(default_factory=list)
    """The line of ``lines`` with which each of those begins, from 0."""
    broken: list[int] = field(default_factory=list)
    """Lines with which cells begin that Python cannot parse."""

    def cell(self, line: int) -> list[str]:
        """Return the lines of the cell that a line of all cells begins."""
        at = self.starts.index(line - 1)
        return self.lines[line - 1 : self.starts[at + 1] if at + 1 < len(self.starts) else None]

    def place(self, line: int) -> tuple[int, int]:
        """Return cell and line in it of a line of all cells, each from 1."""
        at = bisect_right(self.starts, line - 1) - 1
        return self.cells[at], line - self.starts[at]


def parse(source: bytes) -> Notebook:
    """Return the code of a notebook.

    Raises:
        ValueError: it is no notebook.
    """
    document = json.loads(source.decode("utf-8-sig"))
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list):
        raise ValueError("expected a notebook with cells")
    notebook = Notebook()
    for number, cell in enumerate(cells, 1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            _add(notebook, number, _text(cell.get("source")))
    return notebook


def _text(source: Any) -> str:
    if isinstance(source, list):
        return "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""


def _add(notebook: Notebook, number: int, text: str) -> None:
    start = len(notebook.lines)
    lines = text.splitlines() or [""]
    notebook.cells.append(number)
    notebook.starts.append(start)
    notebook.lines += lines
    if text.lstrip().startswith("%%"):
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(_MAGIC.sub(r"\1pass", "\n".join(lines)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        notebook.broken.append(start + 1)
        return
    ast.increment_lineno(tree, start)
    notebook.tree.body += tree.body
