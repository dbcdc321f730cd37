"""What an expression may hold: through variables, attributes, arguments, results of functions, imports and loops."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, TypeAlias

from opencensus_compat.rewrite.following import kept
from opencensus_compat.rewrite.following.callers import Function, given, named, of_self
from opencensus_compat.rewrite.following.index import of_program
from opencensus_compat.rewrite.following.made import attributes, module_of
from opencensus_compat.scan import strings

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File
    from opencensus_compat.rewrite.following.bindings import Slot

_DEPTH = 8
Parts: TypeAlias = "list[tuple[File, ast.expr]] | None"
"""Expressions and their files; None where one of them is not known."""
_ONLY_CALL = frozenset({"cache", "lru_cache", "staticmethod", "classmethod"})
"""Decorators of functions that return what the function does."""
_OWN = frozenset({"self", "cls"})


def held(file: File, node: ast.expr | None, depth: int = _DEPTH, *, or_none: bool = False) -> Parts:
    """Return all calls of OpenCensus that make what an expression may hold; None where something else may.

    Args:
        file: Its file.
        node: The expression.
        depth: How many names may be followed.
        or_none: Whether it may also hold None.
    """
    return _held(file, node, depth, or_none=or_none, around=())


def _held(file: File, node: ast.expr | None, depth: int, *, or_none: bool, around: tuple[ast.expr, ...]) -> Parts:
    if node is None or not depth:
        return None
    if or_none and _is_none(node):
        return []
    if isinstance(node, ast.Call) and file.symbol(node):
        return [(file, node)]
    parts = _step(node, file)
    if not parts:
        return None
    found: list[tuple[File, ast.expr]] = []
    for at, (home, part) in enumerate(parts):
        # What is put into a dict and read out of it again is the same.
        if part in around or part is node:
            continue
        # None of the first is what the last of `given or default` stands for.
        is_filled = isinstance(node, ast.BoolOp) and at < len(parts) - 1
        below = _held(home, part, depth - 1, or_none=or_none or is_filled, around=(*around, node))
        if below is None:
            return None
        found += [each for each in below if each not in found]
    return found if found or or_none or around else None


def alternatives(file: File, node: ast.expr) -> Parts:
    """Return the expressions that a name, attribute or call may stand for, one step further; None where something else may be meant."""
    return _step(node, file)


@of_program
def _step(node: ast.expr, file: File) -> Parts:
    match node:
        case ast.Call():
            return results(file, node)
        case ast.Subscript():
            return [each for _, values in kept.given(file, node) for each in values] or None
        case ast.IfExp():
            return [(file, node.body), (file, node.orelse)]
        case ast.BoolOp(op=ast.Or()):
            return [(file, each) for each in node.values]
        case ast.Name():
            slot = file.slot(node)
            return _of_slot(file, slot) if slot is not None else None
        case ast.Attribute():
            if (other := module_of(file, node.value)) is not None:
                found = other.variable(node.attr)
                return _of_slot(*found) if found is not None else None
            stores = [each for each in attributes(file, node) if isinstance(each.ctx, ast.Store)]
            return _bound(file, stores) if stores else _of_property(file, node) or _of_object(file, node) or _of_class(file, node)
    return None


def _of_object(file: File, node: ast.Attribute) -> Parts:
    """Return what the methods of the one class that sets an attribute of its objects set it to."""
    stores = [(home, each) for home, each in file.files.attributes(node.attr) if isinstance(each.ctx, ast.Store)]
    owners = {home.parents.get(function) for home, each in stores if (function := home.function(each)) is not None}
    is_of_self = all(isinstance(each.value, ast.Name) and each.value.id == "self" for _, each in stores)
    if node in file.by_node or not is_of_self or len(owners) != 1 or not isinstance(next(iter(owners)), ast.ClassDef):
        return None
    return _bound(stores[0][0], [each for _, each in stores])


def _of_class(file: File, node: ast.Attribute) -> Parts:
    """Return what the body of the one class that has an attribute sets it to, where nothing sets it on objects."""
    around = file.class_around(node)
    own = (
        file.bindings.own(around, node.attr) if around is not None and isinstance(node.value, ast.Name) and node.value.id in _OWN else None
    )
    if own is not None and around is not None and not _is_set_on_objects(around, own, file):
        return _of_slot(file, own)
    if any(isinstance(each.ctx, ast.Store) for _, each in file.files.attributes(node.attr)):
        return None
    found = file.files.members(node.attr)
    return _of_slot(*found[0]) if len(found) == 1 and node not in file.by_node else None


def _is_set_on_objects(owner: ast.ClassDef, slot: Slot, file: File) -> bool:
    """Return whether something outside of other classes sets an attribute that the body of a class binds."""
    for home, each in file.files.attributes(slot.name):
        if isinstance(each.ctx, ast.Store):
            around = next((one for one in home.up(each) if isinstance(one, ast.ClassDef)), None)
            if around is None or around is owner or not (isinstance(each.value, ast.Name) and each.value.id in _OWN):
                return True
    return False


def _of_property(file: File, node: ast.Attribute) -> Parts:
    """Return what the one property of a name returns."""
    found = [each for each in named(file, node.attr) if each[1].name == node.attr]
    if len(found) != 1 or [strings.tail(each) for each in found[0][1].decorator_list] not in (["property"], ["cached_property"]):
        return None
    return _returned(*found[0])


def _of_slot(file: File, slot: Slot, depth: int = _DEPTH) -> Parts:
    store = slot.only_store
    if isinstance(store, ast.alias):
        origin = file.origin(store) if depth else None
        return _of_slot(*origin, depth - 1) if origin is not None else None
    return _bound(file, slot.stores)


def _bound(file: File, stores: list[ast.AST] | list[ast.Attribute]) -> Parts:
    found: list[tuple[File, ast.expr]] = []
    for store in stores:
        parent = file.parents.get(store)
        parts: Parts = None
        if isinstance(store, ast.arg):
            parts = _arguments(file, store)
        elif isinstance(parent, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and parent.value is not None:
            is_whole = store in parent.targets if isinstance(parent, ast.Assign) else parent.target is store
            parts = [(file, parent.value)] if is_whole else None
        elif isinstance(parent, (ast.For, ast.comprehension)) and parent.target is store:
            parts = _elements(file, parent.iter)
        if parts is None:
            return None
        found += parts
    return found


def _elements(file: File, node: ast.expr, depth: int = _DEPTH) -> Parts:
    """Return the elements of a list that is written in these files."""
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return None if any(isinstance(each, ast.Starred) for each in node.elts) else [(file, each) for each in node.elts]
    parts = alternatives(file, node) if depth and isinstance(node, (ast.Name, ast.Attribute)) else None
    found: list[tuple[File, ast.expr]] = []
    for home, part in parts or []:
        below = _elements(home, part, depth - 1)
        if below is None:
            return None
        found += below
    return found if parts else None


def results(file: File, call: ast.Call) -> Parts:
    """Return what a function of the program returns."""
    functions = named(file, strings.tail(call.func))
    if len(functions) > 1 and (own := of_self(file, call)) is not None:
        functions = [(file, own)]
    if len(functions) != 1:
        return None
    home, function = functions[0]
    if function.name == "__init__" or isinstance(function, ast.AsyncFunctionDef):
        return None
    return _returned(home, function) if all(strings.tail(_called(each)) in _ONLY_CALL for each in function.decorator_list) else None


def _called(decorator: ast.expr) -> ast.expr:
    return decorator.func if isinstance(decorator, ast.Call) else decorator


def _returned(file: File, function: Function) -> Parts:
    results = [each.value for each in file.kinds[ast.Return] if file.function(each) is function]
    found: list[tuple[File, ast.expr]] = []
    for result in results:
        if result is None:
            return None
        values = alternatives(file, result) if isinstance(result, (ast.Name, ast.Attribute)) else None
        if values is not None and _is_made_where_it_is_none(result, function):
            found += [each for each in values if not _is_none(each[1])]
        else:
            found.append((file, result))
    return found or None


def _is_made_where_it_is_none(node: ast.expr, function: Function) -> bool:
    """Return whether a function begins by making what an expression holds, where that is None."""
    text = ast.unparse(node)
    for statement in function.body:
        if isinstance(statement, ast.If) and ast.unparse(statement.test) in {f"{text} is None", f"not {text}"}:
            stores = [target for each in statement.body if isinstance(each, ast.Assign) for target in each.targets]
            return any(ast.unparse(target) == text for target in stores)
    return False


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _arguments(file: File, parameter: ast.arg) -> Parts:
    """Return what the calls of a function give for a parameter."""
    calls = given(file, parameter)
    if not calls:
        return None
    default = _default(file, parameter)
    found: list[tuple[File, ast.expr]] = []
    for home, _, value in calls:
        if value is None and default is None:
            return None
        found.append((home, value) if value is not None else (file, default))  # type: ignore[arg-type] # one of them is there
    return found


def _default(file: File, parameter: ast.arg) -> ast.expr | None:
    function = file.function(parameter)
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    places = [*function.args.posonlyargs, *function.args.args]
    defaults: dict[ast.arg, ast.expr | None] = dict(zip(reversed(places), reversed(function.args.defaults), strict=False))
    defaults |= dict(zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True))
    return defaults.get(parameter)
