"""Splices into a text, what belongs together, and which line became which."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LINE = re.compile(rb"\r\n|\r|\n")


class Edit(NamedTuple):
    """One splice."""

    start: int
    """Bytes from the beginning of the text, which is UTF-8: columns of syntax trees are bytes of it."""
    end: int
    replacement: bytes


class Where(NamedTuple):
    """Where a use stands, and its rule."""

    path: str
    cell: int
    """Of a notebook, from 1; 0 in other files."""
    line: int
    rule: str


def shown_place(cell: int, line: int) -> str:
    """Return cell and line as reports show them."""
    return f"{cell}:{line}" if cell else f"{line}"


@dataclass(frozen=True, slots=True)
class Part:
    """What becomes of one use in one file."""

    path: str
    rule: str
    line: int
    """From 1, in the text as it was before the run; of the cell, in a notebook."""
    symbol: str
    edits: tuple[Edit, ...]
    imports: tuple[Need, ...] = ()
    cell: int = 0
    """Of a notebook, from 1; 0 in other files."""

    @property
    def where(self) -> Where:
        """Where the use stands, and its rule."""
        return Where(self.path, self.cell, self.line, self.rule)


class Need(NamedTuple):
    """An import that an edit needs."""

    module: str
    name: str
    alias: str
    """What the file calls it."""
    near: int
    """A byte of the use: the import goes where this place sees it."""


@dataclass(frozen=True, slots=True)
class Change:
    """Parts that only work together: all of them are applied, or none."""

    parts: tuple[Part, ...]

    @property
    def rule(self) -> str:
        """The rule of the first part."""
        return self.parts[0].rule

    @property
    def path(self) -> str:
        """The file of the first part."""
        return self.parts[0].path

    @property
    def line(self) -> int:
        """The line of the first part."""
        return self.parts[0].line

    @property
    def width(self) -> int:
        """How many bytes the largest edit takes."""
        return max((edit.end - edit.start for part in self.parts for edit in part.edits), default=0)

    @property
    def cell(self) -> int:
        """The cell of the first part; 0 in files that are no notebooks."""
        return self.parts[0].cell

    @property
    def key(self) -> Where:
        """What names the change, in each run over the same files."""
        return self.parts[0].where


def line_starts(source: bytes) -> list[int]:
    """Return where each line begins."""
    return [0, *(match.end() for match in _LINE.finditer(source))]


def conflict(edits: Sequence[Edit], others: Iterable[Edit]) -> bool:
    """Return whether some edits touch what others change."""
    taken = sorted(edit for edit in edits)
    return any(_overlap(one, other) for other in others for one in taken)


def _overlap(one: Edit, other: Edit) -> bool:
    if one.start == one.end or other.start == other.end:
        # Text that is put in at the border of a replaced one stands beside it.
        return one.start < other.end and other.start < one.end
    return max(one.start, other.start) < min(one.end, other.end)


def apply(source: bytes, edits: Iterable[Edit]) -> bytes:
    """Return the text with some edits, none of which overlap; those at one place stand in the order in which they come."""
    done, parts = 0, []
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        parts += [source[done : edit.start], edit.replacement]
        done = edit.end
    return b"".join([*parts, source[done:]])


class Origins:
    """Which line of a text before some edits each line after them stands for."""

    def __init__(self, lines: dict[int, int]) -> None:
        self._lines = lines
        self._back: tuple[list[int], list[int]] | None = None

    @classmethod
    def same(cls, source: bytes) -> Origins:
        """Return the map of a text that nothing changed."""
        return cls({line: line for line in range(1, len(line_starts(source)) + 1)})

    @classmethod
    def of(cls, source: bytes, edits: Iterable[Edit]) -> Origins:
        """Return the map that some edits make."""
        ordered = sorted(edits, key=lambda edit: (edit.start, edit.end))
        starts, result = line_starts(source), line_starts(apply(source, ordered))
        lines, shift, at = {}, 0, 0
        for number, start in enumerate(starts, 1):
            end = starts[number] if number < len(starts) else len(source)
            # The first sign of a line stands for it: text may be put in before.
            anchor = start + len(source[start:end]) - len(source[start:end].lstrip())
            anchor = min(anchor, max(start, end - 1))
            while at < len(ordered) and max(ordered[at].end, ordered[at].start) <= anchor:
                shift += len(ordered[at].replacement) - (ordered[at].end - ordered[at].start)
                at += 1
            inside = at < len(ordered) and ordered[at].start <= anchor < ordered[at].end
            if not inside:
                lines[number] = bisect_right(result, anchor + shift)
            elif ordered[at].replacement.strip():
                lines[number] = bisect_right(result, ordered[at].start + shift)
        return cls(lines)

    def then(self, later: Origins) -> Origins:
        """Return the map of this step and a later one."""
        return Origins({line: later._lines[to] for line, to in self._lines.items() if to in later._lines})

    def before(self, line: int) -> int:
        """Return the line that became a line; for one that was written, that which stands before it."""
        if self._back is None:
            furthest, news, olds = 0, [], []
            for new, old in sorted((new, old) for old, new in self._lines.items()):
                furthest = max(furthest, old)
                news.append(new)
                olds.append(furthest)
            self._back = (news, olds)
        at = bisect_right(self._back[0], line)
        return self._back[1][at - 1] if at else 1


def without_what_goes(parts: list[Part]) -> list[Part]:
    """Return the parts without edits inside what another one takes away, and what these need."""
    gone: dict[str, list[Edit]] = {}
    for part in parts:
        gone.setdefault(part.path, []).extend(edit for edit in part.edits if not edit.replacement.strip() and edit.end > edit.start)
    if not any(gone.values()):
        return parts
    result = []
    for part in parts:
        inside = [(edit, other) for edit in part.edits for other in gone[part.path] if edit != other and _is_inside(edit, other)]
        going = {edit for edit, _ in inside}
        # What is inserted right before something goes with it only where the rest of its part does.
        going |= {edit for edit in part.edits if edit.start == edit.end and any(edit.start == other.start for _, other in inside)}
        kept = tuple(edit for edit in part.edits if edit not in going)
        result.append(part if kept == part.edits else replace(part, edits=kept, imports=part.imports if kept else ()))
    return result


def _is_inside(edit: Edit, other: Edit) -> bool:
    is_beside = edit.start == edit.end and edit.start in {other.start, other.end}
    return other.start <= edit.start and edit.end <= other.end and not is_beside
