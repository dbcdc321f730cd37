"""Lists of objects, the loops through them, and the uses that they are arguments of."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File
    from opencensus_compat.scan.python_uses import Found

_MIDDLEWARES = frozenset({"W010", "W011"})
"""What reads settings."""


def through(file: File, node: ast.List | ast.Tuple) -> list[ast.For]:
    """Return the loops through a list, directly or by its variable; none where anything else is done with it."""
    parent = file.parents.get(node)
    if isinstance(parent, ast.For) and parent.iter is node:
        return [parent]
    places = parent.targets if isinstance(parent, ast.Assign) else []
    slot = file.slot(places[0]) if len(places) == 1 else None
    if slot is None or len(slot.stores) != 1:
        return []
    above = [(load, file.parents.get(load)) for load in slot.loads]
    loops = [each for load, each in above if isinstance(each, ast.For) and each.iter is load]
    return loops if len(loops) == len(above) else []


def elements(file: File, node: ast.expr) -> list[ast.expr]:
    """Return the elements of the list that a loop goes through; none where they are not known."""
    if isinstance(node, ast.Name):
        value = file.only_value(file.slot(node))
        node = value if value is not None else node
    return node.elts if isinstance(node, (ast.List, ast.Tuple)) else []


def uses_around(file: File, node: ast.AST) -> list[Found]:
    """Return the uses that an expression is an argument of; the middlewares of a file whose settings it is in."""
    for each in file.up(node):
        if isinstance(each, ast.stmt):
            target = each.targets[0] if isinstance(each, ast.Assign) else each
            are_settings = any(use.rule == "W018" for use in file.by_node.get(target, ()))
            return [use for use in file.uses if use.rule in _MIDDLEWARES and are_settings]
        if isinstance(each, ast.Call) and each.func in file.by_node:
            return file.by_node[each.func]
    return []
