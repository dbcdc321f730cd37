"""Ids, times, relatives and exceptions of a span that a program reads or sets."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask
from opencensus_compat.rewrite.following import made
from opencensus_compat.rewrite.rules.exporters import legacy
from opencensus_compat.rewrite.rules.traces.opened import opened_by
from opencensus_compat.rewrite.rules.traces.spans import as_call, with_argument
from opencensus_compat.scan import strings
from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.scan.python_uses import Found

_TRACE = "from opentelemetry import trace"
_ITEM_ID = "ai.span.id"
_ID = f'OpenTelemetry makes the ids: the attribute "{_ITEM_ID}" gives the item of a span another one, but nothing below the span refers to it. Has it children or log records?'
_TIME = "Which time is it? `start_time=` takes nanoseconds since 1970, where the span is started."
_ISO = "common.utils.to_iso_str"
_MAKERS = frozenset({"datetime", "timedelta", "utcfromtimestamp", "fromisoformat", "strptime", "replace"})
"""Functions that make a `datetime` of what they get."""
_CLOCKS = frozenset({"utcnow", "now", "time", "isoformat", "strftime", "to_iso_str"})
_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
_HARMLESS = frozenset({"str", "int", "float", "bool", "repr", "len", "round", "isoformat", "strftime", "dumps"})
"""Functions that start no span and write no log record."""
_OF_SPAN = frozenset({"add_attribute", "add_annotation", "add_message_event", "add_link", "set_status", "update"})
"""Methods of a span, and of its attributes, that only change it."""


def field(use: Found, file: File) -> Outcome:
    """Return what becomes of a field that OpenTelemetry's spans have not, or not as an attribute."""
    node = use.node
    if isinstance(node, ast.Name) and use.symbol.endswith(".span_id"):
        # A variable that holds the id as text.
        return []
    if not isinstance(node, ast.Attribute):
        return Ask(BY_ID[use.rule].question)
    if node.attr == "stack_trace":
        return _exception(node, file)
    statement = file.statement(node)
    if isinstance(statement, ast.Assign) and statement.targets == [node]:
        setter = {"span_id": _item_id, "start_time": _start, "end_time": _end}.get(node.attr)
        return setter(node, statement, file) if setter is not None else Ask(BY_ID[use.rule].question)
    if node.attr == "span_id" and isinstance(node.ctx, ast.Load):
        trace = file.need(_TRACE, node)
        at = file.start(node)
        return [
            file.splice(at, at, f"{trace}.format_span_id(", node),
            file.rename(node, "get_span_context().span_id)"),
        ]
    return Ask(BY_ID[use.rule].question)


def _item_id(node: ast.Attribute, statement: ast.Assign, file: File) -> Outcome:
    """`span.span_id = text` → the attribute with the id of the item, where nothing is made below the span."""
    slot, call = file.slot(node.value), opened_by(node.value, statement, file)
    block = _block(call, statement, file) if call is not None else None
    if legacy.shows(file) or not block or not all(_is_harmless(each, slot, file) for each in block):
        return Ask(_ID)
    return as_call(node, statement, file, f'set_attribute("{_ITEM_ID}", ')


def _block(call: ast.Call, statement: ast.stmt, file: File) -> list[ast.stmt] | None:
    """Return the statements that run while a span is the current one: those of its `with`, or up to its end in the same block; None where not known."""
    around = file.parents.get(statement)
    if isinstance(around, (ast.With, ast.AsyncWith)) and around.items[0].context_expr is call:
        return around.body if len(around.items) == 1 else None
    every, opening = file.body_of(statement), file.statement(call)
    ends = [
        each
        for each in every
        if isinstance(each, ast.Expr) and isinstance(each.value, ast.Call) and file.symbol(each.value) == "trace.tracer.Tracer.end_span"
    ]
    after = [each for each in ends if file.start(each) > file.start(statement)]
    return every[every.index(opening) + 1 : every.index(after[0])] if opening in every and after else None


def _is_harmless(statement: ast.stmt, slot: object, file: File) -> bool:
    """Return whether a statement of a span's block only changes that span, so that no other item refers to its id."""
    inner: ast.AST = statement
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        inner = statement.value.func
    elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        inner = statement.targets[0]
    if isinstance(statement, ast.Pass):
        return True
    while isinstance(inner, (ast.Attribute, ast.Subscript)) and not isinstance(inner.value, ast.Name):
        inner = inner.value
    if not isinstance(inner, (ast.Attribute, ast.Subscript)) or file.slot(inner.value) is not slot:
        return False
    return all(_is_of_span(each, slot, file) for each in ast.walk(statement) if isinstance(each, ast.Call)) and not any(
        isinstance(each, (ast.Await, ast.Yield, ast.YieldFrom)) for each in ast.walk(statement)
    )


def _is_of_span(call: ast.Call, slot: object, file: File) -> bool:
    root: ast.expr = call.func
    while isinstance(root, ast.Attribute):
        root = root.value
    is_of_span = isinstance(root, ast.Name) and root is not call.func and file.slot(root) is slot
    name = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
    is_known = file.symbol(call).startswith(("trace.status.Status", "trace.link.Link")) or name in _HARMLESS
    return is_known or (is_of_span and name in _OF_SPAN)


def _start(node: ast.Attribute, statement: ast.Assign, file: File) -> Outcome:
    """`span.start_time = text` → `start_time=` where the span is started, in nanoseconds."""
    call = opened_by(node.value, statement, file)
    time = _time(statement.value, file) if call is not None and _is_known_before(statement.value, call, file) else None
    others = [each for each in file.kinds[ast.Attribute] if each.attr == "start_time" and each is not node and _is_stored(each, node, file)]
    if call is None or time is None or others:
        return Ask(_TIME)
    return [with_argument(call, f"start_time=round({time}.timestamp() * 1_000_000) * 1_000", file), file.delete(statement)]


def _is_stored(one: ast.Attribute, other: ast.Attribute, file: File) -> bool:
    return isinstance(one.ctx, ast.Store) and file.slot(one.value) is file.slot(other.value)


def _is_known_before(value: ast.expr, call: ast.Call, file: File) -> bool:
    """Return whether an expression means at the start of a span what it means in its block."""
    slots = [file.slot(each) for each in ast.walk(value) if isinstance(each, ast.Name)]
    stores = [store for slot in slots if slot is not None for store in slot.stores if not isinstance(store, (ast.alias, ast.arg))]
    return all(file.start(store) < file.start(call) for store in stores)


def _time(value: ast.expr, file: File) -> str | None:
    """Return the source of an aware `datetime` for a time as OpenCensus takes it: text in UTC, with a `Z`. None for another value."""
    text = file.only_value(file.slot(value)) if isinstance(value, ast.Name) else value
    moment = _written(text, file)
    if text is None or moment is None:
        return None
    if text is value:
        file.cover(value)
    utc = f"{_of_datetime('timezone', value, file)}.utc"
    slot = file.slot(moment) if isinstance(moment, ast.Name) else None
    if slot is not None and len(slot.stores) == 1:
        return f"{file.text(moment)}.replace(tzinfo={utc})"
    if text is value:
        return f"{file.text(moment)}.replace(tzinfo={utc})" if _is_pure(moment) else None
    # A variable with text that was written at another time than this.
    return f'{_of_datetime("datetime", value, file)}.fromisoformat({file.text(value)}.rstrip("Z")).replace(tzinfo={utc})'


def _written(text: ast.expr | None, file: File) -> ast.expr | None:
    """Return what is written as text: `moment.isoformat() + "Z"`, `f"{moment.isoformat()}Z"` or `moment.strftime(...)`; None for another text."""
    match text:
        case ast.BinOp(left=ast.Call() as call, op=ast.Add(), right=ast.Constant(value="Z")):
            return _moment(call, "isoformat")
        case ast.JoinedStr(values=[ast.FormattedValue(value=ast.Call() as call, conversion=-1, format_spec=None), ast.Constant(value="Z")]):
            return _moment(call, "isoformat")
        case ast.Call(args=[ast.Constant(value=str(pattern))]) if pattern == _FORMAT:
            return _moment(text, "strftime")
        case ast.Call(args=[moment], keywords=[]) if file.symbol(text) == _ISO:
            return moment
    return None


def _is_pure(node: ast.expr) -> bool:
    """Return whether an expression is the same at any time: no call but of what makes a `datetime` of numbers and texts."""
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    rest = (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)
    return all(strings.tail(each.func) in _MAKERS for each in calls) and not any(isinstance(each, rest) for each in ast.walk(node))


def _moment(call: ast.Call, method: str) -> ast.expr | None:
    is_it = (
        isinstance(call.func, ast.Attribute) and call.func.attr == method and not call.keywords and len(call.args) == (method == "strftime")
    )
    return call.func.value if is_it and isinstance(call.func, ast.Attribute) else None


def _of_datetime(name: str, node: ast.AST, file: File) -> str:
    """Return what the file calls a class of the module `datetime`."""
    slot = file.bindings.find("datetime", file.owner(node))
    store = slot.only_store if slot is not None else None
    if isinstance(store, ast.alias) and isinstance(file.parents.get(store), ast.Import) and store.asname is None:
        return f"datetime.{name}"
    return file.need(f"from datetime import {name}", node)


def _end(node: ast.Attribute, statement: ast.Assign, file: File) -> Outcome:
    """`span.end_time = text` in the block of a span goes: OpenCensus sets the end anew as the block ends."""
    if legacy.shows(file) or opened_by(node.value, statement, file) is None or not _is_only_a_time(statement.value):
        return Ask("OpenCensus sets the time anew when the span ends: is another end wanted? `span.end(end_time=...)` takes nanoseconds.")
    if not isinstance(file.parents.get(statement), (ast.With, ast.AsyncWith)):
        return Ask("OpenCensus sets the time anew when the span ends: is another end wanted? `span.end(end_time=...)` takes nanoseconds.")
    file.cover(statement.value)
    return [file.delete(statement)]


def _is_only_a_time(node: ast.expr) -> bool:
    """Return whether nothing is lost with an expression but the time that it is."""
    calls = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    return made.is_simple(node) or all(strings.tail(each.func) in _MAKERS | _CLOCKS for each in calls)


def _exception(node: ast.Attribute, file: File) -> Outcome:
    """`span.stack_trace = StackTrace.from_traceback(...)` in an `except` → `span.record_exception(error)`."""
    statement = file.statement(node)
    handler = next(
        (each for each in file.up(statement) if isinstance(each, (ast.ExceptHandler, ast.FunctionDef, ast.AsyncFunctionDef))), None
    )
    is_known = isinstance(statement, ast.Assign) and file.symbol(statement.value).startswith("trace.stack_trace.StackTrace.from_traceback")
    if not is_known or not isinstance(statement, ast.Assign) or not isinstance(handler, ast.ExceptHandler) or handler.type is None:
        return Ask("Which exception is it? `span.record_exception(error)` takes it.")
    file.cover(statement.value)
    error = handler.name or file.free_name("error")
    at = file.end(handler.type)
    named = [] if handler.name else [file.splice(at, at, f" as {error}", node)]
    return [*named, file.replace(statement, f"{file.text(node.value)}.record_exception({error})")]


REWRITERS: dict[str, Rewriter] = {"T023": field}
