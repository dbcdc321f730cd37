"""Classes of the program that stand on a tracer by name only: they replace what it has, and never run its constructor, so that it goes."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.following import classes
from opencensus_compat.rewrite.following.made import made
from opencensus_compat.rewrite.rules.exporters.providers import TRACER
from opencensus_compat.scan.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.rewrite.following.classes import Home
    from opencensus_compat.scan.python_uses import Found

_METHODS = frozenset(
    {"span", "start_span", "end_span", "current_span", "add_attribute_to_current_span", "trace_decorator", "finish"}
    | {"should_sample", "get_tracer", "store_tracer"}
)
"""What a class gets of a tracer without its constructor."""
_SYMBOLS = frozenset(f"{TRACER}.{name}" for name in _METHODS)
_OF_OBJECT = frozenset({"__new__", "__init_subclass__", "__repr__", "__str__", "__getattribute__", "__setattr__", "__delattr__"})
_CLASS = Value("name", TRACER)
_TAKES_TRACERS = ("set_opencensus_tracer", "trace_integrations")
"""Functions of OpenCensus's that may call, on what they are handed, what the class has not."""


def by_name_only(files: Mapping[str, File]) -> Iterator[tuple[File, Found, list[Edit]]]:
    """Yield the bases of classes of a program that only name a tracer, each with the edits that take it away."""
    found = [(file, use) for file in files.values() for use in file.uses if use.rule == "B001"]
    roots = [(file, use) for file, use in found if _is_root(file, use.node)]
    if not roots or not _is_never_looked_at(files):
        return
    families = [(file, use, _family(file, use)) for file, use in roots]
    known = {id(node) for *_, family in families for _, node in family}
    for file, use in found:
        owner = file.parents.get(use.node)
        if id(owner) not in known or not isinstance(owner, ast.ClassDef) or use.node not in owner.bases:
            return
    for file, use, family in families:
        edits = _without(use.node, family[0][1], file)
        is_whole = _replaces_all(family) and all(_has_constructor(each, family) for each in family)
        if edits and is_whole and all(_is_known(each, home, family) for home in files.values() for each in home.uses):
            yield file, use, edits


def _is_root(file: File, node: ast.AST) -> bool:
    """Return whether a base is the tracer itself, not a class of the program on it."""
    return isinstance(node, (ast.Name, ast.Attribute)) and file.value(node) == _CLASS


def _family(file: File, use: Found) -> list[Home]:
    """Return the class with a base, and all classes of the program on it."""
    root = file.parents[use.node]
    assert isinstance(root, ast.ClassDef)
    every = [(home, node) for home in file.files.values() for node in home.kinds[ast.ClassDef]]
    return [(file, root), *(home for home in every if any(above is root for _, above in classes.bases(home)) and home[1] is not root)]


def _is_never_looked_at(files: Mapping[str, File]) -> bool:
    """Return whether a program never asks for OpenCensus's tracer as a class, and hands no tracer to the library itself."""
    for file in files.values():
        for use in file.uses:
            if use.symbol.endswith(_TAKES_TRACERS) and _is_handed_one(use, file):
                return False
            node = use.node
            if isinstance(node, ast.Attribute) and file.value(node.value) == _CLASS:
                return False
            is_read = isinstance(node, (ast.Name, ast.Attribute)) and use.symbol == TRACER and use.rule != "B001"
            if is_read and file.call(node) is None and not file.is_annotation(node):
                return False
    return True


def _is_handed_one(use: Found, file: File) -> bool:
    call = file.call(use.node)
    if call is None:
        return not isinstance(use.node, (ast.alias, ast.ImportFrom))
    return "set_" in use.symbol or file.has_stars(call) or file.argument(call, 1, "tracer") is not None


def _defined(node: ast.ClassDef) -> set[str]:
    return {each.name for each in node.body if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))}


def _replaces_all(family: list[Home]) -> bool:
    """Return whether nothing in the program gets to what the first class of a family has from a tracer."""
    file, root = family[0]
    left = _METHODS - _defined(root)
    for home in file.files.values():
        if any(node.value in left for node in home.kinds[ast.Constant] if isinstance(node.value, str)):
            return False
        for node in home.kinds[ast.Attribute]:
            # Only OpenCensus's other objects, such as spans, are known to be none of the family's.
            value = home.value(node.value)
            if node.attr in left and (value.meaning != "instance" or value.name == TRACER):
                return False
    return all(_calls_own(each, family) for each in family)


def _is_known(use: Found, file: File, family: list[Home]) -> bool:
    """Return whether a use is none of a tracer's methods, or what it is called on is known: without the base it would be taken for a tracer."""
    node = use.node
    if not isinstance(node, ast.Attribute) or use.symbol not in _SYMBOLS:
        return True
    around = classes.around(file, node)
    if around is not None and any(around[1] is owner for _, owner in family):
        is_super = isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "super"
        if is_super or classes.is_of_self(file, node):
            return True
    found = made(file, node.value)
    return found is not None and found[0].symbol(found[1]) != ""


def _above(home: Home, family: list[Home]) -> list[ast.ClassDef]:
    """Return the classes of a family that another of it stands on."""
    members = {id(node) for _, node in family}
    return [node for _, node in classes.bases(home) if id(node) in members and node is not home[1]]


def _calls_own(home: Home, family: list[Home]) -> bool:
    """Return whether what a class calls of those above it is never the tracer's."""
    file, owner = home
    above = {name for node in _above(home, family) for name in _defined(node)}
    for node in ast.walk(owner):
        if isinstance(node, ast.Name) and node.id == "super":
            call = file.call(node)
            member = file.parents.get(call) if call is not None else None
            if not isinstance(member, ast.Attribute) or member.attr not in above | _OF_OBJECT:
                return False
    return True


def _has_constructor(home: Home, family: list[Home]) -> bool:
    """Return whether a class has a constructor of the program's, or nothing makes objects of it."""
    file, node = home
    if any("__init__" in _defined(each) for each in [node, *_above(home, family)]):
        return True
    for other in file.files.values():
        if any(isinstance(each.value, str) and each.value.endswith(f".{node.name}") for each in other.kinds[ast.Constant]):
            return False
        if any(name.name == node.name and name.asname for each in other.kinds[ast.ImportFrom] for name in each.names):
            return False
    return all(_names_a_type(read, other) for other, read in file.files.reads(node.name))


def _names_a_type(node: ast.expr, file: File) -> bool:
    parent = file.parents.get(node)
    is_base = isinstance(parent, ast.ClassDef) and node in parent.bases
    is_check = isinstance(parent, ast.Call) and ast.unparse(parent.func) in {"isinstance", "issubclass"} and node in parent.args[1:]
    return is_base or is_check or file.is_annotation(node)


def _without(node: ast.AST, owner: ast.ClassDef, file: File) -> list[Edit]:
    """Return the edits that take a base from a class; none where its place is not plain."""
    every: list[ast.expr | ast.keyword] = sorted([*owner.bases, *owner.keywords], key=file.start)
    at = next(place for place, each in enumerate(every) if each is node)
    if len(every) > 1:
        start, end = (file.start(node), file.start(every[1])) if at == 0 else (file.end(every[at - 1]), file.end(node))
        return [file.splice(start, end, "", node)] if _is_plain(file.source[start:end], file.text(node)) else []
    start, end = file.source.rfind(b"(", 0, file.start(node)), file.source.find(b")", file.end(node)) + 1
    return [file.splice(start, end, "", node)] if _is_plain(file.source[start:end], file.text(node)) else []


def _is_plain(source: bytes, base: str) -> bool:
    return re.fullmatch(rf"\(?[\s,]*{re.escape(base)}[\s,]*\)?", source.decode()) is not None
