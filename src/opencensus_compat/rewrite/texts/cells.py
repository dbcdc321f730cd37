"""What of a notebook is not Python: cells that do not parse, and packages in lines for the shell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from opencensus_compat.scan import notebooks, text_uses
from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.scan.notebooks import Notebook


def obstacle(file: File, notebook: Notebook) -> str:
    """Return why no cell may change: one that Python cannot parse may use what others get of OpenCensus. Empty where none does.

    Args:
        file: The code of the notebook.
        notebook: The same.
    """
    if not notebook.broken:
        return ""
    codes = notebook.cells()
    words = {"opencensus", *file.module.exports}
    words |= {slot.name for use in file.uses if (slot := file.slot(use.node)) is not None and slot.owner is file.tree}
    for cell, why in notebook.broken.items():
        if words & set(re.findall(r"\w+", codes[cell])):
            return f"this Python cannot parse cell {cell}, and no cell was changed: {why}"
    return ""


def packages(notebook: Notebook) -> Iterator[tuple[int, int, str, str]]:
    """Yield cell, line, rule and future of the packages in lines for the shell."""
    for use in text_uses.read_magic(notebooks.kept_lines(notebook.text)):
        yield (*notebook.place(use.line), use.rule, f"lines for the shell stay; by hand: {BY_ID[use.rule].counterpart}")
