"""Tracers, their exporters and samplers."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Keep

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.scan.python_uses import Found

FREE = frozenset({"T016"})
_SAMPLERS = "opentelemetry.sdk.trace.sampling"
_NO_SAMPLER = "Without a sampler OpenCensus takes one span in 10,000: is that meant, or are all wanted?"


def tracer(use: Found, file: File) -> Outcome:
    """`Tracer(...)` → `trace.get_tracer(__name__)`, and `configure(...)` before it where it has an exporter."""
    call = file.call(use.node)
    if call is None:
        return Keep("the class itself, for a check, an annotation or a function")
    if file.has_stars(call):
        return Ask("Which exporter and sampler are in `*` or `**`?")
    exporter, sampler = file.argument(call, 2, "exporter"), file.argument(call, 1, "sampler")
    if file.argument(call, 0, "span_context") is not None:
        return Ask("Where does the span context come from?")
    edits = [file.replace(call, f"{file.need('from opentelemetry import trace', use.node)}.get_tracer(__name__)")]
    if exporter is None or _is_none(exporter):
        if sampler is None:
            return Ask(_NO_SAMPLER)
        file.render(sampler)
        return edits
    arguments = _exporter_arguments(exporter, file)
    if isinstance(arguments, (Ask, Keep)):
        return arguments
    if not _runs_first(call, file):
        return Keep("nothing can be set up before this expression")
    arguments.append('signals=["traces"]')
    arguments.append(f"sampler={_default_sampler(file, use) if sampler is None or _is_none(sampler) else file.render(sampler)}")
    name = file.need("from appinsights_exporter import configure", use.node)
    return [file.insert_before(file.statement(call), f"{name}({', '.join(arguments)})"), *edits]


def _default_sampler(file: File, use: Found) -> str:
    based = file.need(f"from {_SAMPLERS} import ParentBased", use.node)
    ratio = file.need(f"from {_SAMPLERS} import TraceIdRatioBased", use.node)
    return f"{based}({ratio}(0.0001))"


def _exporter_arguments(node: ast.expr, file: File) -> list[str] | Ask | Keep:
    if not isinstance(node, ast.Call) or file.symbol(node) != "ext.azure.trace_exporter.AzureExporter":
        return Keep("its exporter is not made here")
    if file.has_stars(node):
        return Ask("Which options are in `**`?")
    arguments = []
    for keyword in node.keywords:
        if keyword.arg != "connection_string":
            return Keep(f"the exporter has the option `{keyword.arg}`")
        arguments.append(f"connection_string={file.render(keyword.value)}")
    for each in [*file.by_node[node.func], *file.by_node[node]]:
        file.covered.add(each)
    return arguments if not node.args else Keep("the exporter gets its options by place")


def _runs_first(call: ast.Call, file: File) -> bool:
    """Return whether a statement before that of the call runs whenever and only when the call does."""
    below: ast.AST = call
    for each in file.up(call):
        if isinstance(each, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.BoolOp, ast.IfExp, ast.arguments)):
            return False
        if isinstance(each, ast.stmt):
            if isinstance(each, (ast.While, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                return False
            if isinstance(each, ast.If):
                # What stands before `elif` runs where its branch does not.
                return not file.source[file.start(each) :].startswith(b"elif")
            return isinstance(each, (ast.With, ast.AsyncWith, ast.For)) or not isinstance(below, ast.stmt)
        below = each
    return False


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def probability(use: Found, file: File) -> Outcome:
    """`ProbabilitySampler(rate)` → `ParentBased(TraceIdRatioBased(rate))`, or `ALWAYS_ON`."""
    call = file.call(use.node)
    if call is None or file.has_stars(call):
        return Keep("the sampler's class, not a sampler")
    rate = file.argument(call, 0, "rate")
    if rate is None:
        return [file.replace(call, _default_sampler(file, use))]
    if isinstance(rate, ast.Constant) and isinstance(rate.value, (int, float)) and rate.value >= 1:
        return [file.replace(call, file.need(f"from {_SAMPLERS} import ALWAYS_ON", use.node))]
    based = file.need(f"from {_SAMPLERS} import ParentBased", use.node)
    ratio = file.need(f"from {_SAMPLERS} import TraceIdRatioBased", use.node)
    return [file.replace(call, f"{based}({ratio}({file.render(rate)}))")]


def always(use: Found, file: File) -> Outcome:
    """`AlwaysOnSampler()` → `ALWAYS_ON`."""
    call = file.call(use.node)
    if call is None:
        return Keep("the sampler's class, not a sampler")
    return [file.replace(call, file.need(f"from {_SAMPLERS} import {'ALWAYS_ON' if use.rule == 'T061' else 'ALWAYS_OFF'}", use.node))]


def current_attribute(use: Found, file: File) -> Outcome:
    """`tracer.add_attribute_to_current_span(key, value)` → `trace.get_current_span().set_attribute(key, value)`."""
    call = file.call(use.node)
    if call is None:
        return Keep("a method as a value")
    name = file.need("from opentelemetry import trace", use.node)
    keywords = file.positional(call, {"attribute_key": "key", "attribute_value": "value"})
    return [file.replace(use.node, f"{name}.get_current_span().set_attribute"), *keywords]


def of_context(use: Found, file: File) -> Outcome:
    """`execution_context.get_opencensus_tracer()` → `trace.get_tracer(__name__)`."""
    call = file.call(use.node)
    if call is None:
        return Keep("a function as a value")
    return [file.replace(call, f"{file.need('from opentelemetry import trace', use.node)}.get_tracer(__name__)")]


def end(use: Found, file: File) -> Outcome:
    """`tracer.finish()` goes."""
    call = file.call(use.node)
    if call is None or not file.is_alone(call):
        return Keep("its result is used")
    return [file.delete(file.statement(call))]


REWRITERS: dict[str, Rewriter] = {
    "T001": tracer,
    "T014": end,
    "T016": current_attribute,
    "T040": of_context,
    "T060": probability,
    "T061": always,
    "T062": always,
}
