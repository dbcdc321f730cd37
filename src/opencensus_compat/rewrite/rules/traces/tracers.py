"""Tracers, their exporters and samplers."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Keep, Refused
from opencensus_compat.rewrite.following.made import EXPORTER, is_azure, made, maker
from opencensus_compat.rewrite.rules.exporters import handed, legacy, pipelines, processors, providers, setups, shared, ways
from opencensus_compat.rewrite.rules.exporters.options import IN_STARS, options
from opencensus_compat.rewrite.rules.exporters.providers import GRPC_SERVER, TRACER, given, is_first
from opencensus_compat.rewrite.rules.traces import threads
from opencensus_compat.rewrite.rules.traces.samplers import default_sampler

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.rewrite.following.bindings import Slot
    from opencensus_compat.scan.python_uses import Found

FREE: frozenset[str] = frozenset()
_TRACE = "from opentelemetry import trace"
_OF_OPENTELEMETRY = frozenset({"start_as_current_span", "sampler", "resource", "span_processor", "id_generator", "instrumentation_info"})
"""What OpenTelemetry's tracers have, and OpenCensus's have not."""
_W3C = "trace.propagation.trace_context_http_header_format.TraceContextPropagator"
_NO_SAMPLER = (
    "Without a sampler OpenCensus takes one trace in 10,000: is that meant, or are all wanted? Write `sampler=`, and run `rewrite` again."
)
_TAKE_EXPORTERS = frozenset(
    {TRACER, GRPC_SERVER, "ext.flask.flask_middleware.FlaskMiddleware", "ext.fastapi.fastapi_middleware.FastAPIMiddleware"}
)
_INTERCEPTORS = "opentelemetry.instrumentation.grpc"


def tracer(use: Found, file: File) -> Outcome:
    """`Tracer(...)` → `trace.get_tracer(__name__)`, and `configure(...)` before it where it has an exporter."""
    call = file.call(use.node)
    if call is not None and use.symbol != TRACER:
        # A method that tracers of neither API have raises the same where it is called.
        return Keep("OpenCensus's tracers have no such method") if use.symbol.rpartition(".")[2] in _OF_OPENTELEMETRY else []
    if call is None:
        return _as_class(use, file)
    if file.value(call.func).meaning == "subclass":
        return Keep("a class of the program stands on the tracer")
    if file.has_stars(call):
        return Ask("Which exporter and sampler are in `*` or `**`? Write them by name, and run `rewrite` again.")
    propagator = given(call, 3, "propagator", file)
    part = handed.of_attribute(propagator, file)
    found = part.value() if part is not None else None
    if propagator is not None and not _is_standard(*(found[::-1] if found is not None else (propagator, file))):
        return Ask(
            "Who reads the format of this propagator? Where that is `traceparent`, leave it out, and run `rewrite` again; "
            "`opentelemetry.propagate.set_global_textmap` sets that of another format."
        )
    parent, taken = providers.parent_context(call, file), providers.context_given(call, file)
    if parent is not None:
        file.cover(parent)
    elif taken is not None and not providers.is_continued(call, file):
        return Ask("Which spans continue this trace? `start_as_current_span(name, context=…)` takes what `propagate.extract` returns.")
    outcome = set_up(use, call, taken if parent is None else None, file)
    return [*outcome, *_told_to_callers(call, taken, file)] if isinstance(outcome, list) and parent is None else outcome


def _told_to_callers(call: ast.Call, taken: ast.expr | None, file: File) -> list[Edit]:
    """Return the edits that take away a variable with the context of a tracer, which the callers of its function write where they start a span."""
    slot = file.slot(taken) if isinstance(taken, ast.Name) else None
    if slot is None or slot.parameter is not None or slot.loads != [taken] or providers.callers(call, file) is None:
        return []
    return [file.delete(file.statement(store)) for store in slot.stores]


def set_up(use: Found, call: ast.Call, taken: ast.expr | None, file: File) -> Outcome:
    """Return what becomes of the call that makes a tracer, or an interceptor that makes tracers.

    Args:
        use: Its use.
        call: The call.
        taken: The context from outside that it is made with.
        file: Its file.
    """
    taker = providers.taker(call, file)
    assert taker is not None
    exporter, sampler = taker.exporter, taker.sampler
    is_alone = file.is_alone(call)
    statement = file.statement(call)
    if exporter is None:
        if sampler is None and not is_alone and taken is None:
            return Ask(_NO_SAMPLER)
        if is_alone:
            return [file.delete(statement)]
        if sampler is None or taken is not None:
            if sampler is not None:
                file.cover(sampler)
            return [_get_tracer(use, call, file)]
        return _without_exporter(use, call, sampler, file)
    if ways.are_separate(file):
        made = pipelines.provider(exporter, sampler, use, file)
        edits = [*pipelines.kept(exporter, call, file), *handed.taken_out(call, file, ("propagator",))]
        return [*edits, file.replace(call, made if is_alone else in_place(use, call, file, made))]
    stays = legacy.of(exporter, file)
    if stays is not None:
        is_handed = handed.of_attribute(exporter, file) is not None
        return _of_class(use, call, exporter, sampler, file) if is_handed else _of_legacy(use, call, stays, file)
    legacy.check_alone(file)
    if handed.of_attribute(exporter, file) is not None:
        return _of_class(use, call, exporter, sampler, file)
    setups.check(call, file)
    if maker(exporter, file) is not None:
        return _of_shared(use, call, exporter, sampler, file)
    if not is_first(call, file):
        return Keep("nothing can be set up before this expression")
    condition = shared.chosen(exporter, file)
    if condition is not None and (condition is exporter or shared.is_only(exporter, file)):
        return [*shared.by_condition(condition, call, use, file), _get_tracer(use, call, file)]
    arguments = exporter_arguments(exporter, file, statement)
    arguments.append('signals=["traces"]')
    arguments.append(f"sampler={default_sampler(file, use) if sampler is None else file.render(sampler)}")
    text = f"{file.need('from appinsights_exporter import configure', use.node)}({', '.join(arguments)})"
    return [file.replace(call, text)] if is_alone else [file.insert_before(statement, text), _get_tracer(use, call, file)]


def _of_legacy(use: Found, call: ast.Call, stays: legacy.Stays, file: File) -> Outcome:
    """Return what becomes of a tracer whose exporter stays: its spans are handed to that."""
    statement, taker = file.statement(call), providers.taker(call, file)
    assert taker is not None
    sampler = default_sampler(file, use) if taker.sampler is None else file.render(taker.sampler)
    made = legacy.set_up(stays, call, taker, sampler, use, file)
    edits = [file.insert_before(statement, each) if isinstance(each, str) else each for each in made]
    if taker.exporter is not None and stays.file is not file:
        edits += shared.import_without(taker.exporter, taker.sampler, file)
    return [*edits, file.delete(statement) if file.is_alone(call) else _get_tracer(use, call, file)]


def _of_class(use: Found, call: ast.Call, exporter: ast.expr, sampler: ast.expr | None, file: File) -> Outcome:
    """Return what becomes of a tracer whose exporter its class is made with, where `configure` stands before that."""
    part = handed.of_attribute(exporter, file)
    found = part.value() if part is not None else None
    stays = legacy.of(found[1], found[0]) if found is not None else None
    if part is not None and found is not None and stays is not None and found[1] is not part.default:
        out = handed.taken_out(call, file)
        edits = [*out, *(legacy.before_class(part, found, stays, use, file) if out else [])]
        if isinstance(sampler, ast.Call):
            file.cover(sampler)
        return [*edits, file.delete(file.statement(call)) if file.is_alone(call) else _get_tracer(use, call, file)]
    of_exporter = made(*found) if found is not None else None
    is_known = of_exporter is not None and is_azure(*of_exporter)
    if part is None or of_exporter is None or not is_known or of_exporter[1] is part.default:
        return Keep("its exporter is not one that is handed to its class in one place")
    if isinstance(sampler, ast.Call):
        file.cover(sampler)
    return [*handed.taken_out(call, file), file.delete(file.statement(call)) if file.is_alone(call) else _get_tracer(use, call, file)]


def _of_shared(use: Found, call: ast.Call, exporter: ast.expr, sampler: ast.expr | None, file: File) -> Outcome:
    """Return what becomes of a tracer whose exporter is made elsewhere, where `configure` takes its place."""
    if sampler is not None:
        file.cover(sampler)
    statement = file.statement(call)
    if not isinstance(exporter, ast.Call):
        return [
            *shared.import_without(exporter, sampler, file),
            file.delete(statement) if file.is_alone(call) else _get_tracer(use, call, file),
        ]
    if not is_first(call, file):
        return Keep("nothing can be set up before this expression")
    if file.is_alone(call):
        return [file.replace(call, file.text(exporter))]
    return [file.insert_before(statement, file.text(exporter)), _get_tracer(use, call, file)]


def _without_exporter(use: Found, call: ast.Call, sampler: ast.expr, file: File) -> Outcome:
    """Return what becomes of a tracer that only gives log records their ids: a provider that samples, and sends nothing."""
    before = len(file.needs)
    text = file.render(sampler)
    place = providers.place_of_provider(call, text, file)
    if place is None:
        del file.needs[before:]
        return [_get_tracer(use, call, file)]
    provider = file.need("from opentelemetry.sdk.trace import TracerProvider", use.node)
    text = f"{file.need(_TRACE, use.node)}.set_tracer_provider({provider}(sampler={text}))"
    return [file.insert_before(place, text), _get_tracer(use, call, file)]


def _is_standard(node: ast.expr, file: File) -> bool:
    """Return whether a propagator is that of the W3C's headers, which OpenTelemetry has without asking."""
    call = file.only_value(file.slot(node)) if isinstance(node, ast.Name) else node
    if not isinstance(call, ast.Call) or file.symbol(call) != _W3C:
        return False
    if call is node:
        file.cover(call)
    return True


def _get_tracer(use: Found, call: ast.Call, file: File) -> Edit:
    return file.replace(call, in_place(use, call, file))


def in_place(use: Found, call: ast.Call, file: File, provider: str = "") -> str:
    """Return the source of what stands in the place of a tracer or interceptor.

    Args:
        use: Its use.
        call: What makes it.
        file: Its file.
        provider: The source of its provider; empty for that of the process.
    """
    if use.symbol == TRACER:
        return f"{provider or file.need(_TRACE, use.node)}.get_tracer(__name__)"
    alias = file.import_of(call.func)
    slot = file.slot(alias) if alias is not None else None
    # The module of OpenCensus's interceptor has the name of OpenTelemetry's function, and goes with its last use.
    above = [file.parents[load] for load in slot.loads] if slot is not None else []
    is_going = bool(above) and all(file.by_node.get(each, []) and file.by_node[each][0].rule == use.rule for each in above)
    name = "server_interceptor" if use.symbol == GRPC_SERVER else "client_interceptor"
    name = file.need(f"from {_INTERCEPTORS} import {name}", use.node, takes_over=is_going)
    return f"{name}({f'tracer_provider={provider}' if provider else ''})"


def _as_class(use: Found, file: File) -> Outcome:
    parent = file.parents.get(use.node)
    is_check = (
        isinstance(parent, ast.Call)
        and isinstance(parent.func, ast.Name)
        and parent.func.id == "isinstance"
        and parent.args[1:] == [use.node]
    )
    if is_check and any(each.rule == "B001" for home in file.files.values() for each in home.uses):
        return Ask("Can it be an object of the program's own class? That stands on OpenCensus's tracer.")
    if (file.is_annotation(use.node) or is_check) and isinstance(use.node, (ast.Name, ast.Attribute)):
        return [file.replace(use.node, f"{file.need(_TRACE, use.node)}.Tracer")]
    quoted = file.in_quotes(use, f"{file.need(_TRACE, use.node)}.Tracer")
    return Keep("the class of tracers as a value") if quoted is None else [quoted]


def exporter_arguments(node: ast.expr, file: File, at: ast.stmt) -> list[str]:
    """Return the arguments of `configure` that stand for an exporter's.

    Args:
        node: The exporter.
        file: The file.
        at: The statement before which `configure` is called.

    Raises:
        Refused: It is another exporter, or has options that `configure` has not.
    """
    call = file.only_value(file.slot(node)) if isinstance(node, ast.Name) else node
    if not isinstance(call, ast.Call) or not is_azure(file, call):
        raise Refused(Keep("what makes its exporter is not known"))
    if file.has_stars(call) or call.args:
        raise Refused(IN_STARS)
    if isinstance(node, ast.Name) and not _means_the_same(call, node, file):
        raise Refused(Keep("the exporter's options mean something else here"))
    arguments = options(call, file, "traces")
    shared.cover_options(call, file)
    if not isinstance(node, ast.Name):
        file.cover(call)
        return arguments
    return [*arguments, *processors.argument(call, file, at)]


def _means_the_same(made: ast.Call, node: ast.expr, file: File) -> bool:
    """Return whether what an exporter got where it was made is the same where it is used."""
    for each in ast.walk(made):
        if isinstance(each, ast.Name) and each is not made.func:
            slot = file.slot(each)
            if slot is None or (len(slot.stores) == 1 and file.bindings.find(each.id, file.owner(node)) is slot):
                continue
            return False
    return True


def exporter(use: Found, file: File) -> Outcome:
    """`exporter = AzureExporter(...)` goes, where only tracers have it: `configure` makes it."""
    call = file.call(use.node)
    if call is None and file.is_annotation(use.node):
        return Keep("an annotation names the class of the exporter, which `configure` makes: take it out, with what hands the exporter on")
    if not is_azure(file, call) or call is None:
        return Keep("a class of the program stands on it, or it is a part of the exporter")
    if _takes_it(call, file):
        return None
    if ways.are_separate(file) and (edits := pipelines.exporter(use, call, file)) is not None:
        return edits
    if isinstance(file.parents.get(call), ast.IfExp):
        # The tracer's rule configures, where it is one of these.
        return Ask(
            "Which tracers have this exporter? `configure` makes one for the whole program. Give it to a tracer, or delete "
            "the line, and run `rewrite` again."
        )
    found = shared.configured(use, call, file) or shared.before_class(use, call, file)
    if found is not None:
        return found
    statement = file.statement(call)
    target = statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None
    slot = file.slot(target) if isinstance(target, ast.Name) else None
    if slot is not None and file.only_value(slot) is call and _is_unused(slot, file) and not setups.is_needed(call, file):
        return [file.delete(statement)]
    if slot is None or file.only_value(slot) is not call or not slot.loads:
        return Ask(
            "Which tracers have this exporter? `configure` makes one for the whole program. Give it to a tracer, or delete "
            "the line, and run `rewrite` again."
        )
    additions = [processors.addition(load, file) for load in slot.loads]
    if not all(added or _takes_it(load, file) for load, added in zip(slot.loads, additions, strict=True)):
        return shared.BESIDES
    if all(additions):
        return Ask(
            "Which tracers have this exporter? `configure` makes one for the whole program. Give it to a tracer, or delete "
            "the line, and run `rewrite` again."
        )
    return [file.delete(statement)]


def _is_unused(slot: Slot, file: File) -> bool:
    """Return whether nothing reads a variable of a module, in this file or in others of the program."""
    if slot.loads or slot.owner is not file.tree:
        return False
    homes = [home for home in file.files.values() if home is not file]
    is_read = any((file.path, slot.name) in home.read_of_modules() for home in homes)
    return not is_read and not any(name in {slot.name, "*"} for home in homes for _, _, name in home.taken())


def _takes_it(node: ast.expr, file: File) -> bool:
    """Return whether an expression is the exporter of a tracer or middleware, which becomes `configure`."""
    parent = file.parents.get(node)
    above = file.parents.get(parent) if isinstance(parent, ast.keyword) else parent
    if isinstance(above, ast.Dict):
        # The middleware's rule configures.
        return any(use.rule == "W018" for use in file.by_node.get(_target(above, file), ())) and any(
            each.rule == "W011" for each in file.uses
        )
    if not isinstance(above, ast.Call) or above.func is node:
        return False
    return file.symbol(above) in _TAKE_EXPORTERS or bool(above.args and file.symbol(above.args[0]) in _TAKE_EXPORTERS)


def _target(node: ast.AST, file: File) -> ast.AST:
    """Return what the assignment around an expression binds; the expression itself for another statement."""
    statement = file.statement(node)
    return statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else node


def by_environment(use: Found, file: File) -> Outcome:
    """An exporter without options takes the same variable of the environment."""
    return [] if use.symbol == EXPORTER else None


def by_key(use: Found, file: File) -> Outcome:
    """An instrumentation key becomes a connection string with the exporter that has it."""
    return [] if use.symbol == EXPORTER else None


def key_only(_use: Found, _file: File) -> Outcome:
    """A connection string without an endpoint stays: it is the global one's for both."""
    return []


def decorator(use: Found, file: File) -> Outcome:
    """`@tracer.trace_decorator()` → `@tracer.start_as_current_span(name of the function)`."""
    call = file.call(use.node)
    function = file.parents.get(call) if call is not None else None
    if call is None or not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or call not in function.decorator_list:
        return Ask('Which function is decorated? The span has its name. Write `@tracer.start_as_current_span("name")` above it.')
    threads.check_decorated(function, file)
    at = file.end(call) - 1
    return [file.rename(use.node, "start_as_current_span"), file.splice(at, at, f'"{function.name}"', call)]


REWRITERS: dict[str, Rewriter] = {
    "A001": exporter,
    "A003": key_only,
    "A004": by_key,
    "A005": by_environment,
    "T001": tracer,
    "T002": tracer,
    "T003": tracer,
    "T017": decorator,
}
