"""Spans that are started before the `with` statement that ends them, one of the same function or of the callers that get them, and those entered by their methods."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask
from opencensus_compat.rewrite.following import callers
from opencensus_compat.rewrite.rules.exporters.providers import STARTS, TRACER
from opencensus_compat.rewrite.rules.traces import threads
from opencensus_compat.rewrite.rules.traces.spans import as_class, check_exits, continued, named, tracer_of
from opencensus_compat.scan import strings

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.scan.python_uses import Found

_TRACE = "from opentelemetry import trace"


def is_entered(use: Found, file: File) -> bool:
    """Return whether a `with` statement is known that ends the span which a use starts."""
    call = file.call(use.node)
    is_start = call is not None and use.symbol in STARTS and use.symbol.startswith(TRACER)
    found = (_item, _result, _entering)
    return is_start and call is not None and any(each(call, file) is not None for each in found)


def entered(use: Found, file: File) -> list[Edit] | None:
    """`span = tracer.span(...)`, and `with span:` → `start_span` and `use_span`; `return tracer.span(...)` → `start_as_current_span`; None for another span."""
    call, node = file.call(use.node), use.node
    if call is None or not is_entered(use, file) or not isinstance(node, ast.Attribute):
        return None
    threads.check(node, file)
    parent = tracer_of(node.value, file)
    rest = [*named(call, file), *(continued(call, parent, file) if parent is not None else [])]
    result = _result(call, file)
    if _entering(call, file) is not None:
        return [file.rename(node, "start_span"), *rest]
    held = result.value if result is not None else _item(call, file)
    if held is not None:
        check_exits(file.statement(held), file)
    if held is call or held is None:
        return [file.rename(node, "start_as_current_span"), *rest]
    trace = file.need(_TRACE, node)
    return [file.rename(node, "start_span"), *rest, file.replace(held, f"{trace}.use_span({file.text(held)}, end_on_exit=True)")]


def _item(call: ast.Call, file: File) -> ast.expr | None:
    """Return what the `with` statement enters that follows the start of a span in its block, after nothing but its attributes; None for another span."""
    statement = file.statement(call)
    block = file.body_of(statement)
    if not isinstance(statement, ast.Assign) or statement.value is not call or len(statement.targets) != 1:
        return None
    held = file.text(statement.targets[0])
    for each in block[block.index(statement) + 1 :]:
        if isinstance(each, ast.With):
            first = each.items[0].context_expr
            return first if isinstance(first, (ast.Name, ast.Attribute)) and file.text(first) == held else None
        if not _is_set(each, held, file):
            return None
    return None


def _entering(call: ast.Call, file: File) -> ast.Attribute | None:
    """Return the `__enter__` that a statement calls which follows the start of a span, where `__exit__` of the same variable or attribute ends it; None for another span."""
    statement = file.statement(call)
    block = file.body_of(statement)
    if not isinstance(statement, ast.Assign) or statement.value is not call or len(statement.targets) != 1:
        return None
    held = statement.targets[0]
    for each in block[block.index(statement) + 1 :]:
        method = each.value.func if isinstance(each, ast.Expr) and isinstance(each.value, ast.Call) else None
        if isinstance(method, ast.Attribute) and method.attr == "__enter__" and file.text(method.value) == file.text(held):
            return method if file.begins_line(each) and _methods(method, file) else None
        if not _is_set(each, file.text(held), file):
            return None
    return None


def _methods(node: ast.Attribute, file: File) -> list[ast.Attribute]:
    """Return the `__enter__` of the span that a variable of a function, or an attribute of `self`, holds, and all its `__exit__`; none for another span."""
    text = file.text(node.value)
    function = file.function(node)
    owner = file.parents.get(function) if function is not None and text.startswith("self.") else function
    found = [each for each in file.kinds[ast.Attribute] if each.attr in {"__enter__", "__exit__"} and file.text(each.value) == text]
    is_known = re.fullmatch(r"(self\.)?\w+", text) is not None and all(any(one is owner for one in file.up(each)) for each in found)
    enters = [each for each in found if each.attr == "__enter__"]
    exits = [call for each in found if each not in enters and (call := file.call(each)) is not None and not call.keywords]
    return found if owner is not None and is_known and len(enters) == 1 and exits and len(exits) == len(found) - 1 else []


def method(use: Found, file: File) -> Outcome:
    """`span.__enter__()` and `span.__exit__(...)` → those of `use_span`; what else a use of the class of spans is, `spans.as_class` sees to."""
    node = use.node
    if not isinstance(node, ast.Attribute) or node.attr not in {"__enter__", "__exit__"}:
        return as_class(use, file)
    entering = next((each for each in _methods(node, file) if each.attr == "__enter__"), None)
    starts = [call for each in file.uses if each.symbol in STARTS and (call := file.call(each.node)) is not None]
    call = file.call(node)
    if call is None or entering is None or not any(_entering(each, file) is entering for each in starts):
        return Ask(
            "Where does this span end? `with` statements start and end it; what is entered by hand is `trace.use_span(span, end_on_exit=True)`."
        )
    held = file.text(node.value)
    scope = file.free_name(f"{held.removeprefix('self.')}_scope")
    scope = f"self.{scope}" if held.startswith("self.") else scope
    if node is not entering:
        return [file.replace(node.value, scope)]
    made = f"{scope} = {file.need(_TRACE, node)}.use_span({held}, end_on_exit=True)"
    return [file.insert_before(file.statement(call), made), file.replace(node.value, scope)]


def _is_set(statement: ast.stmt, held: str, file: File) -> bool:
    """Return whether a statement only gives a span an attribute, a kind or the like, and calls no function of the program, which may log or make spans."""
    if any(isinstance(each, ast.Call) and callers.named(file, strings.tail(each.func)) for each in ast.walk(statement)):
        return False
    node: ast.AST = statement.value.func if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) else statement
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        node = statement.targets[0]
    if isinstance(node, ast.Subscript):
        node = node.value
    while isinstance(node, ast.Attribute):
        if file.text(node.value) == held:
            return True
        node = node.value
    return False


def _result(call: ast.Call, file: File) -> ast.Return | None:
    """Return the statement that returns a span to the `with` statements of all callers, after nothing but its attributes; None for another span."""
    function, statement = file.function(call), file.statement(call)
    results: list[ast.Return] = [each for each in file.kinds[ast.Return] if file.function(each) is function]
    if not isinstance(function, ast.FunctionDef) or function.decorator_list or len(results) != 1 or results[0] is not function.body[-1]:
        return None
    result = results[0]
    if result is not statement:
        target = statement.targets[0] if isinstance(statement, ast.Assign) and statement.value is call else None
        slot = file.slot(target) if isinstance(target, ast.Name) else None
        is_it = isinstance(result.value, ast.Name) and slot is not None and file.slot(result.value) is slot
        if not is_it or slot is None or file.only_value(slot) is not call or statement not in function.body:
            return None
        if not all(_is_set(each, slot.name, file) for each in function.body[function.body.index(statement) + 1 : -1]):
            return None
    elif result.value is not call:
        return None
    is_method = isinstance(file.parents.get(function), ast.ClassDef)
    # A variable is no method, nor is what is known to be one of a tracer.
    calls = [
        (home, each)
        for home, each in file.files.reads(function.name)
        if not is_method or not (isinstance(each, ast.Name) or each in home.by_node)
    ]
    called = [home.call(each) and isinstance(home.parents.get(home.call(each) or each), ast.withitem) for home, each in calls]
    return result if called and all(called) else None


REWRITERS: dict[str, Rewriter] = {"T032": method}
