"""OpenCensus's stats, view manager and recorder, and exporters of metrics, as arguments: the parameters that get them go, with what the calls give."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from opencensus_compat.rewrite import removal
from opencensus_compat.rewrite.following import calls
from opencensus_compat.rewrite.following.callers import given
from opencensus_compat.rewrite.following.made import loads, target
from opencensus_compat.rewrite.rules.metrics import legacy
from opencensus_compat.rewrite.rules.metrics.legacy import REGISTER_EXPORTER
from opencensus_compat.scan import strings

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File
    from opencensus_compat.rewrite.edits import Edit

_DEPTH = 4
_RULES = frozenset({"S008", "S009"})


class Parameter(NamedTuple):
    """A parameter that gets a part of OpenCensus's stats, or an exporter of metrics that is registered."""

    function: ast.FunctionDef | ast.AsyncFunctionDef
    node: ast.arg
    calls: list[tuple[File, ast.Call, ast.expr]]
    """The calls of the function, each with what it gives for the parameter."""


def of_parameter(node: ast.arg, file: File, depth: int = _DEPTH) -> Parameter | None:
    """Return a parameter with the calls of its function; None where its loads do more than to use OpenCensus, or not all calls are known."""
    function, slot = file.function(node), file.slot(node)
    if slot is not None and any(legacy.is_needed(load, file) for load in slot.loads):
        return None
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or slot is None or slot.stores != [node]:
        return None
    if not slot.loads or not all(_is_of_stats(load, file, depth) for load in slot.loads):
        return None
    every = given(file, node) or []
    known = [(home, call, value) for home, call, value in every if home is file and value is not None]
    return Parameter(function, node, known) if known and known == every else None


def _is_of_stats(load: ast.expr, file: File, depth: int) -> bool:
    """Return whether an object is only asked for what OpenCensus's stats have, registered as an exporter, or handed on to functions that do no more."""
    parent = file.parents.get(load)
    if isinstance(parent, ast.Attribute):
        members = [each for each in [parent, *calls.chain(file, parent)] if each in file.by_node]
        return bool(members) and all(use.rule in _RULES for each in members for use in file.by_node[each])
    call = file.parents.get(parent) if isinstance(parent, ast.keyword) else parent
    if isinstance(call, ast.Call) and call.func is not load and file.symbol(call) == REGISTER_EXPORTER:
        return file.is_alone(call)
    holder = target(file, load)
    if isinstance(holder, ast.Attribute) and isinstance(parent, (ast.Assign, ast.AnnAssign)):
        return depth > 0 and all(_is_of_stats(each, file, depth - 1) for each in loads(file, holder))
    return depth > 0 and of_argument(load, file, depth - 1) is not None


def of_argument(node: ast.expr, file: File, depth: int = _DEPTH) -> Parameter | None:
    """Return the parameter that an expression is given for, of a function of its file; None for another expression."""
    above = file.parents.get(node)
    call = file.parents.get(above) if isinstance(above, ast.keyword) else above
    if not isinstance(call, ast.Call) or call.func is node:
        return None
    for function in [*file.kinds[ast.FunctionDef], *file.kinds[ast.AsyncFunctionDef]]:
        owner = file.parents.get(function)
        name = owner.name if isinstance(owner, ast.ClassDef) and function.name == "__init__" else function.name
        if name == strings.tail(call.func):
            every = (
                of_parameter(each, file, depth) for each in [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
            )
            found = next((each for each in every if each is not None and any(value is node for _, _, value in each.calls)), None)
            if found is not None:
                return found
    return None


def taken_out(node: ast.expr, file: File) -> list[Edit] | None:
    """Return the edits that take an argument out of its call, and its parameter out of the function; None for another expression."""
    found = of_argument(node, file)
    if found is None:
        return None
    edits = [removal.argument(call, value, file, _others(call, file)) for _, call, value in found.calls if value is node]
    if found.calls[0][2] is node:
        arguments = found.function.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        others = [each for each in every if each is not found.node and of_parameter(each, file) is not None]
        edits.append(removal.parameter(found.function, found.node, file, others))
        slot = file.slot(found.node)
        for load in slot.loads if slot is not None else ():
            is_kept = target(file, load) is not None
            edits += [file.delete(file.statement(load))] if is_kept else taken_out(load, file) or []
    return edits


def _others(call: ast.Call, file: File) -> list[ast.expr]:
    return [each for each in [*call.args, *(keyword.value for keyword in call.keywords)] if of_argument(each, file) is not None]
