"""What gets samplers and exporters; and tracers without an exporter, which only give log records their ids: the one place of a program that sets a provider with their sampler."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from opencensus_compat.rewrite.context import Ask, Keep, Refused
from opencensus_compat.rewrite.following.held import held
from opencensus_compat.rewrite.following.index import of_program
from opencensus_compat.rewrite.following.made import called, made

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opencensus_compat.rewrite.context import File
    from opencensus_compat.scan.python_uses import Found

TRACER = "trace.tracer.Tracer"
STARTS = frozenset({f"{TRACER}.span", f"{TRACER}.start_span", "trace.span.Span.span"})
"""What starts a span."""
_EXPORTER, _SAMPLER = (2, "exporter"), (1, "sampler")
_ALWAYS = frozenset({"trace.samplers.AlwaysOnSampler", "trace.samplers.AlwaysOffSampler"})
_PROBABILITY = "trace.samplers.ProbabilitySampler"
_HEADERS = frozenset({"_TRACEPARENT_HEADER_NAME", "_TRACESTATE_HEADER_NAME"})
_SETS = (b"set_tracer_provider(", b"configure(")
GRPC_SERVER = "ext.grpc.server_interceptor.OpenCensusServerInterceptor"
_TAKERS = {TRACER: (1, 2), "ext.flask.flask_middleware.FlaskMiddleware": (2, 3), GRPC_SERVER: (0, 1)}
"""What gets a sampler and an exporter, and at which places."""
_ASGI = "ext.fastapi.fastapi_middleware.FastAPIMiddleware"


class Taker(NamedTuple):
    """A call that makes a tracer or an interceptor or puts a middleware in, or the settings of a middleware."""

    node: ast.expr
    sampler: ast.expr | None
    exporter: ast.expr | None
    default: tuple[str, str]
    """The kind of its sampler where none is given."""

    def kind(self, file: File) -> tuple[str, str] | None:
        """Return the kind of its sampler; None for one that is not known."""
        return kind(self.sampler, file) if self.sampler is not None else self.default


def taker(call: ast.Call, file: File) -> Taker | None:
    """Return what a call gives a tracer, interceptor or middleware; None for another call."""
    places = _TAKERS.get(file.symbol(call))
    if places is not None:
        sampler, exporter = places
        return Taker(call, given(call, sampler, "sampler", file), given(call, exporter, "exporter", file), (_PROBABILITY, "0.0001"))
    if call.args and file.symbol(call.args[0]) == _ASGI:
        named = {each.arg: each.value for each in call.keywords}
        return Taker(call, named.get("sampler"), named.get("exporter"), ("trace.samplers.AlwaysOnSampler", ""))
    return None


@of_program
def takers(file: File) -> list[tuple[File, Taker]]:
    """Return the tracers and middlewares of the program of a file, and the settings of middlewares."""
    every = []
    for home in file.files.values():
        for call in home.kinds[ast.Call]:
            found = taker(call, home)
            if found is not None:
                every.append((home, found))
        for use in home.uses:
            statement = home.statement(use.node) if use.rule == "W018" else None
            if isinstance(statement, ast.Assign):
                trace = _entry(statement.value, "TRACE")
                settings = Taker(statement.value, _entry(trace, "SAMPLER"), _entry(trace, "EXPORTER"), (_PROBABILITY, "0.0001"))
                every.append((home, settings))
    return every


def _entry(node: ast.expr | None, name: str) -> ast.expr | None:
    """Return the value of a key of a dictionary in code."""
    pairs = zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ()
    return next((value for key, value in pairs if isinstance(key, ast.Constant) and key.value == name), None)


def given(call: ast.Call, position: int, name: str, file: File) -> ast.expr | None:
    """Return an argument; None for one that is not given, or is None."""
    node = file.argument(call, position, name)
    return None if isinstance(node, ast.Constant) and node.value is None else node


def together(files: Iterable[File]) -> Iterator[tuple[Found, Found]]:
    """Yield the tracers of a program that have no exporter, in pairs: one of them sets the provider for all."""
    first = None
    for file in files:
        for use in file.uses:
            call = file.call(use.node) if use.symbol == TRACER else None
            if call is not None and not file.is_alone(call) and given(call, *_EXPORTER, file) is None:
                if first is not None:
                    yield first, use
                first = use


def place_of_provider(call: ast.Call, sampler: str, file: File) -> ast.stmt | None:
    """Return the statement before which a program sets its provider, where that is for this tracer; None where another one is.

    Args:
        call: The call, which gives no exporter.
        sampler: The source of what becomes of its sampler.
        file: Its file.

    Raises:
        Refused: A person must say which module sets it.
    """
    every = tracers(file)
    if any(given(each, *_EXPORTER, home) is not None for home, each in every):
        raise Refused(
            Ask(
                "Its spans go nowhere, for it has no exporter. Are they to be sent as those of the other tracers are? Give it "
                "their exporter if so, and run `rewrite` again; else take it out."
            )
        )
    question = Ask("Which module sets the tracer provider with the sampler? The others only need `trace.get_tracer(__name__)`.")
    setting = [home for home in file.files.values() if any(word in home.source for word in _SETS)]
    if setting:
        provider = f"set_tracer_provider(TracerProvider(sampler={sampler}))".encode()
        is_same = len(setting) == 1 and setting[0].source.count(provider) == sum(setting[0].source.count(word) for word in _SETS)
        if is_same and (setting[0] is file or imports(file, setting[0], call)):
            return None
        raise Refused(question)
    if len(every) == 1:
        place = _place(call, file) or (file.statement(call) if is_first(call, file) else None)
        if place is None:
            raise Refused(Keep("nothing can be set up before this expression"))
        return place
    kinds = {kind(given(each, *_SAMPLER, home), home) for home, each in every}
    if len(kinds) > 1 or None in kinds:
        raise Refused(question)
    found = next(((home, each) for home, each in every if all(_follows(one, home, each) for one in every)), None)
    if found is None:
        raise Refused(question)
    return _place(call, file) if found[1] is call else None


def _place(call: ast.Call, file: File) -> ast.stmt | None:
    """Return the statement of a module before which something runs once and before a call; None where there is none that surely does."""
    top = next((each for each in file.up(call) if file.parents.get(each) is file.tree), None)
    if top is file.statement(call):
        return top if isinstance(top, ast.stmt) and is_first(call, file) else None
    if not isinstance(top, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or file.function(call) is None:
        return None
    sampler = given(call, *_SAMPLER, file)
    return top if sampler is not None and isinstance(sampler, ast.Call) and kind(sampler, file) is not None else None


@of_program
def tracers(file: File) -> list[tuple[File, ast.Call]]:
    """Return the calls that make tracers in the program of a file."""
    return [(home, call) for home in file.files.values() for call in called(home, TRACER)]


def kind(sampler: ast.expr | None, file: File) -> tuple[str, str] | None:
    """Return what tells samplers apart that decide differently: class and rate; None for one that is not known."""
    if sampler is None:
        return _PROBABILITY, "0.0001"
    node = default(sampler, file)
    found = made(file, node)
    kinds = {_kind(home, call) for home, call in (held(file, node) or [] if found is None else [found])}
    return kinds.pop() if len(kinds) == 1 else None


def _kind(file: File, call: ast.expr) -> tuple[str, str] | None:
    if not isinstance(call, ast.Call):
        return None
    symbol = file.symbol(call)
    if symbol in _ALWAYS:
        return symbol, ""
    rate = file.argument(call, 0, "rate")
    if symbol == _PROBABILITY and rate is None and not file.has_stars(call):
        return _PROBABILITY, "0.0001"
    return (symbol, repr(rate.value)) if symbol == _PROBABILITY and isinstance(rate, ast.Constant) else None


def _follows(one: tuple[File, ast.Call], home: File, call: ast.Call) -> bool:
    """Return whether a tracer is made after that of another call, whenever it is made."""
    file, made = one
    place = _place(call, home)
    if made is call or place is None:
        return place is not None
    if file is home:
        return home.start(place) < home.start(made)
    return imports(file, home, made)


def imports(file: File, other: File, before: ast.AST) -> bool:
    """Return whether a file has always imported another one when it comes to a place."""
    running = file.files.running(other.path)
    return any(at <= file.start(before) and (path == other.path or path in running) for at, path in file.files.imports_of(file))


def is_first(call: ast.Call, file: File) -> bool:
    """Return whether a statement before that of the call runs whenever the call does, and not more often."""
    for each in file.up(call):
        if isinstance(each, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.BoolOp, ast.IfExp, ast.arguments)):
            return False
        if isinstance(each, ast.stmt):
            if isinstance(each, (ast.While, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                return False
            # What stands before `elif` runs where its branch does not.
            return not (isinstance(each, ast.If) and file.source[file.start(each) :].startswith(b"elif"))
    return False


def check_header(file: File) -> None:
    """Refuse where a program sends and reads traces in a header of its own.

    Raises:
        Refused: It gives the header another name.
    """
    if _renames_header(file):
        raise Refused(
            Ask(
                "Which service reads the header that this program gives another name? A propagator on OpenTelemetry's "
                "`TextMapPropagator` can write it; `opentelemetry.propagate.set_global_textmap` makes it that of all libraries."
            )
        )


@of_program
def _renames_header(file: File) -> bool:
    return any(
        use.symbol.rpartition(".")[2] in _HEADERS and isinstance(getattr(use.node, "ctx", None), ast.Store)
        for home in file.files.values()
        for use in home.uses
    )


def context_given(call: ast.Call, file: File) -> ast.expr | None:
    """Return the context that a tracer is made with; None for one that nobody gives."""
    node = given(call, 0, "span_context", file)
    return None if isinstance(node, ast.Name) and nobody_gives(node, file) else node


def default(node: ast.expr, file: File) -> ast.expr:
    """Return what `given or default` stands for where nobody gives that parameter; another expression as it is."""
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and len(node.values) == 2:
        first, second = node.values
        if isinstance(first, ast.Name) and nobody_gives(first, file):
            return second
    return node


def nobody_gives(node: ast.Name, file: File) -> bool:
    """Return whether a name is a parameter that is None unless it is given, and no call of its function in the program gives it."""
    function, slot = file.function(node), file.slot(node)
    parameter = slot.parameter if slot is not None and len(slot.stores) == 1 else None
    if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) or parameter is None:
        return False
    places = [*function.args.posonlyargs, *function.args.args]
    defaults = dict(zip(reversed(places), reversed(function.args.defaults), strict=False))
    defaults |= {each: value for each, value in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if value}
    without = defaults.get(parameter)
    if not isinstance(without, ast.Constant) or without.value is not None:
        return False
    at = places.index(parameter) if parameter in places else len(places)
    for home, each in file.files.reads(function.name):
        made = home.call(each)
        if made is None or home.has_stars(made) or len(made.args) > at or parameter.arg in {keyword.arg for keyword in made.keywords}:
            return False
    return True


def is_continued(call: ast.Call, file: File) -> bool:
    """Return whether the spans that continue the trace of a tracer's context are all seen: those of one variable of its function, or of its callers."""
    parent = file.parents.get(call)
    if isinstance(parent, ast.Attribute) or file.is_alone(call):
        return True
    if (calls := callers(call, file)) is not None:
        return all(_is_held(each, file) for each in calls)
    return _is_held(call, file)


def _is_held(call: ast.Call, file: File) -> bool:
    """Return whether what a call returns is one variable, of which only spans are started, or that is handed on in one."""
    parent = file.parents.get(call)
    target = parent.targets[0] if isinstance(parent, ast.Assign) and len(parent.targets) == 1 else None
    slot = file.slot(target) if isinstance(target, ast.Name) else None
    if slot is None or file.only_value(slot) is not call:
        return False
    return all(isinstance(file.parents.get(load), ast.Attribute) or _is_in_span(load, file) for load in slot.loads)


def callers(call: ast.Call, file: File) -> list[ast.Call] | None:
    """Return the calls of the function that only makes and returns a tracer with a context; None for another tracer, or for calls elsewhere."""
    function, parent = file.function(call), file.parents.get(call)
    if not isinstance(function, ast.FunctionDef) or any(isinstance(each, ast.Lambda) for each in file.up(call)):
        return None
    results: list[ast.Return] = [each for each in file.kinds[ast.Return] if file.function(each) is function]
    if len(results) != 1 or results[0] is not function.body[-1] or results[0].value is None:
        return None
    value: ast.expr = results[0].value
    held = file.only_value(file.slot(value)) if isinstance(value, ast.Name) else value
    if held is not call or (isinstance(value, ast.Name) and (slot := file.slot(value)) is not None and slot.loads != [value]):
        return None
    if parent not in function.body or not _is_told(call, function, file):
        return None
    found = []
    for home, each in file.files.reads(function.name):
        made = home.call(each)
        if home is not file or made is None or home.has_stars(made):
            return None
        found.append(made)
    return found or None


def told(call: ast.Call, file: File) -> ast.expr | None:
    """Return the expression of the context of a tracer that a function makes for its callers; None for one that they cannot have."""
    node = given(call, 0, "span_context", file)
    return file.only_value(file.slot(node)) if isinstance(node, ast.Name) else node


def _is_told(call: ast.Call, function: ast.FunctionDef, file: File) -> bool:
    """Return whether the callers of a function can write the context that its tracer is made with: it hangs on arguments and names of the module."""
    found = told(call, file)
    if found is None:
        return False
    for each in ast.walk(found):
        slot = file.slot(each) if isinstance(each, ast.Name) else None
        is_own = slot is not None and slot.owner is function
        if is_own and slot is not None and (slot.parameter is None or len(slot.stores) > 1):
            return False
    return True


def _is_in_span(node: ast.expr, file: File) -> bool:
    """Return whether an expression stands in the block of a span."""
    return any(
        file.symbol(item.context_expr) in STARTS
        for each in file.up(node)
        if isinstance(each, (ast.With, ast.AsyncWith))
        for item in each.items
    )


def is_of_tracer(node: ast.Attribute, file: File) -> bool:
    """Return whether an attribute is the context of a tracer."""
    if node in file.by_node or node.attr != "span_context":
        return file.symbol(node) == f"{TRACER}.span_context"
    found = held(file, node.value, or_none=True)
    return bool(found) and all(home.symbol(call) == TRACER for home, call in found or [])


def parent_context(call: ast.Call, file: File) -> ast.Attribute | None:
    """Return the context of another tracer that a tracer is made with: its spans are children of the current one then.

    Raises:
        Refused: The tracer may be made in another thread, where that span is not the current one.
    """
    node = given(call, 0, "span_context", file)
    if not isinstance(node, ast.Attribute) or not is_of_tracer(node, file):
        return None
    function = file.function(call)
    name = getattr(function, "name", "")
    for home, each in file.files.reads(name):
        if home.call(each) is None:
            raise Refused(Ask("In which thread is this tracer made? In another one than its caller's, the context must be handed on."))
    return node


def continued_by(node: ast.Attribute, file: File) -> ast.expr | None:
    """Return the tracer that is made with the context of another one, by which it is called; None for another attribute."""
    above = file.parents.get(node)
    call = file.parents.get(above) if isinstance(above, ast.keyword) else above
    return call.func if isinstance(call, ast.Call) and file.symbol(call) == TRACER and is_of_tracer(node, file) else None
