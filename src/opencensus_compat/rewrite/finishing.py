"""What a set of edits needs besides: comments that stay, blocks that are not empty, blank lines that do not pile up."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.edits import Edit
from opencensus_compat.scan.notebooks import begins_cell, ends_cell

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File

_BLANK = rb"[ \t]*(?:\r\n|\r|\n)"


def finished(file: File, edits: list[Edit]) -> list[Edit]:
    """Return the edits with what they need besides."""
    return _closed_up(file, _filled(file, _commented(file, edits)))


def _commented(file: File, edits: list[Edit]) -> list[Edit]:
    """Put the comments that edits would take away above the statement."""
    result = []
    for edit in edits:
        lost = file.lost_comments(edit) if edit.replacement else []
        if lost:
            starts = (file.line_start(node) for node in file.parents if isinstance(node, ast.stmt) and file.start(node) <= edit.start)
            at = max(starts, default=0)
            blanks = re.match(rb"[ \t]*", file.source[at:])
            indentation = blanks[0].decode() if blanks else ""
            result.append(Edit(at, at, "".join(f"{indentation}{text}{file.line_end}" for text in lost).encode()))
    return [*result, *edits]


def _filled(file: File, edits: list[Edit]) -> list[Edit]:
    """Put `pass` into each block of which the edits take everything."""
    gone = [edit for edit in edits if edit.end > edit.start and not edit.replacement.strip()]
    if not gone:
        return edits
    result = list(edits)
    gone.sort()
    starts = [edit.start for edit in gone]

    def taker(node: ast.AST) -> Edit | None:
        """Return the edit that takes the whole of a statement."""
        if not isinstance(node, ast.stmt):
            return None
        at = bisect_right(starts, file.start(node)) - 1
        return gone[at] if at >= 0 and file.end(node) <= gone[at].end else None

    taken = [
        node
        for kind in (ast.Expr, ast.Assign, ast.AnnAssign, ast.Import, ast.ImportFrom, ast.Try, ast.If, ast.For, ast.FunctionDef)
        for node in file.kinds[kind]
    ]
    above = {file.parents[node] for node in taken if taker(node) is not None}
    # A handler goes with its `try`.
    for node in {each for each in above if taker(file.parents.get(each, each)) is None} - {file.tree}:
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if not isinstance(block, list) or not block or not isinstance(block[0], ast.stmt):
                continue
            last = taker(block[-1])
            if last is None or taker(node) is not None or not all(map(taker, block)):
                continue
            start, end = file.line_start(block[0]), file.line_after(block[-1])
            if any(start <= edit.start and edit.end <= end and _is_code(edit) for edit in edits):
                continue
            is_whole = last.start == file.line_start(block[-1])
            text = f"{file.indentation(block[-1])}pass{file.line_end}" if is_whole else "pass"
            result[result.index(last)] = last._replace(replacement=last.replacement + text.encode())
    return result


def _is_code(edit: Edit) -> bool:
    return any(line.strip() and not line.strip().startswith(b"#") for line in edit.replacement.splitlines())


def _closed_up(file: File, edits: list[Edit]) -> list[Edit]:
    """Take blank lines after lines that go, where there are some before them as well."""
    source = file.source
    whole = {
        (edit.start, edit.end)
        for edit in edits
        if not edit.replacement and edit.end > edit.start and _begins_line(source, edit.start) and _begins_line(source, edit.end)
    }
    others = [edit for edit in edits if (edit.start, edit.end) not in whole]
    result = list(edits)
    for start, end in sorted(whole):
        if any(other[1] == start for other in whole):
            continue
        stop = end
        while following := next((other for other in whole if other[0] == stop), None):
            stop = following[1]
        if any(start <= edit.start <= stop for edit in others):
            continue
        # From the last line that is not blank on: to search the whole text for each takes long.
        near = source.rfind(b"\n", 0, len(source[:start].rstrip())) + 1
        before = re.compile(rb"(?m)(?:^%s)*\Z" % _BLANK).search(source, near, start)
        after = re.match(rb"(?:%s)*" % _BLANK, source[stop:])
        lines_before = len(re.findall(_BLANK, before[0])) if before and _begins_line(source, before.start()) else 0
        ends = [match.end() for match in re.finditer(_BLANK, after[0])] if after else []
        if before is not None and ends_cell(source, stop + (ends[-1] if ends else 0)) and lines_before and before.start():
            result.append(Edit(before.start(), start, b""))
        elif ends and (start == 0 or begins_cell(source, start) or (source[:start].rstrip(b" \t\r\n").endswith(b":") and not lines_before)):
            result.append(Edit(stop, stop + ends[-1], b""))
        elif lines_before and ends:
            result.append(Edit(stop, stop + ends[min(lines_before, len(ends)) - 1], b""))
    return result


def _begins_line(source: bytes, at: int) -> bool:
    return at == 0 or at == len(source) or source[at - 1 : at] in {b"\n", b"\r"}
