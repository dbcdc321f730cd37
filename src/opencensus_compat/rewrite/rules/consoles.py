"""Tracers whose spans are printed."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Keep, Refused
from opencensus_compat.rewrite.rules.providers import TRACER, given, is_first, tracers
from opencensus_compat.rewrite.rules.samplers import default_sampler

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.scan.python_uses import Found

PRINTER = "trace.print_exporter.PrintExporter"
_EXPORT = "opentelemetry.sdk.trace.export"
_TRANSPORTS = {"common.transports.sync.SyncTransport": "Simple", "common.transports.async_.AsyncTransport": "Batch"}


def printer(node: ast.expr | None, file: File) -> ast.Call | None:
    """Return the call that makes an exporter to the console, where an expression is one; None for another."""
    made = file.only_value(file.slot(node)) if isinstance(node, ast.Name) else node
    return made if isinstance(made, ast.Call) and file.symbol(made) == PRINTER else None


def set_up(call: ast.Call, exporter: ast.expr, use: Found, file: File) -> list[Edit]:
    """Return the edits that set a provider whose spans are printed, before the statement of a tracer.

    Args:
        call: The call that makes the tracer.
        exporter: What it gets for an exporter.
        use: The use that they belong to.
        file: Its file.

    Raises:
        Refused: Other tracers send elsewhere, or the provider cannot be set here.
    """
    made, given_sampler = printer(exporter, file), given(call, 1, "sampler", file)
    assert made is not None
    sampler = default_sampler(file, use) if given_sampler is None else file.render(given_sampler)
    if sum(1 for _ in tracers(file)) > 1:
        raise Refused(Ask("Which spans are to be printed? A process has one provider, and this program makes several tracers."))
    if not is_first(call, file):
        raise Refused(Keep("nothing can be set up before this expression"))
    kind = file.need(f"from {_EXPORT} import {_transport(made, file)}SpanProcessor", use.node)
    provider, trace = (
        file.need("from opentelemetry.sdk.trace import TracerProvider", use.node),
        file.need("from opentelemetry import trace", use.node),
    )
    text = exporter.id if isinstance(exporter, ast.Name) else f"{file.need(f'from {_EXPORT} import ConsoleSpanExporter', use.node)}()"
    name, statement = file.free_name("provider"), file.statement(call)
    return [
        file.insert_before(statement, f"{name} = {provider}(sampler={sampler})"),
        file.insert_before(statement, f"{name}.add_span_processor({kind}({text}))"),
        file.insert_before(statement, f"{trace}.set_tracer_provider({name})"),
    ]


def _transport(made: ast.Call, file: File) -> str:
    transport = file.argument(made, 0, "transport")
    if transport is None:
        return "Simple"
    kind = _TRANSPORTS.get(file.symbol(transport))
    if kind is None:
        raise Refused(Ask("Which transport is it? A SpanProcessor of OpenTelemetry's takes its place."))
    file.cover(transport)
    return kind


def exporter(use: Found, file: File) -> Outcome:
    """`PrintExporter()` → `ConsoleSpanExporter()`, where one tracer has it."""
    call = file.call(use.node)
    if call is None or use.symbol != PRINTER:
        return Keep("by hand: `ConsoleSpanExporter(out=…)`")
    parent = file.parents.get(call)
    above = file.parents.get(parent) if isinstance(parent, ast.keyword) else parent
    if isinstance(above, ast.Call) and file.symbol(above) == TRACER:
        return set_up(above, call, use, file)
    statement = file.statement(call)
    target = statement.targets[0] if isinstance(statement, ast.Assign) and statement.value is call else None
    slot = file.slot(target) if isinstance(target, ast.Name) else None
    loads = slot.loads if slot is not None and file.only_value(slot) is call else []
    if not loads or not all(_is_given(each, file) for each in loads):
        return Ask("Which tracer has this exporter? A provider of OpenTelemetry's gets a `SimpleSpanProcessor(ConsoleSpanExporter())`.")
    return [file.replace(call, f"{file.need(f'from {_EXPORT} import ConsoleSpanExporter', use.node)}()")]


def _is_given(node: ast.expr, file: File) -> bool:
    parent = file.parents.get(node)
    above = file.parents.get(parent) if isinstance(parent, ast.keyword) else parent
    return isinstance(above, ast.Call) and file.symbol(above) == TRACER and given(above, 2, "exporter", file) is node


REWRITERS: dict[str, Rewriter] = {"T070": exporter}
