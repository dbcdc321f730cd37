"""Tests of the current span: where none is current, OpenCensus has None, and OpenTelemetry a span that is not valid."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Refused
from opencensus_compat.rewrite.following.callers import callers, of_self
from opencensus_compat.rewrite.following.made import readers, target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.rewrite.edits import Edit

CURRENT = frozenset({"trace.execution_context.get_current_span", "trace.tracer.Tracer.current_span"})
"""What gets the current span."""
_DEPTH = 3


@dataclass(frozen=True, slots=True)
class _Test:
    """A test whether there is a span."""

    node: ast.expr
    """What is true or false."""
    is_for_none: bool


def current_span(call: ast.Call, text: str, file: File) -> list[Edit]:
    """Return the edits that put OpenTelemetry's current span in the place of OpenCensus's, and change the tests of it.

    Args:
        call: What gets the current span.
        text: What gets OpenTelemetry's.
        file: Its file.

    Raises:
        Refused: Something else may come to a test as well, or it is in another function.
    """
    named = file.parents.get(call)
    whole: ast.expr = call
    if (instead := _or_another(call, text, file)) is not None:
        return [instead]
    place = target(file, named if _is_last(call, file) and named is not None else call)
    shown = text
    if isinstance(named, ast.NamedExpr):
        whole, place, shown = named, named.target, f"({named.target.id} := {text})"
    test = _test(whole, file)
    is_changed = test is not None and not (place is not None and _is_harmless(test, place, file))
    edits = [_changed(test, shown, file)] if test is not None and is_changed else [file.replace(call, text)]
    slot = file.slot(place) if isinstance(place, ast.Name) else None
    own = slot is not None and slot.parameter is None and all(_is_current(store, file) for store in slot.stores)
    is_first = slot is not None and bool(slot.stores) and slot.stores[0] is place
    seen: set[ast.expr] = set()
    for home, read in _reads(place, call, file):
        if read in seen:
            continue
        seen.add(read)
        found = _test(read, home)
        if found is None or _is_harmless(found, read, home) or _is_before(found, call, home):
            continue
        if home is file and _is_result(read, call, file):
            edits.append(_changed(found, file.text(read), file))
            continue
        if not (own and home is file and read in (slot.loads if slot is not None else ())):
            raise Refused(
                Ask(
                    f"OpenTelemetry's current span is never None: what is tested in line {read.lineno}? `span.get_span_context().is_valid` says whether there is one."
                )
            )
        if is_first:
            edits.append(_changed(found, home.text(read), home))
    return edits


def _is_result(read: ast.expr, call: ast.Call, file: File) -> bool:
    """Return whether an expression calls the one function that does no more than to return the current span."""
    function = file.function(call)
    if not isinstance(function, ast.FunctionDef) or not isinstance(read, ast.Call) or not isinstance(file.parents.get(call), ast.Return):
        return False
    results = [each for each in file.kinds[ast.Return] if file.function(each) is function]
    return len(results) == 1 and (of_self(file, read) is function or any(each is read for _, each in callers(file, function) or []))


def _is_last(node: ast.expr, file: File) -> bool:
    parent = file.parents.get(node)
    return isinstance(parent, ast.BoolOp) and parent.values[-1] is node and not _is_only_tested(parent, file)


def _or_another(call: ast.Call, text: str, file: File) -> Edit | None:
    """Return the edit of `get_current_span() or other`, whose value is a span that is valid, or the other."""
    parent = file.parents.get(call)
    if not isinstance(parent, ast.BoolOp) or not isinstance(parent.op, ast.Or) or parent.values[0] is not call or len(parent.values) > 2:
        return None
    if not isinstance(file.parents.get(parent), (ast.Assign, ast.AnnAssign, ast.Return, ast.Call, ast.keyword)):
        return None
    word = file.source.index(b"or", file.end(call))
    return file.splice(file.start(call), word + len(b"or"), f"{text} if {text}.get_span_context().is_valid else", call)


def _is_current(store: ast.AST, file: File) -> bool:
    """Return whether a variable gets a current span, and nothing else, where it is bound."""
    parent = file.parents.get(store)
    value = parent.value if isinstance(parent, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) else None
    return isinstance(value, ast.Call) and file.symbol(value) in CURRENT


def _reads(place: ast.expr | None, call: ast.Call, file: File, depth: int = _DEPTH) -> Iterator[tuple[File, ast.expr]]:
    """Yield what reads a value: its variable, and the calls of functions that return it."""
    found = [(file, call), *(readers(file, place) if place is not None else ())]
    for home, read in found:
        if read is not call:
            yield home, read
        function = home.function(read) if isinstance(home.parents.get(read), ast.Return) else None
        if not depth or not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        for other in file.files.values():
            for node in other.reads(function.name):
                above = other.call(node)
                if above is not None and other.symbol(above) not in CURRENT:
                    yield other, above
                    yield from _reads(target(other, above), above, other, depth - 1)


def _test(node: ast.expr, file: File) -> _Test | None:
    """Return the test that an expression is in; None for none.

    Raises:
        Refused: The expression is half of a value: `span or other`.
    """
    parent = file.parents.get(node)
    match parent:
        case ast.Compare(ops=[ast.Is() | ast.Eq() | ast.IsNot() | ast.NotEq() as op]):
            others = [each for each in (parent.left, *parent.comparators) if each is not node]
            if all(isinstance(each, ast.Constant) and each.value is None for each in others):
                return _Test(parent, isinstance(op, (ast.Is, ast.Eq)))
        case ast.UnaryOp(op=ast.Not()):
            return _Test(parent, is_for_none=True)
        case ast.If() | ast.While() | ast.IfExp() | ast.Assert() if parent.test is node:
            return _Test(node, is_for_none=False)
        case ast.comprehension() if node in parent.ifs:
            return _Test(node, is_for_none=False)
        case ast.BoolOp():
            if _is_only_tested(parent, file):
                return _Test(node, is_for_none=False)
            if _is_last(node, file):
                return None
            raise Refused(Ask("What is its value where no span is current? OpenTelemetry's current span is never None."))
    return None


def _is_only_tested(node: ast.expr, file: File) -> bool:
    parent = file.parents.get(node)
    if isinstance(parent, ast.BoolOp):
        return _is_only_tested(parent, file)
    is_tested = isinstance(parent, (ast.If, ast.While, ast.IfExp, ast.Assert)) and parent.test is node
    return is_tested or (isinstance(parent, ast.UnaryOp) and isinstance(parent.op, ast.Not))


def _is_harmless(test: _Test, span: ast.expr, file: File) -> bool:
    """Return whether a test only keeps away calls of the span, which do nothing on one that is not valid."""
    parent = file.parents.get(test.node)
    name = ast.unparse(span)
    return (
        isinstance(parent, ast.If)
        and not test.is_for_none
        and not parent.orelse
        and all(
            isinstance(each, ast.Expr)
            and isinstance(each.value, ast.Call)
            and isinstance(each.value.func, ast.Attribute)
            and ast.unparse(each.value.func.value) == name
            for each in parent.body
        )
    )


def _is_before(test: _Test, call: ast.Call, file: File) -> bool:
    """Return whether a test decides whether the current span is asked for: `if span is None: span = get_current_span()`."""
    parent = file.parents.get(test.node)
    return isinstance(parent, (ast.If, ast.IfExp)) and parent in list(file.up(call))


def _changed(test: _Test, text: str, file: File) -> Edit:
    valid = f"{'not ' if test.is_for_none else ''}{text}.get_span_context().is_valid"
    start, end = file.start(test.node), file.end(test.node)
    if isinstance(test.node, ast.NamedExpr) and file.source[start - 1 : start] + file.source[end : end + 1] == b"()":
        return file.splice(start - 1, end + 1, valid, test.node)
    is_part = test.is_for_none and isinstance(file.parents.get(test.node), (ast.Compare, ast.BinOp))
    return file.replace(test.node, f"({valid})" if is_part else valid)
