"""Integrations that are switched on by their names: an instrumentation for each."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from opencensus_compat._integrations import INTEGRATIONS
from opencensus_compat.rewrite.context import Ask, Keep
from opencensus_compat.rewrite.edits import Edit
from opencensus_compat.rewrite.following.index import of_program
from opencensus_compat.rewrite.rules.exporters import pipelines, ways
from opencensus_compat.scan import strings
from opencensus_compat.scan.project import ENGINES
from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
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
_MODULES = {"google_cloud_clientlibs": "grpc", "postgresql": "psycopg2"}
_NEVER = frozenset(row.name for row in INTEGRATIONS.values() if row.switched_on)
"""Names that switch nothing on."""
_MEASURING = frozenset({"httpx", "requests", "sqlalchemy"})
"""Libraries whose instrumentations measure besides."""
_GOOGLE = "google_cloud_clientlibs"
_OF_GOOGLE = {_GOOGLE: "GrpcInstrumentorClient", "requests": INSTRUMENTORS["requests"]}
"""What traces the client libraries of Google Cloud: that of gRPC, and that of requests."""
_CHANNELS = re.compile(rb"\bsecure_channel\(|\bgrpc\.aio\b|\b\w+AsyncClient\b")
"""Channels that the integration leaves out, and asynchronous ones, which have an instrumentation of their own."""
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
        return Ask("Which integrations are switched on here? Write their names as a list in the call, and run `rewrite` again.")
    if not file.is_alone(call):
        return Ask("What is done with the names that it returns? Make the call a line of its own, and run `rewrite` again.")
    known = {*INSTRUMENTORS, *_NEVER, "logging", *(_OF_GOOGLE if _has_google(file) else ())}
    left = [name for name in names if name not in known]
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
    if _GOOGLE in names and _GOOGLE not in left and "requests" not in names:
        found.append(_instrumented("requests", file, use))
    lines = [*_set_up(use, call, file), *(_once(line, call, file) for line in found if line)]
    if left and len(left) == len(names):
        return Ask(_left(left))
    if left:
        lines.append(f"{file.text(call.func)}({_listed(left)})")
    return [*_in_place(call, lines, file), *beside]


def _set_up(use: Found, call: ast.Call, file: File) -> list[str]:
    """Return the tracer that a call is handed as a line of its own, where it is made there: that sets up what is sent."""
    tracer = file.argument(call, 0 if use.symbol.startswith("ext.") else 1, "tracer")
    calls = [node for node in ast.walk(tracer) if isinstance(node, ast.Call)] if tracer is not None else []
    is_asked_for = all(file.symbol(node).endswith("get_opencensus_tracer") or strings.tail(node.func) == "get_tracer" for node in calls)
    return [] if tracer is None or is_asked_for else [file.text(tracer)]


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
    instrumentor = INSTRUMENTORS.get(name) or _OF_GOOGLE[name]
    module = f"opentelemetry.instrumentation.{_MODULES.get(name, name)}"
    arguments = [f"tracer_provider={pipelines.of_libraries(use.node, file)}"] if ways.are_separate(file) else []
    if name in _MEASURING and (metrics := no_metrics(use, file)):
        arguments.append(metrics)
    return f"{file.need(f'from {module} import {instrumentor}', use.node)}().instrument({', '.join(arguments)})"


def no_metrics(use: Found, file: File) -> str:
    """Return the argument that keeps an instrumentation from measuring, where the program sends metrics; empty where nothing would come of it."""
    if not _sends_metrics(file):
        return ""
    return f"meter_provider={file.need('from opentelemetry.metrics import NoOpMeterProvider', use.node)}()"


@of_program
def _sends_metrics(file: File) -> bool:
    return file.files.has(_METRICS) or any(word in home.source for word in _SENT for home in file.files.values())


def _has_google(file: File) -> bool:
    """Return whether instrumentations stand for the client libraries of Google Cloud: somebody asked for that, and no other channels are made."""
    return "W015" in file.accepted and not any(_CHANNELS.search(home.source) for home in file.files.values())


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
    if names == [_GOOGLE]:
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
    "W015": by_name,
    "W016": gevent,
}
