"""Applications of FastAPI, which trace and measure by themselves as soon as there are providers: programs that get some say that they do not.

What FastAPI makes by itself (from 0.165 at the latest) never arrived with OpenCensus, whose facade leaves it out. Releases before keep an
argument that they do not know among the application's extras, so that it does no harm there.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

from opencensus_compat.rewrite.edits import Edit, conflict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from opencensus_compat.rewrite.context import File

OFF = 'telemetry={"tracing": False, "metrics": False, "logs": False}'
"""The argument of `FastAPI` that leaves all of it out."""
QUESTION = f"Does FastAPI make telemetry of its own here, now that there are providers? `FastAPI(..., {OFF})` leaves that out, as before."
_SETS_UP = re.compile(rb"configure\(|set_(?:tracer|meter|logger)_provider\(")
_INSTRUMENTS_ALL = re.compile(rb"FastAPIInstrumentor\(\)\.instrument\(|instrumentations=\[[^\]]*[\"']fastapi[\"']")
_MODULES = frozenset({"fastapi", "fastapi.applications"})


class Apps(NamedTuple):
    """What becomes of the applications of a program."""

    silenced: list[tuple[File, ast.AST, list[Edit]]]
    """Those that get the argument."""
    open: list[tuple[File, ast.AST]]
    """Those whose arguments are not written out, and classes that stand on FastAPI's."""


def sets_up(edits: Iterable[Edit]) -> bool:
    """Return whether some edits write what sets providers."""
    return any(_SETS_UP.search(edit.replacement) for edit in edits)


def silence(program: Mapping[str, File], done: dict[str, list[Edit]], chosen: Collection[str]) -> list[tuple[File, ast.AST]]:
    """Add edits to those of a run where they make a program set providers; return the applications that are left as they are.

    Args:
        program: Its files.
        done: File -> edits.
        chosen: The files that may change.
    """
    written = [edit for path in program for edit in done.get(path, ())]
    if not sets_up(written):
        return []
    found = silenced(program.values(), written)
    left = [(file, node) for file, node in found.open if file.path in chosen]
    for file, node, edits in found.silenced:
        if file.path in chosen and not conflict(edits, done[file.path]):
            done[file.path] += edits
        else:
            left.append((file, node))
    return left


def silenced(files: Iterable[File], written: Iterable[Edit]) -> Apps:
    """Return the edits for the applications that trace themselves; those that an instrumentation traces do not.

    Args:
        files: Those of one program.
        written: What the run writes into them.
    """
    files = [file for file in files if b"fastapi" in file.source]
    texts = [*(file.source for file in files), *(edit.replacement for edit in written)]
    found = Apps([], [])
    if any(map(_INSTRUMENTS_ALL.search, texts)):
        return found
    for file in files:
        for node in _applications(file):
            if not isinstance(node, ast.Call):
                found.open.append((file, node))
            elif any(keyword.arg == "telemetry" for keyword in node.keywords) or _is_instrumented(node, file, texts):
                continue
            elif file.has_stars(node):
                found.open.append((file, node))
            else:
                found.silenced.append((file, node, _added(node, file)))
    return found


def _applications(file: File) -> Iterator[ast.AST]:
    for call in file.kinds[ast.Call]:
        if _is_class(call.func, file):
            yield call
    for each in file.kinds[ast.ClassDef]:
        if any(_is_class(base, file) for base in each.bases):
            yield each


def _is_class(node: ast.expr, file: File) -> bool:
    """Return whether an expression is FastAPI's class, by the import that its name comes from."""
    alias = file.import_of(node)
    if alias is None:
        return False
    statement = file.statement(alias)
    if isinstance(statement, ast.ImportFrom):
        return statement.module in _MODULES and alias.name == "FastAPI" and isinstance(node, ast.Name)
    return alias.name in _MODULES and isinstance(node, ast.Attribute) and node.attr == "FastAPI"


def _is_instrumented(call: ast.Call, file: File, texts: Iterable[bytes]) -> bool:
    parent = file.parents.get(call)
    target = parent.targets[0] if isinstance(parent, ast.Assign) else parent.target if isinstance(parent, ast.AnnAssign) else None
    name = target.id if isinstance(target, ast.Name) else target.attr if isinstance(target, ast.Attribute) else ""
    pattern = re.compile(rb"instrument_app\(\s*(?:app\s*=\s*)?(?:\w+\.)*" + (name.encode() + rb"\b" if name else b""))
    return any(b"FastAPIInstrumentor" in text and pattern.search(text) for text in texts)


def _added(call: ast.Call, file: File) -> list[Edit]:
    """Put the argument last, on a line of its own where the call ends on one."""
    end = file.end(call) - 1
    given = [*call.args, *call.keywords]
    if not given:
        return [Edit(end, end, OFF.encode())]
    last = max(given, key=file.end)
    has_comma = re.match(rb"(?:\s|#[^\n]*|\))*,", file.source[file.end(last) : end]) is not None
    line = file.source.rfind(b"\n", 0, end) + 1
    if line < file.end(last):
        return [Edit(end, end, f"{' ' if has_comma else ', '}{OFF}".encode())]
    comma = [] if has_comma else [Edit(file.end(last), file.end(last), b",")]
    return [*comma, Edit(line, line, f"{file.indentation(last)}{OFF},{file.line_end}".encode())]
