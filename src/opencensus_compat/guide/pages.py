"""Pages of the guide and their sections, as Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDERS = (Path(__file__).with_name("pages"), Path(__file__).parents[3] / "migration_guide")
"""Where an installed package has the pages, and where a working tree has them."""
_HEADING = re.compile(r"^(#{1,6}) +(.+?)\s*$")
_FENCE = "```"


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of a page, and the lines below it as far as the next heading of the same or a higher level."""

    page: str
    """Name of the page, without ``.md``."""
    title: str
    level: int
    """1 for the page itself."""
    text: str
    """With its heading."""

    @property
    def own_text(self) -> str:
        """The text before the first heading below."""
        kept: list[str] = []
        for line, level in _lines(self.text):
            if kept and level:
                break
            kept.append(line)
        return "\n".join(kept)


@cache
def pages() -> dict[str, Section]:
    """Return the pages by name; the one that lists the others is ``README``."""
    folder = next((folder for folder in _FOLDERS if folder.is_dir()), None)
    files = sorted(folder.glob("*.md")) if folder else []
    return {file.stem: sections(file.stem, file.read_text(encoding="utf-8"))[0] for file in files}


def sections(page: str, text: str) -> list[Section]:
    """Return the sections of a page's text, the whole page first, in the order of their headings."""
    lines = _lines(text)
    found = []
    for at, (line, level) in enumerate(lines):
        if level:
            end = next((below for below in range(at + 1, len(lines)) if 0 < lines[below][1] <= level), len(lines))
            body = "\n".join(line for line, _ in lines[at:end]).rstrip("\n")
            found.append(Section(page, line.lstrip("#").strip(), level, body))
    return found


def _lines(text: str) -> list[tuple[str, int]]:
    """Return each line with its level as a heading; 0 for what is none, in blocks of code, too."""
    lines, in_block = [], False
    for line in text.splitlines():
        if line.startswith(_FENCE):
            in_block = not in_block
        heading = None if in_block else _HEADING.match(line)
        lines.append((line, len(heading[1]) if heading else 0))
    return lines
