"""Exporters, samplers and propagators that a class is made with, such as a middleware, and that its tracers alone need: they go, with parameter and attribute."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opencensus_compat.rewrite import removal
from opencensus_compat.rewrite.following import calls
from opencensus_compat.rewrite.following.index import of_program
from opencensus_compat.rewrite.rules.exporters.providers import TRACER, given, kind, tracers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.rewrite.edits import Edit

_PARTS = {"sampler": 1, "exporter": 2, "propagator": 3}
_READS = frozenset({"from_headers", "to_headers"})


@dataclass(frozen=True, slots=True)
class Handed:
    """A parameter of a class that goes into an attribute, and from there to tracers alone."""

    home: File
    """The file of the class."""
    function: ast.FunctionDef
    """Its `__init__`."""
    parameter: ast.arg
    statement: ast.Assign
    """What sets the attribute."""
    default: ast.expr | None
    """What the attribute holds where the parameter is not given."""
    makers: tuple[tuple[File, ast.Call], ...]
    """The calls that make an object of the class, or get the class to make one."""

    def value(self) -> tuple[File, ast.expr] | None:
        """Return what the attribute holds; None where that is not one thing."""
        values = [(home, keyword.value) for home, call in self.makers for keyword in call.keywords if keyword.arg == self.parameter.arg]
        if not values:
            return (self.home, self.default) if self.default is not None else None
        return values[0] if len(values) == len(self.makers) == 1 else None


def of_attribute(node: ast.expr | None, file: File) -> Handed | None:
    """Return how an attribute of `self` is handed to its class; None for another expression."""
    is_of_self = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
    return _of_attribute(node, file) if is_of_self else None  # type: ignore[arg-type] # an attribute


@of_program
def _of_attribute(node: ast.Attribute, file: File) -> Handed | None:
    owner = file.class_around(node)
    makes = [each for each in owner.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"] if owner is not None else []
    if owner is None or len(makes) != 1:
        return None
    function, uses = makes[0], [each for each in ast.walk(owner) if isinstance(each, ast.Attribute) and each.attr == node.attr]
    stores = [each for each in uses if isinstance(each.ctx, ast.Store)]
    statement = file.parents.get(stores[0]) if len(stores) == 1 else None
    if not isinstance(statement, ast.Assign) or file.function(statement) is not function or statement.targets != stores:
        return None
    value, default = statement.value, None
    if isinstance(value, ast.BoolOp) and isinstance(value.op, ast.Or) and len(value.values) == 2:
        value, default = value.values
    slot = file.slot(value) if isinstance(value, ast.Name) else None
    parameter = slot.parameter if slot is not None else None
    if slot is None or parameter is None or len(slot.stores) != 1 or slot.loads != [value] or not _is_optional(parameter, function):
        return None
    if not all(each in stores or _goes_to_a_tracer(each, file) for each in uses):
        return None
    makers = _makers(owner, parameter.arg, file)
    return Handed(file, function, parameter, statement, default, tuple(makers)) if makers is not None else None


def of_keyword(node: ast.expr, file: File) -> Handed | None:
    """Return how the value of a keyword is handed to the class that a call makes an object of; None for another expression."""
    keyword = file.parents.get(node)
    call = file.parents.get(keyword) if isinstance(keyword, ast.keyword) else None
    if not isinstance(call, ast.Call) or not isinstance(keyword, ast.keyword):
        return None
    for home, tracer in tracers(file):
        for name, at in _PARTS.items():
            found = of_attribute(given(tracer, at, name, home), home)
            if found is not None and found.parameter.arg == keyword.arg and (file, call) in found.makers:
                return found
    return None


def sampler_kind(found: Handed, file: File) -> tuple[str, str] | None:
    """Return the kind of sampler of the tracers that get an exporter; None where that is not one."""
    kinds = set()
    for home, call in tracers(file):
        exporter = of_attribute(given(call, _PARTS["exporter"], "exporter", home), home)
        if exporter is None or exporter.parameter is not found.parameter:
            continue
        node = given(call, _PARTS["sampler"], "sampler", home)
        handed = of_attribute(node, home)
        value = handed.value() if handed is not None else None
        kinds.add(kind(node, home) if handed is None else kind(value[1], value[0]) if value is not None else None)
    return next(iter(kinds)) if len(kinds) == 1 else None


def taken_out(call: ast.Call, file: File, names: Sequence[str] = ("exporter", "sampler", "propagator")) -> list[Edit]:
    """Return the edits that take what only a tracer needs out of its class: parameters, and statements that keep them.

    Args:
        call: What makes the tracer.
        file: Its file.
        names: Which of its arguments go; the first of them tells which tracers have the same.
    """
    found = [of_attribute(given(call, _PARTS[name], name, file), file) for name in names]
    parts = [each for each in found if each is not None]
    others = [each for home, each in tracers(file) if home is file and file.start(each) < file.start(call)]
    first = names[0]
    if not parts or any(of_attribute(given(each, _PARTS[first], first, file), file) in parts for each in others):
        return []
    for each in parts:
        if each.default is not None:
            file.cover(each.default)
    function = parts[0].function
    edits = [file.delete(each.statement) for each in parts]
    return [*edits, *_without_parameters(function, [each.parameter for each in parts], file)]


def default_out(node: ast.expr, file: File) -> list[Edit] | None:
    """Return the edits that take the default of a class out, with its parameter, where nobody gives another value; None for something else.

    Args:
        node: The default, as in `self.propagator = propagator or TraceContextPropagator()`.
        file: Its file.
    """
    statement = file.statement(node)
    stored = statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None
    part = of_attribute(stored, file)
    if part is None or part.default is not node or part.value() != (file, node):
        return None
    return [file.delete(part.statement), *_without_parameters(part.function, [part.parameter], file)]


def without_keyword(node: ast.expr, file: File) -> Edit:
    """Return the edit that takes the keyword with a value out of its call."""
    keyword = file.parents[node]
    call = file.parents[keyword]
    assert isinstance(call, ast.Call)
    assert isinstance(keyword, ast.keyword)
    return removal.argument(call, keyword.value, file)


def _without_parameters(function: ast.FunctionDef, parameters: Sequence[ast.arg], file: File) -> list[Edit]:
    every = function.args.args
    defaults = dict(zip(reversed(every), reversed(function.args.defaults), strict=False))
    edits = []
    for parameter in parameters:
        before = every[every.index(parameter) - 1]
        edits.append(file.splice(file.end(defaults.get(before, before)), file.end(defaults[parameter]), "", function))
    return edits


def _is_optional(parameter: ast.arg, function: ast.FunctionDef) -> bool:
    """Return whether a parameter that may be given by name is None without."""
    every = function.args.args
    default = dict(zip(reversed(every), reversed(function.args.defaults), strict=False)).get(parameter)
    return parameter in every[1:] and isinstance(default, ast.Constant) and default.value is None


def _goes_to_a_tracer(node: ast.Attribute, file: File) -> bool:
    parent = file.parents.get(node)
    above = file.parents.get(parent) if isinstance(parent, ast.keyword) else parent
    if isinstance(parent, ast.Attribute) and parent.attr in _READS:
        return any(use.rule == "T053" for use in file.by_node.get(parent, ()))
    return (
        isinstance(above, ast.Call)
        and file.symbol(above) == TRACER
        and node in {given(above, at, name, file) for name, at in _PARTS.items()}
    )


def _makers(owner: ast.ClassDef, parameter: str, file: File) -> list[tuple[File, ast.Call]] | None:
    """Return the calls that make objects of a class, or get it to make them; None where one may give a parameter in another way."""
    function = next(each for each in owner.body if isinstance(each, ast.FunctionDef) and each.name == "__init__")
    at = [each.arg for each in function.args.args].index(parameter) - 1
    found = []
    renamed = dict.fromkeys((home, each.asname) for home, each in file.files.aliases(owner.name) if each.asname)
    for home, node in [*file.files.reads(owner.name), *((each, read) for each, name in renamed for read in each.reads(name))]:
        if isinstance(node, ast.Attribute):
            if node.attr == owner.name:
                return None
            continue
        if not _is_class(node, owner, file, home) or calls.is_of_types(node, home):
            continue
        call = home.parents.get(node)
        is_direct = isinstance(call, ast.Call) and call.func is node
        if not isinstance(call, ast.Call) or home.has_stars(call) or (is_direct and len(call.args) > at):
            return None
        found.append((home, call))
    return found


def _is_class(node: ast.Name, owner: ast.ClassDef, file: File, home: File) -> bool:
    slot = home.slot(node)
    if slot is None or len(slot.stores) != 1:
        return node.id == owner.name
    if isinstance(slot.stores[0], ast.alias):
        return slot.stores[0].name == owner.name
    return home is file and slot.stores[0] is owner
