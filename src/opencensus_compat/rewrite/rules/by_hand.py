"""Spans that a function starts and ends by hand."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask
from opencensus_compat.rewrite.rules.spans import continued, named, tracer_of
from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.scan.python_uses import Found

_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def start(use: Found, file: File) -> Outcome:
    """`span = tracer.start_span(name)` → the same, and `attach`, where its ends are in the same function."""
    call, statement = file.call(use.node), file.statement(use.node)
    at = _number(use, file)
    if call is None or at is None or not isinstance(use.node, ast.Attribute):
        return Ask("Which function ends this span, and is it current until then?")
    trace, context = file.need("from opentelemetry import trace", use.node), file.need("from opentelemetry import context", use.node)
    span, token = _held(use, at, file)
    head = [] if isinstance(statement, ast.Assign) else [file.splice(file.start(call), file.start(call), f"{span} = ", call)]
    attach = file.insert_after(statement, f"{token} = {context}.attach({trace}.set_span_in_context({span}))")
    parent = tracer_of(use.node.value, file)
    return [*head, *named(call, file), *(continued(call, parent, file) if parent is not None else []), attach]


def end(use: Found, file: File) -> Outcome:
    """`tracer.end_span()` → `span.end()` and `detach`."""
    call = file.call(use.node)
    opening = next((each for each, ends in _pairs(use, file) if use in ends), None)
    at = _number(opening, file) if opening is not None else None
    if call is None or opening is None or at is None or not file.is_alone(call):
        return Ask(BY_ID["T013"].question)
    context = file.need("from opentelemetry import context", use.node)
    span, token = _held(opening, at, file)
    return [file.replace(call, f"{span}.end()"), file.insert_after(file.statement(call), f"{context}.detach({token})")]


def _number(use: Found, file: File) -> int | None:
    """Return the place of a start among those of its function; None where its end is not known."""
    return next((at for at, (each, _) in enumerate(_pairs(use, file)) if each is use), None)


def _pairs(use: Found, file: File) -> list[tuple[Found, list[Found]]]:
    """Return the starts of the function of a use, each with its ends; none where the two cannot be told to belong together."""
    owner = file.owner(use.node)
    here = [each for each in file.uses if each.rule in {"T012", "T013"} and file.owner(each.node) is owner]
    here.sort(key=lambda each: file.start(each.node) if isinstance(each.node, ast.expr) else 0)
    starts = [each for each in here if each.rule == "T012"]
    ends = [each for each in here if each.rule == "T013"]
    if not starts or not all(_is_plain(each, file) for each in starts):
        return []
    if len(starts) == 1:
        opening = file.statement(starts[0].node)
        places = [file.statement(each.node) for each in ends]
        is_ended = bool(ends) and all(_is_after(opening, each, file) for each in places)
        is_once = all(_is_other_way(one, other, file) for at, one in enumerate(places) for other in places[at + 1 :])
        return [(starts[0], ends)] if is_ended and is_once else []
    # Several: one after the other, or one inside the other, in one block.
    if len({id(file.parents.get(file.statement(each.node))) for each in here}) > 1 or len({id(_block(each, file)) for each in here}) > 1:
        return []
    found: list[tuple[Found, list[Found]]] = []
    running: list[Found] = []
    for each in here:
        if each.rule == "T012":
            running.append(each)
        elif running:
            found.append((running.pop(), [each]))
    order = [each for each, _ in found]
    return sorted(found, key=lambda pair: starts.index(pair[0])) if not running and len(order) == len(starts) == len(ends) else []


def _block(use: Found, file: File) -> list[ast.stmt]:
    return file.body_of(file.statement(use.node))


def _is_plain(use: Found, file: File) -> bool:
    """Return whether a start is a statement of its own, or the one value of a variable."""
    statement, value = file.statement(use.node), file.call(use.node)
    if isinstance(statement, ast.Expr):
        return statement.value is value
    if not isinstance(statement, ast.Assign) or statement.value is not value or len(statement.targets) != 1:
        return False
    target = statement.targets[0]
    slot = file.slot(target) if isinstance(target, ast.Name) else None
    return slot is not None and (len(slot.stores) == 1 or slot.owner is file.tree)


def _is_after(opening: ast.stmt, closing: ast.stmt, file: File) -> bool:
    """Return whether a start has always run where the end runs, and the end runs once for it."""
    above = [closing, *file.up(closing)]
    inner = above[: next((at for at, each in enumerate(above) if each in file.up(opening)), len(above))]
    if any(isinstance(each, _LOOPS) for each in inner) or file.start(opening) > file.start(closing):
        return False
    if any(each in above for each in file.body_of(opening)):
        return True
    # After a `try` in which only the start itself could fail, which does not.
    around = file.parents.get(opening)
    if not isinstance(around, ast.Try) or opening not in around.body or not any(each in above for each in file.body_of(around)):
        return False
    return around.body[0] is opening or all(isinstance(each.body[-1], _LEAVES) for each in around.handlers)


def _is_other_way(one: ast.stmt, other: ast.stmt, file: File) -> bool:
    """Return whether of two statements, the first of which stands before the second, at most one runs."""
    above = [other, *file.up(other)]
    for each in [one, *file.up(one)]:
        around = file.parents.get(each)
        if isinstance(each, (ast.ExceptHandler, ast.match_case)) and around in above:
            return not (isinstance(around, ast.Try) and other in _inside(around.finalbody))
        if not isinstance(each, ast.stmt):
            continue
        block = file.body_of(each)
        if any(below in above for below in block):
            return False
        if block and isinstance(block[-1], _LEAVES):
            return True
        if isinstance(around, ast.If) and around in above:
            return True
        if isinstance(around, ast.Try) and around in above:
            return each is around.body[-1] and other not in _inside(around.finalbody)
    return False


def _inside(block: list[ast.stmt]) -> Iterator[ast.AST]:
    for each in block:
        yield from ast.walk(each)


def _held(use: Found, at: int, file: File) -> tuple[str, str]:
    """Return the names of a span that is started by hand and of its token.

    Args:
        use: The start.
        at: Its place among those of its function.
        file: Its file.
    """
    statement = file.statement(use.node)
    number = f"_{at + 1}" if at else ""
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        span = statement.targets[0].id
    else:
        span = file.free_name(f"span{number}")
    return span, file.free_name(f"token{number}")


REWRITERS: dict[str, Rewriter] = {"T012": start, "T013": end}
