"""Runs parity programs, then changes each constant and comparison of the converters, one at a time: which of them does no program show?

A converter's public functions are recorded while the programs run: what they were given. A changed converter is given the same. Where all its
answers are as before, no program shows that part of the mapping, and a change of it would go through the differential tests unseen.
"""

from __future__ import annotations

import ast
import importlib
import json
import os
import sys
import types
from pathlib import Path

import run_programs

from appinsights_exporter import _sdk_logs

_SWAPPED = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_KEPT_CALLS = 400
"""Calls of one function that are tried again, at most."""


class _Reader(_sdk_logs.LogRecordProcessor):
    """A processor of a program's own."""

    def on_emit(self, log_record):
        """Read nothing."""


class _Recorded:
    """The calls of a module's public functions."""

    def __init__(self, name):
        self.module = importlib.import_module(name)
        self.calls = {}
        for function, value in list(vars(self.module).items()):
            if isinstance(value, types.FunctionType) and value.__module__ == name and not function.startswith("_"):
                self.calls[function] = []
                self._record(function, value)

    def _record(self, name, function):
        calls = self.calls[name]

        def recorded(*args, **kwargs):
            if len(calls) < _KEPT_CALLS:
                calls.append((args, kwargs))
            return function(*args, **kwargs)

        for module in list(sys.modules.values()):
            if getattr(module, name, None) is function:
                setattr(module, name, recorded)


def _answers(namespace, calls):
    for name, given in calls.items():
        for args, kwargs in given:
            try:
                answer = namespace[name](*args, **kwargs)
                yield repr(list(answer) if isinstance(answer, types.GeneratorType) else answer)
            except Exception as error:  # noqa: BLE001 -- what a changed converter raises is its answer
                yield repr(error)


def _another(value):
    if isinstance(value, bool):
        return not value
    return value + {str: "~", bytes: b"~"}.get(type(value), 1)


def _is_docstring(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _parts(value):
    return value if isinstance(value, list) else [value] if isinstance(value, ast.AST) else []


def _places(tree):
    """Yield what a mutant changes: the node, the field of it, and the new value."""
    skipped = set()
    for node in ast.walk(tree):
        if _is_docstring(node) or isinstance(node, (ast.Raise, ast.Assert, ast.Import, ast.ImportFrom)):
            skipped.update(map(id, ast.walk(node)))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("cast", "tag"):
            # A type; and the name by which a length is limited.
            skipped.update(map(id, ast.walk(node.args[0])))
        if isinstance(node, ast.Compare) and getattr(getattr(node.left, "func", None), "id", "") == "type":
            # A quick way for common types, beside the way for all of them.
            skipped.add(id(node))
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            skipped.update(map(id, ast.walk(node)))
        if isinstance(node, ast.AnnAssign) and getattr(node.annotation, "id", "") == "TypeAlias":
            skipped.update(map(id, ast.walk(node)))
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            skipped.update(map(id, ast.walk(node)))
        for field in ("annotation", "returns", "decorator_list"):
            for part in _parts(getattr(node, field, None)):
                skipped.update(map(id, ast.walk(part)))
    function = {}
    for node in tree.body:
        for each in ast.walk(node):
            function[id(each)] = getattr(node, "name", "")
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        where = function.get(id(node), "")
        if isinstance(node, ast.Constant) and node.value is not None and node.value is not Ellipsis:
            yield where, node, "value", _another(node.value)
        elif isinstance(node, ast.Compare):
            for number, operator in enumerate(node.ops):
                yield where, node, "ops", [*node.ops[:number], _SWAPPED[type(operator)](), *node.ops[number + 1 :]]


def survivors(recorded):
    """Return the function and the text of each part of a module's mapping that no recorded call shows."""
    path = Path(recorded.module.__file__)
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    name = recorded.module.__name__

    def load():
        namespace = {"__name__": name, "__package__": name.rpartition(".")[0], "__file__": str(path)}
        exec(compile(tree, str(path), "exec"), namespace)
        return namespace

    calls = recorded.calls
    expected = list(_answers(load(), calls))
    # What says another thing each time, such as the address of an object, says nothing about a mutant.
    stable = [once == again for once, again in zip(expected, _answers(load(), calls), strict=True)]
    found = []
    for where, node, field, new in _places(tree):
        old = getattr(node, field)
        setattr(node, field, new)
        try:
            ast.fix_missing_locations(tree)
            shown = any(says and answer != wanted for says, answer, wanted in zip(stable, _answers(load(), calls), expected, strict=True))
        except Exception:  # noqa: BLE001 -- one that cannot be loaded is noticed
            shown = True
        finally:
            setattr(node, field, old)
        if not shown:
            found.append({"function": where, "line": node.lineno, "part": ast.unparse(node)})
    return found


def main(output, endpoint, *arguments):
    """Run the programs that are named after the modules and a ``--``."""
    split = arguments.index("--")
    recorded = [_Recorded(name) for name in arguments[:split]]
    programs = arguments[split + 1 :]
    for path in programs:
        run_programs.main(path, endpoint, os.devnull)
    # Log records that OpenTelemetry code reads become envelopes in another way.
    _sdk_logs.global_provider().add_log_record_processor(_Reader())
    for path in programs:
        if Path(path).name.startswith("log"):
            run_programs.main(path, endpoint, os.devnull)
    sys.modules["opencensus_compat"].flush(30)
    Path(output).write_text(json.dumps({each.module.__name__: survivors(each) for each in recorded}), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
