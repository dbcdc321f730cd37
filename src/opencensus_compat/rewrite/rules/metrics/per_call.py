"""Measures that a function makes anew for each value: OpenCensus records those of the first one of a name alone."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.following.callers import callers
from opencensus_compat.rewrite.following.made import target
from opencensus_compat.rewrite.rules.exporters.several import is_once

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File

QUESTION = (
    "Is each of these values to be sent? The function makes a measure each time, and OpenCensus keeps the values of the first measure of a name alone: "
    "with `--include S001` all of them count."
)
_COLLECTIONS = (ast.Dict, ast.List, ast.Tuple, ast.Set, ast.Return, ast.Yield)
_ADDS = frozenset({"append", "add", "setdefault", "insert"})


def is_made_for_each_value(measure: ast.Call, file: File) -> bool:
    """Return whether a function that may run several times makes a measure, and nothing keeps it for the next time."""
    function, place = file.function(measure), target(file, measure)
    slot = file.slot(place) if isinstance(place, ast.Name) else None
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or slot is None or slot.owner is not function:
        return False
    if any(_is_kept(load, file) for load in slot.loads):
        return False
    return not is_once(measure, file) or (_is_named_by_callers(measure, file) and not callers(file, function))


def _is_kept(load: ast.expr, file: File) -> bool:
    """Return whether a place puts a measure where it stays, or returns it."""
    parent = file.parents.get(load)
    if isinstance(parent, (ast.Assign, ast.AnnAssign)):
        return True
    is_added = isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute) and parent.func.attr in _ADDS
    return isinstance(parent, _COLLECTIONS) or is_added


def _is_named_by_callers(measure: ast.Call, file: File) -> bool:
    name = file.argument(measure, 0, "name")
    return name is not None and any(
        (slot := file.slot(each)) is not None and slot.parameter is not None for each in ast.walk(name) if isinstance(each, ast.Name)
    )
