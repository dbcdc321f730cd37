"""Attributes of OpenCensus's context: a variable of the context holds each that one file sets and reads."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from opencensus_compat.rewrite import imports
from opencensus_compat.rewrite.context import Ask, Keep

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.scan.python_uses import Found

FREE: frozenset[str] = frozenset()
_RULE = "T042"
_SET, _GET = "trace.execution_context.set_opencensus_attr", "trace.execution_context.get_opencensus_attr"
_HOSTS = frozenset({"excludelist_hostnames", "blacklist_hostnames"})
"""Keys that OpenCensus's integrations with HTTP clients read."""
_CLIENTS = re.compile(
    rb"trace_integrations?\b|\b(?:requests|httplib|httpx)\.trace\b|Instrumentor\b|instrumentations\s*=|['\"]OPENCENSUS_TRACE"
)
_MOVES = re.compile(rb"\bThreadingInstrumentor\b|opencensus\.ext\.threading|['\"]threading['\"]|\bwith_current_context\b")
"""What takes the attributes to other threads."""
_WHO = "Which key is it, and who reads it? Keep the value in a `ContextVar` of a module that all of them import."


def attribute(use: Found, file: File) -> Outcome:
    """`set_opencensus_attr("tenant", value)` → `_tenant.set(value)`, of a `ContextVar`; one that nothing reads goes."""
    call = file.call(use.node)
    key = _key(call, file) if call is not None and use.symbol in {_SET, _GET} else None
    if call is None or key is None or file.has_stars(call):
        return Ask(_WHO)
    others = [(home, each) for home in file.files.values() for each in home.uses if each.rule in {_RULE, "T043"}]
    calls = [(home, each, _key(found, home) if (found := home.call(each.node)) is not None else None) for home, each in others]
    if any(each.rule == "T043" or each.symbol not in {_SET, _GET} or name is None for _, each, name in calls):
        return Ask(_WHO)
    mine = [(home, each) for home, each, name in calls if name == key]
    if key in _HOSTS:
        return _hosts(use, call, mine, file)
    last = imports.last_of_head(file)
    if any(home is not file for home, _ in mine) or any(_MOVES.search(home.source) for home in file.files.values()):
        return Ask(f"Who reads `{key}`? A `ContextVar` in a module that all of them import can hold it.")
    if not key.isidentifier() or last is None:
        return Ask(_WHO)
    value = file.argument(call, 1, "attr_value")
    is_set = use.symbol == _SET
    if is_set and not file.is_alone(call):
        return Keep("its result is used")
    if (value is None) == is_set:
        return Ask(_WHO)
    name = file.free_name(f"_{key}")
    edits = [file.replace(call, f"{name}.set({file.render(value)})" if value is not None else f"{name}.get()")]
    if use is min((each for _, each in mine), key=lambda each: file.start(each.node)):
        made = file.need("from contextvars import ContextVar", file.tree)
        at = file.line_after(last)
        line = file.splice(at, at, f'{file.line_end}{name} = {made}("{key}", default=None){file.line_end}', last)
        # The use may stand in an expression that is written anew.
        file.elsewhere.append((file, last, [line], []))
    return edits


def _hosts(use: Found, call: ast.Call, mine: list[tuple[File, Found]], file: File) -> Outcome:
    """Return what becomes of the hosts that OpenCensus's HTTP clients leave out."""
    if any(each.symbol == _GET for _, each in mine) or any(_CLIENTS.search(home.source) for home in file.files.values()):
        return Ask("Which hosts are not to be traced? OTEL_PYTHON_REQUESTS_EXCLUDED_URLS and its like name URLs for each library.")
    if use.symbol != _SET or not file.is_alone(call):
        return Ask(_WHO)
    return [file.delete(file.statement(call))]


def _key(call: ast.Call, file: File) -> str | None:
    """Return the key that a call names, where it is written out."""
    node = file.argument(call, 0, "attr_key")
    if isinstance(node, ast.Name) and (found := file.slot(node)) is not None and found.owner is file.tree:
        node = file.only_value(found)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def together(files: Iterable[File]) -> Iterator[tuple[Found, Found]]:
    """Yield the uses of attributes of a program in pairs: what sets one changes with what reads it."""
    first: dict[str, Found] = {}
    for file in files:
        for use in file.uses:
            call = file.call(use.node) if use.rule == _RULE else None
            key = _key(call, file) if call is not None else None
            if key is not None:
                if key in first:
                    yield first[key], use
                first[key] = use


REWRITERS: dict[str, Rewriter] = {_RULE: attribute}
