"""Markdown as GitHub shows it, rewritten so that Python-Markdown, which MkDocs is built on, shows the same.

GitHub follows CommonMark: a list or a table may follow a paragraph at once, and what belongs to an item of a list stands below its text.
Python-Markdown wants an empty line before a list, and four spaces for each level.
"""

from __future__ import annotations

import re

_FENCE = re.compile(r"^(\s*)(```+|~~~+)")
_HEADING = re.compile(r"^#{1,6} +(.*?)(?: +#+)?$")
_ITEM = re.compile(r"^(\s*)([-*+]|\d{1,9}[.)])( +)(?=\S)")
_INDENT = 4
"""The spaces that Python-Markdown wants for each level of a list."""


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading: ``What is lost?`` has ``what-is-lost``."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(text: str) -> list[str]:
    """Return the anchors of a page's headings in their order, each of which is there once: the second ``x`` is ``x-1``."""
    found: list[str] = []
    seen: dict[str, int] = {}
    for line, fenced in _lines(text):
        match = None if fenced else _HEADING.match(line)
        if match:
            name = anchor(_shown(match[1]))
            number = seen[name] = seen.get(name, -1) + 1
            found.append(f"{name}-{number}" if number else name)
    return found


def for_python_markdown(text: str) -> str:
    """Return the page with its lists and tables as Python-Markdown reads them. Lines of code stay as they are."""
    written: list[str] = []
    levels: list[int] = []  # of the lists around a line: the column at which the text of the item begins
    fence = ""
    for line in text.splitlines():
        opened = _FENCE.match(line)
        indent = len(line) - len(line.lstrip())
        if fence:
            written.append(_moved(line, levels))
            fence = "" if opened and line.strip() == fence else fence
            continue
        if not line.strip():
            written.append("")
            continue
        item = _ITEM.match(line)
        after_space = not written or not written[-1]
        if item and not after_space and (not levels or indent >= levels[-1]) and item[2][:-1].isdigit() and int(item[2][:-1]) != 1:
            # A number that begins a line of a paragraph: only a list that begins with 1 may follow text at once.
            written[-1] += f" {line.strip()}"
            continue
        in_list = bool(levels)
        # A line with fewer spaces ends the list; without an empty line before it, it still is the item's paragraph.
        while levels and indent < levels[-1] and (item or opened or after_space):
            levels.pop()
        if item:
            if not after_space and not in_list:
                written.append("")
            mark = item[2].replace(")", ".")
            written.append(" " * _INDENT * len(levels) + mark + " " + line[item.end() :])
            levels.append(item.end())
            continue
        if line.lstrip().startswith("|") and not after_space and not written[-1].lstrip().startswith("|"):
            written.append("")
        written.append(_moved(line, levels))
        if opened:
            fence = opened[2]
    return "\n".join([*written, ""])


def _moved(line: str, levels: list[int]) -> str:
    """Return a line below the text of an item with the spaces of Python-Markdown in place of GitHub's."""
    if not levels or not line.strip():
        return line
    own = len(line) - len(line.lstrip())
    return " " * (_INDENT * len(levels) + max(0, own - levels[-1])) + line.lstrip()


def _lines(text: str) -> list[tuple[str, bool]]:
    """Return each line, and whether it stands in a block of code."""
    found = []
    fence = ""
    for line in text.splitlines():
        opened = _FENCE.match(line)
        found.append((line, bool(fence)))
        if fence:
            fence = "" if opened and line.strip() == fence else fence
        elif opened:
            fence = opened[2]
    return found


def _shown(heading: str) -> str:
    """Return the text that a heading shows: of a link its text."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
