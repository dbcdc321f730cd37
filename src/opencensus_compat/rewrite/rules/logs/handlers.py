"""Log handlers, custom events, and what telemetry processors see."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Keep
from opencensus_compat.rewrite.following import calls
from opencensus_compat.rewrite.following.index import of_program
from opencensus_compat.rewrite.following.made import is_subclass, readers, target
from opencensus_compat.rewrite.rules.exporters.options import RATE, renamed
from opencensus_compat.rewrite.rules.exporters.pipelines import processor
from opencensus_compat.rewrite.rules.logs import dictionaries
from opencensus_compat.scan import strings

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.scan.python_uses import Found

FREE = frozenset({"L003", "L004", "L005", "A005", "A007", "A008"})

_MODULE = "ext.azure.log_exporter"
HANDLERS = {
    f"{_MODULE}.AzureLogHandler": "ApplicationInsightsLoggingHandler",
    f"{_MODULE}.AzureEventHandler": "ApplicationInsightsEventHandler",
}
_METHODS = frozenset({"acquire", "close", "flush", "get_name", "release"})
"""Methods of all handlers, without arguments: OpenCensus's take a time limit besides."""
_FIELDS = frozenset({"filters", "formatter", "level", "lock", "name"})
"""What every handler keeps."""
_WITH_WHICH = (
    "With which options is this class called? The native handler takes `connection_string`, and others under names of its own: write the call "
    "where the class is named."
)
_SHARES = (
    "Which share of the records is meant? Handlers of one resource have several here: a record that meets two of them is sent by the first, at "
    "the rate of that one. Give all of them one rate."
)
_PROTOCOL = "ext.azure.common.protocol"
_ENVELOPES = frozenset(
    {"BaseObject", "Data", "DataPoint", "Envelope", "Event", "ExceptionData", "Message", "MetricData", "RemoteDependency", "Request"}
)
"""Classes that the native exporter has, too."""


def handler(use: Found, file: File) -> Outcome:
    """`AzureLogHandler(...)` → `ApplicationInsightsLoggingHandler(...)`, and that of events likewise."""
    name = HANDLERS.get(use.symbol)
    if _is_of_handlers(use, file):
        return []
    if name is None:
        return Keep("a part of OpenCensus's handlers")
    if is_subclass(use, file):
        return Keep("a class of the program stands on the handler")
    call = file.call(use.node)
    if call is not None and len(_rates(use.symbol, file)) > 1:
        return Ask(_SHARES)
    edits = renamed(call, file) if call is not None else _of_value(use, file)
    if isinstance(edits, (Ask, Keep)):
        return edits
    slot = file.slot(use.node)
    stores = slot.stores if slot is not None else []
    if stores and not any(isinstance(store, ast.alias) for store in stores):
        # A variable that has the class: `cls = AzureLogHandler`.
        return edits
    new = file.need(f"from appinsights_exporter import {name}", _beside_import(use, file))
    if isinstance(use.node, ast.Constant):
        quoted = file.in_quotes(use, new)
        return Ask(_WITH_WHICH) if quoted is None else [quoted]
    if slot is not None and slot.loads and min(slot.loads, key=file.start) is use.node:
        # `AzureLogHandler = None`, where an import fails.
        edits = [*edits, *(file.replace(store, new) for store in stores if isinstance(store, ast.Name))]
    return [file.replace(use.node, new), *edits]


@of_program
def _rates(symbol: str, file: File) -> set[str]:
    """Return which shares of the records the handlers of one class send in a program, as text."""
    calls_of = [(home, home.call(use.node)) for home in file.files.values() for use in home.uses if use.symbol == symbol]
    given = [[each.value for each in call.keywords if each.arg == RATE] for _, call in calls_of if call is not None]
    return {ast.unparse(each[0]).removesuffix(".0") if each else "1" for each in given}


def _beside_import(use: Found, file: File) -> ast.AST:
    """Return the place by which the new class is imported: that of a name in quotes is the import of what is named."""
    if not isinstance(use.node, ast.Constant):
        return use.node
    found = [each.node for each in file.uses if isinstance(each.node, ast.expr) and not isinstance(each.node, ast.Constant)]
    return next((node for node in found if file.symbol(node) == use.symbol), use.node)


def _of_value(use: Found, file: File) -> list[Edit] | Ask | Keep:
    """Return the edits for options that a class gets where it is not called; a question where these are not known."""
    node = use.node
    around, above = file.parents.get(node), file.parents.get(file.parents[node])
    if not isinstance(node, ast.expr) or file.is_annotation(node) or is_named_only(node, file):
        return []
    if isinstance(around, ast.Dict) and dictionaries.is_factory(node, file):
        return dictionaries.options_beside(use.symbol, around, file)
    if isinstance(around, ast.Call) and strings.tail(around.func) == "partial" and around.args == [node]:
        return _of_partial(around, file)
    if isinstance(around, ast.keyword) and around.arg in {"spec", "spec_set", "autospec"} and isinstance(above, ast.Call):
        return []
    place = target(file, node)
    slot = file.slot(place) if isinstance(place, ast.Name) else None
    if slot is not None and len(slot.stores) == 1 and all(file.symbol(load) == use.symbol for load in slot.loads):
        return []
    return Ask(_WITH_WHICH)


def _of_partial(partial: ast.Call, file: File) -> list[Edit] | Ask:
    """Return the edits of the options that `partial` gives a handler's class, and of those that its calls add."""
    place = target(file, partial)
    found = readers(file, place) if isinstance(place, ast.Name) else []
    made = [(home, home.call(load)) for home, load in found]
    if not made or any(call is None for _, call in made):
        return Ask(_WITH_WHICH)
    edits = renamed(partial, file, by_place=1)
    for home, call in made:
        assert call is not None
        changed = renamed(call, home)
        if home is file:
            edits += changed
        elif changed:
            file.elsewhere.append((home, home.statement(call), changed, []))
    return edits


def is_named_only(node: ast.expr, file: File) -> bool:
    """Return whether a class is compared, tested or named for its type at a place, where nothing makes an object of it."""
    if calls.is_of_types(node, file):
        return True
    around = file.parents.get(node)
    if isinstance(around, (ast.Tuple, ast.List, ast.Set)):
        return is_named_only(around, file) if around.elts else False
    if isinstance(around, ast.Call) and strings.tail(around.func) in {"cast", "isinstance", "issubclass"}:
        return node in around.args
    if isinstance(around, ast.Call) and strings.tail(around.func) == "object" and len(around.args) > 1:
        # `patch.object(AzureLogHandler, "emit")`.
        name = around.args[1].value if isinstance(around.args[1], ast.Constant) else None
        return around.args[0] is node and name in {"emit", "flush", "close", "format", "handle", "filter"}
    if isinstance(around, (ast.If, ast.IfExp, ast.While)):
        return around.test is node
    if isinstance(around, ast.BoolOp) and isinstance(around.op, ast.And):
        return around.values[-1] is not node or is_named_only(around, file)
    is_test = isinstance(around, ast.UnaryOp) and isinstance(around.op, ast.Not)
    return is_test or isinstance(around, (ast.Compare, ast.MatchClass, ast.Delete, ast.Expr))


def _is_of_handlers(use: Found, file: File) -> bool:
    """Return whether a use calls what every handler of the standard library has: `handler.close()`."""
    owner, _, name = use.symbol.rpartition(".")
    call = file.call(use.node)
    if owner in HANDLERS and name in _FIELDS:
        return True
    if owner in HANDLERS and name == "emit":
        return call is not None and len(call.args) == 1 and not call.keywords and not file.has_stars(call)
    return owner in HANDLERS and name in _METHODS and call is not None and not (call.args or call.keywords)


def stays(use: Found, file: File) -> Outcome:
    """Nothing changes: the new handler has the same method, or the native exporter reads the same field."""
    return []


def envelope(use: Found, file: File) -> Outcome:
    """Fields stay: the native exporter's processors get the same; its class is named from there."""
    if use.symbol.startswith(f"{_PROTOCOL}.") and file.value(use.node).meaning == "name" if isinstance(use.node, ast.expr) else False:
        name = use.symbol.removeprefix(f"{_PROTOCOL}.")
        if name in _ENVELOPES and isinstance(use.node, (ast.Name, ast.Attribute)):
            module = "appinsights_exporter.envelope"
            return [file.replace(use.node, file.need(f"from {module} import {name}", use.node, takes_over=file.is_for_types(use.node)))]
    return []


REWRITERS: dict[str, Rewriter] = {
    "A003": stays,
    "A004": stays,
    "A005": stays,
    "A006": processor,
    "A007": envelope,
    "A008": envelope,
    "L001": handler,
    "L002": handler,
    "L003": stays,
    "L004": stays,
    "L005": stays,
}
