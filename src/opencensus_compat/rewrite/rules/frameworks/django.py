"""Django's middleware: `configure(..., instrumentations=["django"])` where the project begins to serve, in wsgi.py and asgi.py.

The instrumentation puts its own middleware into the settings, so that it must run when they are complete and before the application is made;
in the files of settings themselves it cannot. A server imports one of those files in each process that answers requests: with autoreload and
with workers made by fork too, and `manage.py runserver` by WSGI_APPLICATION.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import os
from typing import TYPE_CHECKING, NamedTuple

from opencensus_compat.rewrite.context import Ask, Keep, Refused
from opencensus_compat.rewrite.following.made import EXPORTER, maker, stays
from opencensus_compat.rewrite.following.made import made as call_of
from opencensus_compat.rewrite.rules.exporters import legacy, options, processors, setups, shared
from opencensus_compat.rewrite.rules.exporters.providers import check_header
from opencensus_compat.rewrite.rules.frameworks import settings
from opencensus_compat.rewrite.rules.frameworks.django_settings import conditions, holder, libraries, named, near, out_of_list, stands_on
from opencensus_compat.rewrite.rules.traces import samplers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.rewrite.edits import Edit, Need
    from opencensus_compat.rewrite.following.bindings import Slot
    from opencensus_compat.scan.python_uses import Found

_APPLICATIONS = frozenset({"get_wsgi_application", "get_asgi_application"})
_INSTRUMENTORS = {
    "django": "DjangoInstrumentor",
    "mysqlclient": "MySQLClientInstrumentor",
    "psycopg": "PsycopgInstrumentor",
    "psycopg2": "Psycopg2Instrumentor",
    "sqlite3": "SQLite3Instrumentor",
}
_QUESTION = "Which driver have the databases? DjangoInstrumentor traces requests alone, the instrumentation of a driver its queries."
_SETTINGS = "Which settings has OPENCENSUS? They are not one dict in code in this file."
_CONDITION = "In which cases are requests traced? The middleware or its settings stand in a condition."
_EXPORTER = "What becomes of `{0}`? It is a class of another package, which needs a form for OpenTelemetry first."
_SERVER = (
    "Where is the application made? wsgi.py, asgi.py, or the name of one in these settings, was not found, or cannot write what they have."
)
_MODULE = "DJANGO_SETTINGS_MODULE"
_LOADS = (b"dotenv", b"read_env(", b"environ.update(")
"""How settings put variables into the environment."""


def middleware(use: Found, file: File) -> Outcome:
    """The name in MIDDLEWARE goes with OPENCENSUS, and the servers' files get `configure`."""
    node = use.node
    held = holder(file)
    home, own = held if held is not None else (file, None)
    found = settings.trace_settings(own) if own is not None else None
    gone = out_of_list(node, file) if isinstance(node, ast.Constant) else None
    if gone is None or own is None or not isinstance(found, settings.Settings):
        return _by_hand(use, file)
    tests = _tests([(file, file.statement(node)), (home, home.statement(own))])
    every = [each for one in file.files.values() for each in one.uses if each.rule == "W011"]
    if tests is None or len(every) > 1 or "excludelist_hostnames" in found.parts or "__all__" in home.bindings.module:
        return _by_hand(use, file)
    parts, beside = _written_out(found.parts, home)
    propagator, exporter = parts.get("propagator"), parts.get("exporter")
    if propagator is not None and not settings.is_default_propagator(propagator, home):
        return _by_hand(use, file)
    if exporter is None:
        return Keep("it prints its spans: it has no exporter here")
    check_header(file)
    servers, names = list(_servers(home)), libraries(home)
    is_served = any(name in each.bindings.module for each in near(home) for name in ("WSGI_APPLICATION", "ASGI_APPLICATION"))
    if not servers or names is None or not is_served:
        return _by_hand(use, file)
    before = len(home.needs)
    try:
        written = _set_up(parts, own, use, home)
    finally:
        needs, home.needs[before:] = home.needs[before:], []
    paths = settings.excluded_urls(found.parts.get("excludelist_paths"))
    if not isinstance(written, _SetUp) or isinstance(paths, Ask):
        return _by_hand(use, file)
    plan = _Plan(written, tests, paths.removeprefix(", excluded_urls="), names, needs, {})
    for server, made in servers:
        server.needs = []
        lines = _lines(plan, server, made)
        if lines is None:
            server.needs = []
            return _by_hand(use, file)
        file.elsewhere.append((server, made, [server.insert_before(made, lines)], server.needs))
        server.needs = []
    edits = [
        *(home.delete(home.statement(each)) for each in written.names if _is_of_one_load(each, home)),
        *_gone_with(home, home.statement(own), [*beside, *written.beside], plan.said),
        *shared.import_without(exporter, parts.get("sampler"), home),
    ]
    if home is file:
        file.needs += _needed(needs, plan.said)
        return [gone, *edits]
    file.elsewhere.append((home, home.statement(own), edits, _needed(needs, plan.said)))
    return [gone]


class _SetUp(NamedTuple):
    """What stands for OPENCENSUS."""

    arguments: list[str]
    """Those of `configure`; of an exporter that stays, its sampler."""
    home: File
    """The file that has what they name."""
    is_settings: bool
    """Whether that is the settings."""
    staying: str = ""
    """The source of an exporter that stays."""
    beside: Sequence[ast.stmt] = ()
    """Statements that go with OPENCENSUS."""
    imports: Sequence[str] = ()
    """What the exporter that stays needs."""
    names: Sequence[ast.alias] = ()
    """What the settings import for it."""


def _is_of_one_load(alias: ast.alias, file: File) -> bool:
    """Return whether a statement imports one name, which one place reads."""
    slot, statement = file.slot(alias), file.statement(alias)
    return slot is not None and len(slot.loads) == 1 and isinstance(statement, ast.ImportFrom) and len(statement.names) == 1


def _tests(places: list[tuple[File, ast.stmt]]) -> list[tuple[File, ast.expr]] | None:
    """Return the conditions of some statements, each once; None where one stands in something else."""
    found: dict[str, tuple[File, ast.expr]] = {}
    for home, statement in places:
        tests = conditions(statement, home)
        if tests is None:
            return None
        found.update({ast.unparse(test): (home, test) for test in tests})
    return list(found.values())


def _set_up(parts: dict[str, ast.expr], own: ast.expr, use: Found, home: File) -> _SetUp | Ask | Keep:
    """Return what stands for the settings of a file.

    Args:
        parts: What OPENCENSUS says.
        own: Its value.
        use: The middleware.
        home: The file.
    """
    exporter, sampler = parts["exporter"], parts.get("sampler")
    found, made_by = maker(exporter, home) or (home, None)
    arguments: list[str] | Ask | Keep
    if made_by is not None:
        arguments, taken = _of_shared(made_by, exporter, use, found, home)
    else:
        taken = settings.sampler(sampler, home, use) if sampler is not None else samplers.default_sampler(home, use)
        staying = _staying(exporter, taken, home)
        if staying is not None:
            return staying
        arguments = settings.exporter_arguments(exporter, home, home.statement(own))
        if isinstance(arguments, list):
            setups.check_arguments([*arguments, f"sampler={taken}"], home)
    if isinstance(arguments, (Ask, Keep)):
        return arguments
    return _SetUp([*arguments, 'signals=["traces"]', f"sampler={taken}"], found, found is home)


def _staying(node: ast.expr, sampler: str, file: File) -> _SetUp | None:
    """Return the set-up with an exporter that stays: of another maker or package, in code or in text; None for another one."""
    found = settings.source(node)
    if isinstance(found, Keep):
        return None
    if found.is_text:
        call = found.node if isinstance(found.node, ast.Call) else ast.Call(found.node, [], [])
        module, _, name = ast.unparse(call.func).rpartition(".")
        if not module.startswith("opencensus.") or f"{module}.{name}" == f"opencensus.{EXPORTER}":
            return None
        text = ast.unparse(ast.Call(ast.Name(name, ast.Load()), call.args, call.keywords))
        for field, inner in found.fields.items():
            text = text.replace(f"'{field}'", inner).replace(field, inner)
        return _SetUp([f"sampler={sampler}"], file, True, text, (), (f"from {module} import {name}",))
    slot = file.slot(node) if isinstance(node, ast.Name) else None
    held = file.only_value(slot) if slot is not None and slot.loads == [node] else node
    if not isinstance(held, ast.Call) or not (stays(held, file) or (_import_of(held.func, file) and not file.symbol(held))):
        return None
    beside = [file.statement(held)] if held is not node else []
    alias = file.import_of(held.func)
    return _SetUp([f"sampler={sampler}"], file, True, file.text(held), beside, (), [alias] if alias is not None else [])


class _Plan(NamedTuple):
    """What the servers of a project are to write."""

    written: _SetUp
    tests: list[tuple[File, ast.expr]]
    """The conditions under which they write it."""
    paths: str
    """The source of the paths that are left out; empty for none."""
    names: list[str]
    """The libraries that are traced besides."""
    needs: list[Need]
    """What the settings would import for it."""
    said: dict[str, str]
    """What the settings are to say for the servers: name -> source."""


def _lines(plan: _Plan, server: File, made: ast.stmt) -> str | None:
    """Return the lines of a server; None where it cannot write what the settings have.

    Args:
        plan: What it is to write; gets what the settings are to say for it.
        server: The file of the server.
        made: Its statement that makes the application.
    """
    written, tests = plan.written, plan.tests
    home = written.home
    known = {need.alias: server.need(f"from {need.module} import {need.name}", made) for need in plan.needs}
    inside: list[str] = []
    for each in written.imports:
        name = each.rpartition(" ")[2]
        inside += [each] if tests else []
        known[name] = name if tests else server.need(each, made)

    def moved(text: str, of: File) -> str | None:
        is_setting = of is not home or written.is_settings
        return _moved(f"x={text}", known, of, server, made, inside if tests else None, is_setting=is_setting)

    conditions_there = [moved(ast.unparse(test), of) for of, test in tests]
    staying = moved(written.staying, home) if written.staying else None
    if None in conditions_there or (written.staying and staying is None):
        return None
    given = []
    for argument in written.arguments:
        keyword, _, text = argument.partition("=")
        there = moved(text, home)
        if there is None:
            if not written.is_settings:
                return None
            name = _said_as(keyword, text, plan.said, home)
            there = f"x={server.need('from django.conf import settings', made)}.{name}"
        given.append(f"{keyword}={there.removeprefix('x=')}")
    lines = list(inside)
    if plan.paths:
        lines.append(f'os.environ.setdefault("OTEL_PYTHON_DJANGO_EXCLUDED_URLS", {plan.paths})')
    if staying is not None:
        lines += _handed_on(staying.removeprefix("x="), given[0], ["django", *plan.names], server, made)
    else:
        configure = server.need("from appinsights_exporter import configure", made)
        instrumentations = ", ".join(f'"{name}"' for name in ("django", *plan.names))
        lines.append(f"{configure}({', '.join(given)}, instrumentations=[{instrumentations}])")
    if tests:
        texts = [str(each).removeprefix("x=") for each in conditions_there]
        joined = " and ".join(f"({each})" if len(texts) > 1 else each for each in texts)
        lines = [f"if {joined}:", *(f"    {each}" for each in lines)]
    return server.line_end.join(lines)


def _handed_on(exporter: str, sampler: str, names: list[str], server: File, made: ast.stmt) -> list[str]:
    """Return the lines that hand the spans of some instrumentations to an exporter which stays."""
    trace = server.need("from opentelemetry import trace", made)
    provider = server.need("from opentelemetry.sdk.trace import TracerProvider", made)
    adapter = server.need(f"from {legacy.MODULE} import {legacy.ADAPTER}", made)
    name = server.free_name("provider")
    lines = [f"{name} = {provider}({sampler})", f"{trace}.set_tracer_provider({name})", f"{name}.add_span_processor({adapter}({exporter}))"]
    for each in names:
        instrumentor = server.need(f"from opentelemetry.instrumentation.{each} import {_INSTRUMENTORS[each]}", made)
        lines.append(f"{instrumentor}().instrument()")
    return lines


def _said_as(keyword: str, text: str, said: dict[str, str], home: File) -> str:
    """Return the name by which the settings say a value that a server cannot write."""
    name = home.free_name(f"TELEMETRY_{keyword.upper().removeprefix('TELEMETRY_')}")
    said[name] = text
    return name


def _gone_with(home: File, own: ast.stmt, beside: Iterable[ast.stmt], said: dict[str, str]) -> list[Edit]:
    """Return the edits that take OPENCENSUS out of its file, with what only it needs, and leave there what servers ask the settings for."""
    for part in (own, *beside):
        home.covered.update(each for below in ast.walk(part) for each in home.by_node.get(below, ()))
    between = f"{home.line_end}{home.indentation(own)}"
    lines = between.join(f"{name} = {text}" for name, text in said.items())
    return [home.replace(own, lines) if said else home.delete(own), *(home.delete(each) for each in beside)]


def _needed(needs: list[Need], said: dict[str, str]) -> list[Need]:
    """Return what the settings import for what they say to servers."""
    names = {node.id for text in said.values() for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)}
    return [need for need in needs if need.alias in names]


def _written_out(parts: dict[str, ast.expr], file: File) -> tuple[dict[str, ast.expr], list[ast.stmt]]:
    """Return the parts of OPENCENSUS with what variables hold that only it reads: texts and samplers; and the statements that bind these."""
    found, beside = dict(parts), list[ast.stmt]()
    for name, node in parts.items():
        slot = file.slot(node) if isinstance(node, ast.Name) else None
        value = file.only_value(slot)
        is_text = isinstance(value, (ast.JoinedStr, ast.BinOp)) or (isinstance(value, ast.Constant) and isinstance(value.value, str))
        is_sampler = name == "sampler" and isinstance(value, ast.Call) and file.symbol(value).startswith("trace.samplers.")
        if slot is not None and value is not None and slot.loads == [node] and (is_text or is_sampler):
            found[name] = value
            beside.append(file.statement(value))
    return found, beside


def _of_shared(made: ast.Call, exporter: ast.expr, use: Found, home: File, file: File) -> tuple[list[str] | Keep, str]:
    """Return the arguments and the sampler of `configure` for an exporter of another module, which configures alike.

    Args:
        made: What makes the exporter.
        exporter: The exporter in the settings.
        use: The middleware.
        home: The file that makes it.
        file: The settings.
    """
    users = shared.users_of(made, file)
    kinds = {each.kind(other) for other, each in users}
    sampler = next(iter(kinds)) if len(kinds) == 1 else None
    if sampler is None:
        return Keep("the sampler is not known"), ""
    arguments = options.options(made, home, "traces")
    if processors.argument(made, home, home.statement(made)) or isinstance(exporter, ast.Call):
        return Keep("its exporter is made by a function, or has telemetry processors"), ""
    setups.check_exporter(made, sampler, home)
    has_caller = any(shared.is_continued(each, other) for other, each in users)
    return arguments, samplers.of_kind(sampler, use, file, has_caller=has_caller)


def _servers(file: File) -> Iterator[tuple[File, ast.stmt]]:
    """Yield the files that make an application of this project, and the statements that do.

    Raises:
        Refused: Which settings an application has is not known.
    """
    for other in file.files.values():
        for node in other.kinds[ast.Call]:
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
            statement = other.statement(node)
            if name not in _APPLICATIONS or statement not in other.tree.body or "os" not in other.bindings.module:
                continue
            modules = list(_named(other, other.start(node)))
            if not modules:
                raise Refused(Ask(f"Which settings has the application of {os.path.basename(other.path)}?"))
            if any(stands_on(module, file) for module in modules):
                yield other, statement


def _named(file: File, before: int) -> Iterator[File]:
    """Yield the settings that a file names for its project."""
    for node in file.kinds[ast.Constant]:
        call = file.parents.get(node)
        if node.value != _MODULE or file.start(node) >= before:
            continue
        value = call.args[1] if isinstance(call, ast.Call) and len(call.args) > 1 else None
        if isinstance(call, ast.Subscript) and isinstance(statement := file.parents.get(call), ast.Assign):
            value = statement.value
        if isinstance(value, ast.Name):
            value = file.only_value(file.slot(value))
        for each in ast.walk(value) if value is not None else ():
            found = file.module_file(0, each.value) if isinstance(each, ast.Constant) and isinstance(each.value, str) else None
            if found is not None:
                yield found


def _moved(
    argument: str, names: dict[str, str], file: File, server: File, made: ast.stmt, inside: list[str] | None, *, is_setting: bool
) -> str | None:
    """Return an argument as another file writes it: settings by Django's name for them; None for one with other names of its file.

    Args:
        argument: Its name and source.
        names: What the server calls what rewritten code needs.
        file: The file of the argument.
        server: That of the server.
        made: Its statement that makes the application.
        inside: Gets the imports that stand in a condition; None where there is none.
        is_setting: Whether the file is one of the settings.
    """
    keyword, _, text = argument.partition("=")
    tree = ast.parse(text, mode="eval")
    new: dict[str, str] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name):
            continue
        held = named(node, file)
        home, slot = held if held is not None else (file, None)
        if node.id in names:
            new[node.id] = names[node.id]
        elif is_setting and node.id.isupper() and slot is not None and slot.stores:
            new[node.id] = f"{server.need('from django.conf import settings', made)}.{node.id}"
        elif slot is not None and (origin := _imported(slot, home)):
            if home.parents.get(home.statement(slot.stores[0])) is home.tree:
                new[node.id] = server.need(origin, made, of_program=True)
            elif inside is not None:
                inside += [origin] if origin not in inside else []
                new[node.id] = node.id
            else:
                return None
        elif slot is not None and (value := home.only_value(slot)) is not None and _is_known(value, home, server):
            new[node.id] = home.text(value)
        elif not _is_known(node, file, server):
            return None
    return argument if all(name == text for name, text in new.items()) else f"{keyword}={ast.unparse(_Renamed(new).visit(tree))}"


def _imported(slot: Slot, file: File) -> str:
    """Return the statement that imports a name of the settings in another file as well; empty for one that they make themselves."""
    alias = slot.only_store
    statement = file.parents.get(alias) if isinstance(alias, ast.alias) else None
    is_it = isinstance(alias, ast.alias) and isinstance(statement, ast.ImportFrom) and not statement.level and alias.name != "*"
    if not is_it or not isinstance(alias, ast.alias) or not isinstance(statement, ast.ImportFrom) or file.function(statement) is not None:
        return ""
    return f"from {statement.module} import {alias.name}"


class _Renamed(ast.NodeTransformer):
    """Puts other expressions in the places of names."""

    def __init__(self, new: dict[str, str]) -> None:
        self._new = new

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.parse(self._new[node.id], mode="eval").body if node.id in self._new else node


def _is_known(node: ast.expr, file: File, server: File) -> bool:
    """Return whether an expression of the settings means the same before they are loaded: of constants, builtins and the environment."""
    if any(word in file.source for word in _LOADS):
        return False
    names = [each.id for each in ast.walk(node) if isinstance(each, ast.Name)]
    return all((name == "os" and "os" in server.bindings.module) or hasattr(builtins, name) for name in names)


def _by_hand(use: Found, file: File) -> Outcome:
    """Return the questions, with the lines to write as far as the settings say them."""
    value = file.only_value(file.bindings.module.get("OPENCENSUS"))
    arguments, paths = 'connection_string=..., signals=["traces"], sampler=...', ""
    found = settings.trace_settings(value) if value is not None else None
    names = libraries(file)
    questions = [_QUESTION] if names is None else []
    tests = _tests([(file, file.statement(each)) for each in (use.node, value) if each is not None])
    if isinstance(found, settings.Settings):
        exporter, taken = found.parts.get("exporter"), found.parts.get("sampler")
        questions[:0] = [*_of_exporter(exporter, file), *([_CONDITION] if tests is None else [])]
        with contextlib.suppress(Refused):
            of_exporter = settings.exporter_arguments(exporter, file, file.statement(exporter)) if exporter is not None else None
            of_sampler = settings.sampler(taken, file, use) if taken is not None else samplers.default_sampler(file, use)
            if isinstance(of_exporter, list):
                arguments = ", ".join([*of_exporter, 'signals=["traces"]', f"sampler={of_sampler}"])
        excluded = settings.excluded_urls(found.parts.get("excludelist_paths"))
        questions += [excluded.question] if isinstance(excluded, Ask) else []
        paths = excluded.removeprefix(", ") if isinstance(excluded, str) else "excluded_urls=..."
    else:
        questions.insert(0, _SETTINGS)
    if names:
        named = ", ".join(f'"{each}"' for each in names)
        arguments += f", instrumentations=[{named}]"
    shown = " and ".join(f"`{ast.unparse(test)}` of the settings" for _, test in tests or ())
    return Ask(
        f"{' '.join(questions or [_SERVER])} In wsgi.py and asgi.py, below the line that sets DJANGO_SETTINGS_MODULE, "
        f"{f'where {shown} holds, ' if shown else ''}write "
        f"`configure({arguments})` of appinsights_exporter and `DjangoInstrumentor().instrument({paths})` of opentelemetry.instrumentation.django; "
        "then delete this middleware and OPENCENSUS."
    )


def _of_exporter(exporter: ast.expr | None, file: File) -> list[str]:
    """Return the question about an exporter that another package makes."""
    found = call_of(file, exporter)
    home, call = found if found is not None else (file, None)
    is_foreign = call is not None and bool(_import_of(call.func, home)) and not home.symbol(call) and maker(call, home) is None
    return [_EXPORTER.format(home.text(call.func))] if is_foreign and call is not None else []


def _import_of(node: ast.expr, file: File) -> str:
    """Return the statement that imports the first name of an expression from no file of the program; empty for another one."""
    alias = file.import_of(node)
    return ast.unparse(file.statement(alias)) if alias is not None and file.origin(alias) is None else ""


REWRITERS: dict[str, Rewriter] = {"W011": middleware}
