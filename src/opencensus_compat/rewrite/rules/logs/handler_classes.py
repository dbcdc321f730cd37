"""Classes of the program that stand on a log handler: they stand on the native one, where they only add to it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask
from opencensus_compat.rewrite.rules.exporters import options, providers
from opencensus_compat.rewrite.rules.logs.handlers import HANDLERS
from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.scan.python_uses import Found

_METHODS = frozenset({"__init__", "emit", "filter", "format", "handle"})
"""What a class may replace: the native handlers have the same, called in the same way."""
_OF_BOTH = frozenset(
    {"acquire", "addFilter", "add_telemetry_processor", "clear_telemetry_processors", "emit", "filter", "filters", "flush", "format"}
    | {"formatter", "get_name", "handle", "handleError", "level", "name", "release", "removeFilter", "setFormatter", "setLevel", "set_name"}
)
"""What both handlers have."""
_WHO = (
    "Who makes this handler, and with which options? The native handler takes `connection_string`, and others under names of its own. With "
    "`--include B003` the class stands on that, and those who make it see to the names."
)


def base(use: Found, file: File) -> Outcome:
    """`class Handler(AzureLogHandler)` → `class Handler(ApplicationInsightsLoggingHandler)`, where the class only adds to it."""
    question = Ask(BY_ID["B003"].question)
    owner = file.parents.get(use.node)
    new = HANDLERS.get(use.symbol)
    if not isinstance(owner, ast.ClassDef) or new is None or use.node not in owner.bases or not _only_adds(owner):
        return question
    made = _made(owner, file)
    if made is None or (not made and "B003" not in file.accepted):
        return Ask(_WHO)
    edits: list[Edit] = []
    for call in _constructors(owner, file):
        if not any(keyword.arg is None for keyword in call.keywords):
            edits += options.renamed(call, file)
        elif call.args or [keyword.arg for keyword in call.keywords] != [None] or not _is_rest(call, owner):
            return Ask(_WHO)
    # What is handed through, or there is no constructor for, keeps its name from where it is given.
    is_through = not edits or any(keyword.arg is None for call in _constructors(owner, file) for keyword in call.keywords)
    for home, call in made if is_through else ():
        changed = options.renamed(call, home)
        if home is file:
            edits += changed
        elif changed:
            file.elsewhere.append((home, home.statement(call), changed, []))
        home.covered.update(found for node in ast.walk(call) for found in home.by_node.get(node, ()))
    inside = [found for node in ast.walk(owner) for found in file.by_node.get(node, ()) if found != use]
    file.covered.update(found for found in inside if found.symbol in _PARTS)
    return [file.replace(use.node, file.need(f"from appinsights_exporter import {new}", use.node)), *edits]


_PARTS = frozenset(f"{handler}{part}" for handler in HANDLERS for part in ("", ".__init__", ".emit", ".flush", ".add_telemetry_processor"))


def _only_adds(owner: ast.ClassDef) -> bool:
    """Return whether a class replaces nothing, and reads nothing, that only OpenCensus's handlers have."""
    methods = [each for each in owner.body if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))]
    own = {each.name for each in methods}
    stored = {
        node.attr
        for node in ast.walk(owner)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node.value)
    }
    is_plain = len(owner.bases) == 1 and not owner.keywords and not owner.decorator_list
    replaced = own - _METHODS
    if not is_plain or replaced & (_OF_BOTH | {"close", "createLock", "log_record_to_envelope", "apply_telemetry_processors"}):
        return False
    names = {ast.unparse(node) for each in owner.body for node in ast.walk(each) if isinstance(node, (ast.Name, ast.Attribute))}
    if ast.unparse(owner.bases[0]) in names:
        return False
    read = {node.attr for node in ast.walk(owner) if isinstance(node, ast.Attribute) and _is_self(node.value)}
    return read <= _OF_BOTH | own | stored | {"__init__", "__class__"} and not any(name.startswith("_") for name in stored)


def _is_self(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id == "self") or (isinstance(node, ast.Call) and ast.unparse(node.func) == "super")


def _constructors(owner: ast.ClassDef, file: File) -> list[ast.Call]:
    """Return the calls of the handler's constructor in a class."""
    return [
        node
        for node in ast.walk(owner)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "__init__"
        and _is_self(node.func.value)
    ]


def _is_rest(call: ast.Call, owner: ast.ClassDef) -> bool:
    """Return whether a call hands on what the class's own constructor gets by name, and nothing else does something with it."""
    rest = call.keywords[0].value
    makes = [each for each in owner.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
    reads = [
        node
        for make in makes
        for node in ast.walk(make)
        if isinstance(node, ast.Name) and isinstance(rest, ast.Name) and node.id == rest.id
    ]
    kwarg = makes[0].args.kwarg if len(makes) == 1 else None
    return isinstance(rest, ast.Name) and kwarg is not None and kwarg.arg == rest.id and reads == [rest]


def _made(owner: ast.ClassDef, file: File) -> list[tuple[File, ast.Call]] | None:
    """Return the calls that make objects of a class; None where the class is read or named in another way."""
    found = []
    for home in file.files.values():
        if any(isinstance(node.value, str) and node.value.endswith(f".{owner.name}") for node in home.kinds[ast.Constant]):
            return None
    for home, read in providers.reads(owner.name, file):
        call = home.call(read)
        if call is None or home.has_stars(call) or call.args:
            return None
        found.append((home, call))
    return found


REWRITERS: dict[str, Rewriter] = {"B003": base}
