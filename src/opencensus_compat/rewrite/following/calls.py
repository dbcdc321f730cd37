"""Calls that a program makes through others: `submit(bill, tracer)`, `Thread(target=bill, args=(tracer,))`, `Middleware(Tracing, sampler=sampler)`."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from opencensus_compat.scan import strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opencensus_compat.rewrite.context import File

_PLACES = {"partial": 0, "submit": 0, "to_thread": 0, "call_soon": 0, "run_in_executor": 1}
"""Function that calls another -> place of that one; its arguments follow."""
_MIDDLEWARES = frozenset({"Middleware", "add_middleware"})
"""What makes one object of a class for an application, with the arguments that it gets by name."""
_MAKE_CLASSES = frozenset({"namedtuple", "NamedTuple", "make_dataclass"})
_OF_FIELDS = 2
"""Arguments of such calls."""
_OF_TYPES = frozenset({"super", "isinstance", "issubclass"})


def handed_on(call: ast.Call, file: File) -> ast.Call | None:
    """Return the call that another one makes, of the same nodes; None for one that makes none."""
    at = _PLACES.get(strings.tail(call.func))
    if at is not None and len(call.args) > at and isinstance(call.args[at], (ast.Name, ast.Attribute)):
        return ast.Call(func=call.args[at], args=call.args[at + 1 :], keywords=call.keywords, lineno=call.lineno)
    if (made := _by_framework(call, file)) is not None:
        return made
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    target, arguments, named = given.get("target"), given.get("args"), given.get("kwargs")
    if isinstance(target, (ast.Name, ast.Attribute)) and isinstance(arguments, (ast.Tuple, ast.List)) and named is None:
        return ast.Call(func=target, args=arguments.elts, keywords=[], lineno=call.lineno)
    return None


def making(node: ast.Name | ast.Attribute, file: File) -> ast.Call | None:
    """Return the call that makes an object of a class at a place that names it, also where a framework makes it; None for another place."""
    above = file.parents.get(node)
    made = _by_framework(above, file) if isinstance(above, ast.Call) else None
    return made if made is not None and made.func is node else file.call(node)


def _by_framework(call: ast.Call, file: File) -> ast.Call | None:
    if strings.tail(call.func) not in _MIDDLEWARES or len(call.args) != 1 or _is_own(call.func, file):
        return None
    made = call.args[0]
    return ast.Call(func=made, args=[], keywords=call.keywords, lineno=call.lineno) if isinstance(made, (ast.Name, ast.Attribute)) else None


def _is_own(function: ast.expr, file: File) -> bool:
    """Return whether a function is one of the program's own, whatever that does."""
    if isinstance(function, ast.Attribute):
        return file.value(function.value).meaning == "module"
    slot = file.slot(function)
    return slot is not None and any(not isinstance(store, ast.alias) or file.origin(store) is not None for store in slot.stores)


def is_of_types(node: ast.AST, file: File) -> bool:
    """Return whether a class is only named for what it is or has, as `super(Class, self)` and `Class.method(value)` do."""
    call = file.parents.get(node)
    if isinstance(node, ast.Name) and isinstance(call, ast.Attribute) and isinstance(call.ctx, ast.Load):
        return _has(node.id, call.attr, file)
    return isinstance(call, ast.Call) and node in call.args and isinstance(call.func, ast.Name) and call.func.id in _OF_TYPES


def _has(name: str, member: str, file: File) -> bool:
    """Return whether each class of a name has a member that makes no object of it: a method, or an attribute."""
    found = [[each for each in owner.body if member in _bound_by(each)] for _, owner in file.files.classes(name)]
    return bool(found) and all(each and not any(map(_makes, each)) for each in found)


def _bound_by(statement: ast.stmt) -> set[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return {statement.name}
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target] if isinstance(statement, ast.AnnAssign) else []
    return {each.id for each in targets if isinstance(each, ast.Name)}


def _makes(statement: ast.stmt) -> bool:
    if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    return statement.name.startswith("__") or any(strings.tail(each) == "classmethod" for each in statement.decorator_list)


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


def given(function: ast.FunctionDef | ast.AsyncFunctionDef, call: ast.Call, parameter: ast.arg, file: File) -> ast.expr | None:
    """Return what a call gives for a parameter of a function or method; None where it gives nothing, or that is not known.

    Args:
        function: What is called.
        call: The call.
        parameter: The parameter.
        file: The file of the call.
    """
    if file.has_stars(call):
        return None
    places = [*function.args.posonlyargs, *function.args.args]
    is_static = any(strings.tail(each) == "staticmethod" for each in function.decorator_list)
    # A method that is called by its object gets that first.
    skipped = isinstance(call.func, ast.Attribute) and not is_static and bool(places) and places[0].arg in {"self", "cls"}
    at = places.index(parameter) - skipped if parameter in places else -1
    named = (each.value for each in call.keywords if each.arg == parameter.arg)
    return call.args[at] if 0 <= at < len(call.args) else next(named, None)


def of_default(arguments: ast.arguments, node: ast.AST) -> ast.arg:
    """Return the parameter whose default an expression is."""
    places = [*arguments.posonlyargs, *arguments.args]
    defaults = [
        *zip(reversed(places), reversed(arguments.defaults), strict=False),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    return next(parameter for parameter, value in defaults if value is node)


def field_in_text(call: ast.Call, node: ast.AST, file: File) -> str | None:
    """Return the name under which what a call makes may keep an argument, as `SimpleNamespace(tracer=tracer)` does; None where it has no name.

    Args:
        call: The call, of nothing that the program defines by itself.
        node: Its argument, or the keyword with it.
        file: Its file.
    """
    if isinstance(node, ast.keyword):
        return node.arg
    made = file.only_value(file.slot(call.func))
    if not isinstance(made, ast.Call) or strings.tail(made.func) not in _MAKE_CLASSES or len(made.args) < _OF_FIELDS:
        return None
    texts = [each.value for each in ast.walk(made.args[1]) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    names = re.findall(r"\w+", " ".join(texts))
    at = call.args.index(node)  # type: ignore[arg-type] # an argument is an expression
    return names[at] if at < len(names) else None


def dependency(call: ast.Call) -> ast.expr | None:
    """Return the function whose result takes the place of `Depends(function)` of FastAPI, or of `field(default_factory=function)`; None for another call."""
    if strings.tail(call.func) == "field":
        return next((each.value for each in call.keywords if each.arg == "default_factory"), None)
    return call.args[0] if strings.tail(call.func) in {"Depends", "Security"} and len(call.args) == 1 else None


def not_followed(file: File, function: ast.expr) -> str:
    """Return why what a function gets cannot be followed."""
    name, slot = strings.tail(function), file.slot(function)
    stores = slot.stores if slot is not None else []
    own = [each for each in stores if isinstance(each, ast.ClassDef)]
    if own and any(isinstance(each, ast.alias) for each in stores):
        return (
            f"`{name}` is a class of this file where the import fails, in line {own[0].lineno}: delete that class, "
            "for what replaces OpenCensus is required"
        )
    return f"it is handed to {name or 'a function'}(), which is not in these files"
