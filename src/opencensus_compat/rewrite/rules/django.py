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
import re
from typing import TYPE_CHECKING

from opencensus_compat.rewrite import requirements
from opencensus_compat.rewrite.context import Ask, Keep, Refused
from opencensus_compat.rewrite.rules import options, processors, samplers, settings, setups, shared
from opencensus_compat.rewrite.rules.made import made as call_of
from opencensus_compat.rewrite.rules.made import maker
from opencensus_compat.rewrite.rules.providers import check_header, imports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opencensus_compat.rewrite.bindings import Slot
    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.scan.python_uses import Found

_APPLICATIONS = frozenset({"get_wsgi_application", "get_asgi_application"})
_POSTGRESQL = frozenset(
    {"django.db.backends.postgresql", "django.db.backends.postgresql_psycopg2", "django.contrib.gis.db.backends.postgis"}
)
_OF_POSTGRESQL = re.compile(rb"(?<![\w-])(psycopg2?)(?:-binary|-c)?(?![\w-])")
"""Its two drivers in requirements, which are also the names of their instrumentations."""
_DRIVERS = {
    "django.db.backends.dummy": None,
    "django.db.backends.mysql": "mysqlclient",
    "django.db.backends.sqlite3": "sqlite3",
}
"""Engine of a database -> instrumentation of its driver, where there is but one driver."""
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
    above = file.parents.get(node)
    own = file.only_value(file.bindings.module.get("OPENCENSUS"))
    found = settings.trace_settings(own) if own is not None else None
    if not isinstance(node, ast.Constant) or not isinstance(above, (ast.List, ast.Tuple)) or not isinstance(found, settings.Settings):
        return _by_hand(use, file)
    assert own is not None
    statement = file.statement(above)
    listed = isinstance(statement, (ast.Assign, ast.AugAssign)) and statement in file.tree.body and above.elts[1:]
    if not listed or len(_uses(file)) > 1 or "excludelist_hostnames" in found.parts:
        return _by_hand(use, file)
    parts, beside = _written_out(found.parts, file)
    propagator, exporter, sampler = (parts.get(name) for name in ("propagator", "exporter", "sampler"))
    if propagator is not None and not settings.is_default_propagator(propagator, file):
        return _by_hand(use, file)
    if exporter is None:
        return Keep("it prints its spans: it has no exporter here")
    check_header(file)
    servers = list(_servers(file))
    libraries = _libraries(file)
    if not servers or libraries is None or not any(name in file.bindings.module for name in ("WSGI_APPLICATION", "ASGI_APPLICATION")):
        return _by_hand(use, file)
    before = len(file.needs)
    home, made_by = maker(exporter, file) or (file, None)
    arguments: list[str] | Ask | Keep
    try:
        if made_by is not None:
            arguments, taken = _of_shared(made_by, exporter, use, home, file)
        else:
            arguments = settings.exporter_arguments(exporter, file, file.statement(own))
            taken = settings.sampler(sampler, file, use) if sampler is not None else samplers.default_sampler(file, use)
    finally:
        needs, file.needs[before:] = file.needs[before:], []
    paths = settings.excluded_urls(found.parts.get("excludelist_paths"))
    if isinstance(arguments, (Ask, Keep)) or isinstance(paths, Ask):
        return _by_hand(use, file)
    arguments += ['signals=["traces"]', f"sampler={taken}"]
    for server, made in servers:
        if made_by is None:
            setups.check_arguments(arguments, file)
        server.needs = []
        names = {need.alias: server.need(f"from {need.module} import {need.name}", made) for need in needs}
        given = [_moved(each, names, home, server, made, is_setting=home is file) for each in arguments]
        if None in given:
            server.needs = []
            return _by_hand(use, file)
        configure = server.need("from appinsights_exporter import configure", made)
        instrumentations = ", ".join(f'"{name}"' for name in ("django", *libraries))
        line = f"{configure}({', '.join(each for each in given if each)}, instrumentations=[{instrumentations}])"
        if paths:
            variable = paths.removeprefix(", excluded_urls=")
            line = f'os.environ.setdefault("OTEL_PYTHON_DJANGO_EXCLUDED_URLS", {variable}){server.line_end}{line}'
        file.elsewhere.append((server, made, [server.insert_before(made, line)], server.needs))
        server.needs = []
    file.covered.update(each for below in ast.walk(file.statement(own)) for each in file.by_node.get(below, ()))
    for part in beside:
        file.covered.update(each for below in ast.walk(part) for each in file.by_node.get(below, ()))
    gone = [file.delete(each) for each in [file.statement(own), *beside]]
    return [_without(node, file), *gone, *shared.import_without(exporter, sampler, file)]


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


def _uses(file: File) -> list[Found]:
    return [each for home in file.files.values() for each in home.uses if each.rule == "W011"]


def _without(node: ast.Constant, file: File) -> Edit:
    """Take an element out of a list, with its line where nothing else is on that."""
    start, end = requirements.element(file.source.decode("latin-1"), file.start(node), file.end(node))
    return file.splice(start, end, "", node)


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
            if any(_stands_on(module, file) for module in modules):
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


def _stands_on(module: File, file: File) -> bool:
    return module is file or (bool(module.tree.body) and imports(module, file, module.tree.body[-1]))


def _libraries(file: File) -> list[str] | None:
    """Return the instrumentations for the queries, which OpenCensus's middleware traces too; None where a driver is not known."""
    # Settings of one place, such as production.py, may add the databases to those of all.
    others = [each for each in file.files.values() if each is not file and "DATABASES" in each.bindings.module and _stands_on(each, file)]
    homes = [*([file] if "DATABASES" in file.bindings.module else []), *others]
    if not homes:
        return [] if not any(alias.name == "*" for node in file.kinds[ast.ImportFrom] for alias in node.names) else None
    found: list[str | None] = []
    for home in homes:
        every = settings.dictionary(value) if (value := home.only_value(home.bindings.module["DATABASES"])) is not None else None
        if every is None:
            return None
        for database in every.values():
            engine = (settings.dictionary(database) or {}).get("ENGINE")
            name = engine.value if isinstance(engine, ast.Constant) else None
            if name in _POSTGRESQL:
                drivers = file.around.required(home.path, _OF_POSTGRESQL) if file.around is not None else set()
                found += drivers
                if len(drivers) != 1:
                    return None
            elif isinstance(name, str) and name in _DRIVERS:
                found.append(_DRIVERS[name])
            else:
                return None
    return list(dict.fromkeys(each for each in found if each))


def _moved(argument: str, names: dict[str, str], file: File, server: File, made: ast.stmt, *, is_setting: bool) -> str | None:
    """Return an argument as another file writes it: settings by Django's name for them; None for one with other names of its file."""
    keyword, _, text = argument.partition("=")
    tree = ast.parse(text, mode="eval")
    new: dict[str, str] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name):
            continue
        slot = file.bindings.module.get(node.id)
        if node.id in names:
            new[node.id] = names[node.id]
        elif is_setting and node.id.isupper() and slot is not None and slot.stores:
            new[node.id] = f"{server.need('from django.conf import settings', made)}.{node.id}"
        elif slot is not None and (origin := _imported(slot, file)):
            new[node.id] = server.need(origin, made, of_program=True)
        elif slot is not None and (value := file.only_value(slot)) is not None and _is_known(value, file, server):
            new[node.id] = file.text(value)
        elif not _is_known(node, file, server):
            return None
    return argument if all(name == text for name, text in new.items()) else f"{keyword}={ast.unparse(_Renamed(new).visit(tree))}"


def _imported(slot: Slot, file: File) -> str:
    """Return the statement that imports a name of the settings in another file as well; empty for one that they make themselves."""
    alias = slot.stores[0] if len(slot.stores) == 1 else None
    statement = file.parents.get(alias) if isinstance(alias, ast.alias) else None
    is_it = isinstance(alias, ast.alias) and isinstance(statement, ast.ImportFrom) and not statement.level and alias.name != "*"
    if not is_it or not isinstance(alias, ast.alias) or not isinstance(statement, ast.ImportFrom) or statement not in file.tree.body:
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
    libraries = _libraries(file)
    questions = [_QUESTION] if libraries is None else []
    if isinstance(found, settings.Settings):
        exporter, taken = found.parts.get("exporter"), found.parts.get("sampler")
        questions[:0] = [*_of_exporter(exporter, file), *_of_condition(use, value, file)]
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
    if libraries:
        named = ", ".join(f'"{each}"' for each in libraries)
        arguments += f", instrumentations=[{named}]"
    return Ask(
        f"{' '.join(questions or [_SERVER])} In wsgi.py and asgi.py, below the line that sets DJANGO_SETTINGS_MODULE, write "
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


def _of_condition(use: Found, value: ast.expr | None, file: File) -> list[str]:
    places = [file.statement(each) for each in (use.node, value) if each is not None]
    return [_CONDITION] if any(each not in file.tree.body for each in places) else []


REWRITERS: dict[str, Rewriter] = {"W011": middleware}
