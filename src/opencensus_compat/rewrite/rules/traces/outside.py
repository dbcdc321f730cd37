"""Ids that are read where no span is current: OpenCensus has those of the tracer's own context there, and OpenTelemetry has zeros."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite import imports
from opencensus_compat.rewrite.context import Ask, Refused
from opencensus_compat.rewrite.following.made import made
from opencensus_compat.rewrite.rules.exporters.providers import STARTS, TRACER, given, tracers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.scan.python_uses import Found

_OF_CONTEXT = "trace.execution_context.get_opencensus_tracer"
_ENDS = frozenset({f"{TRACER}.end_span", f"{TRACER}.finish", "trace.span.Span.finish"})
_DECORATES = f"{TRACER}.trace_decorator"
_MIDDLEWARES = frozenset({"W010", "W011", "W012", "W017", "W018"})
_ROUTES = frozenset({"route", "get", "post", "put", "patch", "delete", "api_view"})
"""Decorators whose functions answer requests."""
_RULES = frozenset({"T019", "T050"})
_DEPTH = 4
_TEXT = (
    "Is a span current here? Where none is, OpenTelemetry has no trace: its ids are zeros, `propagate.inject` sends nothing, and OpenCensus "
    "has those of the tracer's own context, which {0}. `trace.get_current_span().get_span_context().is_valid` says whether there is one."
)
_TOLD = Ask(_TEXT.format("the caller gave"))
QUESTION = Ask(_TEXT.format("no telemetry carries"))


def tracer_of_context(node: ast.expr, file: File) -> ast.expr | None:
    """Return the tracer whose context an expression is, or a variable holds; None for the context of something else."""
    if isinstance(node, ast.Name) and (value := file.only_value(file.slot(node))) is not None:
        node = value
    is_it = isinstance(node, ast.Attribute) and node.attr == "span_context"
    return (
        node.value if is_it and isinstance(node, ast.Attribute) and any(use.rule == "T019" for use in file.by_node.get(node, ())) else None
    )


def id_text(kind: str, context: str, node: ast.Attribute, file: File) -> str:
    """Return the text of an id of the current span's context, as OpenCensus has it also where no span is current.

    Args:
        kind: `trace_id` or `span_id`.
        context: The source of OpenTelemetry's context.
        node: What reads the id of a tracer's context.
        file: Its file.

    Raises:
        Refused: A person must say whether a span is current.
    """
    trace = file.need("from opentelemetry import trace", node)
    text = f"{trace}.format_{kind}({context}.{kind})"
    tracer = tracer_of_context(node.value, file)
    if tracer is None or is_in_span(node, tracer, file):
        return text
    check_own(tracer, file)
    if kind == "span_id":
        text = f"{text} if {context}.is_valid else None"
        return text if isinstance(file.parents.get(node), (ast.Assign, ast.Return, ast.keyword, ast.Call)) else f"({text})"
    return f"{trace}.format_trace_id({context}.trace_id or {_of_tracer(node, tracer, file)})"


def check_own(tracer: ast.expr, file: File) -> None:
    """Raise where a tracer may continue a trace from outside, or its maker is not known: outside spans it has the ids of its caller.

    Raises:
        Refused: It may.
    """
    if file.symbol(tracer) == _OF_CONTEXT:
        every = list(tracers(file))
    else:
        found = made(file, tracer)
        if found is None or found[0].symbol(found[1]) != TRACER:
            raise Refused(QUESTION)
        every = [found]
    if any(given(call, 0, "span_context", home) is not None or home.has_stars(call) for home, call in every):
        raise Refused(_TOLD)


def is_in_span(node: ast.AST, tracer: ast.expr, file: File, depth: int = _DEPTH) -> bool:
    """Return whether an expression is surely evaluated within a span of a tracer, or within a request whose span a middleware starts.

    Args:
        node: The expression.
        tracer: The tracer. The context's one is that of any span.
        file: Their file.
        depth: How many callers are followed.
    """
    inner = node
    for above in file.up(node):
        if isinstance(above, (ast.With, ast.AsyncWith)) and inner in above.body:
            if any(_starts(item.context_expr, tracer, file) for item in above.items):
                return True
        elif isinstance(above, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return inner in above.body and (_is_started_before(inner, tracer, file) or _is_called_in_span(above, tracer, file, depth))
        elif isinstance(above, (ast.Lambda, ast.ClassDef)):
            return False
        if isinstance(inner, ast.stmt) and _is_started_before(inner, tracer, file):
            return True
        inner = above
    return False


def _starts(node: ast.expr, tracer: ast.expr, file: File) -> bool:
    """Return whether an expression is the start of a span of a tracer, or the call of a function that returns such a span."""
    if file.symbol(node) not in STARTS or not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    mine, other = _maker(tracer, file), _maker(node.func.value, file)
    return mine is None or other is None or mine[1] is other[1] or file.symbol(tracer) == _OF_CONTEXT


def _is_started_before(statement: ast.AST, tracer: ast.expr, file: File) -> bool:
    """Return whether a statement of the same block starts a span by hand which nothing between ends."""
    block = file.body_of(statement)
    for each in reversed(block[: block.index(statement)] if isinstance(statement, ast.stmt) and statement in block else []):
        calls = [below for below in ast.walk(each) if isinstance(below, ast.Call)]
        if any(file.symbol(call) in _ENDS for call in calls):
            return False
        if isinstance(each, (ast.Assign, ast.AnnAssign, ast.Expr)) and any(_starts(call, tracer, file) for call in calls):
            return True
    return False


def _is_called_in_span(function: ast.FunctionDef | ast.AsyncFunctionDef, tracer: ast.expr, file: File, depth: int) -> bool:
    if any(file.symbol(each) == _DECORATES for each in function.decorator_list):
        return True
    if file.symbol(tracer) == _OF_CONTEXT and file.files.has(_MIDDLEWARES):
        names = {each.func.attr for each in function.decorator_list if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute)}
        if names & _ROUTES or "request" in {each.arg for each in function.args.args[:2]}:
            return True
    if not depth or function.decorator_list:
        return False
    calls = [(home, each, home.call(each)) for home, each in file.files.reads(function.name)]
    return bool(calls) and all(call is not None and is_in_span(each, tracer, home, depth - 1) for home, each, call in calls)


def _maker(tracer: ast.expr, file: File) -> tuple[File, ast.AST] | None:
    """Return the call that makes a tracer, and its file; a file itself for the context's where the program makes none; None for one that is not known."""
    if file.symbol(tracer) == _OF_CONTEXT:
        every = list(tracers(file))
        if not every:
            # OpenCensus has one for the whole process then.
            first = file.files[min(file.files)]
            return first, first.tree
        return every[0] if len(every) == 1 and every[0][0].function(every[0][1]) is None else None
    found = made(file, tracer)
    return found if found is not None and found[0].symbol(found[1]) == TRACER else None


def _of_tracer(node: ast.Attribute, tracer: ast.expr, file: File) -> str:
    """Return the source of a trace id that is made once for a tracer, and made where its module is imported.

    Raises:
        Refused: Several files would need the same one.
    """
    found = _maker(tracer, file)
    if found is None:
        raise Refused(QUESTION)
    home, call = found
    mine = [(other, each) for other, each in _reads(file) if _made_by(each, other) is call]
    last = imports.last_of_head(file)
    if home.function(call) is not None:
        if len(mine) != 1:
            raise Refused(QUESTION)
        return _new(node, file)
    if any(other is not file for other, _ in mine) or last is None:
        raise Refused(QUESTION)
    every = [each for _, each in _reads(file, file)]
    makers = list({id(one): one for each in every if (one := _made_by(each, file)) is not None}.values())
    name = file.free_name("_trace_id") if len(makers) == 1 else file.free_name(f"_trace_id_{makers.index(call) + 1}")
    if node is mine[0][1]:
        at = file.line_after(last)
        line = file.splice(at, at, f"{file.line_end}{name} = {_new(last, file)}{file.line_end}", last)
        file.elsewhere.append((file, last, [line], []))
    return name


def _new(node: ast.AST, file: File) -> str:
    return f"{file.need('from opentelemetry.sdk.trace.id_generator import RandomIdGenerator', node)}().generate_trace_id()"


def _made_by(node: ast.Attribute, file: File) -> ast.AST | None:
    """Return what makes the tracer whose trace id is read, outside spans or perhaps outside; None for a read of another kind."""
    tracer = tracer_of_context(node.value, file)
    if tracer is None or is_in_span(node, tracer, file):
        return None
    found = _maker(tracer, file)
    return found[1] if found is not None else None


def _reads(file: File, only: File | None = None) -> list[tuple[File, ast.Attribute]]:
    """Return what reads a trace id in the program of a file, or in one file of it."""
    return [
        (home, each)
        for home in ([only] if only is not None else file.files.values())
        for each in sorted(home.kinds[ast.Attribute], key=home.start)
        if isinstance(each, ast.Attribute) and each.attr == "trace_id" and isinstance(each.ctx, ast.Load)
    ]


def together(files: Iterable[File]) -> Iterator[tuple[Found, Found]]:
    """Yield, in pairs, the reads of trace ids that may be outside spans: those of a file have one id that is made for the tracer."""
    for file in files:
        first: Found | None = None
        for _, each in _reads(file, file):
            if _made_by(each, file) is None:
                continue
            for use in (*file.by_node.get(each, ()), *file.by_node.get(each.value, ())):
                if use.rule in _RULES:
                    if first is not None:
                        yield first, use
                    first = first or use
