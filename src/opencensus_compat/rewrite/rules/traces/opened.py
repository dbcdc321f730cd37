"""The calls that start the spans on which a statement sets something."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.following import calls
from opencensus_compat.rewrite.rules.exporters.providers import STARTS

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File


def starts_of(node: ast.AST, statement: ast.stmt, file: File) -> list[ast.Call]:
    """Return the calls that start the spans on which a statement always sets an attribute: those of its function, or of the callers of it."""
    assert isinstance(node, ast.Attribute)
    call = opened_by(node.value, statement, file)
    if call is not None:
        return [call]
    slot, function = file.slot(node.value), file.function(statement)
    parameter = slot.parameter if slot is not None and len(slot.stores) == 1 else None
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or parameter is None or statement not in function.body:
        return []
    before = function.body[: function.body.index(statement)]
    if any(isinstance(each, (ast.Return, ast.Raise)) for one in before for each in ast.walk(one)):
        return []
    found = []
    for home, read in file.files.reads(function.name):
        made = home.call(read)
        given = calls.given(function, made, parameter, home) if made is not None else None
        start = opened_by(given, home.statement(read), home) if given is not None and home is file else None
        if start is None:
            return []
        found.append(start)
    return found


def opened_by(node: ast.expr, statement: ast.stmt, file: File) -> ast.Call | None:
    """Return the call that starts a span on which a statement right inside its `with`, or after its assignment, always runs."""
    if isinstance(node, ast.Attribute):
        return _opened_for(node, statement, file)
    if not isinstance(node, ast.Name):
        return None
    slot, block = file.slot(node), file.body_of(statement)
    parent = file.parents.get(statement)
    if isinstance(parent, (ast.With, ast.AsyncWith)):
        for item in parent.items:
            is_it = isinstance(item.optional_vars, ast.Name) and file.slot(item.optional_vars) is slot
            if is_it and isinstance(item.context_expr, ast.Call) and file.symbol(item.context_expr) in STARTS:
                return item.context_expr
    for each in reversed(block[: block.index(statement)] if statement in block else []):
        if isinstance(each, ast.Assign) and any(isinstance(target, ast.Name) and file.slot(target) is slot for target in each.targets):
            return each.value if isinstance(each.value, ast.Call) and file.symbol(each.value) in STARTS else None
    return None


def _opened_for(node: ast.Attribute, statement: ast.stmt, file: File) -> ast.Call | None:
    """Return the call that starts the span of an attribute, where it is assigned before a statement of the same block."""
    text, block = ast.unparse(node), file.body_of(statement)
    for each in reversed(block[: block.index(statement)] if statement in block else []):
        if isinstance(each, ast.Assign) and [ast.unparse(target) for target in each.targets] == [text]:
            return each.value if isinstance(each.value, ast.Call) and file.symbol(each.value) in STARTS else None
        if not isinstance(each, (ast.Assign, ast.Expr)):
            return None
    return None
