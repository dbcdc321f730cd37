"""What of a notebook is not Python: cells that do not parse, and packages in lines for the shell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from opencensus_compat.scan import notebooks, text_uses
from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

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


def commands(text: bytes) -> bytes:
    """Return what of a notebook's text are lines for the shell, magics included; blanks stand for all else, so that places stay the same."""
    lines = zip(text.split(b"\n"), notebooks.kept_lines(text), strict=True)
    return b"\n".join(
        b" " * (len(line) - len(kept)) + kept if kept.lstrip()[:1] in {b"%", b"!"} else b" " * len(line) for line, kept in lines
    )


def packages(shell: bytes, changed: Collection[int]) -> Iterator[tuple[int, str, str]]:
    """Yield line, rule and future of the packages that stay in such lines.

    Args:
        shell: The lines for the shell.
        changed: Those that change.
    """
    for use in text_uses.read_magic(shell.split(b"\n")):
        if use.line not in changed:
            yield use.line, use.rule, f"this line for the shell stays; by hand: {BY_ID[use.rule].counterpart}"
