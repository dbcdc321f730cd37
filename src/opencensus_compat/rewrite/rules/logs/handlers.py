"""Log handlers, custom events, and what telemetry processors see."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Keep
from opencensus_compat.rewrite.following.made import is_subclass
from opencensus_compat.rewrite.rules.exporters.options import renamed
from opencensus_compat.rewrite.rules.exporters.pipelines import processor

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
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
    edits = renamed(call, file) if call is not None else []
    new = file.need(f"from appinsights_exporter import {name}", use.node)
    slot = file.slot(use.node)
    if slot is not None and slot.loads and min(slot.loads, key=file.start) is use.node:
        # `AzureLogHandler = None`, where an import fails.
        edits += [file.replace(store, new) for store in slot.stores if isinstance(store, ast.Name)]
    return [file.replace(use.node, new), *edits]


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
