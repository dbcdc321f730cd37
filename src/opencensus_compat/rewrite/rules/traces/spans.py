"""Spans: their start and end, and what is done with them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Keep, Refused
from opencensus_compat.rewrite.edits import Edit, apply, line_starts
from opencensus_compat.rewrite.rules.exporters import legacy, pipelines
from opencensus_compat.rewrite.rules.exporters.providers import STARTS, TRACER, callers, context_given, parent_context, told, tracers
from opencensus_compat.rewrite.rules.traces import threads
from opencensus_compat.rewrite.rules.traces.attribute_values import as_text, text_maker
from opencensus_compat.rewrite.rules.traces.opened import starts_of
from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.scan.python_uses import Found

FREE: frozenset[str] = frozenset()
_TRACE = "from opentelemetry import trace"
_SPANS = frozenset({"trace.span.Span", "trace.base_span.BaseSpan", "trace.blank_span.BlankSpan"})
_MESSAGE = {
    "id": "message.id",
    "type": "message.type",
    "uncompressed_size_bytes": "message.uncompressed_size",
    "compressed_size_bytes": "message.compressed_size",
}
"""Parameter of `MessageEvent` after its time -> attribute."""
_KINDS = {"UNSPECIFIED": "INTERNAL", "SERVER": "SERVER", "CLIENT": "CLIENT"}
_CODES = frozenset({0, 2})
"""Codes of OpenCensus that OpenTelemetry's OK and ERROR stand for."""
_EXITS = frozenset({"sys.exit", "exit", "quit"})
_EXIT = Ask(
    "Has this span failed where the program ends inside it? OpenCensus says so, with an exception, and OpenTelemetry does not. End the program after the "
    "`with`, and set the status where the span has failed."
)
_RPC = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED"),
    *("RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"),
    "UNAUTHENTICATED",
)
"""Names of gRPC's codes, by number."""
_NUMBERS: dict[object, str] = dict(enumerate(_KINDS.values()))


def in_with(use: Found, file: File) -> Outcome:
    """`with tracer.span(name=...)` → `with tracer.start_as_current_span(...)`."""
    call = file.call(use.node)
    if call is None or not isinstance(use.node, ast.Attribute):
        return Keep("a method as a value")
    parent = tracer_of(use.node.value, file)
    threads.check(use.node, file, parent)
    check_exits(file.statement(call), file)
    edits = [file.rename(use.node, "start_as_current_span"), *named(call, file)]
    if parent is not None and (call.keywords or call.args) and file.has_stars(call):
        return Ask("Which name is in `*` or `**`? Write it out, and run `rewrite` again.")
    return [*edits, *(continued(call, parent, file) if parent is not None else [])]


def check_exits(statement: ast.stmt, file: File) -> None:
    """Raise where the block of a span is left by the end of the program, which is a failure for OpenCensus, and nothing for OpenTelemetry.

    Raises:
        Refused: It is.
    """
    block = statement.body if isinstance(statement, (ast.With, ast.AsyncWith)) else []
    for each in _walk(block):
        call = each.exc if isinstance(each, ast.Raise) else each
        is_exit = isinstance(call, ast.Call) and ast.unparse(call.func) in ({"SystemExit"} if isinstance(each, ast.Raise) else _EXITS)
        if is_exit and isinstance(call, ast.Call) and file.function(call) is file.function(statement):
            code = call.args[0] if call.args else ast.Constant(None)
            if not isinstance(code, ast.Constant) or code.value not in {0, None}:
                raise Refused(_EXIT)


def named(call: ast.Call, file: File) -> list[Edit]:
    """Return the edits that give the start of a span its name as OpenTelemetry takes it."""
    if not call.args and not call.keywords:
        return [file.splice(file.end(call) - 1, file.end(call) - 1, '"span"', call)]
    return file.positional(call, {"name": "name"})


def tracer_of(node: ast.expr, file: File) -> ast.Call | None:
    """Return the call that made a tracer with a context from outside; None for another tracer, and for one whose maker is not known."""
    made = file.only_value(file.slot(node)) if isinstance(node, ast.Name) else node
    if isinstance(made, ast.Call) and file.symbol(made) != TRACER:
        made = next((call for home, call in tracers(file) if home is file and made in (callers(call, file) or ())), None)
    if not isinstance(made, ast.Call) or file.symbol(made) != TRACER:
        return None
    return made if context_given(made, file) is not None and parent_context(made, file) is None else None


def continued(call: ast.Call, made: ast.Call, file: File) -> list[Edit]:
    """Continue the trace that came from outside, in the outermost spans."""
    around = [each for each in file.up(call) if isinstance(each, (ast.With, ast.AsyncWith, ast.FunctionDef, ast.AsyncFunctionDef))]
    for each in around:
        if not isinstance(each, (ast.With, ast.AsyncWith)):
            break
        for item in each.items:
            if item.context_expr is call:
                break
            if file.symbol(item.context_expr) in STARTS:
                return []
    given = file.argument(made, 0, "span_context")
    assert given is not None
    _check_only(call, made, given, file)
    if file.function(made) is not file.function(call) and callers(made, file) is not None:
        text = _told(call, made, file)
    else:
        text = file.text(given) if isinstance(given, ast.Name) else file.render(given)
    origin = file.only_value(file.slot(given)) if isinstance(given, ast.Name) else given
    if origin is not None and file.symbol(origin) == "trace.span_context.SpanContext":
        trace = file.need(_TRACE, call.func)
        text = f"{trace}.set_span_in_context({trace}.NonRecordingSpan({text}))"
    at = file.end(call) - 1
    return [file.splice(at, at, f", context={text}", call)]


def _check_only(call: ast.Call, made: ast.Call, given: ast.expr, file: File) -> None:
    """Raise where a tracer with the context of headers starts several spans one after the other.

    Raises:
        Refused: It does.
    """
    origin = file.only_value(file.slot(given)) if isinstance(given, ast.Name) else given
    if origin is None or not file.symbol(origin).endswith(".from_headers"):
        return
    function, maker = file.function(call), file.function(made)
    is_repeated = any(
        isinstance(each, (ast.For, ast.AsyncFor, ast.While)) and made not in ast.walk(each) and file.function(each) is function
        for each in file.up(call)
    )
    others = [use.node for use in file.uses if use.rule in {"T010", "T012"} and isinstance(use.node, ast.Attribute)]
    others = [
        each for each in others if file.call(each) is not call and file.function(each) is function and tracer_of(each.value, file) is made
    ]
    is_other = maker is function and any(not _is_inside(each, call, file) and not _is_inside(call, each, file) for each in others)
    if is_repeated or is_other:
        raise Refused(
            Ask(
                "Are these spans of one trace also where the caller sent none? They are in OpenCensus, and each has its own in OpenTelemetry. "
                "One span around them keeps them together."
            )
        )


def _is_inside(node: ast.AST, other: ast.AST, file: File) -> bool:
    """Return whether a place stands in the block of the `with` that starts another span, or in another branch than that."""
    statement = file.statement(other)
    above = [node, *file.up(node)]
    if isinstance(statement, (ast.With, ast.AsyncWith)) and any(each in above for each in statement.body):
        return True
    branches = [each for each in above if isinstance(each, ast.If) and statement in ast.walk(each)]
    return any((statement in _walk(each.body)) != (file.statement(node) in _walk(each.body)) for each in branches)


def _walk(block: list[ast.stmt]) -> list[ast.AST]:
    return [below for each in block for below in ast.walk(each)]


def _told(call: ast.Call, made: ast.Call, file: File) -> str:
    """Return the source of the context that a function made its tracer with, for a caller of it that starts a span.

    Raises:
        Refused: An argument of the caller is another one where the span is started.
    """
    node, function = told(made, file), file.function(made)
    opener = call.func.value if isinstance(call.func, ast.Attribute) else None
    calling = file.only_value(file.slot(opener)) if isinstance(opener, ast.Name) else opener
    assert node is not None
    assert isinstance(function, ast.FunctionDef)
    assert isinstance(calling, ast.Call)
    text = file.render(node)
    is_method = isinstance(file.parents.get(function), ast.ClassDef)
    given: dict[str, str] = {}
    for at, parameter in enumerate([*function.args.posonlyargs, *function.args.args]):
        if parameter.arg not in {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}:
            continue
        if is_method and not at:
            value = calling.func.value if isinstance(calling.func, ast.Attribute) else None
        else:
            value = file.argument(calling, at - is_method, parameter.arg)
        slot = file.slot(value) if isinstance(value, ast.Name) else None
        if value is None or slot is None or len(slot.stores) > 1:
            raise Refused(Ask("From where does the trace of this span come? `context=propagate.extract(headers)` continues it."))
        given[parameter.arg] = file.text(value)
    places = [each for each in ast.walk(ast.parse(text, mode="eval")) if isinstance(each, ast.Name) and each.id in given]
    starts = line_starts(text.encode())
    edits = [Edit(at := starts[each.lineno - 1] + each.col_offset, at + len(each.id.encode()), given[each.id].encode()) for each in places]
    return apply(text.encode(), edits).decode()


def child(use: Found, file: File) -> Outcome:
    """`with span.span(name)` inside that span → `with tracer.start_as_current_span(name)`."""
    call, node = file.call(use.node), use.node
    if call is None or not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
        return Ask("Is that span the current one here?")
    if legacy.shows(file):
        return Ask(
            "Who reads the count of children at the exporter, or needs them in one list? Write `tracer.span(name)`, whose spans are not counted."
        )
    if not isinstance(file.parents.get(call), ast.withitem):
        return Ask(BY_ID["T011"].question)
    around = [
        (item, each)
        for each in file.up(call)
        if isinstance(each, (ast.With, ast.AsyncWith))
        for item in reversed(each.items)
        if item.context_expr is not call and file.symbol(item.context_expr) in STARTS
    ]
    item = around[0][0] if around else None
    if item is None or not isinstance(item.optional_vars, ast.Name) or file.slot(item.optional_vars) is not file.slot(node.value):
        return Ask("Is that span the current one here?")
    if file.function(item.context_expr) is not file.function(call):
        return Ask("Is that span the current one here?")
    opener = item.context_expr
    assert isinstance(opener, ast.Call)
    maker = opener.func.value if isinstance(opener.func, ast.Attribute) else None
    is_name = isinstance(maker, ast.Name) and file.symbol(opener) != "trace.span.Span.span"
    tracer = file.text(maker) if is_name and maker is not None else pipelines.tracer_around(node, file)
    return [file.replace(node, f"{tracer}.start_as_current_span"), *named(call, file)]


def kind(use: Found, file: File) -> Outcome:
    """`span.span_kind = kind` → `kind=` where the span is started, if it always is set there."""
    statement, node = file.statement(use.node), use.node
    if not isinstance(statement, ast.Assign) or statement.targets != [node] or not isinstance(node, ast.Attribute):
        return Ask(
            "OpenTelemetry's spans have no kind that can be read: which value is it? Read what the span was given; in a test, "
            "`kind` of the spans of an `InMemorySpanExporter`."
        )
    if file.symbol(statement.value).startswith("trace.span.SpanKind."):
        text = file.render(statement.value)
    elif isinstance(statement.value, ast.Constant) and statement.value.value in _NUMBERS:
        text = f"{file.need(_TRACE, node)}.SpanKind.{_NUMBERS[statement.value.value]}"
    else:
        return Ask(
            "Which kind is it? OpenTelemetry fixes it where the span is started. Write a constant of OpenCensus's `SpanKind` "
            "right below the start, and run `rewrite` again."
        )
    starts = starts_of(node, statement, file)
    if not starts:
        return Ask("OpenTelemetry fixes the kind where the span is started: is it the same whenever that span is?")
    others = [each for each in file.uses if each.rule == "T021" and each is not use and isinstance(each.node, ast.Attribute)]
    if any(start in starts for each in others for start in starts_of(each.node, file.statement(each.node), file)):
        return Ask("The kind is set twice: which one is it?")
    return [*(with_argument(each, f"kind={text}", file) for each in starts), file.delete(statement)]


def with_argument(call: ast.Call, text: str, file: File) -> Edit:
    """Give a call a further argument by name."""
    at = file.end(call) - 1
    comma = " " if file.source[:at].rstrip().endswith(b",") else ", "
    return file.splice(at, at, f"{comma}{text}", call)


def kinds(use: Found, file: File) -> Outcome:
    """`SpanKind.SERVER` → OpenTelemetry's."""
    last = use.symbol.rpartition(".")[2]
    if last not in _KINDS:
        return Keep("the class of kinds, not a kind")
    if isinstance(use.node, ast.Name):
        # A variable that holds a kind.
        return []
    if _is_beside_a_kind(use.node, file):
        return Keep("it stands beside the kind of a span that OpenCensus started, which has numbers for kinds")
    return [file.replace(use.node, f"{file.need(_TRACE, use.node)}.SpanKind.{_KINDS[last]}")]


def _is_beside_a_kind(node: ast.AST, file: File) -> bool:
    """Return whether a kind is compared with that of a span, or looked up by it."""
    for each in file.up(node):
        around = each.subject if isinstance(each, ast.Match) else each
        if isinstance(each, (ast.Compare, ast.Subscript, ast.Call, ast.Match)):
            names = (part for part in ast.walk(around) if isinstance(part, (ast.Name, ast.Attribute)) and isinstance(part.ctx, ast.Load))
            read = (file.only_value(file.slot(part)) if isinstance(part, ast.Name) else part for part in names)
            if any(isinstance(part, ast.Attribute) and part.attr == "span_kind" for part in read):
                return True
        if isinstance(each, ast.stmt):
            break
    return False


def as_call(node: ast.Attribute, statement: ast.Assign, file: File, call: str) -> list[Edit]:
    """Make an assignment to an attribute a call of a method.

    Args:
        node: The attribute.
        statement: The assignment.
        file: Its file.
        call: The method, with the arguments before the value, such as `update_name(`.
    """
    sign = file.source.index(b"=", file.end(node))
    value = sign + 1 + len(file.source[sign + 1 :]) - len(file.source[sign + 1 :].lstrip(b" \t"))
    return [
        file.splice(file.end(node) - len(node.attr.encode()), value, call, node),
        file.splice(file.end(statement), file.end(statement), ")", node),
    ]


def status(use: Found, file: File) -> Outcome:
    """`Status(code, message)` → `trace.Status(trace.StatusCode.ERROR, message)`; `span.status =` → `span.set_status(...)`."""
    node = use.node
    if use.symbol == "trace.status.Status.from_exception":
        call = file.call(node)
        if call is None or len(call.args) != 1 or call.keywords:
            return Keep("a method as a value")
        trace = file.need(_TRACE, node)
        return [file.replace(call, f"{trace}.Status({trace}.StatusCode.ERROR, str({file.render(call.args[0])}))")]
    if use.symbol == "trace.status.Status.as_ok":
        call = file.call(node)
        trace = file.need(_TRACE, node)
        return Keep("a method as a value") if call is None else [file.replace(call, f"{trace}.Status({trace}.StatusCode.OK)")]
    if use.symbol == "trace.status.Status":
        call = file.call(node)
        if call is None or file.has_stars(call):
            return Keep("the class itself")
        code, message = file.argument(call, 0, "code"), file.argument(call, 1, "message")
        if file.argument(call, 2, "details") is not None:
            return Ask(
                "OpenTelemetry's status has no details: are they needed? Leave them out, and run `rewrite` again, or set an attribute."
            )
        number = _code(code, file)
        if number is None:
            return Ask("Which codes can it be? 0 is StatusCode.OK, all others are StatusCode.ERROR.")
        if number not in _CODES and legacy.shows(file):
            return Ask(
                f"Who reads the code {number} at the exporter? OpenTelemetry has ERROR alone, which arrives there as 2, UNKNOWN. Write 2 where that will do."
            )
        trace = file.need(_TRACE, node)
        text = f"{trace}.StatusCode.ERROR" if number else f"{trace}.StatusCode.OK"
        if message is not None and number:
            maker, rendered = text_maker(message, file), file.render(message)
            text += f", {maker}({rendered})" if maker else f", {rendered}"
        return [file.replace(call, f"{trace}.Status({text})")]
    statement = file.statement(node)
    if use.symbol.endswith(".set_status"):
        call = file.call(node)
        return Keep("a method as a value") if call is None else file.positional(call, {"status": "status"})
    if isinstance(statement, ast.Assign) and statement.targets == [node] and isinstance(node, ast.Attribute):
        return as_call(node, statement, file, "set_status(")
    return Ask(
        "OpenTelemetry's spans have no status that can be read: who needs it? Read what the span was given; in a test, "
        "`status` of the spans of an `InMemorySpanExporter`."
    )


def _code(node: ast.expr | None, file: File) -> int | None:
    """Return the code of a status, where it is written out, by its number or by its name in `google.rpc.code_pb2`; None for another one."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, int) else None
    alias = file.import_of(node) if isinstance(node, ast.Attribute) else None
    statement = file.parents.get(alias) if alias is not None else None
    module = f"{statement.module}.{alias.name}" if isinstance(statement, ast.ImportFrom) and alias is not None else ""
    is_rpc = isinstance(node, ast.Attribute) and (module == "google.rpc.code_pb2" or ast.unparse(node.value) == "google.rpc.code_pb2")
    return _RPC.index(node.attr) if is_rpc and isinstance(node, ast.Attribute) and node.attr in _RPC else None


def annotation(use: Found, file: File) -> Outcome:
    """`span.add_annotation(text, key=value)` → `span.add_event(text, {"key": value})`."""
    call = file.call(use.node)
    if call is None or use.symbol != "trace.span.Span.add_annotation":
        return Ask("Which event of a span is it? `span.add_event(name, attributes)` takes it.")
    attributes = [keyword for keyword in call.keywords if keyword.arg != "description"]
    if len(call.args) > 1 or any(isinstance(each, ast.Starred) for each in call.args):
        return Ask("Which text and attributes are in `*`? Write them out, and run `rewrite` again.")
    edits = [file.rename(use.node, "add_event")]
    texts = [keyword for keyword in call.keywords if keyword.arg == "description"]
    edits += [file.splice(file.start(keyword), file.start(keyword.value), "", call) for keyword in texts]
    if not attributes:
        return edits
    if call.keywords.index(attributes[-1]) - call.keywords.index(attributes[0]) != len(attributes) - 1 or (
        not call.args and call.keywords[0] in attributes
    ):
        return Ask("Which of the arguments is the text?")
    if len(attributes) == 1 and attributes[0].arg is None:
        return [*edits, file.splice(file.start(attributes[0]), file.start(attributes[0].value), "", call)]
    for keyword in attributes:
        key = "**" if keyword.arg is None else f'"{keyword.arg}": '
        brace = "{" if keyword is attributes[0] else ""
        edits += [file.splice(file.start(keyword), file.start(keyword.value), brace + key, call)]
        edits += as_text(keyword.value, file) if keyword.arg is not None else []
    last = file.end(attributes[-1])
    return [*edits, file.splice(last, last, "}", call)]


def link(use: Found, file: File) -> Outcome:
    """`Link(trace_id, span_id)` → the `SpanContext` that OpenTelemetry's `add_link` takes."""
    call = file.call(use.node)
    if use.symbol.endswith(".add_link"):
        return Keep("a method as a value") if call is None else file.positional(call, {"link": "context"})
    if call is None or use.symbol != "trace.link.Link" or file.has_stars(call) or file.argument(call, 3, "attributes") is not None:
        return Ask("Which span does it point to? OpenTelemetry's links have no type. `span.add_link(context)` takes its context.")
    if file.argument(call, 2, "type") is not None and legacy.shows(file):
        return Ask("Who reads the type of the link at the exporter? OpenTelemetry's links have none. Leave it out where it is not needed.")
    ids = [file.argument(call, at, part) for at, part in enumerate(("trace_id", "span_id"))]
    if None in ids:
        return Ask("Which span does it point to? `span.add_link(context)` takes its context.")
    return [file.replace(call, span_context([each for each in ids if each is not None], "", file, use))]


def span_context(ids: Sequence[ast.expr], flags: str, file: File, use: Found) -> str:
    """Return the source of a span context of OpenTelemetry's from ids as text."""
    trace = file.need(_TRACE, use.node)
    numbers = [f"int({file.render(each)}, 16)" for each in ids]
    options = f", trace_flags={trace}.TraceFlags({flags})" if flags else ""
    return f"{trace}.SpanContext({numbers[0]}, {numbers[1]}, is_remote=True{options})"


def message(use: Found, file: File) -> Outcome:
    """`span.add_message_event(MessageEvent(...))` → `span.add_event("message", {...})`."""
    call = file.call(use.node)
    event = file.argument(call, 0, "message_event") if call is not None else None
    if not use.symbol.endswith(".add_message_event"):
        return None
    if call is None or not isinstance(event, ast.Call) or file.symbol(event) != "trace.time_event.MessageEvent" or file.has_stars(event):
        return Ask('Which message is it, and which of its sizes are known? `span.add_event("message", attributes)` takes them.')
    found = {}
    for at, (old, new) in enumerate(_MESSAGE.items()):
        value = file.argument(event, at + 1, old)
        if value is not None:
            symbol = file.symbol(value)
            is_type = symbol.startswith("trace.time_event.Type.") and symbol.count(".") == 3
            found[new] = f'"{symbol.rpartition(".")[2]}"' if is_type else file.text(value)
            if old == "type" and not is_type:
                return Ask("Is the message sent or received?")
    file.cover(event)
    order = ("message.type", "message.id", "message.uncompressed_size", "message.compressed_size")
    attributes = ", ".join(f'"{key}": {found[key]}' for key in order if key in found)
    return [
        file.rename(use.node, "add_event"),
        file.splice(file.end(call.func) + 1, file.end(call) - 1, f'"message", {{{attributes}}}', call),
    ]


def as_class(use: Found, file: File) -> Outcome:
    """`Span` for a check or a type → `trace.Span`; `Span | BlankSpan` too."""
    node = use.node
    if isinstance(node, ast.Constant) and use.symbol in _SPANS:
        quoted = file.in_quotes(use, f"{file.need(_TRACE, node)}.Span")
        return Keep("spans are made by tracers") if quoted is None else [quoted]
    is_type = use.symbol == "trace.span.Span" or (use.symbol in _SPANS and isinstance(node, ast.expr) and _is_type(node, file))
    is_type = is_type or (use.symbol == "trace.base_span.BaseSpan" and _is_check(node, file))
    if file.call(node) is not None and use.symbol in _SPANS:
        return Ask(
            "Which tracer makes this span? In a test, that of a TracerProvider with an InMemorySpanExporter, which keeps what becomes of it; "
            "a stand-in for a tracer needs `start_as_current_span`."
        )
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        meant = "Is the kind meant, which is `kind=` where the span is started?" if node.attr == "kind" else "Who reads it?"
        return Ask(f"OpenCensus's spans have no `{node.attr}`, so that nothing of it is sent, and OpenTelemetry's may refuse it. {meant}")
    if not is_type or not isinstance(node, (ast.Name, ast.Attribute)):
        return Keep("spans are made by tracers")
    both = file.parents.get(node)
    if isinstance(both, ast.Tuple) and len(both.elts) == 2 and isinstance(above := file.parents.get(both), ast.Subscript):
        both = above if ast.unparse(above.value).endswith("Union") else both
    if isinstance(both, (ast.BinOp, ast.Subscript)):
        sides = [both.left, both.right] if isinstance(both, ast.BinOp) else both.slice.elts if isinstance(both.slice, ast.Tuple) else []
        if len(sides) == 2 and all(file.symbol(each) in _SPANS for each in sides):
            if node is not sides[0]:
                return []
            node = both
    return [file.replace(node, f"{file.need(_TRACE, use.node)}.Span")]


def _is_type(node: ast.expr, file: File) -> bool:
    """Return whether an expression is part of a type: in an annotation, or in the one that an alias stands for."""
    above: ast.AST = node
    while isinstance(parent := file.parents.get(above), (ast.BinOp, ast.Subscript, ast.Tuple, ast.List)):
        above = parent
    return file.is_annotation(node) or (above is not node and isinstance(parent, (ast.Assign, ast.AnnAssign)))


def _is_check(node: ast.AST, file: File) -> bool:
    parent = file.parents.get(node)
    return isinstance(parent, ast.Call) and ast.unparse(parent.func) == "isinstance" and parent.args[1:] == [node]


def from_code(use: Found, file: File) -> Outcome:
    """`status_from_http_code(code)` → a status from the code."""
    call = file.call(use.node)
    code = file.argument(call, 0, "http_code") if call is not None else None
    if call is None or code is None or not use.symbol.endswith(".status_from_http_code"):
        return Ask("Which codes can it be? 0 is StatusCode.OK, all others are StatusCode.ERROR.")
    trace = file.need(_TRACE, use.node)
    text = file.render(code)
    text = text if isinstance(code, (ast.Name, ast.Attribute, ast.Constant, ast.Call, ast.Subscript)) else f"({text})"
    return [file.replace(call, f"{trace}.Status({trace}.StatusCode.ERROR if {text} >= 400 else {trace}.StatusCode.OK)")]


REWRITERS: dict[str, Rewriter] = {
    "T010": in_with,
    "T021": kind,
    "T025": status,
    "T026": annotation,
    "T027": link,
    "T028": message,
    "T029": child,
    "T031": kinds,
    "T075": from_code,
}
