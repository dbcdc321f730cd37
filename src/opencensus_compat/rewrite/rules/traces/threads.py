"""Functions that run in other threads: OpenCensus makes their spans children of one that is open where their tracer was made, and OpenTelemetry of none."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, TypeAlias

from opencensus_compat.rewrite.context import Ask, Refused
from opencensus_compat.rewrite.following import classes
from opencensus_compat.rewrite.following.index import of_program
from opencensus_compat.rewrite.rules.exporters.providers import STARTS, TRACER
from opencensus_compat.scan import strings

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File

_Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda"
_TAKE = frozenset({"submit", "map", "imap", "imap_unordered", "starmap", "apply_async", "map_async", "run_in_executor", "Timer", "Thread"})
"""What runs a function that it gets in another thread."""
_HAND_ON = re.compile(
    rb"\bThreadingInstrumentor\b|opencensus\.ext\.threading|['\"]threading['\"]|\bwith_current_context\b|\bcopy_context\b|\bset_current_span\b"
)
"""What takes the current span along."""
_COMMENT = re.compile(rb"#[^\r\n]*")
_OF_CONTEXT = "trace.execution_context.get_opencensus_tracer"
_MIDDLEWARES = frozenset({"W010", "W011", "W012", "W017", "W018"})
_DEPTH = 4
_COPY = frozenset(
    {"to_thread", "run_sync", "run_in_threadpool", "create_task", "ensure_future", "gather", "start_soon", "Depends", "Security"}
)
"""What runs a function that it gets, or the coroutine, in a copy of the context."""
_STEP = frozenset({"StreamingResponse", "EventSourceResponse", "iterate_in_threadpool", "Depends", "Security"})
"""What runs each step of a generator that is none of asyncio's in a copy of the context of its own."""
_PARENT = Ask(
    "Whose child is a span of this thread? OpenCensus takes the span that is open where the tracer was made, and OpenTelemetry none. "
    "`ThreadingInstrumentor().instrument()` of opentelemetry-instrumentation-threading takes the current span along to threads and pools."
)
_NOTHING = Ask(
    "Are spans of this thread to be sent? A thread has no tracer in OpenCensus's context, so that nothing of them is; `trace.get_tracer` sends them."
)
_STEPS = Ask(
    "Does this span have to be the current one between the steps of its generator? Each step runs in a context of its own, where OpenTelemetry cannot "
    "take it back, and logs an exception for that. An `async def` with `yield` keeps one context."
)


def check(start: ast.expr, file: File, made: ast.Call | None = None) -> None:
    """Raise where the start of a span runs in another thread, with another parent than OpenCensus gives it.

    Args:
        start: What starts the span, such as `tracer.span`.
        file: Its file.
        made: What makes its tracer with a context from outside.

    Raises:
        Refused: It does.
    """
    tracer = start.value if isinstance(start, ast.Attribute) else start
    is_of_context = _is_of_context(tracer, file)
    if _is_stepped(start, file):
        raise Refused(_STEPS)
    # A tracer that is made in the thread has its parent from the context that it gets there.
    if is_open_around(start, file) or (made is not None and file.function(made) is file.function(start)):
        return
    handing = _handing(start, file, _DEPTH)
    if any(is_of_context or _may_be_open(call, home, _DEPTH) for home, call in handing) and not _is_handed_on(file):
        raise Refused(_NOTHING if is_of_context else _PARENT)


def check_decorated(function: ast.FunctionDef | ast.AsyncFunctionDef, file: File) -> None:
    """Raise where a function whose span a decorator starts runs in another thread.

    Raises:
        Refused: It does.
    """
    handing = _handing(function.body[0], file, _DEPTH)
    if any(_may_be_open(call, home, _DEPTH) for home, call in handing) and not _is_handed_on(file):
        raise Refused(_PARENT)


def _is_stepped(node: ast.AST, file: File) -> bool:
    """Return whether a place is in a generator, each step of which a framework runs in a context of its own."""
    function = file.function(node)
    if not isinstance(function, ast.FunctionDef) or not any(file.function(each) is function for each in file.kinds[ast.Yield]):
        return False
    for home, each in file.files.reads(function.name):
        made = home.call(each)
        target = home.parents.get(made) if made is not None else None
        slot = home.slot(target.targets[0]) if isinstance(target, ast.Assign) and len(target.targets) == 1 else None
        held = [made or each, *(slot.loads if slot is not None else [])]
        if any(_steps(call) for one in held if (call := _call_with(one, home)) is not None):
            return True
    return False


def _steps(call: ast.Call) -> bool:
    return strings.tail(call.func) in _STEP or any(isinstance(each, ast.Name) and each.id == "next" for each in call.args)


def _call_with(node: ast.AST, file: File) -> ast.Call | None:
    """Return the call that has an expression as an argument; None for another place."""
    parent = file.parents.get(node)
    if isinstance(parent, ast.keyword):
        parent = file.parents.get(parent)
    return parent if isinstance(parent, ast.Call) and parent.func is not node else None


def is_in_copy(node: ast.AST, file: File) -> bool:
    """Return whether the function around a place runs in a thread, a task or a copy of the context, so that what it makes current there is not so elsewhere."""
    function = file.function(node)
    for home, each in file.files.reads(getattr(function, "name", "")) if function is not None else ():
        call = _call_with(home.call(each) or each, home)
        if call is not None and strings.tail(call.func) in _COPY | _TAKE:
            return True
    return False


@of_program
def _is_handed_on(file: File) -> bool:
    """Return whether a program takes the current span to other threads, as far as its code says, without comments."""
    return any(_HAND_ON.search(home.source) and _HAND_ON.search(_COMMENT.sub(b"", home.source)) for home in file.files.values())


def _is_of_context(node: ast.expr, file: File) -> bool:
    value = file.only_value(file.slot(node)) if isinstance(node, ast.Name) else node
    is_here = file.slot(node) is None or not isinstance(node, ast.Name) or file.function(value or node) is file.function(node)
    return value is not None and is_here and file.symbol(value) == _OF_CONTEXT


def is_open_around(node: ast.AST, file: File) -> bool:
    """Return whether a place stands in the block of a span, within its function."""
    for each in file.up(node):
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            return any(file.symbol(one) == f"{TRACER}.trace_decorator" for one in getattr(each, "decorator_list", ()))
        if isinstance(each, (ast.With, ast.AsyncWith)):
            starts = [item.context_expr for item in each.items if file.symbol(item.context_expr) in STARTS]
            if any(start is not node and node not in ast.walk(start) for start in starts):
                return True
    return False


def _handing(node: ast.AST, file: File, depth: int) -> list[tuple[File, ast.Call]]:
    """Return the calls that run the function around a place in another thread, directly or through callers of it."""
    function = file.function(node)
    found: dict[tuple[File, ast.Call], None] = {}
    here: dict[_Function, File] = {} if function is None else {function: file}
    seen = dict(here)
    for _ in range(depth + 1):
        calling: dict[_Function, File] = {}
        for each, home in here.items():
            taken, callers = _calls(each, home)
            found |= dict.fromkeys(taken)
            calling |= callers
        here = {each: home for each, home in calling.items() if each not in seen}
        seen |= here
    return list(found)


@of_program
def _calls(function: _Function, file: File) -> tuple[list[tuple[File, ast.Call]], dict[_Function, File]]:
    """Return the calls that run a function in another thread, and the functions that call it outside of spans, with their files."""
    owner = file.parents.get(function)
    if isinstance(function, ast.Lambda):
        return ([(file, call)] if (call := _taken(function, file)) is not None else []), {}
    if isinstance(owner, ast.ClassDef) and function.name == "run" and _is_thread((file, owner)):
        return [(home, call) for home, each in file.files.reads(owner.name) if (call := home.call(each)) is not None], {}
    taken: list[tuple[File, ast.Call]] = []
    callers: dict[_Function, File] = {}
    for home, each in file.files.reads(function.name):
        caller = home.function(each)
        if (call := _taken(each, home)) is not None:
            taken.append((home, call))
        elif caller is not None and caller is not function and home.call(each) is not None and not is_open_around(each, home):
            callers[caller] = home
    return taken, callers


def _taken(node: ast.expr, file: File) -> ast.Call | None:
    """Return the call that runs a function in another thread, which it gets as an argument; None for another place."""
    parent = file.parents.get(node)
    if isinstance(parent, ast.Call) and parent.func is not node and strings.tail(parent.func) == "partial":
        node, parent = parent, file.parents.get(parent)
    if isinstance(parent, ast.keyword):
        call = file.parents.get(parent)
        is_target = parent.arg in {"target", "function", "func"}
        return call if is_target and isinstance(call, ast.Call) and strings.tail(call.func) in _TAKE else None
    if not isinstance(parent, ast.Call) or parent.func is node or strings.tail(parent.func) not in _TAKE:
        return None
    # The builtin runs it here.
    return parent if isinstance(parent.func, ast.Attribute) or strings.tail(parent.func) != "map" else None


def _is_thread(home: classes.Home) -> bool:
    return any(strings.tail(base) in {"Thread", "Timer"} for _, node in classes.bases(home) for base in node.bases)


def is_called_open(node: ast.AST, file: File) -> bool:
    """Return whether a span of the program may be open where the function around a place is called."""
    function = file.function(node)
    calls = file.files.reads(getattr(function, "name", ""))
    return function is not None and any(
        _may_be_open(each, home, _DEPTH - 1, by_requests=False) for home, each in calls if home.call(each) is not None
    )


def _may_be_open(node: ast.AST, file: File, depth: int, *, by_requests: bool = True) -> bool:
    """Return whether a span may be open where a place is reached, also one of a middleware around a request."""
    if is_open_around(node, file):
        return True
    function = file.function(node)
    starts = [each for each in file.uses if each.symbol in STARTS and each.rule != "T010" and file.function(each.node) is function]
    if any(file.start(each.node) < file.start(node) for each in starts if isinstance(each.node, ast.expr)):
        return True
    if function is None:
        return False
    if by_requests and file.files.has(_MIDDLEWARES):
        return True
    calls = [(home, each) for home, each in file.files.reads(getattr(function, "name", "")) if home.call(each) is not None]
    return bool(depth) and any(_may_be_open(each, home, depth - 1, by_requests=by_requests) for home, each in calls)
