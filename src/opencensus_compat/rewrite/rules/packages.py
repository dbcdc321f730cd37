"""Packages that Python files require: setup.py, noxfile.py and the like."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat import __version__
from opencensus_compat.rewrite.context import Keep
from opencensus_compat.rewrite.texts import requirements
from opencensus_compat.scan import strings

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.scan.python_uses import Found

FREE = frozenset({"R001"})
_INSTALL = frozenset({"add_pip_package", "install", "pip_install"})
"""Functions whose arguments are requirements: of Azure ML, Nox, Modal and the like."""


def required(use: Found, file: File) -> Outcome:
    """`"opencensus-ext-azure>=1.1"` in a list → `"census-compat>=…"`; the further ones of the list go."""
    if requirements.normalized(use.symbol) not in requirements.GOES:
        return Keep("goes with the last use of it")
    every = _beside(use.node, file)
    if not every:
        return Keep(f"require {requirements.NEW} in its place")
    # One character for each byte.
    text = file.source.decode("latin-1")
    named = [(each, requirements.name_of(each.value)) for each in every if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    going = [each for each, name in named if name in requirements.GOES]
    first = next((each for each in going if file.by_node.get(each)), None)
    if first is not use.node:
        return []
    made: list[requirements.Edit] = []
    for each in going:
        start, end = file.start(each), file.end(each)
        quote = text[end - 1]
        is_first = each is going[0] and not any(name == requirements.NEW for _, name in named)
        if not is_first:
            made.append(requirements.Edit(*requirements.element(text, start, end), "", "", 0))
        elif text[start] != quote:
            return Keep("a text with a prefix")
        else:
            made.append(
                requirements.Edit(start + 1, end - 1, requirements.written(text[start + 1 : end - 1], requirements.NEW, __version__), "", 0)
            )
    return [file.splice(edit.start, edit.end, edit.text, use.node) for edit in requirements.apart(sorted(made))]


def _beside(node: ast.AST, file: File) -> list[ast.expr]:
    """Return the elements of a list of requirements, or the arguments of a call that installs them, among which one stands; none for another place."""
    parent = file.parents.get(node)
    if isinstance(parent, (ast.List, ast.Tuple, ast.Set)):
        return parent.elts
    is_installed = isinstance(parent, ast.Call) and node in parent.args and strings.tail(parent.func) in _INSTALL
    return parent.args if isinstance(parent, ast.Call) and is_installed else []


REWRITERS: dict[str, Rewriter] = {"R001": required}
