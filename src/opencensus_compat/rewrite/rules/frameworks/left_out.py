"""Tests of programs which requests they leave out, by the beginning of a path."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Keep
from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.scan.python_uses import Found

_DEFAULT = '"_ah/health"'
"""The path that OpenCensus leaves out where no others are given."""
_ATOMS = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant, ast.JoinedStr)


def by_path(use: Found, file: File) -> Outcome:
    """`disable_tracing_url(url, paths)` → a test of the beginning of the path, which OpenTelemetry has no function for."""
    call = file.call(use.node)
    if call is None:
        return Keep("a function as a value")
    url, paths = file.argument(call, 0, "url"), file.argument(call, 1, "excludelist_paths")
    beginnings = _beginnings(paths, file)
    if url is None or beginnings is None or file.has_stars(call):
        return Ask(BY_ID["T077"].question)
    text = file.render(url) if isinstance(url, _ATOMS) else f"({file.render(url)})"
    path = f'{text}.removeprefix("https://").removeprefix("http://").partition("/")[2]'
    return [file.replace(call, f"{path}.startswith({beginnings})")]


def _beginnings(node: ast.expr | None, file: File) -> str | None:
    """Return the source of what paths are compared with; None where an expression would be evaluated twice."""
    if node is None or (isinstance(node, ast.Constant) and node.value is None):
        return _DEFAULT
    if isinstance(node, (ast.List, ast.Tuple)) and all(isinstance(each, ast.Constant) for each in node.elts):
        return f"({', '.join(file.text(each) for each in node.elts)}{',' if len(node.elts) == 1 else ''})"
    if isinstance(node, (ast.Name, ast.Attribute)):
        text = file.text(node)
        return f"{_DEFAULT} if {text} is None else tuple({text})"
    return None


REWRITERS: dict[str, Rewriter] = {"T078": by_path}
