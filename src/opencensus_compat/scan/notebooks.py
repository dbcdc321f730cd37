"""A Jupyter notebook as one Python text whose lines lead back to the cells, and the notebook with another such text.

Before the code of each cell stands a comment with the cell's number. What is IPython's and no Python (magics, lines for the shell, cells of
other languages, cells that do not parse) stands in comments, from which it comes back as it was.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from bisect import bisect_right
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SUFFIX = ".ipynb"
_SIGNS = _CELL, _KEPT, _BEFORE = "\ue000", "\ue001", "\ue002"
"""Signs of comments: a cell begins; what stands behind it is no Python; that stands before the code of its line."""
_HEAD = re.compile(f"^#{_CELL}(\\d+)\n", re.MULTILINE)
_STARTS = re.compile(f"^#{_CELL}".encode(), re.MULTILINE)
_LEADING = re.compile(f"^(\\s*)(.*?)  #{_BEFORE}(.*)$", re.MULTILINE | re.DOTALL)
_BARE = re.compile(f"^\\s*#{_BEFORE}")
_MASKED = re.compile(f"^(.*?)(?:(?:pass|None)  )?#{_KEPT}(.*)$", re.DOTALL)
_RUNS_CODE = re.compile(r"(\s*)(%(?:time|timeit|prun|memit)\s+(?:-[a-zA-Z]+(?:\s+\d+|\d+)?\s+)*)([^-\s].*)")
_CELLS_OF_PYTHON = re.compile(r"%%(?:time|timeit|capture|prun|memit)\b")
_HELP = re.compile(r"\s*(?:[\w.*]+\?{1,2}|\?{1,2}[\w.*]+)\s*")
_ASSIGNED = re.compile(r"(\s*[A-Za-z_][\w\s,.]*=\s*)([%!].*)")
_PIECES = re.compile(r"\"\"\"|'''|#.*|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[()\[\]{}]|\\.?", re.DOTALL)
_JSON = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_ESCAPED_LINE = re.compile(r"(?:[^\\]|\\u(?!000[aA])....|\\[^un])*?(?:\\n|\\u000[aA]|\Z)")


@dataclass(slots=True)
class _Source:
    """Where the code of a cell stands in the JSON."""

    start: int
    end: int
    strings: list[tuple[int, int]] = field(default_factory=list)
    """Of its list; none where it is one string."""
    is_list: bool = False


@dataclass(slots=True)
class Notebook:
    """The code of a notebook."""

    text: bytes = b""
    """Python."""
    broken: dict[int, str] = field(default_factory=dict)
    """Cell -> why Python cannot parse it."""
    document: str = ""
    """The JSON."""
    sources: dict[int, _Source] = field(default_factory=dict)
    """Cell of code, from 1 over all cells -> where its code stands in the JSON."""
    starts: list[tuple[int, int]] = field(default_factory=list)
    """Line of the text above that of a cell's first, from 1, and the cell."""

    def place(self, line: int) -> tuple[int, int]:
        """Return cell and line in it of a line of the text, each from 1."""
        start, cell = self.starts[max(bisect_right(self.starts, (line, 0)) - 1, 0)]
        return cell, max(line - start, 1)

    def cells(self) -> dict[int, str]:
        """Return the code of each cell as the notebook has it."""
        return _cells(self.text.decode("utf-8"))

    def with_text(self, text: bytes) -> bytes:
        """Return the notebook with another text. Every byte outside of changed lines of code stays.

        Raises:
            ValueError: The text has not the cells of this one, or one is no Python by itself.
        """
        before, after = self.cells(), _cells(text.decode("utf-8"))
        if list(before) != list(after):
            raise ValueError("expected the same cells")
        for cell, code in _bodies(text.decode("utf-8")):
            if before[cell] != after[cell] and (_error(code) or any(sign in after[cell] for sign in _SIGNS)):
                raise ValueError(f"cell {cell} is no Python by itself")
        parts, done = [], 0
        is_ascii = self.document.isascii()
        for cell, source in self.sources.items():
            if before[cell] != after[cell]:
                old = self.document[source.start : source.end]
                parts += [self.document[done : source.start], _spliced(old, source, after[cell], is_ascii=is_ascii)]
                done = source.end
        return "".join([*parts, self.document[done:]]).encode("utf-8")


def read(data: bytes) -> Notebook:
    """Return the code of a notebook.

    Raises:
        ValueError: It is no notebook.
    """
    document = data.decode("utf-8")
    try:
        content = json.loads(document.removeprefix("\ufeff"))
    except RecursionError as error:
        raise ValueError(str(error)) from error
    cells = content.get("cells") if isinstance(content, dict) else None
    if not isinstance(cells, list):
        raise ValueError("expected a notebook with cells")
    notebook = Notebook(document=document)
    places = _sources(document)
    lines: list[str] = []
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code" or number not in places:
            continue
        code = _text(cell.get("source"))
        if any(sign in code for sign in _SIGNS):
            raise ValueError("expected no characters U+E000 to U+E002, which stand for cells here")
        lines.append(f"#{_CELL}{number}")
        notebook.sources[number] = places[number]
        notebook.starts.append((len(lines), number))
        of_cell, why = _python(code.split("\n"))
        if why:
            notebook.broken[number] = why
        lines += of_cell
    # Each cell's last line is ended, for another one may follow; a cell's code need not.
    notebook.text = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")
    return notebook


def code(path: str, data: bytes) -> bytes:
    """Return the Python text of a file, which may be a notebook.

    Raises:
        ValueError: It is named as a notebook, and is none.
    """
    return read(data).text if path.endswith(SUFFIX) else data


def cell_starts(source: bytes) -> list[int]:
    """Return where the code of each cell begins in a text, at the comment with its number; nothing for one of no notebook."""
    return [match.start() for match in _STARTS.finditer(source)]


def begins_cell(source: bytes, at: int) -> bool:
    """Return whether a place of a text is right behind the comment that begins a cell."""
    return at > 0 and _STARTS.match(source, source.rfind(b"\n", 0, at - 1) + 1) is not None


def ends_cell(source: bytes, at: int) -> bool:
    """Return whether a place of a text is its end, or right before the comment that begins another cell."""
    return at >= len(source) or _STARTS.match(source, at) is not None


def leading(line: bytes) -> tuple[bytes, int]:
    """Return the Python of a line, and how many characters of IPython's stand before it in its cell."""
    code, _, magic = line.partition(f"  #{_BEFORE}".encode())
    return code, len(magic)


def kept_lines(text: bytes) -> list[bytes]:
    """Return, for each line of a text, what of it is IPython's; nothing for others."""
    found = []
    for line in text.decode("utf-8").split("\n"):
        match = None if line.startswith(f"#{_CELL}") else _MASKED.match(line)
        found.append(match[2].encode() if match else b"")
    return found


# From cells to Python.
def _text(source: Any) -> str:
    if isinstance(source, list):
        return "".join(part for part in source if isinstance(part, str))
    return source if isinstance(source, str) else ""


def _python(lines: list[str]) -> tuple[list[str], str]:
    """Return the lines of a cell as Python, and why they are none; empty where they are."""
    first = next((at for at, line in enumerate(lines) if line.strip()), 0)
    if lines[first].startswith("%%"):
        if not _CELLS_OF_PYTHON.match(lines[first]):
            return [f"#{_KEPT}{line}" for line in lines], ""
        rest, why = _python(lines[first + 1 :]) if lines[first + 1 :] else ([], "")
        return [*(f"#{_KEPT}{line}" for line in lines[: first + 1]), *rest], why
    if not _error("\n".join(lines)):
        return lines, ""
    masked = list(_masked(lines))
    why = _error("\n".join(masked))
    return ([f"#{_KEPT}{line}" for line in lines], why) if why else (masked, "")


def _error(text: str) -> str:
    """Return why Python cannot parse a text; empty where it can."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return error.msg if isinstance(error, SyntaxError) else str(error) or type(error).__name__
    return ""


def _masked(lines: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a cell, with comments in the place of what is IPython's."""
    quotes, depth, is_continued, is_magic = "", 0, False, False
    for line in lines:
        if is_magic:
            yield f"#{_KEPT}{line}"
            is_magic = line.endswith("\\")
            continue
        if quotes or depth or is_continued:
            quotes, depth, is_continued = _state(line, quotes, depth)
            yield line
            continue
        stripped = line.lstrip()
        assigned, runs = _ASSIGNED.fullmatch(line), _RUNS_CODE.fullmatch(line)
        if runs and not _error(runs[3]):
            yield f"{runs[1]}{runs[3]}  #{_BEFORE}{runs[2]}"
        elif stripped.startswith(("%", "!")) or _HELP.fullmatch(line):
            is_magic = line.endswith("\\")
            # In a block a statement is wanted.
            yield f"#{_KEPT}{line}" if stripped == line else f"{line[: -len(stripped)]}pass  #{_KEPT}{stripped}"
        elif assigned:
            is_magic = line.endswith("\\")
            yield f"{assigned[1]}None  #{_KEPT}{assigned[2]}"
        else:
            quotes, depth, is_continued = _state(line, "", 0)
            yield line


def _state(line: str, quotes: str, depth: int) -> tuple[str, int, bool]:
    """Return in which string, how deep in parentheses, and whether in the same statement the next line begins."""
    at = 0
    while at < len(line):
        if quotes:
            end = re.compile(rf"(?:[^\\]|\\.)*?{quotes}", re.DOTALL).match(line, at)
            if end is None:
                return quotes, depth, False
            at, quotes = end.end(), ""
            continue
        found = _PIECES.search(line, at)
        if found is None:
            break
        at = found.end()
        if found[0] in {'"""', "'''"}:
            quotes = found[0]
        elif found[0] in {"(", "[", "{"}:
            depth += 1
        elif found[0] in {")", "]", "}"}:
            depth = max(depth - 1, 0)
        elif found[0] == "\\":
            return "", depth, True
    return quotes, depth, False


# From Python to cells.
def _bodies(text: str) -> Iterator[tuple[int, str]]:
    """Yield cell and Python of each cell."""
    parts = _HEAD.split(text)
    if parts[0]:
        raise ValueError("expected a cell first")
    for cell, body in zip(parts[1::2], parts[2::2], strict=True):
        yield int(cell), body.removesuffix("\n")


def _cells(text: str) -> dict[int, str]:
    # A magic whose code has gone goes with it.
    return {cell: "\n".join(_unmasked(line) for line in body.split("\n") if not _BARE.match(line)) for cell, body in _bodies(text)}


def _unmasked(line: str) -> str:
    kept = _MASKED.match(line)
    if kept:
        return f"{kept[1]}{kept[2]}"
    leading = _LEADING.match(line)
    return f"{leading[1]}{leading[3]}{leading[2]}" if leading else line


# The JSON.
def _sources(document: str) -> dict[int, _Source]:
    """Return cell, from 1 -> where its code stands in a notebook."""
    found: dict[int, _Source] = {}
    path: list[Any] = []
    """For each object the key, for each list the place."""
    is_key = False
    for token in _JSON.finditer(document):
        text = token[0]
        is_source = len(path) >= 3 and path[0] == "cells" and isinstance(path[1], int) and path[2] == "source"
        if text in {"{", "["}:
            if is_source and len(path) == 3 and text == "[":
                found[path[1] + 1] = _Source(token.start(), token.start(), is_list=True)
            path.append("" if text == "{" else 0)
            is_key = text == "{"
        elif text in {"}", "]"}:
            path.pop()
            is_source = len(path) == 3 and path[0] == "cells" and path[2] == "source" and text == "]"
            if is_source:
                found[path[1] + 1].end = token.end()
        elif text == ",":
            if isinstance(path[-1], int):
                path[-1] += 1
            else:
                is_key = True
        elif text == ":":
            is_key = False
        elif is_key:
            path[-1] = json.loads(text)
        elif is_source and text.startswith('"'):
            if len(path) == 3:
                found[path[1] + 1] = _Source(token.start(), token.end())
            elif len(path) == 4 and path[1] + 1 in found:
                found[path[1] + 1].strings.append(token.span())
    return found


def _spliced(old: str, source: _Source, code: str, *, is_ascii: bool) -> str:
    """Return the JSON of a cell's code with other code; lines that are the same keep their bytes.

    Args:
        old: The JSON of the code.
        source: Where it stands in its notebook.
        code: The new code.
        is_ascii: The notebook writes other characters as escapes.
    """
    new = re.findall(r"[^\n]*\n|[^\n]+", code)
    written = [json.dumps(line, ensure_ascii=is_ascii) for line in new]
    if not source.is_list:
        lines = [match for match in _ESCAPED_LINE.findall(old[1:-1]) if match]
        before, between, lead = [], "", 1
        for line in lines:
            before.append((lead, lead + len(line)))
            lead += len(line)
        values = [json.loads(f'"{line}"') for line in lines]
        written = [line[1:-1] for line in written]
        nothing = '""'
    else:
        before = [(start - source.start, end - source.start) for start, end in source.strings]
        values = [json.loads(old[start:end]) for start, end in before]
        between = old[before[0][1] : before[1][0]] if len(before) > 1 else f",{old[1 : before[0][0]] or ' '}" if before else ", "
        nothing = "[]"
    if not new:
        return nothing
    if not before:
        return old[:1] + between.join(written) + old[-1:]
    parts, done = [], 0
    for kind, first, last, start, end in SequenceMatcher(None, values, new, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        text = between.join(written[start:end])
        if kind == "replace":
            at, stop = before[first][0], before[last - 1][1]
        elif kind == "insert":
            at = stop = before[first - 1][1] if first else before[0][0]
            text = f"{between}{text}" if first else f"{text}{between}"
        elif first:
            at, stop = before[first - 1][1], before[last - 1][1]
        else:
            at, stop = before[0][0], before[last][0]
        parts += [old[done:at], text]
        done = stop
    return "".join([*parts, old[done:]])
