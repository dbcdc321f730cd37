"""The current span and tracer, ids, and what crosses from process to process."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Keep, Refused
from opencensus_compat.rewrite.following.made import made, readers, stored, target
from opencensus_compat.rewrite.rules.exporters import handed, pipelines
from opencensus_compat.rewrite.rules.exporters.providers import check_header, is_first
from opencensus_compat.rewrite.rules.traces import by_hand, outside, tested
from opencensus_compat.rewrite.rules.traces.attribute_values import as_text, of_key
from opencensus_compat.rewrite.rules.traces.spans import span_context
from opencensus_compat.scan import strings
from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.scan.python_uses import Found

FREE = frozenset({"T015", "T016", "T019", "T040"})
_TRACE = "from opentelemetry import trace"
_PROPAGATE = "from opentelemetry import propagate"
_W3C = "trace.propagation.trace_context_http_header_format.TraceContextPropagator"
_W3C_OF_OTEL = "from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator"
_CONTEXT = "trace.span_context.SpanContext"
_TRACER_OF_CONTEXT = "trace.execution_context.get_opencensus_tracer"
_TRACERS = frozenset({_TRACER_OF_CONTEXT, "trace.tracer.Tracer"})
_SAMPLED = frozenset(f"trace.span_context.SpanContext.trace_options.{name}" for name in ("get_enabled", "enabled"))
_FIELDS = frozenset({"trace_id", "span_id", "trace_options", "tracestate"})
_READ = Ask(
    "Which ids are meant where the headers have none? OpenCensus makes new ones, OpenTelemetry's are zeros. "
    "`trace.get_current_span(propagate.extract(headers)).get_span_context()` has those of the headers, as integers."
)
_NAMES = {
    "AGENT": "g.co/agent",
    "COMPONENT": "component",
    "ERROR_MESSAGE": "error.message",
    "ERROR_NAME": "error.name",
    "HTTP_CLIENT_CITY": "http.client_city",
    "HTTP_CLIENT_COUNTRY": "http.client_country",
    "HTTP_CLIENT_PROTOCOL": "http.client_protocol",
    "HTTP_CLIENT_REGION": "http.client_region",
    "HTTP_HOST": "http.host",
    "HTTP_METHOD": "http.method",
    "HTTP_PATH": "http.path",
    "HTTP_ROUTE": "http.route",
    "HTTP_REDIRECTED_URL": "http.redirected_url",
    "HTTP_REQUEST_SIZE": "http.request_size",
    "HTTP_RESPONSE_SIZE": "http.response_size",
    "HTTP_STATUS_CODE": "http.status_code",
    "HTTP_URL": "http.url",
    "HTTP_USER_AGENT": "http.user_agent",
    "PID": "pid",
    "STACKTRACE": "stacktrace",
    "TID": "tid",
    "GRPC_HOST_PORT": "grpc.host_port",
    "GRPC_METHOD": "grpc.method",
}
"""What `COMMON_ATTRIBUTES` and `GRPC_ATTRIBUTES` hold. To import them would load OpenTelemetry, and change variables that programs of
`--verify` inherit; `test_forms.py` holds both equal."""


_OWN = Ask("What does the program's own method do? A class of it stands on OpenCensus's tracer, and has a method of this name.")


def _is_of_own_class(method: ast.AST, file: File) -> bool:
    """Return whether a method may be that of a class of the program which stands on the tracer's."""
    if not isinstance(method, ast.Attribute):
        return False
    classes = [home.parents.get(use.node) for home, use in file.files.uses("B001")]
    is_defined = any(
        isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)) and each.name == method.attr
        for one in classes
        if isinstance(one, ast.ClassDef)
        for each in one.body
    )
    found = made(file, method.value) if is_defined else None
    if found is None or found[0].symbol(found[1]) != "trace.tracer.Tracer":
        return is_defined
    return is_defined and found[0].value(found[1].func).meaning == "subclass"


def together(files: Iterable[File]) -> Iterator[tuple[Found, Found]]:
    """Yield, in pairs, what changes the tracer of the context, and the places that get that tracer: their spans go another way then."""
    files = list(files)
    for file in files:
        for use in file.uses:
            node = use.node
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                found = made(file, node.value)
                if found is not None and found[0].symbol(found[1]) == _TRACER_OF_CONTEXT:
                    yield from ((use, other) for home in files for other in home.uses if other.symbol in _TRACERS)


def current_span(use: Found, file: File) -> Outcome:
    """`tracer.current_span()`, `execution_context.get_current_span()` → `trace.get_current_span()`, and tests for None → `get_span_context().is_valid`."""
    call = file.call(use.node)
    if call is None:
        return Keep("a function as a value")
    if _is_of_own_class(use.node, file):
        return _OWN
    return tested.current_span(call, f"{file.need(_TRACE, use.node)}.get_current_span()", file)


def current_attribute(use: Found, file: File) -> Outcome:
    """`tracer.add_attribute_to_current_span(key, value)` → `trace.get_current_span().set_attribute(key, value)`."""
    call = file.call(use.node)
    if call is None:
        return Keep("a method as a value")
    if _is_of_own_class(use.node, file):
        return _OWN
    name = file.need(_TRACE, use.node)
    keywords = file.positional(call, {"attribute_key": "key", "attribute_value": "value"})
    text = [*of_key(file.argument(call, 0, "attribute_key"), file), *as_text(file.argument(call, 1, "attribute_value"), file)]
    return [file.replace(use.node, f"{name}.get_current_span().set_attribute"), *keywords, *text]


def current_tracer(use: Found, file: File) -> Outcome:
    """`execution_context.get_opencensus_tracer()` → `trace.get_tracer(__name__)`."""
    call = file.call(use.node)
    if call is None:
        return Keep("a function as a value")
    if by_hand.is_only_ended(call, file):
        return [file.delete(file.statement(call))]
    return [file.replace(call, pipelines.tracer_around(use.node, file))]


def ids(use: Found, file: File) -> Outcome:
    """`tracer.span_context.trace_id`, `span.context_tracer.trace_id` → the same ids, as text."""
    top, node = use.node, use.node
    while isinstance(above := file.parents.get(top), ast.Attribute):
        top = above
    if top is node and isinstance(node, ast.Attribute) and node.attr == "span_context" and _only_ids(node, file):
        return [file.replace(node, f"{file.need(_TRACE, node)}.get_current_span().get_span_context()")]
    if not isinstance(node, ast.Attribute) or not isinstance(top, ast.Attribute) or top.attr not in {"trace_id", "span_id"}:
        return Ask(
            "Which part of the context is needed? OpenTelemetry's ids are integers. Read `trace_id` or `span_id` of it here, "
            "or hand on the span itself, and run `rewrite` again."
        )
    if not isinstance(top.ctx, ast.Load):
        return Ask("The SDK makes the ids: an IdGenerator can make others. `TracerProvider(id_generator=...)` takes it.")
    trace = file.need(_TRACE, node)
    is_own = is_of_span(node) and (top.attr == "trace_id" or file.parents.get(node) is not top)
    span = file.render(node.value) if is_own else f"{trace}.get_current_span()"
    return [file.replace(top, outside.id_text(top.attr, f"{span}.get_span_context()", top, file))]


def is_of_span(node: ast.Attribute) -> bool:
    """Return whether ids are read of a span, which has those of OpenTelemetry only where it changes, too."""
    return node.attr == "context_tracer"


def _only_ids(node: ast.Attribute, file: File) -> bool:
    """Return whether a context is kept in a variable of which only the ids are read."""
    statement = file.statement(node)
    target = statement.targets[0] if isinstance(statement, ast.Assign) and statement.value is node else None
    slot = file.slot(target) if isinstance(target, ast.Name) else None
    if slot is None or file.only_value(slot) is not node or not isinstance(slot.owner, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    reads = [file.parents.get(load) for load in slot.loads]
    return all(
        isinstance(read, ast.Attribute) and read.attr in {"trace_id", "span_id"} and isinstance(read.ctx, ast.Load) for read in reads
    )


def own_thread(use: Found, file: File) -> Outcome:
    """`execution_context.set_is_exporter(True)` goes: OpenTelemetry's exporters say so themselves."""
    call = file.call(use.node)
    if call is None or not use.symbol.endswith(".set_is_exporter") or not file.is_alone(call):
        return Ask(
            "What is left out there, and is it an exporter's own call? Delete the line if so; other calls stand in `with "
            "suppress_instrumentation():` of opentelemetry.instrumentation.utils."
        )
    return [file.delete(file.statement(call))]


def context_of_ids(use: Found, file: File) -> Outcome:
    """`SpanContext(trace_id, span_id)` → OpenTelemetry's."""
    call = file.call(use.node)
    if use.symbol in _SAMPLED and isinstance(use.node, ast.Attribute):
        return _is_sampled(use.node, call or use.node, file)
    if call is None and use.symbol == _CONTEXT and isinstance(use.node, (ast.Name, ast.Attribute)) and file.is_annotation(use.node):
        return [file.replace(use.node, f"{file.need(_TRACE, use.node)}.SpanContext")]
    if call is None and use.symbol.rpartition(".")[2] in {"trace_id", "span_id"} and isinstance(use.node, ast.Name):
        # A variable that holds the id as text.
        return []
    if call is None and use.symbol.rpartition(".")[2] in {"trace_id", "span_id"} and isinstance(use.node, ast.Attribute):
        return [file.replace(use.node, outside.id_text(use.node.attr, file.text(use.node.value), use.node, file))]
    if call is None or use.symbol != _CONTEXT or file.has_stars(call):
        return Ask(
            "Which part of the context is needed? OpenTelemetry's ids are integers. Read `trace_id` or `span_id` of it here, "
            "or hand on the span itself, and run `rewrite` again."
        )
    found = [file.argument(call, 0, "trace_id"), file.argument(call, 1, "span_id")]
    if None in found or file.argument(call, 3, "tracestate") is not None or file.argument(call, 4, "from_header") is not None:
        return Ask("From where does the trace come? `propagate.extract` reads headers.")
    options = file.argument(call, 2, "trace_options")
    flags = "1"
    if isinstance(options, ast.Call) and file.symbol(options) == "trace.trace_options.TraceOptions" and len(options.args) == 1:
        value = options.args[0]
        flags = str(value.value) if isinstance(value, ast.Constant) and value.value in {"0", "1"} else f"int({file.render(value)})"
        file.covered.update(file.by_node[options.func])
    elif options is not None:
        return Ask("Is the trace sampled?")
    return [file.replace(call, span_context([each for each in found if each is not None], flags, file, use))]


def _is_sampled(node: ast.Attribute, top: ast.expr, file: File) -> Outcome:
    """`tracer.span_context.trace_options.get_enabled()` → the flag of the current span's context."""
    options = node.value
    context = options.value if isinstance(options, ast.Attribute) and options.attr == "trace_options" else None
    if not isinstance(context, ast.Attribute) or context.attr not in {"span_context", "context_tracer"}:
        return Ask("Which context is it? OpenTelemetry's has `trace_flags.sampled`.")
    if context.attr == "span_context" and not outside.is_in_span(node, context.value, file):
        return outside.QUESTION
    span = file.text(context.value) if context.attr == "context_tracer" else f"{file.need(_TRACE, node)}.get_current_span()"
    return [file.replace(top, f"{span}.get_span_context().trace_flags.sampled")]


def no_tracer(use: Found, file: File) -> Outcome:
    """`isinstance(tracer, NoopTracer)` asks whether anything is traced."""
    check = file.parents.get(use.node)
    is_check = isinstance(check, ast.Call) and isinstance(check.func, ast.Name) and check.func.id == "isinstance"
    if is_check and use.symbol.endswith(".NoopTracer"):
        return Ask("Is there a span here, or may there be none yet? `trace.get_current_span().get_span_context().is_valid` says the first.")
    return Keep(f"no counterpart: {BY_ID[use.rule].counterpart}")


def made_id(use: Found, file: File) -> Outcome:
    """`generate_trace_id()` → an id of OpenTelemetry's generator, as text."""
    call = file.call(use.node)
    if call is None:
        return Keep("a function as a value")
    kind = "trace_id" if use.symbol.endswith("generate_trace_id") else "span_id"
    trace = file.need(_TRACE, use.node)
    generator = file.need("from opentelemetry.sdk.trace.id_generator import RandomIdGenerator", use.node)
    return [file.replace(call, f"{trace}.format_{kind}({generator}().generate_{kind}())")]


def propagator(use: Found, file: File) -> Outcome:
    """`propagator.from_headers(headers)` → `propagate.extract(headers)`; `to_headers` → `inject`; the propagator itself goes."""
    call = file.call(use.node)
    if use.symbol == _W3C:
        return _propagator_itself(use, call, file)
    if not use.symbol.startswith(_W3C):
        return Ask(
            "Which service reads this format, and can it read `traceparent`? If so, leave the propagator out, and run "
            "`rewrite` again; else `opentelemetry.propagate.set_global_textmap` sets one of opentelemetry-propagator-b3 or "
            "-gcp."
        )
    if call is None or not isinstance(use.node, ast.Attribute):
        return Keep("a method as a value")
    check_header(file)
    _take(use.node.value, file)
    if use.symbol.endswith(".from_headers"):
        if len(call.args) != 1 or call.keywords:
            return Keep("the headers are not the only argument")
        return _extracted(use, call, file)
    if not _is_current(file.argument(call, 0, "span_context"), file):
        return Ask(
            "Is it the context of the current span? `propagate.inject` sends that. Write `propagate.inject(headers)` in its "
            "block; for another span, with `context=trace.set_span_in_context(span)`."
        )
    return _injected(use, call, file)


def _extracted(use: Found, call: ast.Call, file: File) -> Outcome:
    """Return the edits for `from_headers`; what OpenTelemetry extracts is no span context, so that nothing may read its ids."""
    place = target(file, call)
    held = [(file, call), *(readers(file, place) if place is not None else ())]
    above = [home.parents.get(node) for home, node in held]
    if any(isinstance(each, ast.Attribute) and each.attr in _FIELDS for each in above):
        return _READ
    return [file.replace(use.node, f"{file.need(_PROPAGATE, use.node)}.extract")]


def of_tracer(use: Found, file: File) -> Outcome:
    """`tracer.propagator.to_headers(tracer.span_context)` → `propagate.inject`; other parts of a tracer are asked about."""
    method = use.node
    call = file.call(method)
    if call is None or not isinstance(method, ast.Attribute) or not use.symbol.startswith("trace.tracer.Tracer.propagator."):
        return Ask(BY_ID[use.rule].question)
    check_header(file)
    if method.attr == "from_headers" and len(call.args) == 1 and not call.keywords:
        return _extracted(use, call, file)
    if method.attr == "to_headers" and _is_current(file.argument(call, 0, "span_context"), file):
        return _injected(use, call, file)
    return Ask(BY_ID[use.rule].question)


def _is_current(node: ast.expr | None, file: File) -> bool:
    """Return whether an expression is the context of the current span; its use goes with that of the propagator."""
    if node is None or file.symbol(node) not in {"trace.tracer.Tracer.span_context", "trace.span.Span.context_tracer"}:
        return False
    if (tracer := outside.tracer_of_context(node, file)) is not None and not outside.is_in_span(node, tracer, file):
        outside.check_own(tracer, file)
        if any(_reads_header(home) for home in file.files.values()):
            raise Refused(outside.QUESTION)
    for each in ast.walk(node):
        file.covered.update(each_use for each_use in file.by_node.get(each, ()) if each_use.rule == "T019")
    return True


def _reads_header(file: File) -> bool:
    """Return whether a file needs the header to be there: without a current span OpenTelemetry writes none."""
    keys = [each.slice for each in file.kinds[ast.Subscript] if isinstance(each.ctx, ast.Load)]
    pops = [each for each in file.kinds[ast.Call] if isinstance(each.func, ast.Attribute) and each.func.attr == "pop"]
    keys += [each.args[0] for each in pops if len(each.args) == 1]
    return any(isinstance(key, ast.Constant) and key.value == "traceparent" for key in keys)


def _injected(use: Found, call: ast.Call, file: File) -> Outcome:
    parent, statement = file.parents.get(call), file.statement(call)
    inject = f"{file.need(_PROPAGATE, use.node)}.inject"
    if isinstance(parent, ast.Assign) and parent.value is call and len(parent.targets) == 1 and isinstance(parent.targets[0], ast.Name):
        return [file.replace(call, "{}"), file.insert_after(statement, f"{inject}({parent.targets[0].id})")]
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute) and parent.func.attr == "update" and file.is_alone(parent):
        return [file.replace(parent, f"{inject}({file.text(parent.func.value)})")]
    if isinstance(parent, ast.Lambda) and (callback := _as_callback(parent, statement, inject, file)) is not None:
        return callback
    is_plain = isinstance(statement, (ast.Expr, ast.Assign, ast.AnnAssign, ast.Return)) and file.begins_line(statement)
    if not is_plain or not is_first(call, file):
        return Ask("Into which headers does it go? `propagate.inject(headers)` writes into them.")
    carrier = file.free_name("carrier")
    return [
        file.insert_before(statement, f"{carrier} = {{}}"),
        file.insert_before(statement, f"{inject}({carrier})"),
        file.replace(call, carrier),
    ]


def _as_callback(node: ast.Lambda, statement: ast.stmt, inject: str, file: File) -> list[Edit] | None:
    """Return the edits that make a lambda which gives headers a function above a `with`, whose object it is for; None for another lambda."""
    is_for_it = isinstance(statement, (ast.With, ast.AsyncWith)) and any(isinstance(each, ast.withitem) for each in file.up(node))
    if not is_for_it or ast.unparse(node.args) or not file.begins_line(statement):
        return None
    name, carrier = file.free_name("headers"), file.free_name("carrier")
    lines = [f"def {name}():", f"    {carrier} = {{}}", f"    {inject}({carrier})", f"    return {carrier}"]
    text = f"{file.line_end}{file.indentation(statement)}".join(lines)
    return [file.insert_before(statement, f"{text}{file.line_end}"), file.replace(node, name)]


def _propagator_itself(use: Found, call: ast.Call | None, file: File) -> Outcome:
    if call is None:
        return Keep("the class of a propagator")
    parent = file.parents.get(call)
    if isinstance(parent, ast.Attribute) and parent in file.by_node:
        return []
    if handed.of_keyword(call, file) is not None:
        return [handed.without_keyword(call, file)]
    check_header(file)
    if (found := handed.default_out(call, file)) is not None:
        return found
    if _is_of_property(call, file):
        return [file.replace(call, f"{file.need(_W3C_OF_OTEL, use.node)}()")]
    place = target(file, call)
    if place is None or not _is_only_value(place, call, file) or not all(_is_read(*each) for each in readers(file, place)):
        return Ask(
            "What is the propagator needed for? OpenTelemetry has one for the whole program. Write "
            "`propagate.inject(headers)` or `propagate.extract(headers)` where it is called."
        )
    return [file.delete(file.statement(call))]


def _is_of_property(call: ast.Call, file: File) -> bool:
    """Return whether a property returns a propagator, of which headers are read and written alone."""
    function = file.function(call)
    if not isinstance(file.parents.get(call), ast.Return) or not isinstance(function, ast.FunctionDef):
        return False
    reads = [(home, each) for home in file.files.values() for each in home.reads(function.name) if isinstance(each, ast.Attribute)]
    is_property = [strings.tail(each) for each in function.decorator_list] in (["property"], ["cached_property"])
    return is_property and bool(reads) and all(_is_read(*each) for each in reads)


def _is_only_value(place: ast.expr, call: ast.Call, file: File) -> bool:
    """Return whether a variable, or an attribute that something reads, holds nothing but the result of a call."""
    if isinstance(place, ast.Attribute):
        found = stored(file, place)
        return found is not None and found[1] is call and readers(file, place) != []
    return file.only_value(file.slot(place)) is call


def _is_read(file: File, node: ast.expr) -> bool:
    """Return whether a propagator is only called here, or given to a tracer."""
    above = file.parents.get(node)
    given = file.parents.get(above) if isinstance(above, ast.keyword) and above.arg == "propagator" else None
    is_given = isinstance(given, ast.Call) and file.symbol(given) == "trace.tracer.Tracer"
    return is_given or (isinstance(above, ast.Attribute) and any(each.rule == "T053" for each in file.by_node.get(above, ())))


def _take(node: ast.expr, file: File) -> None:
    """Note that a propagator which is made in place goes with its call."""
    if isinstance(node, ast.Call):
        file.covered.update(file.by_node.get(node.func, ()))


def attribute_names(use: Found, file: File) -> Outcome:
    """`COMMON_ATTRIBUTES["HTTP_METHOD"]` → the name itself."""
    above = file.parents.get(use.node)
    key = above.slice.value if isinstance(above, ast.Subscript) and isinstance(above.slice, ast.Constant) else None
    if use.symbol.startswith("trace.attributes_helper.") and above is not None and key in _NAMES:
        return [file.replace(above, f'"{_NAMES[key]}"')]
    rule = BY_ID[use.rule]
    return Keep(f"by hand: {rule.counterpart}")


REWRITERS: dict[str, Rewriter] = {
    "T015": current_span,
    "T016": current_attribute,
    "T018": of_tracer,
    "T019": ids,
    "T040": current_tracer,
    "T041": current_span,
    "T044": own_thread,
    "T050": context_of_ids,
    "T051": made_id,
    "T053": propagator,
    "T073": attribute_names,
    "T076": no_tracer,
}
