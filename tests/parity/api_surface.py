"""Print the public surface of a package's modules as JSON.

    python api_surface.py opencensus trace common           # in an environment with the real package
    python api_surface.py opencensus_compat trace common    # in ours

Arguments: the package, then the modules below it, each taken with everything below it. Names in the output are relative to the
package, so that the surfaces of two packages can be compared. Uses nothing but the standard library and the package.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import re
import sys
import textwrap
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = sys.argv[1]

SHOWN_AT = {"appinsights_exporter.envelope": f"{ROOT}.ext.azure.common.protocol"}
"""Modules outside the package whose classes a module of the package shows as its own."""

SPECIAL_METHODS = frozenset(
    {
        "__call__", "__contains__", "__delitem__", "__enter__", "__eq__", "__exit__", "__getattr__", "__getitem__", "__iter__", "__len__",
        "__repr__", "__setattr__", "__setitem__", "__str__",
    }
)  # fmt: skip
"""Methods with underscores that are part of what a class offers."""


def is_public(name: str) -> bool:
    """Return whether a name is for users: no underscore before it, or one that modules are asked for."""
    return not name.startswith("_") or name in {"__all__", "__version__"}


def module_of(value: Any) -> str:
    """Return the module that a class or function belongs to, as users see it."""
    name = getattr(value, "__module__", None) or ""
    return SHOWN_AT.get(name, name)


def is_ours(value: Any) -> bool:
    """Return whether a class or function comes from the package."""
    return f"{module_of(value)}.".startswith(f"{ROOT}.")


def relative(name: str) -> str:
    """Return a dotted name without the package's name and without the names that every class is born with."""
    return name.removeprefix(ROOT + ".").removeprefix("builtins.")


def home_of(value: Any) -> str:
    """Return where a class or function comes from."""
    return relative(f"{module_of(value)}.{value.__qualname__}")


def is_constant(value: Any) -> bool:
    """Return whether a value cannot change and has a repr that tells it whole."""
    if isinstance(value, tuple):
        return type(value) is tuple and all(is_constant(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, str, bytes))


def default_text(value: Any) -> str:
    """Return a parameter's default as text."""
    if inspect.isclass(value) or inspect.isroutine(value):
        return home_of(value)
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def signature_of(function: Any) -> str:
    """Return the parameters of a function or class without their types."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return "(unknown)"
    prefixes = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**", inspect.Parameter.KEYWORD_ONLY: "keyword "}
    texts = []
    for parameter in parameters:
        default = "" if parameter.default is parameter.empty else f"={default_text(parameter.default)}"
        texts.append(f"{prefixes.get(parameter.kind, '')}{parameter.name}{default}")
    return f"({', '.join(texts)})"


def constructor_of(cls: type) -> str:
    """Return the parameters of a class; of a constructor that the standard library gave it, whose it is: releases of Python differ in them."""
    owner = next((base for base in cls.__mro__ if "__init__" in vars(base) or "__new__" in vars(base)), object)
    if owner is not object and owner.__module__.partition(".")[0] in sys.stdlib_module_names:
        return f"(as {home_of(owner)})"
    return signature_of(cls)


def methods_of(cls: type) -> Iterator[ast.AST]:
    """Yield the parsed methods of a class. The class's own source is not where its module says if that hands the class on."""
    for value in vars(cls).values():
        for method in (value.fget, value.fset, value.fdel) if isinstance(value, property) else (getattr(value, "__func__", value),):
            if inspect.isfunction(method):
                try:
                    yield ast.parse(textwrap.dedent(inspect.getsource(method)))
                except (OSError, TypeError, SyntaxError):
                    continue


def assigned_attributes(cls: type) -> Iterator[str]:
    """Yield the names that the methods of a class assign to on their first parameter."""
    for function in (
        node for method in methods_of(cls) for node in ast.walk(method) if isinstance(node, ast.FunctionDef) and node.args.args
    ):
        first = function.args.args[0].arg
        for node in ast.walk(function):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.ctx, ast.Store)
                and isinstance(node.value, ast.Name)
                and node.value.id == first
            ):
                yield node.attr


def class_surface(cls: type) -> dict[str, Any]:
    """Return what a class of the package offers, with what it inherits from other classes of the package."""
    methods: dict[str, str] = {}
    constants: dict[str, str] = {}
    attributes: set[str] = set()
    for owner in (owner for owner in reversed(cls.__mro__) if is_ours(owner)):
        attributes.update(name for name in assigned_attributes(owner) if is_public(name))
        for name, value in vars(owner).items():
            if not is_public(name) and name not in SPECIAL_METHODS:
                continue
            if isinstance(value, (staticmethod, classmethod)):
                methods[name] = f"{type(value).__name__} {signature_of(getattr(cls, name))}"
            elif inspect.isfunction(value):
                methods[name] = signature_of(value)
            elif is_constant(value):
                constants[name] = repr(value)
            else:
                attributes.add(name)
    return {
        # What the facade adds by a base in a private module is no part of what programs see.
        "bases": [home_of(base) for base in cls.__bases__ if "._" not in f".{relative(base.__module__)}"],
        "parameters": constructor_of(cls),
        "methods": methods,
        "constants": constants,
        # A property of one package may be a plain attribute of the other: both are data to the user.
        "attributes": sorted(attributes - set(methods)),
    }


def module_surface(module: ModuleType) -> dict[str, Any]:
    """Return what a module offers: its classes, functions, constants and other objects, and those of the package that it imports."""
    surface: dict[str, Any] = {"classes": {}, "functions": {}, "constants": {}, "objects": {}, "imported": {}}
    for name, value in sorted(vars(module).items()):
        if not is_public(name) or name == "TYPE_CHECKING" or isinstance(value, ModuleType):
            continue
        if inspect.isclass(value) or inspect.isroutine(value):
            if module_of(value) == module.__name__:
                kind, text = ("classes", class_surface(value)) if inspect.isclass(value) else ("functions", signature_of(value))
                surface[kind][name] = text
            elif is_ours(value):
                surface["imported"][name] = home_of(value)
        elif is_constant(value):
            surface["constants"][name] = repr(value)
        elif type(value).__module__ not in {"collections.abc", "typing", "__future__"}:
            surface["objects"][name] = type(value).__name__
    return surface


def modules_below(name: str) -> Iterator[ModuleType]:
    """Yield a module and the public modules below it; nothing when there is no such module."""
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise
        return
    yield module
    for found in pkgutil.iter_modules(getattr(module, "__path__", [])):
        if is_public(found.name):
            yield from modules_below(f"{name}.{found.name}")


def subpackages(name: str) -> list[str]:
    """Return the names of the public modules directly below one."""
    module = importlib.import_module(name)
    return sorted(relative(f"{name}.{found.name}") for found in pkgutil.iter_modules(module.__path__) if is_public(found.name))


def main() -> None:
    """Print the surfaces of the modules named on the command line, and which modules there are beside them."""
    surfaces = {relative(module.__name__): module_surface(module) for name in sys.argv[2:] for module in modules_below(f"{ROOT}.{name}")}
    json.dump({"top": subpackages(ROOT), "azure": subpackages(f"{ROOT}.ext.azure"), "modules": surfaces}, sys.stdout)


if __name__ == "__main__":
    main()
