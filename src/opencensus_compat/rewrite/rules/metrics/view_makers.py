"""Functions that make and register the view of a measure which they get: what they are given is known at their calls, and they go with these."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.edits import Edit
from opencensus_compat.rewrite.following.callers import callers, given
from opencensus_compat.rewrite.following.held import held
from opencensus_compat.rewrite.rules.metrics import legacy, per_call

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File

_OURS = ("stats.view_manager.", "stats.stats.", "stats.view.", "stats.aggregation.")


def at_call(part: ast.expr, view: ast.Call, measure: ast.AST, file: File) -> tuple[File, ast.expr]:
    """Return what the part of a view is where its measure is made, and its file.

    Args:
        part: An argument of the view, such as its name.
        view: What makes the view.
        measure: What makes the measure.
        file: The file of the view.
    """
    function = file.function(view)
    parameters = [_parameter(each, function, file) for each in (part, file.argument(view, 3, "measure"))]
    if None in parameters:
        return file, part
    texts, measures = ([*(given(file, each) or [])] if each is not None else [] for each in parameters)
    found = [
        (home, value)
        for (home, _, value), (other, _, one) in zip(texts, measures, strict=True)
        if value is not None and one is not None and [each for _, each in held(other, one) or []] == [measure]
    ]
    return found[0] if len(found) == 1 else (file, part)


def is_for_each(view: ast.Call, file: File) -> bool:
    """Return whether a function makes a view for each measure that it gets, under a name of its own.

    Where `--include S001` says that the values of all measures of a name count, that name may be known as late as the measure is made.
    """
    function = file.function(view)
    name, measure = (_parameter(file.argument(view, at, each), function, file) for at, each in ((0, "name"), (3, "measure")))
    if name is None or measure is None:
        return False
    if "S001" in file.accepted:
        made = [each for home, _, value in given(file, measure) or [] for each in held(home, value) or []]
        if made and all(isinstance(each, ast.Call) and per_call.is_made_for_each_value(each, home) for home, each in made):
            return True
    texts = [value.value if isinstance(value, ast.Constant) else None for _, _, value in given(file, name) or []]
    return None not in texts and len(set(texts)) == len(texts)


def _parameter(node: ast.expr | None, function: ast.AST | None, file: File) -> ast.arg | None:
    slot = file.slot(node) if isinstance(node, ast.Name) else None
    return slot.parameter if slot is not None and len(slot.stores) == 1 and slot.owner is function else None


def without(view: ast.Call, file: File) -> list[Edit] | None:
    """Return the edits that take away a function which only makes and registers the view of a measure that it gets, with its calls; None for another function."""
    function = file.function(view)
    if not isinstance(function, ast.FunctionDef) or _parameter(file.argument(view, 3, "measure"), function, file) is None:
        return None
    calls = callers(file, function)
    if (
        not calls
        or not all(home is file and file.is_alone(call) for home, call in calls)
        or not all(_is_ours(each, file) for each in function.body)
    ):
        return None
    first = file.line_start(next(iter(function.decorator_list), function))
    return [Edit(first, file.line_after(function), b""), *(file.delete(file.statement(call)) for _, call in calls)]


def _is_ours(statement: ast.stmt, file: File) -> bool:
    """Return whether a statement makes or registers a view, or is a text."""
    node = statement.value if isinstance(statement, (ast.Assign, ast.Expr)) else None
    is_text = isinstance(node, ast.Constant) and isinstance(statement, ast.Expr)
    if any(isinstance(each, ast.Call) and legacy.keeps(each, file) for each in ast.walk(statement)):
        return False
    return is_text or any(file.symbol(each).startswith(_OURS) for each in (node, node and file.call(node)) if each)
