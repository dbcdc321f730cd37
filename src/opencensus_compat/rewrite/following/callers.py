"""Functions of a program by their names: what calls them, and with what."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, TypeAlias

from opencensus_compat.rewrite.following import calls, classes
from opencensus_compat.rewrite.following.index import of_program
from opencensus_compat.scan import strings

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File

Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"


def given(file: File, parameter: ast.arg) -> list[tuple[File, ast.Call, ast.expr | None]] | None:
    """Return the calls of a function, each with its file and with what it gives for a parameter; None where not all of them are known."""
    function = file.function(parameter)
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return None
    owner = file.parents.get(function)
    places = [*function.args.posonlyargs, *function.args.args]
    if parameter not in [*places, *function.args.kwonlyargs]:
        return None
    is_method = isinstance(owner, ast.ClassDef) and not any(strings.tail(each) == "staticmethod" for each in function.decorator_list)
    at = places.index(parameter) - is_method if parameter in places else -1
    every = callers(file, function)
    if every is None or any(home.has_stars(call) for home, call in every):
        return None
    return [(home, call, call.args[at] if 0 <= at < len(call.args) else _keyword(call, parameter.arg)) for home, call in every]


def callers(file: File, function: Function) -> list[tuple[File, ast.Call]] | None:
    """Return the calls of a function, or of the class that it makes objects of; None where not all of them are known."""
    owner = file.parents.get(function)
    is_made = isinstance(owner, ast.ClassDef) and function.name == "__init__"
    name = owner.name if is_made and isinstance(owner, ast.ClassDef) else function.name
    is_called_otherwise = any(strings.tail(each) not in {"staticmethod", "classmethod"} for each in function.decorator_list)
    is_renamed = any(alias.asname not in {None, name} for _, alias in file.files.aliases(name))
    if len(named(file, name)) != 1 or is_called_otherwise or is_renamed:
        return None
    found: list[tuple[File, ast.Call]] = []
    for home, node in file.files.reads(name):
        if not _may_mean(node, home, is_of_class=isinstance(owner, ast.ClassDef) and not is_made):
            continue
        if is_made and calls.is_of_types(node, home):
            continue
        call = calls.making(node, home) if is_made else home.call(node)
        if call is None:
            return None
        found.append((home, call))
    return found


def named(file: File, name: str) -> list[tuple[File, Function]]:
    """Return the functions of a name, and how classes of it are made."""
    found = file.files.functions(name)
    for home, owner in file.files.classes(name):
        found += [(home, each) for each in owner.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
    return found


def _may_mean(node: ast.Name | ast.Attribute, file: File, *, is_of_class: bool) -> bool:
    """Return whether a name of the right spelling may be that of a function, or of the class that it makes objects of."""
    if node in file.by_node or isinstance(node, ast.Name):
        return node not in file.by_node and not is_of_class
    # A function of a module is an attribute of that, and of no object.
    slot = file.slot(node.value) if isinstance(node.value, ast.Name) and not is_of_class else None
    return slot is None or not slot.stores or any(isinstance(store, ast.alias) for store in slot.stores)


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((each.value for each in call.keywords if each.arg == name), None)


def of_self(file: File, call: ast.Call) -> Function | None:
    """Return the method of its own class that a call on `self` means; None for another call, and where classes of the program stand on that one."""
    node = call.func
    home = classes.around(file, node) if isinstance(node, ast.Attribute) and classes.is_of_self(file, node) else None
    if home is None or not isinstance(node, ast.Attribute):
        return None
    if home[1] in _stood_on(file):
        return None
    found = classes.method(home, node.attr)
    return found if found in home[1].body else None


@of_program
def _stood_on(file: File) -> set[ast.ClassDef]:
    """Return the classes of a program on which others of it stand."""
    every = [(home, each) for home in file.files.values() for each in home.kinds[ast.ClassDef]]
    return {above for each in every for _, above in classes.bases(each) if above is not each[1]}


def returned(file: File, name: str) -> list[tuple[File, ast.expr]]:
    """Return what the one function of a name returns, with its file; nothing where there are several."""
    found = named(file, name)
    if len(found) != 1:
        return []
    home, function = found[0]
    return [(home, each.value) for each in home.kinds[ast.Return] if each.value is not None and home.function(each) is function]


def is_dropped(call: ast.Call, file: File, around: tuple[ast.AST, ...] = ()) -> bool:
    """Return whether nothing is done with what a call gives, also by those who call a function that returns it."""
    function = file.function(call)
    if file.is_alone(call) or function in around:
        return True
    is_returned = isinstance(file.parents.get(call), ast.Return) and isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
    if not is_returned or not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or function.decorator_list:
        return False
    for home, read in file.files.reads(function.name):
        above = home.call(read)
        own = of_self(home, above) if above is not None else None
        is_variable = isinstance(read, ast.Name) and isinstance(file.parents.get(function), ast.ClassDef)
        if is_variable or read in home.by_node or (own is not None and own is not function):
            continue
        if above is None or not is_dropped(above, home, (*around, function)):
            return False
    return True
