"""Integrations and middlewares."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from opencensus_compat._integrations import INTEGRATIONS
from opencensus_compat.rewrite.context import Ask, Keep, Refused
from opencensus_compat.rewrite.edits import Edit
from opencensus_compat.rewrite.following.made import maker
from opencensus_compat.rewrite.rules.exporters import legacy, pipelines, providers, setups, shared, ways
from opencensus_compat.rewrite.rules.frameworks import settings
from opencensus_compat.rewrite.rules.frameworks.settings import Source
from opencensus_compat.rewrite.rules.traces import samplers
from opencensus_compat.scan import strings
from opencensus_compat.scan.project import ENGINES
from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.scan.python_uses import Found

FREE = frozenset({"L006", "W001", "W016"})

INSTRUMENTORS = {
    "httpx": "HTTPXClientInstrumentor",
    "mysql": "MySQLInstrumentor",
    "postgresql": "Psycopg2Instrumentor",
    "pymongo": "PymongoInstrumentor",
    "pymysql": "PyMySQLInstrumentor",
    "requests": "RequestsInstrumentor",
    "sqlalchemy": "SQLAlchemyInstrumentor",
    "threading": "ThreadingInstrumentor",
}
"""Name of an integration -> class of its instrumentation, in the module of its name below `opentelemetry.instrumentation`."""
_MODULES = {"postgresql": "psycopg2"}
_NEVER = frozenset(row.name for row in INTEGRATIONS.values() if row.switched_on)
"""Names that switch nothing on."""
_MEASURING = frozenset({"httpx", "requests", "sqlalchemy"})
"""Libraries whose instrumentations measure besides."""
_METRICS = frozenset({"A010", "V003"})
_SENT = (b'signals=["metrics"]', b"set_meter_provider(")
"""What a program sends metrics with, before it is rewritten and after."""


def by_name(use: Found, file: File) -> Outcome:
    """`trace_integrations(["requests", "logging"])` → `RequestsInstrumentor().instrument()`, one for each."""
    call = file.call(use.node)
    if use.symbol.startswith("ext."):
        names: list[str] | None = [use.symbol.split(".")[1]] if use.symbol.endswith(".trace.trace_integration") else None
    elif use.symbol.endswith(".trace_integrations"):
        names = _names(call, file) if call is not None else None
    else:
        return Keep("a part of the integration")
    if call is None or names is None:
        return Ask("Which integrations are switched on here?")
    if not file.is_alone(call):
        return Ask("What is done with the names that it returns?")
    left = [name for name in names if name not in {*INSTRUMENTORS, *_NEVER, "logging"}]
    engine = _engine(call, file) if "sqlalchemy" in names else None
    if isinstance(engine, Ask):
        if names == ["sqlalchemy"]:
            return engine
        left.append("sqlalchemy")
        engine = None
    found = [_instrumented(name, file, use) for name in names if name not in left]
    beside: list[Edit] = []
    if engine is not None:
        made, argument = engine
        line = found.pop(names.index("sqlalchemy") - sum(name in left for name in names[: names.index("sqlalchemy")]))
        line = f"{line.removesuffix(')')}{'' if line.endswith('instrument()') else ', '}engine={argument})"
        # The instrumentation sees no engine that is made by a name from before: it gets this one.
        if file.start(made) < file.start(call):
            found.append(line)
        else:
            beside.append(file.insert_after(made, line))
    lines = [_once(line, call, file) for line in found if line]
    if left and len(left) == len(names):
        return Ask(_left(left))
    if left:
        lines.append(f"{file.text(call.func)}({_listed(left)})")
    return [*_in_place(call, lines, file), *beside]


def _engine(call: ast.Call, file: File) -> tuple[ast.stmt, str] | Ask | None:
    """Return the statement that makes the one engine of the program, and the engine; None where none is made in these files.

    The instrumentation traces the engines that `sqlalchemy.create_engine` makes later under that name, and those that it is given. The
    integration traces all.
    """
    question = Ask(
        "Which engines are traced? The instrumentation traces those that `sqlalchemy.create_engine` makes after it under that name, and none "
        "of `from sqlalchemy import create_engine` or of flask_sqlalchemy. Write `SQLAlchemyInstrumentor().instrument(engines=[...])` of "
        "opentelemetry.instrumentation.sqlalchemy where all are made."
    )
    if file.around is not None and file.around.makes_engines(file.path):
        return question
    if not ENGINES.search(file.source):
        return None
    calls: list[ast.Call] = file.kinds[ast.Call]
    makers = [node for node in calls if strings.tail(node.func) in {"create_engine", "create_async_engine"}]
    made = file.statement(makers[0]) if len(makers) == 1 else None
    if (
        len(ENGINES.findall(file.source)) != 1
        or not isinstance(made, ast.Assign)
        or made.value is not makers[0]
        or len(made.targets) != 1
        or not isinstance(made.targets[0], ast.Name)
        or file.parents.get(made) is not file.tree
        or file.parents.get(file.statement(call)) is not file.tree
    ):
        return question
    name = made.targets[0].id
    return made, f"{name}.sync_engine" if strings.tail(makers[0].func) == "create_async_engine" else name


def _names(call: ast.Call | None, file: File) -> list[str] | None:
    """Return the names that a call switches on; None where they are not written out."""
    node = file.argument(call, 0, "integrations") if call is not None else None
    if isinstance(node, ast.Name):
        node = file.only_value(file.slot(node))
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if not isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return None
    names = [each.value for each in node.elts if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return list(dict.fromkeys(names)) if len(names) == len(node.elts) else None


def _instrumented(name: str, file: File, use: Found) -> str:
    """Return the statement that instruments a library; empty where none is needed."""
    if name == "logging" and _has_ids(file):
        return f"{file.need('from appinsights_exporter import trace_ids_in_records', use.node)}()"
    if name in _NEVER or name == "logging":
        # The handler of the exporter knows the current span by itself.
        return ""
    module = f"opentelemetry.instrumentation.{_MODULES.get(name, name)}"
    arguments = [f"tracer_provider={pipelines.of_libraries(use.node, file)}"] if ways.are_separate(file) else []
    if name in _MEASURING and (metrics := _no_metrics(use, file)):
        arguments.append(metrics)
    return f"{file.need(f'from {module} import {INSTRUMENTORS[name]}', use.node)}().instrument({', '.join(arguments)})"


def _no_metrics(use: Found, file: File) -> str:
    """Return the argument that keeps an instrumentation from measuring, where the program sends metrics; empty where nothing would come of it."""
    homes = file.files.values()
    is_sent = any(each.rule in _METRICS for home in homes for each in home.uses) or any(
        word in home.source for word in _SENT for home in homes
    )
    return f"meter_provider={file.need('from opentelemetry.metrics import NoOpMeterProvider', use.node)}()" if is_sent else ""


def _has_ids(file: File) -> bool:
    """Return whether formats of log lines need what the integration with `logging` sets."""
    return any(other.rule == "L006" for other in file.uses) or (file.around is not None and file.around.has_formats_with_ids())


def _once(line: str, call: ast.Call, file: File) -> str:
    """Return a statement that instruments, for where it may run again: an instrumentor warns of that, where OpenCensus said nothing."""
    instrumentor, found, _ = line.partition(".instrument(")
    if not found or not ways.is_repeated(call, file) or not file.begins_line(file.statement(call)):
        return line
    return f"if not {instrumentor}.is_instrumented_by_opentelemetry:{file.line_end}{file.indentation(file.statement(call))}    {line}"


def _left(names: list[str]) -> str:
    if names == ["httplib"]:
        return "Which library on top of `http.client` makes the calls? Instrument that one: `http.client` itself has no instrumentation."
    if names == ["google_cloud_clientlibs"]:
        return BY_ID["W015"].question
    return f"Which instrumentations stand for {', '.join(names)}?"


def _listed(names: list[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def _in_place(call: ast.Call, lines: list[str], file: File) -> list[Edit]:
    """Put statements in the place of one."""
    statement = file.statement(call)
    if not lines:
        if file.body_of(statement) == [statement] and file.parents.get(statement) is not file.tree:
            return [file.replace(statement, "pass")]
        return [file.delete(statement)]
    between = f"{file.line_end}{file.indentation(statement)}" if file.begins_line(statement) else "; "
    return [file.replace(call, between.join(lines))]


def ids_in_formats(use: Found, file: File) -> Outcome:
    """`%(traceId)s` stays: `trace_ids_in_records()` sets it, in the place of the integration with `logging`."""
    return []


def no_client(use: Found, file: File) -> Outcome:
    """`http.client` has no instrumentation."""
    return Ask(_left(["httplib"])) if file.call(use.node) is not None else Keep("a part of the integration")


class _Parts(NamedTuple):
    """What a middleware is given, by its arguments and by settings."""

    given: dict[str, ast.expr]
    edits: list[Edit]
    """That take the settings away."""
    uses: list[Found]


def flask(use: Found, file: File) -> Outcome:
    """`FlaskMiddleware(app, ...)` → `configure(...)` and `FlaskInstrumentor().instrument_app(app, ...)`."""
    call = file.call(use.node)
    if call is None or not use.symbol.endswith(".FlaskMiddleware"):
        return Ask("Is this a check, or a subclass? What does it add?")
    app = file.argument(call, 0, "app")
    statement = file.statement(call)
    function = file.function(call)
    if any(strings.tail(each) == "before_first_request" for each in getattr(function, "decorator_list", ())):
        return Ask(
            "Where is the application made? Instrument it there: the first request has begun here, and its span would get no status."
        )
    if app is None or file.has_stars(call):
        return Ask("Which application is instrumented, and with what? Write `FlaskInstrumentor().instrument_app(app)` where it is known.")
    added = [] if file.is_alone(call) or _is_unused(statement, call, file) else ways.added_to_middleware(call, file)
    if added is None:
        return Ask("What is done with the middleware? A telemetry processor of its exporter becomes an argument of `configure`.")
    names = ("app", "excludelist_paths", "sampler", "exporter", "propagator")
    given = {name: value for at, name in enumerate(names) if (value := providers.given(call, at, name, file)) is not None}
    if (older := providers.given(call, 9, "blacklist_paths", file)) is not None:
        given.setdefault("excludelist_paths", older)
    parts = _with_settings(given, ast.unparse(app), file)
    instrumentor = file.need("from opentelemetry.instrumentation.flask import FlaskInstrumentor", use.node)
    return _server(use, call, parts, f"{instrumentor}().instrument_app({file.render(app)}", "", samplers.default_sampler, file, added)


def _is_unused(statement: ast.stmt, call: ast.Call, file: File) -> bool:
    if not isinstance(statement, ast.Assign) or statement.value is not call or len(statement.targets) != 1:
        return False
    place = statement.targets[0]
    if isinstance(place, ast.Attribute) and isinstance(place.value, ast.Name) and place.value.id == "self":
        is_named = any(node.value == place.attr for home in file.files.values() for node in home.kinds[ast.Constant])
        return not is_named and not any(home.reads(place.attr) for home in file.files.values())
    slot = file.slot(place) if isinstance(place, ast.Name) else None
    return slot is not None and not slot.loads and len(slot.stores) == 1


def _with_settings(given: dict[str, ast.expr], app: str, file: File) -> _Parts:
    """Return what a middleware of Flask is given, `app.config["OPENCENSUS"]` and `app.config.from_object(module)` included."""
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
    return _Parts(given, edits, uses)


def fastapi(use: Found, file: File) -> Outcome:
    """`app.add_middleware(FastAPIMiddleware, ...)` → `configure(...)` and `FastAPIInstrumentor.instrument_app(app, ...)`."""
    call = file.parents.get(use.node)
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.func.attr != "add_middleware":
        return Ask("Which application is instrumented here? Write `FastAPIInstrumentor.instrument_app(app)` where it is made.")
    if not file.is_alone(call) or file.has_stars(call) or len(call.args) != 1:
        return Ask("Which options does the middleware get?")
    given = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
    instrumentor = file.need("from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor", use.node)
    start = f"{instrumentor}.instrument_app({file.render(call.func.value)}"
    # Without these every part of an answer is a dependency.
    spans = ', exclude_spans=["receive", "send"]'
    return _server(use, call, _Parts(given, [], []), start, spans, _all, file)


def _all(file: File, use: Found) -> str:
    return file.need("from opentelemetry.sdk.trace.sampling import ALWAYS_ON", use.node)


def _server(
    use: Found,
    call: ast.Call,
    parts: _Parts,
    start: str,
    more: str,
    default: Callable[[File, Found], str],
    file: File,
    added: Sequence[ast.Call] = (),
) -> Outcome:
    """Return the edits that put an instrumentation in the place of a middleware.

    Args:
        use: The middleware's use.
        call: What makes it, or puts it in.
        parts: What it is given.
        start: The call of the instrumentation as far as its application.
        more: Its last arguments.
        default: Returns the source of the sampler of a middleware that is given none.
        file: The file.
        added: What adds telemetry processors to its exporter by `middleware.exporter`.
    """
    given = parts.given
    if "excludelist_hostnames" in given:
        return Ask("Which hosts are not to be traced? OTEL_PYTHON_REQUESTS_EXCLUDED_URLS and its like name them for each library.")
    if "propagator" in given and not settings.is_default_propagator(given["propagator"], file):
        return Ask("Which headers do the callers send? `opentelemetry.propagate.set_global_textmap` sets the propagator of all libraries.")
    exporter = given.get("exporter")
    if exporter is None:
        return Keep("it prints its spans: it has no exporter here")
    providers.check_header(file)
    sampler = given.get("sampler")
    lines, edits = [], list(parts.edits)
    is_separate = ways.are_separate(file)
    stays = None if is_separate else legacy.of(exporter, file)
    statement = place = file.statement(call)
    for each in added:
        file.covered.update(file.by_node.get(each.func, ()))
    if stays is None and not is_separate:
        legacy.check_alone(file)
    if stays is not None:
        if added:
            return Ask("What is done with the exporter of the middleware?")
        made = _of_legacy(use, call, stays, exporter, sampler, default, file)
        lines += [each for each in made if isinstance(each, str)]
        edits += [each for each in made if isinstance(each, Edit)]
    elif is_separate:
        provider = _provider(use, call, exporter, sampler, default, file)
        if isinstance(provider, (Ask, Keep)):
            return provider
        if added:
            pipeline, _, of_sampler = provider.rpartition(".tracer_provider(")
            name = pipeline if isinstance(exporter, (ast.Name, ast.Attribute)) else file.free_name("exporter")
            lines += [f"{name} = {pipeline}"] if name != pipeline else []
            provider = f"{name}.tracer_provider({of_sampler}"
            edits += [file.replace(each.func.value, name) for each in added if isinstance(each.func, ast.Attribute)]
        edits += pipelines.kept(exporter, call, file)
        start = f"{start}, tracer_provider={provider}"
    elif maker(exporter, file) is not None:
        # `configure` stands where the exporter is made.
        edits = [*edits, *shared.import_without(exporter, sampler, file)]
        lines += [file.text(exporter)] if isinstance(exporter, ast.Call) else []
        if sampler is not None:
            file.cover(sampler)
    else:
        arguments = settings.exporter_arguments(exporter, file, file.statement(call))
        if isinstance(arguments, (Ask, Keep)):
            return arguments
        if added:
            functions = [file.render(node) for each in added for node in [*each.args, *(keyword.value for keyword in each.keywords)]]
            arguments.append(f"telemetry_processors=[{', '.join(functions)}]")
            place = file.statement(added[-1])
            edits += [file.delete(file.statement(each)) for each in added[:-1]]
            edits.append(file.delete(statement))
        arguments.append('signals=["traces"]')
        arguments.append(f"sampler={default(file, use) if sampler is None else settings.sampler(sampler, file, use)}")
        lines.append(f"{file.need('from appinsights_exporter import configure', use.node)}({', '.join(arguments)})")
    if not is_separate:
        setups.check(call, file)
    paths = settings.excluded_urls(given.get("excludelist_paths"))
    if isinstance(paths, Ask):
        return paths
    file.covered.update(parts.uses)
    metrics = _no_metrics(use, file)
    lines.append(f"{start}{paths}{more}{f', {metrics}' if metrics else ''})")
    between = f"{file.line_end}{file.indentation(place)}" if file.begins_line(place) else "; "
    return [*edits, file.splice(file.start(place), file.end(place), between.join(lines), place)]


def _of_legacy(
    use: Found,
    call: ast.Call,
    stays: legacy.Stays,
    exporter: ast.expr,
    sampler: ast.expr | None,
    default: Callable[[File, Found], str],
    file: File,
) -> list[str | Edit]:
    """Return the lines and edits that hand the spans of an instrumentation to an exporter that stays."""
    text = default(file, use) if sampler is None else settings.sampler(sampler, file, use)
    middleware = providers.taker(call, file)
    assert middleware is not None
    made = legacy.set_up(stays, call, middleware._replace(sampler=sampler, exporter=exporter), text, use, file)
    if sampler is not None:
        file.cover(sampler)
    return [*made, *(shared.import_without(exporter, sampler, file) if stays.file is not file else [])]


def _provider(
    use: Found, call: ast.Call, exporter: ast.expr, sampler: ast.expr | None, default: Callable[[File, Found], str], file: File
) -> str | Ask | Keep:
    """Return the source of the provider of a middleware, whose parts are in code or in the text of settings."""
    found = settings.source(exporter)
    if isinstance(found, Source) and not found.is_text:
        return pipelines.provider(exporter, sampler, use, file, default)
    arguments = settings.exporter_arguments(exporter, file, file.statement(call))
    if isinstance(arguments, (Ask, Keep)):
        return arguments
    of_sampler = default(file, use) if sampler is None else settings.sampler(sampler, file, use)
    return f"{pipelines.named(use.node, file)}({', '.join(arguments)}).tracer_provider(sampler={of_sampler})"


def gevent(use: Found, file: File) -> Outcome:
    """`patch_opencensus()` goes."""
    call = file.call(use.node)
    if call is None or not file.is_alone(call):
        return Keep("its result is used")
    return _in_place(call, [], file)


REWRITERS: dict[str, Rewriter] = {
    "L006": ids_in_formats,
    "W001": by_name,
    "W002": no_client,
    "W010": flask,
    "W012": fastapi,
    "W016": gevent,
}
