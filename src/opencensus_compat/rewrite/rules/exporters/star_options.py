"""Options that a call is given by `**`: the dictionary, or the calls of the function around, where they are written by name."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from opencensus_compat.rewrite.context import Ask, Refused
from opencensus_compat.rewrite.following import calls
from opencensus_compat.rewrite.following.made import readers

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File

UNKNOWN = Ask("Which options are in `**`? Write them by name, and run `rewrite` again.")
_DEPTH = 4


class Written(NamedTuple):
    """Options, where they are written."""

    file: File
    node: ast.Call | ast.Dict
    options: tuple[ast.keyword, ...]
    """Those of a dictionary have no place of their own; their values have."""


def written(value: ast.expr, file: File, depth: int = _DEPTH) -> list[Written]:
    """Return where the options of a dictionary are written that a call is given by `**`.

    Args:
        value: The dictionary.
        file: Its file.
        depth: How many functions may hand it on.

    Raises:
        Refused: It is not known, or something else reads it.
    """
    slot = file.slot(value) if isinstance(value, ast.Name) else None
    if isinstance(value, ast.Name) and slot is not None and (slot.loads != [value] or len(slot.stores) != 1):
        raise Refused(UNKNOWN)
    if slot is not None and slot.parameter is not None:
        return _of_callers(slot.parameter, file, depth)
    node = file.only_value(slot) if slot is not None else value
    if slot is not None and node is not None and any(home is not file for home, _ in readers(file, value)):
        raise Refused(UNKNOWN)
    if isinstance(node, ast.Dict):
        found = [
            ast.keyword(each.value, part)
            for each, part in zip(node.keys, node.values, strict=True)
            if isinstance(each, ast.Constant) and isinstance(each.value, str)
        ]
        if len(found) == len(node.keys):
            return [Written(file, node, tuple(found))]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict" and not node.args:
        return [Written(file, node, tuple(node.keywords))] if not file.has_stars(node) else []
    raise Refused(UNKNOWN)


def _of_callers(parameter: ast.arg, file: File, depth: int) -> list[Written]:
    function = file.function(parameter)
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or function.args.kwarg is not parameter or not depth:
        raise Refused(UNKNOWN)
    taken = {each.arg for each in [*function.args.args, *function.args.kwonlyargs]}
    owner = file.parents.get(function)
    name = owner.name if isinstance(owner, ast.ClassDef) and function.name == "__init__" else function.name
    found: list[Written] = []
    for home in file.files.values():
        if any(isinstance(each.value, str) and each.value.rpartition(".")[2] == name for each in home.kinds[ast.Constant]):
            raise Refused(UNKNOWN)
        for read in home.reads(name):
            if home.is_annotation(read) or calls.is_of_types(read, home):
                continue
            call = home.call(read)
            if call is None or any(isinstance(each, ast.Starred) for each in call.args):
                raise Refused(UNKNOWN)
            found.append(Written(home, call, tuple(each for each in call.keywords if each.arg is not None and each.arg not in taken)))
            for each in call.keywords:
                found += written(each.value, home, depth - 1) if each.arg is None else []
    if not found:
        raise Refused(UNKNOWN)
    return found
