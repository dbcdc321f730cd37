"""Names of spans: OpenTelemetry's spans have none that can be read, so that what reads one gets what the span was given."""

from __future__ import annotations

import ast
import itertools
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask
from opencensus_compat.rewrite.edits import Edit
from opencensus_compat.rewrite.following.held import held
from opencensus_compat.rewrite.following.made import is_simple
from opencensus_compat.rewrite.rules.exporters.providers import STARTS
from opencensus_compat.rewrite.rules.traces.opened import opened_by
from opencensus_compat.rewrite.rules.traces.spans import as_call
from opencensus_compat.rewrite.rules.traces.tested import CURRENT

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.rewrite.following.bindings import Slot
    from opencensus_compat.scan.python_uses import Found

RULE = "T022"
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_VARIABLE = "span_name"
_QUESTION = Ask(
    "OpenTelemetry's spans have no name that can be read: what is it needed for? Keep it in a variable beside the "
    "span, and run `rewrite` again."
)


def name(use: Found, file: File) -> Outcome:
    """`span.name = name` → `span.update_name(name)`; what reads the name gets the text, or a variable that keeps it."""
    node = use.node
    if not isinstance(node, ast.Attribute):
        return _QUESTION
    places = _places(node, file)
    if isinstance(node.ctx, ast.Load):
        return _read(node, places, file)
    statement = file.statement(node)
    if not isinstance(statement, ast.Assign) or statement.targets != [node]:
        return _QUESTION
    later = [each for each in places if isinstance(each.ctx, ast.Load) and file.start(each) > file.end(statement)]
    if not later:
        return as_call(node, statement, file, "update_name(")
    sign = file.source.index(b"=", file.end(node))
    value = sign + 1 + len(file.source[sign + 1 :]) - len(file.source[sign + 1 :].lstrip(b" \t"))
    variable = file.free_name(_VARIABLE)
    return [
        file.splice(file.start(node), value, f"{variable} = ", node),
        file.insert_after(statement, f"{file.text(node.value)}.update_name({variable})"),
    ]


def _places(node: ast.Attribute, file: File) -> list[ast.Attribute]:
    """Return where the name of a span is set and read, in order; none where the variable of the span may hold another one."""
    slot = file.slot(node.value) if isinstance(node.value, ast.Name) else None
    if slot is None or len(slot.stores) != 1:
        return []
    found = [file.parents.get(load) for load in slot.loads]
    return sorted((each for each in found if isinstance(each, ast.Attribute) and each.attr == node.attr), key=file.start)


def _read(node: ast.Attribute, places: list[ast.Attribute], file: File) -> Outcome:
    start = _start(node, file)
    if start is None and _is_of_current(node, file):
        # The SDK's spans have it; those that are not recorded have none, as OpenCensus's.
        return [
            Edit(file.start(node), file.start(node), b"getattr("),
            file.splice(file.end(node.value), file.end(node), ', "name", None)', node),
        ]
    if start is None or file.owner(node) is not file.owner(start):
        return _QUESTION
    around = list(itertools.takewhile(lambda each: each not in list(file.up(start)), file.up(node)))
    if any(isinstance(each, _LOOPS) for each in around):
        return _QUESTION
    stores = [each for each in places if isinstance(each.ctx, ast.Store) and file.end(file.statement(each)) < file.start(node)]
    if not stores:
        return _first(node, start, file)
    if opened_by(stores[0].value, file.statement(stores[0]), file) is None or _has_several(node, file):
        return _QUESTION
    return [file.replace(node, file.free_name(_VARIABLE))]


def _is_of_current(node: ast.Attribute, file: File) -> bool:
    """Return whether a name is that of the span that is current, in a program whose spans no framework starts and names."""
    found = held(file, node.value)
    is_current = bool(found) and all(home.symbol(each) in CURRENT for home, each in found or [])
    return is_current and not any(use.rule[0] == "W" and use.rule >= "W010" for home in file.files.values() for use in home.uses)


def _start(node: ast.Attribute, file: File) -> ast.Call | None:
    """Return what starts the span whose name is read, where its variable never holds another one."""
    slot = file.slot(node.value) if isinstance(node.value, ast.Name) else None
    parent = file.parents.get(slot.stores[0]) if slot is not None and len(slot.stores) == 1 else None
    found = parent.context_expr if isinstance(parent, ast.withitem) else parent.value if isinstance(parent, ast.Assign) else None
    return found if isinstance(found, ast.Call) and file.symbol(found) in STARTS else None


def _has_several(node: ast.Attribute, file: File) -> bool:
    """Return whether another span of the function needs the variable too."""
    others = [
        each.node
        for each in file.uses
        if each.rule == RULE and isinstance(each.node, ast.Attribute) and file.owner(each.node) is file.owner(node)
    ]
    return any(
        isinstance(other.ctx, ast.Load)
        and ast.unparse(other.value) != ast.unparse(node.value)
        and any(isinstance(each.ctx, ast.Store) and file.end(file.statement(each)) < file.start(other) for each in _places(other, file))
        for other in others
    )


def _first(node: ast.Attribute, start: ast.Call, file: File) -> Outcome:
    """Return the edit that puts the name at the start of a span in the place of a read."""
    if file.has_stars(start):
        return _QUESTION
    given = file.argument(start, 0, "name")
    if given is None:
        text = '"span"'
    elif is_simple(given) and all(_is_the_same(file.slot(each)) for each in ast.walk(given) if isinstance(each, ast.Name)):
        text = file.text(given)
        text = text if isinstance(given, (ast.Name, ast.Constant, ast.JoinedStr)) else f"({text})"
    else:
        return _QUESTION
    if isinstance(file.parents.get(node), ast.FormattedValue) and not text.isidentifier():
        return _QUESTION
    return [file.replace(node, text)]


def _is_the_same(slot: Slot | None) -> bool:
    return slot is not None and len(slot.stores) == 1


REWRITERS: dict[str, Rewriter] = {RULE: name}
