"""Spans that are started and ended by hand: by one function, or by two, such as those that a framework calls before and after a task."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Keep
from opencensus_compat.rewrite.following.index import of_program
from opencensus_compat.rewrite.following.made import made
from opencensus_compat.rewrite.rules.exporters.providers import STARTS, TRACER
from opencensus_compat.rewrite.rules.traces import entered, threads
from opencensus_compat.rewrite.rules.traces.spans import continued, named, tracer_of
from opencensus_compat.scan.rules import BY_ID
from opencensus_compat.scan.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.scan.python_uses import Found

_SPAN = Value("instance", "trace.span.Span")
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_NEVER_ENDED = Ask(
    "Nothing ends this span, so that OpenCensus never sends it, and the end of a request around it ends this one instead: what is it to measure? "
    "Write `with tracer.span(...):` around that, or delete the line."
)
_FINISH = Ask(
    "Which spans does this end? OpenCensus ends all that are open here. End each where its work is done, by `with tracer.span(...):`, and delete this line."
)
_ENDS = frozenset({"T013", "T014"})
_OUTER = "outer_context"
"""Key of the context around a span that another function ends, in the context of the span. It goes where OpenCensus's current span goes."""


def together(files: Iterable[File]) -> Iterator[tuple[Found, Found]]:
    """Yield, in pairs, the starts and ends of a program: those of one function, and of functions that have only one of the two: any end may be that of any start."""
    files = list(files)
    for file in files:
        here = [use for use in file.uses if _is_start(use, file) or (use.rule in _ENDS and file.call(use.node))]
        yield from ((one, other) for one in here for other in here if one is not other and file.owner(one.node) is file.owner(other.node))
    starts, ends = ([use for file in files for use in found(file)] for found in (_lone_starts, _lone_ends))
    if starts and ends:
        yield from ((starts[0], each) for each in [*starts[1:], *ends])


def _is_start(use: Found, file: File) -> bool:
    """Return whether a use starts a span that no `with` statement ends."""
    is_start = use.rule == "T012" or (use.rule == "T011" and use.symbol == f"{TRACER}.span" and _target(use, file) is not None)
    return is_start and file.call(use.node) is not None and not entered.is_entered(use, file)


def _lone_starts(file: File) -> list[Found]:
    """Return the starts of the functions that end nothing."""
    ending = {file.owner(each.node) for each in file.uses if each.rule in _ENDS}
    return [each for each in file.uses if _is_start(each, file) and file.owner(each.node) not in ending]


def _lone_ends(file: File) -> list[Found]:
    """Return the ends of the functions that start nothing, but for those in the block of a span, which they end."""
    starting = {file.owner(each.node) for each in file.uses if _is_start(each, file)}
    ends = [each for each in file.uses if each.rule == "T013" and file.call(each.node) and file.owner(each.node) not in starting]
    return [each for each in ends if not threads.is_open_around(each.node, file)]


def _is_split(use: Found, file: File) -> bool:
    """Return whether other functions of the program end what this one starts, or start what it ends."""
    here, others = (_lone_ends, _lone_starts) if use.rule in _ENDS else (_lone_starts, _lone_ends)
    return use in here(file) and _are_here(others, file) and not threads.is_in_copy(use.node, file)


@of_program
def _are_here(found: Callable[[File], list[Found]], file: File) -> bool:
    """Return whether a program has some starts or ends, and none of them in a copy of the context."""
    every = [(home, each) for home in file.files.values() for each in found(home)]
    return bool(every) and not any(threads.is_in_copy(each.node, home) for home, each in every)


def start(use: Found, file: File) -> Outcome:
    """`span = tracer.start_span(name)` → the same, and `attach`: with a token, where its ends are in the same function."""
    call, statement = file.call(use.node), file.statement(use.node)
    if (edits := entered.entered(use, file)) is not None:
        return edits
    at = _number(use, file)
    target = _target(use, file)
    is_split = at is None and target is not None and _is_split(use, file)
    if call is None or (at is None and not is_split) or not isinstance(use.node, ast.Attribute):
        return _question(use, file)
    threads.check(use.node, file)
    trace, context = file.need("from opentelemetry import trace", use.node), file.need("from opentelemetry import context", use.node)
    if at is None:
        span = target or file.free_name("span")
        outer = f'{context}.set_value("{_OUTER}", {context}.get_current(), {trace}.set_span_in_context({span}))'
        attach = file.insert_after(statement, f"{context}.attach({outer})")
    else:
        span, token = _held(use, at, file)
        attach = file.insert_after(statement, f"{token} = {context}.attach({trace}.set_span_in_context({span}))")
    head = [] if isinstance(statement, ast.Assign) else [file.splice(file.start(call), file.start(call), f"{span} = ", call)]
    parent = tracer_of(use.node.value, file)
    name = [] if use.rule == "T012" else [file.rename(use.node, "start_span")]
    return [*head, *name, *named(call, file), *(continued(call, parent, file) if parent is not None else []), attach]


def _question(use: Found, file: File) -> Ask:
    if use.symbol.startswith(TRACER) and not file.files.has(_ENDS):
        call = file.call(use.node)
        return _NEVER_ENDED if call is not None and file.is_alone(call) else Ask(BY_ID["T011"].question)
    return Ask(BY_ID["T011"].question if use.rule == "T011" else "Which function ends this span, and is it current until then?")


def _target(use: Found, file: File) -> str | None:
    """Return the source of the variable or attribute that holds a span from its start on; empty for none, None for another statement."""
    statement, value = file.statement(use.node), file.call(use.node)
    if isinstance(statement, ast.Expr) and statement.value is value:
        return ""
    target = (
        statement.targets[0] if isinstance(statement, ast.Assign) and statement.value is value and len(statement.targets) == 1 else None
    )
    return file.text(target) if isinstance(target, (ast.Name, ast.Attribute)) else None


def end(use: Found, file: File) -> Outcome:
    """`tracer.end_span()` → `span.end()` and `detach`; the current span's, and the context around it, where another function started it."""
    call = file.call(use.node)
    if (edits := _ended(use, file)) is not None:
        return edits
    if call is None or not file.is_alone(call) or not _is_split(use, file):
        return Ask(BY_ID["T013"].question)
    statement = file.statement(call)
    context = file.need("from opentelemetry import context", use.node)
    _cover_tracer(use, call, file)
    if not file.begins_line(statement) or file.source[file.end(statement) : file.line_after(statement)].strip()[:1] == b";":
        return Ask(BY_ID["T013"].question)
    outer, within = file.free_name("outer"), f"{file.line_end}{file.indentation(statement)}"
    lines = [
        f'{outer} = {context}.get_value("{_OUTER}")',
        f"if isinstance({outer}, {context}.Context):",
        f"    {file.need('from opentelemetry import trace', use.node)}.get_current_span().end()",
        f"    {context}.attach({outer})",
    ]
    return [file.replace(call, within.join(lines))]


def _ended(use: Found, file: File) -> list[Edit] | None:
    """Return the edits that end the span which the function of a use starts; None where that is not one span."""
    call = file.call(use.node)
    opening = next((each for each, ends in _pairs(use, file) if use in ends), None)
    at = _number(opening, file) if opening is not None else None
    if call is None or not file.is_alone(call) or opening is None or at is None:
        return None
    span, token = _held(opening, at, file)
    context = file.need("from opentelemetry import context", use.node)
    _cover_tracer(use, call, file)
    return [file.replace(call, f"{span}.end()"), file.insert_after(file.statement(call), f"{context}.detach({token})")]


def _cover_tracer(use: Found, call: ast.Call, file: File) -> None:
    """Note that a tracer that is got in place goes with its call."""
    file.cover(call.func)
    file.covered.discard(use)


def finish(use: Found, file: File) -> Outcome:
    """`tracer.finish()` goes where no span is open, and ends the one that its function starts by hand."""
    call = file.call(use.node)
    if call is None or not file.is_alone(call):
        return Keep("its result is used")
    if _is_open_beyond(use, file):
        return _FINISH
    edits = _ended(use, file)
    return edits if edits is not None else [file.delete(file.statement(call))]


def _is_open_beyond(use: Found, file: File) -> bool:
    """Return whether a span may be open where a tracer is finished, and go on after that."""
    inner: ast.AST = file.statement(use.node)
    is_last = True
    for each in file.up(inner):
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            break
        is_last = is_last and _ends_with(each, inner)
        items = each.items if isinstance(each, (ast.With, ast.AsyncWith)) and not is_last else []
        if any(file.symbol(item.context_expr) in STARTS for item in items):
            return True
        inner = each
    tracer = use.node.value if isinstance(use.node, ast.Attribute) else use.node
    made = file.only_value(file.slot(tracer)) if isinstance(tracer, ast.Name) else None
    is_local = made is not None and file.symbol(made) == TRACER and file.owner(made) is file.owner(tracer)
    here = [each for each in file.uses if (each.rule == "T013" or _is_start(each, file)) and file.owner(each.node) is file.owner(use.node)]
    is_split = not here and any(_lone_starts(home) for home in file.files.values())
    return not is_local and (is_split or threads.is_called_open(use.node, file))


def _ends_with(around: ast.AST, statement: ast.AST) -> bool:
    """Return whether a compound statement does nothing after one of its block."""
    if isinstance(around, ast.Try):
        return bool(around.finalbody) and statement is around.finalbody[-1]
    if not isinstance(around, (ast.If, ast.With, ast.AsyncWith)):
        return False
    return statement is around.body[-1] or (isinstance(around, ast.If) and bool(around.orelse) and statement is around.orelse[-1])


def is_only_ended(call: ast.Call, file: File) -> bool:
    """Return whether a tracer is only needed to end what another function started, which then needs none."""
    statement = file.statement(call)
    target = statement.targets[0] if isinstance(statement, ast.Assign) and statement.value is call and len(statement.targets) == 1 else None
    slot = file.slot(target) if isinstance(target, ast.Name) else None
    if (
        slot is None
        or not slot.loads
        or file.only_value(slot) is not call
        or not isinstance(slot.owner, (ast.FunctionDef, ast.AsyncFunctionDef))
    ):
        return False
    uses = [use for load in slot.loads for use in file.by_node.get(file.parents[load], ())]
    return len(uses) == len(slot.loads) and all(use.rule == "T013" and _is_split(use, file) for use in uses)


def made_current(use: Found, file: File) -> Outcome:
    """`set_current_span(span)` → `attach`; it goes for a span that its start makes current, and `set_opencensus_tracer(tracer)` where nothing asks for that."""
    call = file.call(use.node)
    if use.symbol == "trace.execution_context" and isinstance(use.node, (ast.Name, ast.Attribute)):
        return Ask(
            "What does this test or hand on? The module itself is meant, of which OpenTelemetry has none; `opentelemetry.trace` is always there."
        )
    given = file.argument(call, 0, "") if call is not None and not call.keywords and len(call.args) == 1 else None
    value = file.only_value(file.slot(given)) if isinstance(given, ast.Name) else None
    made_by = {"set_current_span": f"{TRACER}.start_span", "set_opencensus_tracer": TRACER}.get(use.symbol.rpartition(".")[2])
    if call is None or given is None or made_by is None or not file.is_alone(call):
        return Ask(BY_ID[use.rule].question)
    is_made = isinstance(value, ast.Call) and file.symbol(value) == made_by and file.owner(value) is file.owner(call)
    if is_made and isinstance(value, ast.Call) and not any(_starts_between(value, call, each, file) for each in file.uses):
        return [file.delete(file.statement(call))]
    if made_by == TRACER:
        return [file.delete(file.statement(call))] if _is_of_no_use(given, file) else Ask(BY_ID[use.rule].question)
    # Without one, the parent of the next span is the one that its tracer has opened last.
    is_known = isinstance(given, (ast.Name, ast.Attribute)) and file.value(given) == _SPAN
    by_hand = [(home, each) for home in file.files.values() for each in home.uses if each.rule == "T013" or _is_start(each, home)]
    if not is_known or any(file.owner(each.node) is file.owner(call) or _is_split(each, home) for home, each in by_hand):
        return Ask(BY_ID[use.rule].question)
    trace, context = file.need("from opentelemetry import trace", use.node), file.need("from opentelemetry import context", use.node)
    return [file.replace(call, f"{context}.attach({trace}.set_span_in_context({file.text(given)}))")]


def _is_of_no_use(tracer: ast.expr, file: File) -> bool:
    """Return whether nothing in a program asks for the tracer of the context, where one of its own tracers is put."""
    uses = [use for home in file.files.values() for use in home.uses]
    found = made(file, tracer)
    is_own = found is not None and found[0].symbol(found[1]) == TRACER and found[0].value(found[1].func).meaning == "name"
    return is_own and not any(use.rule in {"T040", "T042"} or use.rule[0] == "W" for use in uses)


def _starts_between(first: ast.Call, last: ast.Call, use: Found, file: File) -> bool:
    """Return whether a use that stands between two calls of its function may make another span current, or another tracer."""
    node = use.node
    if (
        use.rule not in {"T001", "T003", "T011", "T012", "T013"}
        or not isinstance(node, ast.expr)
        or file.owner(node) is not file.owner(first)
    ):
        return False
    is_same = use.rule in {"T012", "T013"} if file.symbol(first) == TRACER else use.rule in {"T001", "T003"}
    return not is_same and file.start(first) < file.start(node) < file.start(last) and file.call(node) is not first


def _number(use: Found, file: File) -> int | None:
    """Return the place of a start among those of its function; None where its end is not known."""
    return next((at for at, (each, _) in enumerate(_pairs(use, file)) if each is use), None)


def _pairs(use: Found, file: File) -> list[tuple[Found, list[Found]]]:
    """Return the starts of the function of a use, each with its ends; none where the two cannot be told to belong together."""
    owner = file.owner(use.node)
    here = [each for each in file.uses if (each.rule in _ENDS or _is_start(each, file)) and file.owner(each.node) is owner]
    starts = [each for each in here if each.rule not in _ENDS]
    ends = [each for each in here if each.rule == "T013"] or [each for each in here if each.rule == "T014"]
    here = [*starts, *ends]
    here.sort(key=lambda each: file.start(each.node) if isinstance(each.node, ast.expr) else 0)
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
        if each.rule not in _ENDS:
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


REWRITERS: dict[str, Rewriter] = {"T011": start, "T012": start, "T013": end, "T014": finish, "T043": made_current}
