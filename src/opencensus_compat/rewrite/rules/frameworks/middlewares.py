"""Middlewares of Flask and FastAPI: the instrumentation of the application, and what sends its spans."""

from __future__ import annotations

import ast
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from opencensus_compat.rewrite import imports
from opencensus_compat.rewrite.context import Ask, Keep, Refused
from opencensus_compat.rewrite.edits import Edit
from opencensus_compat.rewrite.following.made import is_subclass, made, maker, readers, target
from opencensus_compat.rewrite.rules.exporters import legacy, pipelines, providers, setups, shared, ways
from opencensus_compat.rewrite.rules.frameworks import settings
from opencensus_compat.rewrite.rules.frameworks.integrations import no_metrics
from opencensus_compat.rewrite.rules.frameworks.settings import Source
from opencensus_compat.rewrite.rules.logs.handlers import is_named_only
from opencensus_compat.rewrite.rules.traces import samplers
from opencensus_compat.scan import strings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.scan.python_uses import Found

_FLASK = "ext.flask.flask_middleware.FlaskMiddleware"
_FLASK_INSTRUMENTOR = "from opentelemetry.instrumentation.flask import FlaskInstrumentor"


@dataclass(frozen=True, slots=True)
class _Middleware:
    """A middleware, and what it is given by its arguments and by settings."""

    use: Found
    call: ast.Call
    """What makes it, or puts it in."""
    given: dict[str, ast.expr]
    edits: list[Edit]
    """That take the settings away."""
    settings: list[Found]
    """Uses in these."""
    added: Sequence[ast.Call]
    """What adds telemetry processors to its exporter by `middleware.exporter`."""
    default_sampler: Callable[[File, Found], str]
    """Returns the source of the sampler of one that is given none."""
    file: File
    later: Sequence[tuple[File, ast.Call]] = ()
    """What puts it into applications, where it is made without one."""

    @property
    def sampler(self) -> ast.expr | None:
        """What it is given as sampler."""
        return self.given.get("sampler")

    def sampler_text(self) -> str:
        """Return the source of its sampler."""
        return self.default_sampler(self.file, self.use) if self.sampler is None else settings.sampler(self.sampler, self.file, self.use)


class _Sent(NamedTuple):
    """What sends the spans of an instrumentation that takes the place of a middleware."""

    lines: list[str]
    """Statements before that of the instrumentation."""
    edits: list[Edit]
    argument: str = ""
    """Of the instrumentation."""
    place: ast.stmt | None = None
    """In whose place the statements stand; None for that of the middleware."""


def flask(use: Found, file: File) -> Outcome:
    """`FlaskMiddleware(app, ...)` → `configure(...)` and `FlaskInstrumentor().instrument_app(app, ...)`."""
    call = file.call(use.node)
    if is_subclass(use, file):
        return Keep("a class of the program stands on the middleware")
    if call is None and isinstance(use.node, (ast.Name, ast.Attribute)) and use.symbol == _FLASK and is_named_only(use.node, file):
        return _check(use.node, file.need(_FLASK_INSTRUMENTOR, use.node), file)
    if call is not None and use.symbol == f"{_FLASK}.init_app" and _is_made_here(use.node, file):
        return []
    _, of_object, member = use.symbol.rpartition(".FlaskMiddleware.")
    if of_object:
        return Ask(
            f"Where is the application made? What `.{member}` sets up, `configure(...)` and `FlaskInstrumentor().instrument_app(app, ...)` "
            "take as arguments there."
        )
    if call is None or use.symbol != _FLASK:
        return Ask("Is this a check, or a subclass? What does it add?")
    app = file.argument(call, 0, "app")
    later = _put_in_later(call, file) if app is None or (isinstance(app, ast.Constant) and app.value is None) else []
    statement = file.statement(call)
    function = file.function(call)
    if any(strings.tail(each) == "before_first_request" for each in getattr(function, "decorator_list", ())):
        return Ask(
            "Where is the application made? Put the middleware in there, and run `rewrite` again: the first request has begun here, so that its "
            "span would get no status, and Flask 2.3 has no `before_first_request`."
        )
    if (app is None and not later) or file.has_stars(call):
        return Ask("Which application is instrumented, and with what? Write `FlaskInstrumentor().instrument_app(app)` where it is known.")
    added = [] if later or file.is_alone(call) or _is_unused(statement, call, file) else ways.added_to_middleware(call, file)
    if added is None:
        return Ask(
            "What is done with the middleware? A telemetry processor of its exporter becomes an argument of `configure`. Take "
            "other uses of it out, and run `rewrite` again."
        )
    names = ("app", "excludelist_paths", "sampler", "exporter", "propagator")
    given = {name: value for at, name in enumerate(names) if (value := providers.given(call, at, name, file)) is not None}
    if (older := providers.given(call, 9, "blacklist_paths", file)) is not None:
        given.setdefault("excludelist_paths", older)
    if later:
        return _instrumented(_Middleware(use, call, given, [], [], [], samplers.default_sampler, file, later), "", "")
    assert app is not None
    given, edits, uses = _with_settings(given, ast.unparse(app), file)
    instrumentor = file.need(_FLASK_INSTRUMENTOR, use.node)
    start = f"{instrumentor}().instrument_app({file.render(app)}"
    return _instrumented(_Middleware(use, call, given, edits, uses, added, samplers.default_sampler, file), start, "")


def _check(node: ast.expr, new: str, file: File) -> list[Edit]:
    """Return the edits that test the new class, in the place of one whose import may fail."""
    slot = file.slot(node)
    checks = [load for load in slot.loads if file.call(load) is None] if slot is not None else []
    # The first of them sees to `FlaskMiddleware = None`, where the import fails.
    stores = slot.stores if slot is not None and checks and min(checks, key=file.start) is node else []
    return [file.replace(node, new), *(file.replace(store, new) for store in stores if isinstance(store, ast.Name))]


def _put_in_later(call: ast.Call, file: File) -> list[tuple[File, ast.Call]]:
    """Return the calls that put a middleware into applications, which is made without one; none where something else is done with it."""
    place = target(file, call)
    found = []
    for home, load in readers(file, place) if place is not None else ():
        method = home.parents.get(load)
        put_in = home.call(method) if isinstance(method, ast.Attribute) and method.attr == "init_app" else None
        if put_in is None or not home.is_alone(put_in) or len(put_in.args) != 1 or put_in.keywords or home.has_stars(put_in):
            return []
        found.append((home, put_in))
    return found


def _is_made_here(method: ast.AST, file: File) -> bool:
    """Return whether a method is that of a middleware which these files make: its rule sees to the call."""
    found = made(file, method.value) if isinstance(method, ast.Attribute) else None
    return found is not None and found[0].symbol(found[1]) == _FLASK


def _in_applications(middleware: _Middleware, paths: str) -> list[Edit]:
    """Return the edits that put an instrumentation into applications, where a middleware was put in; those of other files are noted there."""
    edits: list[Edit] = []
    for home, put_in in middleware.later:
        before = len(home.needs)
        use = middleware.use if home is middleware.file else home.by_node[put_in.func][0]
        instrumentor, metrics = home.need(_FLASK_INSTRUMENTOR, use.node), no_metrics(use, home)
        text = f"{instrumentor}().instrument_app({home.render(put_in.args[0])}{paths}{f', {metrics}' if metrics else ''})"
        changed = [home.replace(put_in, text)]
        if home is not middleware.file:
            owner = put_in.func.value if isinstance(put_in.func, ast.Attribute) else put_in.func
            changed += shared.import_without(owner, None, home)
        edits += imports.of_file(changed, home, put_in, before, middleware.file)
    return edits


def together(files: Iterable[File]) -> Iterator[tuple[Found, Found]]:
    """Yield, in pairs, the uses of Flask's middleware in a file that tests whether there is one: the test changes with what it stands before."""
    for file in files:
        found = [use for use in file.uses if use.symbol == _FLASK and isinstance(use.node, (ast.Name, ast.Attribute))]
        if any(file.call(use.node) is None for use in found):
            yield from itertools.pairwise(found)


def _is_unused(statement: ast.stmt, call: ast.Call, file: File) -> bool:
    if not isinstance(statement, ast.Assign) or statement.value is not call or len(statement.targets) != 1:
        return False
    place = statement.targets[0]
    if isinstance(place, ast.Attribute) and isinstance(place.value, ast.Name) and place.value.id == "self":
        is_named = any(node.value == place.attr for home in file.files.values() for node in home.kinds[ast.Constant])
        return not is_named and not any(home.reads(place.attr) for home in file.files.values())
    slot = file.slot(place) if isinstance(place, ast.Name) else None
    return slot is not None and not slot.loads and len(slot.stores) == 1


def _with_settings(given: dict[str, ast.expr], app: str, file: File) -> tuple[dict[str, ast.expr], list[Edit], list[Found]]:
    """Return what a middleware of Flask is given, settings in `app.config` included, the edits that take these away, and their uses."""
    edits: list[Edit] = []
    uses: list[Found] = []
    for other in file.uses:
        if other.rule != "W018":
            continue
        statement = file.statement(other.node)
        if not isinstance(statement, ast.Assign) or [ast.unparse(target) for target in statement.targets] != [
            f"{app}.config['OPENCENSUS']"
        ]:
            raise Refused(Keep("settings in another form than `app.config['OPENCENSUS'] = {...}`"))
        found = settings.trace_settings(statement.value)
        if isinstance(found, Keep):
            raise Refused(found)
        given = {**found.parts, **given}
        edits.append(file.delete(statement))
        uses += [each for node in ast.walk(statement) for each in file.by_node.get(node, ())]
    if not edits:
        elsewhere = settings.settings_of_object(app, file)
        if isinstance(elsewhere, Keep):
            raise Refused(elsewhere)
        given = {**(elsewhere.parts if elsewhere is not None else {}), **given}
    return given, edits, uses


def fastapi(use: Found, file: File) -> Outcome:
    """`app.add_middleware(FastAPIMiddleware, ...)` → `configure(...)` and `FastAPIInstrumentor.instrument_app(app, ...)`."""
    if is_subclass(use, file):
        return Keep("a class of the program stands on the middleware")
    call = file.parents.get(use.node)
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.func.attr != "add_middleware":
        return Ask("Which application is instrumented here? Write `FastAPIInstrumentor.instrument_app(app)` where it is made.")
    if not file.is_alone(call) or file.has_stars(call) or len(call.args) != 1:
        return Ask("Which options does the middleware get? Write them by name, and run `rewrite` again.")
    given = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
    instrumentor = file.need("from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor", use.node)
    start = f"{instrumentor}.instrument_app({file.render(call.func.value)}"
    # Without these every part of an answer is a dependency.
    spans = ', exclude_spans=["receive", "send"]'
    return _instrumented(_Middleware(use, call, given, [], [], [], _all, file), start, spans)


def _all(file: File, use: Found) -> str:
    return file.need("from opentelemetry.sdk.trace.sampling import ALWAYS_ON", use.node)


def _instrumented(middleware: _Middleware, start: str, more: str) -> Outcome:
    """Return the edits that put an instrumentation in the place of a middleware.

    Args:
        middleware: The middleware.
        start: The call of the instrumentation as far as its application.
        more: Its last arguments.
    """
    given, call, file = middleware.given, middleware.call, middleware.file
    if "excludelist_hostnames" in given:
        return Ask("Which hosts are not to be traced? OTEL_PYTHON_REQUESTS_EXCLUDED_URLS and its like name them for each library.")
    if "propagator" in given and not settings.is_default_propagator(given["propagator"], file):
        return Ask("Which headers do the callers send? `opentelemetry.propagate.set_global_textmap` sets the propagator of all libraries.")
    exporter = given.get("exporter")
    if exporter is None:
        return Keep("it prints its spans: it has no exporter here")
    providers.check_header(file)
    is_separate = ways.are_separate(file)
    if middleware.later and (is_separate or any(other.rule == "W018" for home in file.files.values() for other in home.uses)):
        return Ask("Which settings have the applications? Write `FlaskMiddleware(app, ...)` where each is made, and run `rewrite` again.")
    stays = None if is_separate else legacy.of(exporter, file)
    for each in middleware.added:
        file.covered.update(file.by_node.get(each.func, ()))
    if stays is None and not is_separate:
        legacy.check_alone(file)
    if stays is not None:
        sent: _Sent | Ask | Keep = _by_legacy_exporter(middleware, exporter, stays)
    elif is_separate:
        sent = _by_pipeline(middleware, exporter)
    elif maker(exporter, file) is not None:
        sent = _by_setup_elsewhere(middleware, exporter)
    else:
        sent = _by_configure(middleware, exporter)
    if isinstance(sent, (Ask, Keep)):
        return sent
    if not is_separate:
        setups.check(call, file)
    paths = settings.excluded_urls(given.get("excludelist_paths"))
    if isinstance(paths, Ask):
        return paths
    file.covered.update(middleware.settings)
    place = sent.place or file.statement(call)
    edits = [*middleware.edits, *sent.edits]
    if middleware.later:
        edits += _in_applications(middleware, paths)
        return [*edits, file.replace(place, _joined(sent.lines, place, file)) if sent.lines else file.delete(place)]
    metrics = no_metrics(middleware.use, file)
    lines = [*sent.lines, f"{start}{sent.argument}{paths}{more}{f', {metrics}' if metrics else ''})"]
    return [*edits, file.splice(file.start(place), file.end(place), _joined(lines, place, file), place)]


def _joined(lines: Sequence[str], place: ast.stmt, file: File) -> str:
    """Return statements as they stand in the place of one."""
    return (f"{file.line_end}{file.indentation(place)}" if file.begins_line(place) else "; ").join(lines)


def _by_legacy_exporter(middleware: _Middleware, exporter: ast.expr, stays: legacy.Stays) -> _Sent | Ask:
    """Return what hands the spans to an exporter of OpenCensus that stays."""
    if middleware.added:
        return Ask("What is done with the exporter of the middleware? Take other uses of it out, and run `rewrite` again.")
    file, sampler = middleware.file, middleware.sampler
    text = middleware.sampler_text()
    taker = providers.taker(middleware.call, file)
    assert taker is not None
    written = legacy.set_up(stays, middleware.call, taker._replace(sampler=sampler, exporter=exporter), text, middleware.use, file)
    if sampler is not None:
        file.cover(sampler)
    edits = [each for each in written if isinstance(each, Edit)]
    if stays.file is not file:
        edits += shared.import_without(exporter, sampler, file)
    return _Sent([each for each in written if isinstance(each, str)], edits)


def _by_pipeline(middleware: _Middleware, exporter: ast.expr) -> _Sent | Ask | Keep:
    """Return what sends the spans by a pipeline of their own, where those of the program go several ways."""
    file = middleware.file
    provider = _provider(middleware, exporter)
    if isinstance(provider, (Ask, Keep)):
        return provider
    lines: list[str] = []
    edits: list[Edit] = []
    if middleware.added:
        pipeline, _, of_sampler = provider.rpartition(".tracer_provider(")
        name = pipeline if isinstance(exporter, (ast.Name, ast.Attribute)) else file.free_name("exporter")
        lines += [f"{name} = {pipeline}"] if name != pipeline else []
        provider = f"{name}.tracer_provider({of_sampler}"
        edits += [file.replace(each.func.value, name) for each in middleware.added if isinstance(each.func, ast.Attribute)]
    edits += pipelines.kept(exporter, middleware.call, file)
    return _Sent(lines, edits, f", tracer_provider={provider}")


def _provider(middleware: _Middleware, exporter: ast.expr) -> str | Ask | Keep:
    """Return the source of the provider of a middleware, whose parts are in code or in the text of settings."""
    use, file = middleware.use, middleware.file
    found = settings.source(exporter)
    if isinstance(found, Source) and not found.is_text:
        return pipelines.provider(exporter, middleware.sampler, use, file, middleware.default_sampler)
    arguments = settings.exporter_arguments(exporter, file, file.statement(middleware.call))
    if isinstance(arguments, (Ask, Keep)):
        return arguments
    of_sampler = middleware.sampler_text()
    return f"{pipelines.named(use.node, file)}({', '.join(arguments)}).tracer_provider(sampler={of_sampler})"


def _by_setup_elsewhere(middleware: _Middleware, exporter: ast.expr) -> _Sent:
    """Return what is left to do where `configure` stands in the place where the exporter is made."""
    file, sampler = middleware.file, middleware.sampler
    edits = [*shared.import_without(exporter, sampler, file)]
    if sampler is not None:
        file.cover(sampler)
    return _Sent([file.text(exporter)] if isinstance(exporter, ast.Call) else [], edits)


def _by_configure(middleware: _Middleware, exporter: ast.expr) -> _Sent | Ask | Keep:
    """Return the call of `configure`."""
    use, call, file, added = middleware.use, middleware.call, middleware.file, middleware.added
    arguments = settings.exporter_arguments(exporter, file, file.statement(call))
    if isinstance(arguments, (Ask, Keep)):
        return arguments
    edits: list[Edit] = []
    if added:
        functions = [file.render(node) for each in added for node in [*each.args, *(keyword.value for keyword in each.keywords)]]
        arguments.append(f"telemetry_processors=[{', '.join(functions)}]")
        edits += [file.delete(file.statement(each)) for each in added[:-1]]
        edits.append(file.delete(file.statement(call)))
    arguments.append('signals=["traces"]')
    arguments.append(f"sampler={middleware.sampler_text()}")
    line = f"{file.need('from appinsights_exporter import configure', use.node)}({', '.join(arguments)})"
    return _Sent([line], edits, place=file.statement(added[-1]) if added else None)


REWRITERS: dict[str, Rewriter] = {
    "W010": flask,
    "W012": fastapi,
}
