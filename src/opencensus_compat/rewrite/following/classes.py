"""Classes of a program: what they stand on, which of their functions makes their objects, and which fields an object is made with."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias

from opencensus_compat.rewrite.following.made import module_of
from opencensus_compat.scan import strings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opencensus_compat.rewrite.context import File

Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"
Home: TypeAlias = "tuple[File, ast.ClassDef]"
"""A class, with its file."""

_DEPTH = 8
_BY_DECORATOR = frozenset({"dataclass", "define", "frozen", "mutable", "attrs"})
_BY_BASE = frozenset({"NamedTuple", "BaseModel"})
"""What gives a class a constructor that takes its fields."""


def named(file: File, node: ast.expr) -> Home | None:
    """Return the class of the program that an expression names; None for another expression."""
    home = module_of(file, node.value) if isinstance(node, ast.Attribute) else file
    slot = file.slot(node) if home is file else home.bindings.module.get(strings.tail(node)) if home is not None else None
    for _ in range(_DEPTH):
        store = slot.only_store if slot is not None else None
        if isinstance(store, ast.ClassDef) and home is not None:
            return home, store
        origin = home.origin(store) if isinstance(store, ast.alias) and home is not None else None
        if origin is None:
            return None
        home, slot = origin
    return None


def bases(home: Home, depth: int = _DEPTH) -> Iterator[Home]:
    """Yield a class and the classes of the program that it stands on, the nearest first."""
    file, node = home
    yield home
    for base in node.bases if depth else ():
        above = named(file, base)
        if above is not None:
            yield from bases(above, depth - 1)


def method(home: Home, name: str, *, above: bool = False) -> Function | None:
    """Return the method that a class has under a name, or gets from a class of the program; None for one that it gets from elsewhere.

    Args:
        home: The class.
        name: The name.
        above: Leave its own one out, as `super()` does.
    """
    for _, node in bases(home):
        found = [each for each in node.body if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)) and each.name == name]
        if found and not (above and node is home[1]):
            return found[0] if len(found) == 1 else None
    return None


def around(file: File, node: ast.AST) -> Home | None:
    """Return the class in whose method a node stands; None for one outside of methods."""
    function = file.function(node)
    while function is not None:
        owner = file.parents.get(function)
        if isinstance(owner, ast.ClassDef):
            return file, owner
        function = file.function(function)
    return None


def is_of_self(file: File, node: ast.Attribute) -> bool:
    """Return whether an attribute is one of the object, or of the class, whose method it stands in."""
    function = file.function(node)
    first = next(iter(function.args.args), None) if function is not None and isinstance(file.parents.get(function), ast.ClassDef) else None
    return first is not None and file.slot(node.value) is file.slot(first)


def fields(home: Home) -> list[tuple[File, ast.AnnAssign]]:
    """Return the fields that a constructor takes which nobody wrote, in their order; none for a class without such a constructor."""
    every = list(bases(home))
    if method(home, "__init__") is not None or not any(map(_has_fields, every)):
        return []
    found: dict[str, tuple[File, ast.AnnAssign]] = {}
    for file, node in reversed(every):
        for each in node.body:
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and not _is_left_out(each):
                found[each.target.id] = (file, each)
    return list(found.values())


def reads_by_place(files: Iterable[File]) -> dict[ast.ClassDef, list[ast.expr]]:
    """Return named tuple of a program -> what reads its fields by their places: `tools[0]`, and `tracer, label = tools`."""
    places: dict[ast.ClassDef, list[ast.expr]] = defaultdict(list)
    for other in files:
        read: list[ast.expr] = [each.value for each in other.kinds[ast.Subscript] if isinstance(each.ctx, ast.Load)]
        read += [
            each.value for each in other.kinds[ast.Assign] if any(isinstance(target, (ast.Tuple, ast.List)) for target in each.targets)
        ]
        for each in read:
            slot, owner = other.slot(each), other
            if slot is not None and slot.stores and isinstance(slot.stores[0], ast.alias) and (origin := other.origin(slot.stores[0])):
                owner, slot = origin
            made = owner.only_value(slot)
            found = named(owner, made.func) if isinstance(made, ast.Call) and isinstance(made.func, (ast.Name, ast.Attribute)) else None
            if found is not None and any(strings.tail(base) == "NamedTuple" for base in found[1].bases):
                places[found[1]].append(each)
    return places


def _has_fields(home: Home) -> bool:
    _, node = home
    decorators = [each.func if isinstance(each, ast.Call) else each for each in node.decorator_list]
    return any(strings.tail(each) in _BY_DECORATOR for each in decorators) or any(strings.tail(each) in _BY_BASE for each in node.bases)


def _is_left_out(node: ast.AnnAssign) -> bool:
    """Return whether a constructor does not take a field."""
    keywords = node.value.keywords if isinstance(node.value, ast.Call) else []
    is_filled = any(each.arg == "init" and isinstance(each.value, ast.Constant) and each.value.value is False for each in keywords)
    return is_filled or "ClassVar" in ast.unparse(node.annotation)


def is_property(function: Function) -> bool:
    """Return whether a method is read as an attribute."""
    return any(strings.tail(each) in {"property", "cached_property"} for each in function.decorator_list)
