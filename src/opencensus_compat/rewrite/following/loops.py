"""Lists of objects, the loops through them, and the uses that they are arguments of."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.following import calls
from opencensus_compat.rewrite.following.callers import given

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.scan.python_uses import Found

_MIDDLEWARES = frozenset({"W010", "W011"})
"""What reads settings."""


def through(file: File, node: ast.List | ast.Tuple) -> list[ast.For]:
    """Return the loops through a list, directly, by its variable or by a parameter; none where anything else is done with it."""
    found = _through(file, node)
    parent = file.parents.get(node)
    places = parent.targets if found is None and isinstance(parent, ast.Assign) else []
    slot = file.slot(places[0]) if len(places) == 1 else None
    if slot is not None and len(slot.stores) == 1:
        found = _of_all(file, slot.loads)
    return found or []


def _through(file: File, node: ast.expr) -> list[ast.For] | None:
    """Return the loops through what stands at a place: its own, or those of the function of the file that gets it; None for another place."""
    parent = file.parents.get(node)
    if isinstance(parent, ast.For):
        return [parent] if parent.iter is node else None
    call = file.parents.get(parent) if isinstance(parent, ast.keyword) else parent
    name = call.func.id if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func is not node else ""
    function = next((each for each in file.kinds[ast.FunctionDef] if each.name == name and file.parents.get(each) is file.tree), None)
    slot = file.bindings.module.get(name)
    if not isinstance(call, ast.Call) or function is None or slot is None or slot.stores != [function]:
        return None
    parameter = calls.parameter(function, call, parent if isinstance(parent, ast.keyword) else node, 0)
    own = file.slot(parameter) if parameter is not None and parameter is not function.args.vararg else None
    return _of_all(file, own.loads) if own is not None and own.stores == [parameter] else None


def _of_all(file: File, places: Sequence[ast.expr]) -> list[ast.For] | None:
    """Return the loops through a variable; None where a place does something else with it."""
    every = [_through(file, each) for each in places]
    return [loop for each in every for loop in each or []] if all(each is not None for each in every) else None


def elements(file: File, node: ast.expr) -> list[ast.expr]:
    """Return the elements of the lists that a loop goes through, also of those that a function gets; none where they are not known."""
    slot = file.slot(node) if isinstance(node, ast.Name) else None
    if slot is not None and slot.parameter is not None and slot.stores == [slot.parameter]:
        lists = [
            elements(file, value) if home is file and value is not None else [] for home, _, value in given(file, slot.parameter) or []
        ]
        return [each for found in lists for each in found] if all(lists) else []
    if isinstance(node, ast.Name):
        value = file.only_value(slot)
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
