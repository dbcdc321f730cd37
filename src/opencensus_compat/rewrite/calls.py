"""Calls that a program makes through others: `submit(bill, tracer)`, `partial(bill, tracer)`, `Thread(target=bill, args=(tracer,))`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.scan import strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opencensus_compat.rewrite.context import File

_PLACES = {"partial": 0, "submit": 0, "to_thread": 0, "call_soon": 0, "run_in_executor": 1}
"""Function that calls another -> place of that one; its arguments follow."""


def handed_on(call: ast.Call) -> ast.Call | None:
    """Return the call that another one makes, of the same nodes; None for one that makes none."""
    at = _PLACES.get(strings.tail(call.func))
    if at is not None and len(call.args) > at and isinstance(call.args[at], (ast.Name, ast.Attribute)):
        return ast.Call(func=call.args[at], args=call.args[at + 1 :], keywords=call.keywords, lineno=call.lineno)
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    target, arguments, named = given.get("target"), given.get("args"), given.get("kwargs")
    if isinstance(target, (ast.Name, ast.Attribute)) and isinstance(arguments, (ast.Tuple, ast.List)) and named is None:
        return ast.Call(func=target, args=arguments.elts, keywords=[], lineno=call.lineno)
    return None


def chain(file: File, node: ast.AST) -> Iterator[ast.AST]:
    """Yield the attributes that are read of an attribute."""
    while isinstance(above := file.parents.get(node), ast.Attribute):
        yield above
        node = above


def parameter(function: ast.FunctionDef | ast.AsyncFunctionDef, call: ast.Call, node: ast.AST, skipped: int) -> ast.arg | None:
    """Return the parameter that an argument of a call is; None where that is not known.

    Args:
        function: What is called.
        call: The call.
        node: Its argument, or the keyword with it.
        skipped: How many parameters come before those of the call.
    """
    arguments = function.args
    if isinstance(node, ast.keyword):
        return next((each for each in [*arguments.args, *arguments.kwonlyargs] if each.arg == node.arg), None)
    places = [*arguments.posonlyargs, *arguments.args]
    at = call.args.index(node) + skipped  # type: ignore[arg-type] # an argument is an expression
    return places[at] if at < len(places) and not any(isinstance(each, ast.Starred) for each in call.args) else None


def of_default(arguments: ast.arguments, node: ast.AST) -> ast.arg:
    """Return the parameter whose default an expression is."""
    places = [*arguments.posonlyargs, *arguments.args]
    defaults = [
        *zip(reversed(places), reversed(arguments.defaults), strict=False),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    return next(parameter for parameter, value in defaults if value is node)


def dependency(call: ast.Call) -> ast.expr | None:
    """Return the function whose result FastAPI hands over in the place of `Depends(function)`; None for another call."""
    return call.args[0] if strings.tail(call.func) in {"Depends", "Security"} and len(call.args) == 1 else None
