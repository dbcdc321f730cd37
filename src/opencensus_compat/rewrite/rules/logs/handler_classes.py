"""Classes of the program that stand on a log handler: they stand on the native one, where they only add to it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask
from opencensus_compat.rewrite.rules.exporters import options
from opencensus_compat.rewrite.rules.logs import dictionaries
from opencensus_compat.rewrite.rules.logs.handlers import HANDLERS, is_named_only
from opencensus_compat.scan import strings
from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.scan.python_uses import Found

_OF_LOGGING = frozenset(
    {"acquire", "addFilter", "emit", "filter", "format", "get_name", "handle", "handleError", "release", "removeFilter", "setFormatter"}
    | {"setLevel", "set_name"}
)
"""Methods of all handlers of the standard library."""
_METHODS = _OF_LOGGING | {"__init__", "close", "flush"}
"""What a class may replace: the native handlers have the same, called in the same way."""
_OF_BOTH = _OF_LOGGING | {
    "add_telemetry_processor",
    "clear_telemetry_processors",
    "close",
    "filters",
    "flush",
    "formatter",
    "level",
    "name",
}
"""What both handlers have."""
OF_NATIVE = frozenset(
    {"_closed", "_hand_on", "_is_event", "_extras", "_log_limit", "_loggers", "_made", "_may_send", "_name", "_provider"}
    | {"_sampling", "_sharers", "_takes_extras", "_text", "counts", "createLock", "lock"}
)
"""What the native handlers keep for themselves, beside what begins with `_export`."""
_OF_OPENCENSUS = frozenset(
    {
        "_check_stats_collection",
        "_consecutive_redirects",
        "_export",
        "_queue",
        "_telemetry_processors",
        "_transmit",
        "_transmit_from_storage",
    }
    | {"_worker", "apply_telemetry_processors", "export_interval", "log_record_to_envelope", "max_batch_size", "options", "storage"}
)
"""What OpenCensus's handlers read of themselves."""
_WITHOUT_LIMIT = frozenset({"close", "flush"})
"""Methods that take a time limit of OpenCensus's handlers alone."""
_WHO = (
    "Who makes this handler, and with which options? The native handler takes `connection_string`, and others under names of its own. With "
    "`--include B003` the class stands on that, and those who make it see to the names."
)

_NO_LIMIT = "How long may `{0}` take? That of the native handler takes no limit: call `super().{0}()`."
_NOT_NATIVE = (
    "What is `{}` for? The native handler has no such part. What changes an item before it is sent, a function for `add_telemetry_processor` "
    "can do, which gets the envelope; what changes a record, `emit`, which calls `super().emit(record)`."
)


def base(use: Found, file: File) -> Outcome:
    """`class Handler(AzureLogHandler)` → `class Handler(ApplicationInsightsLoggingHandler)`, where the class only adds to it."""
    question = Ask(BY_ID["B003"].question)
    owner = file.parents.get(use.node)
    new = HANDLERS.get(use.symbol)
    if not isinstance(owner, ast.ClassDef) or new is None or use.node not in owner.bases:
        return question
    if (in_the_way := _obstacle(owner, file)) is not None:
        text = _NO_LIMIT if in_the_way in _WITHOUT_LIMIT else _NOT_NATIVE
        return Ask(text.format(in_the_way)) if in_the_way else question
    calls_of_base = _constructors(owner)
    if any(isinstance(home.parents.get(read), ast.ClassDef) for home, read in file.files.reads(owner.name)):
        return question
    is_through = not calls_of_base
    edits: list[Edit] = []
    for call in calls_of_base:
        selves = int(isinstance(call.func, ast.Attribute) and _is_base(call.func.value, owner)) + _rest_by_place(call, owner)
        through = [keyword.arg for keyword in call.keywords if keyword.arg is None]
        if not through or not _is_rest(call, owner):
            edits += options.renamed(call, file, by_place=selves)
        else:
            edits += options.renamed(call, file, by_place=selves, without_stars=True)
            is_through = True
    # What is handed through, or there is no constructor for, keeps its name from where it is given.
    made = _made_with(use.symbol, owner, edits, file) if is_through else 1
    if made is None or (not made and "B003" not in file.accepted):
        return Ask(_WHO)
    inside = [found for node in ast.walk(owner) for found in file.by_node.get(node, ()) if found != use]
    file.covered.update(found for found in inside if found.symbol in _PARTS)
    name = file.need(f"from appinsights_exporter import {new}", use.node)
    named = [node for node in ast.walk(owner) if node is not use.node and _is_base(node, owner)]
    return [*(file.replace(node, name) for node in (use.node, *named)), *edits]


_PARTS = frozenset(f"{handler}{part}" for handler in HANDLERS for part in ("", *(f".{name}" for name in _METHODS | _OF_BOTH)))


def _obstacle(owner: ast.ClassDef, file: File) -> str | None:
    """Return what a class replaces or reads that only OpenCensus's handlers have, empty for something else; None where it only adds to them."""
    own = {each.name for each in owner.body if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))}
    nodes = [node for each in owner.body for node in ast.walk(each)]
    attributes = [node for node in nodes if isinstance(node, ast.Attribute) and _is_self(node.value, owner)]
    stored = {node.attr for node in attributes if isinstance(node.ctx, ast.Store)}
    stored |= {target.id for each in owner.body if isinstance(each, ast.Assign) for target in each.targets if isinstance(target, ast.Name)}
    read = {node.attr for node in attributes}
    limited = {node.attr for node in attributes if node.attr in _WITHOUT_LIMIT and _has_limit(file.call(node), node, owner)}
    others = [
        {name for name in own | stored if name in OF_NATIVE | _OF_OPENCENSUS or name.startswith("_export")},
        (own - _METHODS) & _OF_BOTH,
        stored & _METHODS,
        limited,
        read - _OF_BOTH - own - stored - {"__init__", "__class__", "__dict__"},
    ]
    for each in others:
        if each:
            return min(each)
    is_plain = len(owner.bases) == 1 and not owner.keywords and not owner.decorator_list
    return None if is_plain and all(_is_called_on(node, file) for node in nodes if _is_base(node, owner)) else ""


def _is_base(node: ast.AST, owner: ast.ClassDef) -> bool:
    """Return whether an expression names the base of a class."""
    return isinstance(node, (ast.Name, ast.Attribute)) and ast.unparse(node) == ast.unparse(owner.bases[0])


def _is_called_on(node: ast.AST, file: File) -> bool:
    """Return whether the base is named for a method, which is called with the object: `AzureLogHandler.emit(self, record)`."""
    above = file.parents.get(node)
    call = file.call(above) if isinstance(above, ast.Attribute) else None
    return call is not None and bool(call.args) and isinstance(call.args[0], ast.Name) and call.args[0].id == "self"


def _has_limit(call: ast.Call | None, node: ast.Attribute, owner: ast.ClassDef) -> bool:
    """Return whether a method gets a time limit, or is handed on as a value."""
    if call is None:
        return True
    own = 1 if _is_base(node.value, owner) else 0
    return len(call.args) > own or bool(call.keywords)


def _is_self(node: ast.expr, owner: ast.ClassDef) -> bool:
    is_super = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"
    return (isinstance(node, ast.Name) and node.id == "self") or is_super or _is_base(node, owner)


def _constructors(owner: ast.ClassDef) -> list[ast.Call]:
    """Return the calls of the handler's constructor in a class."""
    return [
        node
        for node in ast.walk(owner)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "__init__"
        and _is_self(node.func.value, owner)
    ]


def _rest_by_place(call: ast.Call, owner: ast.ClassDef) -> int:
    """Return 1 where a call hands on `*args` of the class's constructor: the handler never took any."""
    rest = {each.args.vararg.arg for each in owner.body if isinstance(each, ast.FunctionDef) and each.args.vararg is not None}
    starred = [each.value for each in call.args if isinstance(each, ast.Starred)]
    return int(len(starred) == 1 and isinstance(starred[0], ast.Name) and starred[0].id in rest)


def _is_rest(call: ast.Call, owner: ast.ClassDef) -> bool:
    """Return whether a call hands on what the class's own constructor gets by name, and nothing else does something with it."""
    rest = next(keyword.value for keyword in call.keywords if keyword.arg is None)
    makes = [each for each in owner.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
    reads = [
        node
        for make in makes
        for node in ast.walk(make)
        if isinstance(node, ast.Name) and isinstance(rest, ast.Name) and node.id == rest.id
    ]
    kwarg = makes[0].args.kwarg if len(makes) == 1 else None
    return isinstance(rest, ast.Name) and kwarg is not None and kwarg.arg == rest.id and reads == [rest]


def _made_with(symbol: str, owner: ast.ClassDef, edits: list[Edit], file: File) -> int | None:
    """Return how many places make objects of a class, whose options get their new names; None where one is not known.

    Args:
        symbol: The handler that it stands on.
        owner: The class.
        edits: Get those of its file.
        file: Its file.
    """
    makes = [each for each in owner.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
    own = frozenset(each.arg for make in makes for each in [*make.args.args, *make.args.kwonlyargs])
    found = 0
    if file.around is not None and file.around.is_configured(owner.name):
        return None
    for home, place in _named(owner, file):
        call, around = home.call(place), home.parents.get(place)
        if call is not None:
            if home.has_stars(call):
                return None
            changed = options.renamed(call, home, by_place=len(call.args), own=own)
        elif isinstance(around, ast.Dict) and dictionaries.is_factory(place, home):
            answer = dictionaries.options_beside(symbol, around, home, own)
            if not isinstance(answer, list):
                return None
            changed = answer
        elif isinstance(place, ast.Constant) or not (home.is_annotation(place) or is_named_only(place, home)):
            return None
        else:
            continue
        found += 1
        home.covered.update(use for node in ast.walk(call or place) for use in home.by_node.get(node, ()))
        if home is file:
            edits += changed
        elif changed:
            file.elsewhere.append((home, home.statement(place), changed, []))
    return found


def _named(owner: ast.ClassDef, file: File) -> Iterator[tuple[File, ast.expr]]:
    """Yield what names a class in its program, in text too, but for what replaces it in tests."""
    yield from file.files.reads(owner.name)
    for home in file.files.values():
        for node in home.kinds[ast.Constant]:
            is_named = isinstance(node.value, str) and node.value.endswith(f".{owner.name}")
            above = home.parents.get(node)
            if is_named and not (isinstance(above, ast.Call) and strings.tail(above.func) == "patch"):
                yield home, node


REWRITERS: dict[str, Rewriter] = {"B003": base}
