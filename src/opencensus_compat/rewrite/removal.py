"""Edits that take one of several things away, with the comma beside it: an argument, a parameter, a value of a dict."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.rewrite.edits import Edit


def argument(call: ast.Call, value: ast.expr, file: File, others: Collection[ast.expr] = ()) -> Edit:
    """Return the edit that takes an argument out of a call.

    Args:
        call: The call.
        value: The argument's value.
        file: Their file.
        others: Values of arguments that other edits take out of the same call.
    """
    node = file.parents[value] if isinstance(file.parents[value], ast.keyword) else value
    gone = [file.parents[each] if isinstance(file.parents[each], ast.keyword) else each for each in others]
    return _without(node, [*call.args, *call.keywords], call, file, gone)


def parameter(function: ast.FunctionDef | ast.AsyncFunctionDef, node: ast.arg, file: File, others: Collection[ast.arg] = ()) -> Edit:
    """Return the edit that takes a parameter without a default out of its function.

    Args:
        function: The function.
        node: The parameter.
        file: Their file.
        others: Parameters that other edits take out of the same function.
    """
    arguments = function.args
    return _without(node, [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs], function, file, others)


def arguments(call: ast.Call, going: Sequence[ast.AST], file: File) -> list[Edit]:
    """Return the edits that take arguments, keywords as such, out of a call."""
    return _all_without(going, [(each, each) for each in [*call.args, *call.keywords]], call, file)


def value_of_dict(node: ast.Dict, value: ast.expr, file: File) -> Edit:
    """Return the edit that takes a value with its key out of a dict."""
    return values_of_dict(node, [value], file)[0]


def values_of_dict(node: ast.Dict, values: Sequence[ast.expr], file: File) -> list[Edit]:
    """Return the edits that take values with their keys out of a dict."""
    every = [(value if key is None else key, value) for key, value in zip(node.keys, node.values, strict=True)]
    return _all_without(values, every, node, file)


def _all_without(going: Sequence[ast.AST], every: Sequence[tuple[ast.AST, ast.AST]], around: ast.AST, file: File) -> list[Edit]:
    """Return the edits that take several things away.

    Args:
        going: The last node of each.
        every: The first and the last node of each of those that stand there.
        around: What they stand in.
        file: The file.
    """
    edits = []
    staying = [at for at, (_, last) in enumerate(every) if last not in going]
    for at, (first, last) in enumerate(every):
        if last not in going:
            continue
        if staying and at > staying[0]:
            edits.append(file.splice(file.end(every[at - 1][1]), file.end(last), "", around))
        else:
            end = _start(every[at + 1][0], around, file) if at + 1 < len(every) else file.end(last)
            edits.append(file.splice(file.start(first), end, "", around))
    return edits


def _start(node: ast.AST, around: ast.AST, file: File) -> int:
    """Return where one of several things begins: what is put into a dict by `**` has that before it."""
    is_starred = isinstance(around, ast.Dict) and node in around.values
    return file.source.rindex(b"**", 0, file.start(node)) if is_starred else file.start(node)


def _without(node: ast.AST, every: Sequence[ast.AST], around: ast.AST, file: File, gone: Collection[ast.AST]) -> Edit:
    going = [each for each in every if each is node or each in gone]
    return _all_without(going, [(each, each) for each in every], around, file)[going.index(node)]
