"""Edits that take one of several things away, with the comma beside it: an argument, a parameter, a value of a dict."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.rewrite.edits import Edit


def argument(call: ast.Call, value: ast.expr, file: File) -> Edit:
    """Return the edit that takes an argument out of a call, by its value."""
    parent = file.parents[value]
    return _without(parent if isinstance(parent, ast.keyword) else value, [*call.args, *call.keywords], call, file)


def parameter(function: ast.FunctionDef | ast.AsyncFunctionDef, node: ast.arg, file: File) -> Edit:
    """Return the edit that takes a parameter without a default out of its function."""
    arguments = function.args
    return _without(node, [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs], function, file)


def value_of_dict(node: ast.Dict, value: ast.expr, file: File) -> Edit:
    """Return the edit that takes a value with its key out of a dict."""
    at = node.values.index(value)
    if at:
        return file.splice(file.end(node.values[at - 1]), file.end(value), "", node)
    after = next(iter(node.keys[1:]), None)
    return file.splice(file.start(node.keys[0]), file.start(after) if after is not None else file.end(value), "", node)


def _without(node: ast.AST, every: Sequence[ast.AST], around: ast.AST, file: File) -> Edit:
    at = every.index(node)
    if at:
        return file.splice(file.end(every[at - 1]), file.end(node), "", around)
    return file.splice(file.start(node), file.start(every[1]) if len(every) > 1 else file.end(node), "", around)
