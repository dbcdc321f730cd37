"""The reference says of each public name what it is, of each argument of ours what it means, and what is raised for it.

Read from the text of the sources: to import each integration would load each library.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import re
from pathlib import Path
from typing import NamedTuple

import pytest

REPOSITORY = Path(__file__).parents[2]
ROOTS = {"appinsights_exporter": REPOSITORY / "src" / "exporter", "opencensus_compat": REPOSITORY / "src"}
FACADES = tuple(f"opencensus_compat.{part}." for part in ("common", "ext", "extension", "log", "metrics", "stats", "tags", "trace"))
"""Whose signatures are OpenCensus's."""
OF_OTHERS = frozenset(
    [
        "close",
        "emit",
        "export",
        "extract",
        "filter",
        "flush",
        "force_flush",
        "format",
        "get_description",
        "handle",
        "inject",
        "on_emit",
        "on_end",
        "on_start",
        "send",
        "shutdown",
        "should_sample",
    ]
)
"""Methods with the signature of a class of OpenTelemetry's, of the standard library's, or of our transports: that class says what they take."""
ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod|obj):`~?([^`]+)`")


class Name(NamedTuple):
    """A public name and the text that defines it."""

    path: str
    node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    owner: ast.ClassDef | None = None

    @property
    def told(self):
        """The docstring."""
        return ast.get_docstring(self.node) or ""

    @property
    def maker(self):
        """What is called: the function, or what makes a class's objects; None where a base class or Python does."""
        if not isinstance(self.node, ast.ClassDef):
            return None if isinstance(self.node, ast.Module) else self.node
        return next((each for each in self.node.body if getattr(each, "name", "") in ("__init__", "__new__")), None)

    @property
    def arguments(self):
        """The names of what is given to it."""
        if self.maker is None:
            return []
        taken = self.maker.args
        named = [*taken.posonlyargs, *taken.args, *taken.kwonlyargs, *filter(None, (taken.vararg, taken.kwarg))]
        return [each.arg for each in named if each.arg not in ("self", "cls") and not each.arg.startswith("_")]

    @property
    def fields(self):
        """The public names that a class declares."""
        return [
            each.target.id
            for each in getattr(self.node, "body", [])
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and not each.target.id.startswith("_")
        ]


def _reference():
    spec = importlib.util.spec_from_file_location("reference", REPOSITORY / "docs" / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _file(path):
    """Return the file of a module; None where the path names something else."""
    place = ROOTS[path.partition(".")[0]] / path.replace(".", "/")
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.exists()), None)


@functools.cache
def _tree(path):
    return ast.parse(_file(path).read_text(encoding="utf-8"))


def _home(path):
    """Return the module that a package's public name comes from, as its imports for type checkers say."""
    package, _, name = path.rpartition(".")
    for node in ast.walk(_tree(package)):
        if isinstance(node, ast.ImportFrom) and name in [each.name for each in node.names]:
            return f"{package}.{node.module}" if node.level else node.module
    raise LookupError(path)


def _members(path, tree):
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield Name(f"{path}.{node.name}", node)
            if isinstance(node, ast.ClassDef):
                yield from _methods(f"{path}.{node.name}", node)


def _methods(path, owner):
    for node in owner.body:
        # The function that sets a property is told of by the one that returns it.
        sets = any(isinstance(each, ast.Attribute) for each in getattr(node, "decorator_list", ()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_") and not sets:
            yield Name(f"{path}.{node.name}", node, owner)


@functools.cache
def _names():
    """Return each name that a page of the reference shows."""
    shown = re.findall(r"^::: ([\w.]+)$", "\n".join(_reference().pages(REPOSITORY).values()), re.MULTILINE)
    found = []
    for path in shown:
        if _file(path):
            tree = _tree(path)
            found.append(Name(path, tree))
            if path not in ROOTS:
                found += _members(path, tree)
        else:
            found += [name for name in _members(path.rpartition(".")[0], _tree(_home(path))) if (name.path + ".").startswith(path + ".")]
    return found


def _ours():
    return [name for name in _names() if not name.path.startswith(FACADES)]


def test_the_reference_has_names():
    """The names below are found, those of ours among them."""
    assert len(_names()) > 500
    assert {"appinsights_exporter.configure", "opencensus_compat.flush", "opencensus_compat.trace.tracer.Tracer.span"} <= {
        name.path for name in _names()
    }


def test_each_public_name_has_a_docstring():
    """Modules, classes, functions, methods and properties: each says what it is."""
    assert [name.path for name in _names() if not name.told] == []


def test_each_argument_is_named():
    """A function of ours with more than one argument names each of them under ``Args``."""
    missing = []
    for name in _ours():
        if len(name.arguments) > 1 and (name.owner is None or name.node.name not in OF_OTHERS):
            told = f"{name.told}\n\n{ast.get_docstring(name.maker) or ''}"
            missing += [f"{name.path}({each})" for each in name.arguments if not re.search(rf"^ +\**{each}:", told, re.MULTILINE)]
    assert missing == []


def test_each_named_argument_is_there():
    """What stands under ``Args`` is an argument, or a field of the class."""
    wrong = []
    for name in _names():
        section = re.search(r"^Args:\n((?: +.*\n?|\n)+)", name.told, re.MULTILINE)
        if section and (name.maker is not None or name.fields):
            known = {*name.arguments, *name.fields}
            wrong += [f"{name.path}({each})" for each in re.findall(r"^    \**(\w+):", section[1], re.MULTILINE) if each not in known]
    assert wrong == []


def test_errors_are_named():
    """A function that raises an error says which under ``Raises``, or its class does. Where only subclasses answer, nothing is said."""
    missing = []
    for name in _names():
        if name.maker is None or (name.owner is not None and name.node.name in OF_OTHERS):
            continue
        raised = [node.exc for node in ast.walk(name.maker) if isinstance(node, ast.Raise) and node.exc is not None]
        errors = {ast.unparse(each.func if isinstance(each, ast.Call) else each).rpartition(".")[2] for each in raised}
        told = "\n".join([name.told, ast.get_docstring(name.maker) or "", ast.get_docstring(name.owner) or "" if name.owner else ""])
        said = told.partition("Raises:")[2]
        missing += [f"{name.path}: {each}" for each in sorted(errors - {"NotImplementedError"}) if each[0].isupper() and each not in said]
    assert missing == []


@pytest.mark.parametrize("package", ROOTS)
def test_names_in_docstrings_are_there(package):
    """What a docstring of the reference refers to is defined in its package."""
    defined = set()
    for file in (ROOTS[package] / package).rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        defined.update(getattr(node, "name", getattr(node, "id", getattr(node, "attr", ""))) or "" for node in ast.walk(tree))
        defined.add(file.stem)
    told = [(name.path, role) for name in _names() for role in ROLE.findall(name.told) if name.path.startswith(package)]
    assert [(path, role) for path, role in told if not {part for part in role.split(".") if part} <= defined | {package}] == []
