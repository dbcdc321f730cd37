"""The exporter says in its signatures what it takes and returns, and why where the type checker is overruled."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import appinsights_exporter

SOURCE = Path(appinsights_exporter.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
INDEXED_BY_PROGRAMS = {
    "__init__.py": 1,  # any public name
    "envelope.py": 4,  # fields that telemetry processors read, of any type
    "exporters.py": 1,  # envelopes(), whose items programs index
    "log_processors.py": 1,  # processors of any release
    "metric_exporter.py": 1,  # envelopes()
    "testing.py": 2,  # items that tests index
    "delivery/encode.py": 1,
    "delivery/legacy_envelopes.py": 2,
}
"""File -> parameters and results of its public functions that are Any."""


def _name(path):
    return path.relative_to(SOURCE).as_posix()


def _public_functions(node, *, private=False):
    for child in ast.iter_child_nodes(node):
        hidden = private
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            hidden = private or (child.name.startswith("_") and not child.name.startswith("__"))
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if not hidden:
                yield child
            hidden = True
        yield from _public_functions(child, private=hidden)


def _count_of_any(function):
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    annotations = [*(argument.annotation for argument in every if argument is not None), function.returns]
    return sum(annotation is not None and re.search(r"\bAny\b", ast.unparse(annotation)) is not None for annotation in annotations)


def test_public_signatures_name_types():
    """Any is for what programs of users index as they like; all else has a type that is checked across the seam."""
    found = {_name(path): sum(map(_count_of_any, _public_functions(ast.parse(path.read_text(encoding="utf-8"))))) for path in FILES}
    assert {name: number for name, number in found.items() if number > INDEXED_BY_PROGRAMS.get(name, 0)} == {}


def test_each_overruled_type_error_has_a_reason():
    """Behind `type: ignore[…]` stands why."""
    lines = [(_name(path), line) for path in FILES for line in path.read_text(encoding="utf-8").splitlines()]
    assert [(name, line) for name, line in lines if re.search(r"# type: ignore(\[[a-z-]+\])?\s*$", line)] == []
