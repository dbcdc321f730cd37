"""The extension of Azure Functions, in whose place each function attaches the context of its invocation."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite import imports
from opencensus_compat.rewrite.context import Ask
from opencensus_compat.rewrite.following.index import of_program
from opencensus_compat.rewrite.rules.exporters import setups
from opencensus_compat.rewrite.rules.exporters.options import options
from opencensus_compat.scan import strings
from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.scan.python_uses import Found

_EXTENSION = "extension.azure.functions.OpenCensusExtension"
_CONTEXT = "context"
"""The parameter to which the host gives the invocation."""
_TRIGGERS = frozenset({"route", "schedule", "function_name"})
"""Decorators of the second programming model, beside those that end in `_trigger`."""
_BY_HAND = frozenset({"T011", "T012", "T013"})
_WHOLE = frozenset({"T013", "T014", "T015", "T016", "T018", "T019"})
"""Rules that replace the tracer that they are called on, too."""


def together(files: Iterable[File]) -> Iterator[tuple[Found, Found]]:
    """Yield, in pairs, the extension and the uses of the tracers that it makes: `context.tracer` of invocations."""
    found = [(file, file.uses, _configured(file)) for file in files]
    every = [use for _, _, uses in found for use in uses]
    for file, uses, here in found:
        makers = here or every
        tracers = [each for each in uses if isinstance(each.node, ast.Attribute) and _is_of_invocation(each.node.value, file)]
        yield from ((makers[0], each) for each in [*here[1:], *tracers] if makers)


def _configured(file: File) -> list[Found]:
    """Return where a file configures the extension."""
    return [use for use in file.uses if use.symbol == f"{_EXTENSION}.configure" and file.call(use.node) is not None]


def _is_of_invocation(tracer: ast.AST | None, file: File) -> bool:
    if isinstance(tracer, ast.Name):
        tracer = file.only_value(file.slot(tracer))
    return (
        isinstance(tracer, ast.Attribute) and tracer.attr == "tracer" and isinstance(tracer.value, ast.Name) and tracer.value.id != "self"
    )


def extension(use: Found, file: File) -> Outcome:
    """`OpenCensusExtension.configure(...)` → `configure(...)`, and in each function `context.attach(propagate.extract(...))`."""
    call = file.call(use.node)
    question = Ask(BY_ID[use.rule].question)
    if use not in _configured(file) or call is None or not file.is_alone(call):
        return question
    if any(keyword.arg == "flush_invocations" for keyword in call.keywords):
        return Ask("How long may an invocation wait until its telemetry is sent? `configure(...)` returns an object with `force_flush`.")
    others = [each for each in file.uses if each.symbol.startswith(_EXTENSION) and each.rule[0] != "I" and each is not use]
    homes = [home for home in file.files.values() if home is file or (not _configured(home) and _first_configuring(file) is file)]
    found = [(home, *each) for home in homes for each in _entries(home, is_home=home is file)]
    if others or not found or not all(_is_known(function, invocation, home) for home, function, invocation in found):
        return question
    if _differing(call, file):
        return Ask("Which connection string is meant? All functions of an app run in one process, and another file names another one.")
    always = file.need("from opentelemetry.sdk.trace.sampling import ALWAYS_ON", use.node)
    arguments = [*options(call, file, "traces"), 'signals=["traces"]', f"sampler={always}"]
    setups.check_arguments(arguments, file, "this extension's")
    text = f"{file.need('from appinsights_exporter import configure', use.node)}({', '.join(arguments)})"
    edits = [file.replace(call, text)]
    for home, function, invocation in found:
        edits += _here(home, function, _attached(home, function, invocation), file)
        for tracer in _tracers(home, function, invocation or ""):
            edits += _here(home, tracer, _instead(home, tracer), file)
    return edits


def _differing(call: ast.Call, file: File) -> bool:
    """Return whether another file with functions configures the extension with another connection string."""
    mine = setups.connection(file, file.argument(call, 0, "connection_string"))
    others = [(home, home.call(use.node)) for home in file.files.values() if _entries(home, is_home=True) for use in _configured(home)]
    return any(setups.connection(home, home.argument(each, 0, "connection_string")) != mine for home, each in others if each is not None)


def _here(home: File, node: ast.AST, edits: list[Edit], file: File) -> list[Edit]:
    """Return the edits of the file of the extension; note those of another one."""
    return imports.of_file(edits, home, node, 0, file) if edits else []


@of_program
def _first_configuring(file: File) -> File:
    """Return the first file of a program that configures the extension: it sees to the functions of those that do not."""
    return next(home for _, home in sorted(file.files.items()) if _configured(home))


def _entries(file: File, *, is_home: bool) -> list[tuple[ast.FunctionDef | ast.AsyncFunctionDef, str | None]]:
    """Return the functions of a file that the host calls, each with the name of its parameter for the invocation; None where it has none."""
    found: list[tuple[ast.FunctionDef | ast.AsyncFunctionDef, str | None]] = []
    functions: list[ast.FunctionDef | ast.AsyncFunctionDef] = [*file.kinds[ast.FunctionDef], *file.kinds[ast.AsyncFunctionDef]]
    for function in functions:
        names = [each.arg for each in [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]]
        read = [name for name in names if _tracers(file, function, name)]
        is_main = is_home and function.name == "main" and function in file.tree.body
        is_triggered = any(_is_trigger(each) for each in function.decorator_list)
        if read or is_main or is_triggered:
            found.append((function, next(iter(read or [name for name in names if name == "context"]), None)))
    return found


def _is_trigger(decorator: ast.expr) -> bool:
    name = strings.tail(decorator.func) if isinstance(decorator, ast.Call) else ""
    return name in _TRIGGERS or name.endswith("_trigger")


def _tracers(file: File, function: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> list[ast.Attribute]:
    """Return where a function reads the tracer of its invocation."""
    if name == "self":
        return []
    slots = [file.slot(each) for each in [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs] if each.arg == name]
    return [
        each
        for each in file.reads("tracer")
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == name and file.slot(each.value) in slots
    ]


def _is_known(function: ast.FunctionDef | ast.AsyncFunctionDef, invocation: str | None, file: File) -> bool:
    """Return whether a function has its invocation, or can have it: the host gives it to a parameter of that name."""
    if not file.begins_line(_first(function)):
        return False
    given = function.args
    is_plain = not (given.posonlyargs or given.kwonlyargs or given.vararg or given.kwarg or given.defaults)
    # What is written for spans that are started by hand has OpenTelemetry's module of that name.
    by_hand = any(use.rule in _BY_HAND for each in ast.walk(function) for use in file.by_node.get(each, ()))
    is_free = not any(isinstance(each, ast.Name) and each.id == _CONTEXT for each in ast.walk(function))
    return invocation is not None or (is_plain and is_free and not by_hand)


def _first(function: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.stmt:
    """Return the first statement after the docstring."""
    is_docstring = ast.get_docstring(function, clean=False) is not None and len(function.body) > 1
    return function.body[1] if is_docstring else function.body[0]


def _attached(file: File, function: ast.FunctionDef | ast.AsyncFunctionDef, invocation: str | None) -> list[Edit]:
    """Return the edits that make the context of the host's span the current one at the beginning of a function."""
    first, name = _first(function), invocation or _CONTEXT
    attach = file.need("from opentelemetry.context import attach", first)
    extract = f"{file.need('from opentelemetry import propagate', first)}.extract"
    carrier = f'{{"traceparent": {name}.trace_context.trace_parent, "tracestate": {name}.trace_context.trace_state}}'
    line = f"{attach}({extract}({carrier}))"
    if invocation is not None:
        return [file.insert_before(first, line)]
    # Who else calls the function gives none.
    at = file.end(function.args.args[-1]) if function.args.args else file.source.index(b"(", file.start(function)) + 1
    return [
        file.splice(at, at, f"{', ' if function.args.args else ''}{_CONTEXT}=None", function),
        file.insert_before(first, f"if {_CONTEXT} is not None:{file.line_end}{file.indentation(first)}    {line}"),
    ]


def _instead(file: File, tracer: ast.Attribute) -> list[Edit]:
    """Return the edit that puts OpenTelemetry's tracer in the place of an invocation's."""
    above = file.parents.get(tracer)
    if above is not None and any(use.rule in _WHOLE for use in file.by_node.get(above, ())):
        return []
    return [file.replace(tracer, f"{file.need('from opentelemetry import trace', tracer)}.get_tracer(__name__)")]


REWRITERS: dict[str, Rewriter] = {"W017": extension}
