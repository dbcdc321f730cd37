"""Where the lines of a program went: a change of code moves lines, and items that name them are the same for all that.

A `LineMap` knows files before and after, and which of their lines are the same ones:

=====================  =========================================================================================
lines of both texts    one to one: the same text, the same but for its indentation, or a similar one in its place
a block that became    each line of it is each line of the other one: a statement of several lines has another form;
another one            so are a few lines that came or went beside a similar one
lines that came, went  equal to none
=====================  =========================================================================================

Of a file that the map does not know, no line has moved.
"""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Which: TypeAlias = Literal["before", "after"]
Lines: TypeAlias = "tuple[int, int]"
"""First and last of the lines after, counted from 1."""

_SIDES: tuple[Which, Which] = ("before", "after")
_SIMILAR = 0.6
"""Least likeness of two lines of which one became the other."""
_ONE_STATEMENT = 8
"""Lines beside a similar one that came or went with it: a call of several lines that became one of another form."""
_MOST_PAIRS = 2_500
"""Pairs of lines in a block that are looked at one by one."""
_LONGEST = 4_000_000
"""Bytes of a file; in a longer one, as generators write them, lines are taken as they are."""
_LIBRARIES = re.compile(r"(^|/)((site|dist)-packages|lib/python3[^/]*)/|^<")


class Edit(Protocol):
    """One replacement in the bytes of a file."""

    @property
    def start(self) -> int:
        """First byte that is replaced."""

    @property
    def end(self) -> int:
        """The byte after the last one."""

    @property
    def replacement(self) -> bytes:
        """What stands there then."""


@dataclass(frozen=True, slots=True)
class FileLines:
    """One file before and after."""

    name: str
    """What the file is called in comparisons, on both sides."""
    there: tuple[Lines | None, ...] = ()
    """For each line before, the lines after that it is; None where it went. Empty: no line has moved."""
    back: tuple[Lines, ...] = ()
    """For each line after, itself, or the block that it belongs to."""
    texts: tuple[Sequence[str], Sequence[str]] = ((), ())
    """The lines before and after."""

    def find(self, number: int, which: Which) -> Lines | None:
        """Return the lines after that a line is; None where the text after has none for it."""
        lines: tuple[Lines | None, ...] = self.there if which == "before" else self.back
        return lines[number - 1] if 0 < number <= len(lines) else (number, number)

    def text(self, number: int, which: Which) -> str:
        """Return a line without the blanks around it; empty where there is none."""
        lines = self.texts[_SIDES.index(which)]
        return lines[number - 1].strip() if 0 < number <= len(lines) else ""


class LineMap:
    """Files before and after, and where their lines went."""

    def __init__(self) -> None:
        """Begin with no file."""
        self._files: dict[Which, dict[str, FileLines]] = {"before": {}, "after": {}}
        self._folders: list[_Folders] = []

    @classmethod
    def of_texts(cls, path: str, before: str, after: str, path_after: str | None = None) -> LineMap:
        """Return the map of one file.

        Args:
            path: The file as items name it; a relative path stands for each path that ends with it.
            before: Its text.
            after: Its text after the change.
            path_after: What it is called then, where that is another name.

        """
        return cls().add(path, before, after, path_after)

    @classmethod
    def of_edits(cls, path: str, before: bytes, edits: Iterable[Edit], path_after: str | None = None) -> LineMap:
        """Return the map of one file from what was changed in it.

        Args:
            path: The file as items name it; a relative path stands for each path that ends with it.
            before: Its bytes.
            edits: Replacements that do not overlap.
            path_after: What it is called then, where that is another name.

        """
        return cls().add_edits(path, before, edits, path_after)

    @classmethod
    def of_folders(cls, before: str | os.PathLike[str], after: str | os.PathLike[str]) -> LineMap:
        """Return the map of all files below two folders; a file is read when an item names it.

        Items may name them by their paths here, by paths relative to the folder, or by the paths of another machine that end alike.
        """
        found = cls()
        found._folders.append(_Folders(Path(before), Path(after)))
        return found

    def add(self, path: str, before: str, after: str, path_after: str | None = None) -> LineMap:
        """Add a file, as `of_texts` does, and return the map."""
        return self._added(path, path_after, _of_texts(path_after or path, before.splitlines(), after.splitlines()))

    def add_edits(self, path: str, before: bytes, edits: Iterable[Edit], path_after: str | None = None) -> LineMap:
        """Add a file, as `of_edits` does, and return the map."""
        return self._added(path, path_after, _of_edits(path_after or path, before, edits))

    def file(self, path: str, which: Which) -> FileLines | None:
        """Return what is known of a file as an item names it; None where the map does not know it."""
        files = self._files[which]
        found = files.get(path)
        if found is None and files:
            tail = path.replace("\\", "/")
            found = next((file for name, file in files.items() if not _is_absolute(name) and tail.endswith(f"/{name}")), None)
        for folders in () if found is not None else self._folders:
            found = folders.file(path, which)
            if found is not None:
                break
        return found

    def moved_roots(self) -> Iterator[tuple[str, str]]:
        """Yield folders before and after: texts that name the one before mean the one after."""
        for folders in self._folders:
            yield from folders.moved()

    def _added(self, path: str, path_after: str | None, file: FileLines) -> LineMap:
        for which, name in zip(_SIDES, (path, path_after or path), strict=True):
            self._files[which][name.removeprefix("./")] = file
            if _is_absolute(name):
                self._files[which][os.path.realpath(name)] = file
        return self


class _Folders:
    """The same program in two folders."""

    def __init__(self, before: Path, after: Path) -> None:
        self._roots: dict[Which, Path] = {"before": before, "after": after}
        self._found: dict[tuple[str, Which], FileLines | None] = {}
        self._files: dict[str, FileLines] = {}

    def moved(self) -> Iterator[tuple[str, str]]:
        before, after = (self._roots[which] for which in _SIDES)
        for one, other in {(os.path.abspath(before), os.path.abspath(after)), (os.path.realpath(before), os.path.realpath(after))}:
            if one != other and len(Path(one).parts) > 1:
                yield one, other

    def file(self, path: str, which: Which) -> FileLines | None:
        """Return what is known of a file as an item names it."""
        key = path, which
        if key not in self._found:
            relative = self._relative(path.replace("\\", "/"), which)
            self._found[key] = None if relative is None else self._read(relative)
        return self._found[key]

    def _relative(self, path: str, which: Which) -> str | None:
        root = self._roots[which]
        if not path or path.startswith("<") or "\0" in path:
            return None
        if not _is_absolute(path):
            inside = os.path.normpath(path)
            return inside if not inside.startswith("..") and (root / inside).is_file() else None
        for place in (os.path.abspath(root), os.path.realpath(root)):
            if path.startswith(f"{place.rstrip('/')}/"):
                return os.path.relpath(path, place)
        if is_of_a_library(path):
            return None
        parts = path.split("/")
        ends = ("/".join(parts[start:]) for start in range(1, len(parts)))
        return next((end for end in ends if end and all((place / end).is_file() for place in self._roots.values())), None)

    def _read(self, relative: str) -> FileLines:
        found = self._files.get(relative)
        if found is None:
            before, after = (_content(self._roots[which] / relative) for which in _SIDES)
            texts = [(text or b"").decode(errors="replace").splitlines() for text in (before, after)]
            if before == after or not before or not after or max(len(before), len(after)) > _LONGEST:
                found = FileLines(relative, texts=(texts[0], texts[1]))
            else:
                found = _of_texts(relative, *texts)
            self._files[relative] = found
        return found


def is_of_a_library(path: str) -> bool:
    """Return whether a file is none of a program's own: an installed package, the standard library, no file at all."""
    return _LIBRARIES.search(path.replace("\\", "/")) is not None


def _is_absolute(path: str) -> bool:
    return path.startswith("/") or path[1:3] in (":/", ":\\")


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _of_texts(name: str, before: Sequence[str], after: Sequence[str]) -> FileLines:
    return _Drawing(name, before, after).between(0, len(before), 0, len(after)).drawn()


def _of_edits(name: str, before: bytes, edits: Iterable[Edit]) -> FileLines:
    pieces: list[bytes] = []
    spans: list[list[int]] = []  # lines before, from and to, and lines after, from and to; counted from 0
    at = moved = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        pieces += [before[at : edit.start], edit.replacement]
        at = edit.end
        whole = _starts_line(before, edit.start) and _starts_line(before, edit.end) and edit.replacement[-1:] in (b"", b"\n")
        first = before.count(b"\n", 0, edit.start)
        last = first + before.count(b"\n", edit.start, edit.end)
        more = edit.replacement.count(b"\n")
        rest = 0 if whole else 1
        span = [first, last + rest, first + moved, first + moved + more + rest]
        moved += more - (last - first)
        if spans and span[0] < spans[-1][1]:
            spans[-1][1], spans[-1][3] = span[1], span[3]
        else:
            spans.append(span)
    pieces.append(before[at:])
    texts = [text.decode(errors="replace").split("\n") for text in (before, b"".join(pieces))]
    drawing = _Drawing(name, *texts)
    at = 0
    for first, last, first_after, last_after in spans:
        drawing.same(at, first, first_after - (first - at))
        drawing.between(first, last, first_after, last_after)
        at = last
    rest = len(texts[0]) - at
    drawing.same(at, len(texts[0]), len(texts[1]) - rest)
    return drawing.drawn()


def _starts_line(content: bytes, at: int) -> bool:
    return at == 0 or content[at - 1 : at] == b"\n"


class _Drawing:
    """The map of one file, as it is drawn. Lines are counted from 0 here."""

    def __init__(self, name: str, before: Sequence[str], after: Sequence[str]) -> None:
        self._name = name
        self._before, self._after = before, after
        self._there: list[Lines | None] = [None] * len(before)
        self._back: list[Lines] = [(number, number) for number in range(1, len(after) + 1)]
        self._known: dict[tuple[int, int], float] = {}
        """Likeness of lines."""

    def drawn(self) -> FileLines:
        return FileLines(self._name, tuple(self._there), tuple(self._back), (self._before, self._after))

    def same(self, first: int, last: int, after: int) -> None:
        """Note that lines are the same ones, one by one."""
        for place in range(last - first):
            number = after + place + 1
            self._there[first + place] = self._back[number - 1] = (number, number)

    def between(self, first: int, last: int, first_after: int, last_after: int) -> _Drawing:
        """Find what became of lines: those with the same text, the same text indented otherwise, similar ones; the rest as blocks."""
        self._by_text(first, last, first_after, last_after, indented=False)
        return self

    def _by_text(self, first: int, last: int, first_after: int, last_after: int, *, indented: bool) -> None:
        one, other = self._before[first:last], self._after[first_after:last_after]
        if indented:
            one, other = [line.strip() for line in one], [line.strip() for line in other]
        matcher = difflib.SequenceMatcher(lambda line: len(line.strip()) < 2, one, other, autojunk=False)
        for kind, start, end, start_after, end_after in matcher.get_opcodes():
            places = first + start, first + end, first_after + start_after, first_after + end_after
            if kind == "equal":
                self.same(places[0], places[1], places[2])
            elif kind == "replace" and not indented:
                self._by_text(*places, indented=True)
            elif kind == "replace":
                self._by_likeness(*places)

    def _by_likeness(self, first: int, last: int, first_after: int, last_after: int) -> None:
        lines, lines_after = last - first, last_after - first_after
        if lines == lines_after and all(self._likeness(first + place, first_after + place) >= _SIMILAR for place in range(lines)):
            self.same(first, last, first_after)
            return
        best = (0.0, 0, 0)
        if lines * lines_after <= _MOST_PAIRS:
            best = max((self._likeness(one, other), -one, -other) for one in range(first, last) for other in range(first_after, last_after))
        if best[0] < _SIMILAR:
            self._block(first, last, first_after, last_after)
            return
        begin, begin_after = -best[1], -best[2]
        end, end_after = begin + 1, begin_after + 1
        if begin > first and begin_after > first_after:
            self._by_likeness(first, begin, first_after, begin_after)
        elif begin - first + begin_after - first_after <= _ONE_STATEMENT:
            begin, begin_after = first, first_after
        if last > end and last_after > end_after:
            self._by_likeness(end, last, end_after, last_after)
        elif last - end + last_after - end_after <= _ONE_STATEMENT:
            end, end_after = last, last_after
        self._block(begin, end, begin_after, end_after)

    def _block(self, first: int, last: int, first_after: int, last_after: int) -> None:
        block = first_after + 1, last_after
        self._there[first:last] = [block] * (last - first)
        self._back[first_after:last_after] = [block] * (last_after - first_after)

    def _likeness(self, one: int, other: int) -> float:
        known = self._known.get((one, other))
        if known is None:
            matcher = difflib.SequenceMatcher(None, self._before[one].strip(), self._after[other].strip())
            unlike = matcher.real_quick_ratio() < _SIMILAR or matcher.quick_ratio() < _SIMILAR
            known = self._known[one, other] = 0.0 if unlike else matcher.ratio()
        return known
