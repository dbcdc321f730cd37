"""Source text in settings: the dictionary `OPENCENSUS` of Flask and Django."""

from __future__ import annotations

import ast
import copy
import re
from typing import TYPE_CHECKING, NamedTuple

from opencensus_compat.rewrite.context import Ask, Keep, Refused
from opencensus_compat.rewrite.rules.exporters import options
from opencensus_compat.rewrite.rules.traces import samplers, tracers

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.scan.python_uses import Found

FREE = frozenset({"N005", "W018"})
_SAMPLING = "opentelemetry.sdk.trace.sampling"
_PROPAGATOR = "trace.propagation.trace_context_http_header_format.TraceContextPropagator"
_AZURE = "ext.azure.trace_exporter.AzureExporter"
_PARTS = {"SAMPLER": "sampler", "EXPORTER": "exporter", "PROPAGATOR": "propagator"}
_MIDDLEWARES = frozenset({"W010", "W011", "W012", "W013"})
_INSTRUMENTATION = b"opentelemetry.instrumentation."
_PATHS, _HOSTS = ("EXCLUDELIST_PATHS", "BLACKLIST_PATHS"), ("EXCLUDELIST_HOSTNAMES", "BLACKLIST_HOSTNAMES")


class Source(NamedTuple):
    """An expression, in code or in the text of a setting."""

    node: ast.expr
    fields: dict[str, str]
    """Name that stands for a replacement field of an f-string -> the field's source."""
    place: ast.expr
    """Where it is in the file."""
    is_text: bool


def source_text(use: Found, file: File) -> Outcome:
    """Source in a setting changes with the middleware that reads it."""
    return Keep("changes with the middleware that reads it")


def setting(use: Found, file: File) -> Outcome:
    """`OPENCENSUS` changes with the middleware that reads it, and goes where an instrumentation has taken the place of that."""
    statement = file.statement(use.node)
    is_own = isinstance(statement, ast.Assign) and [ast.unparse(target) for target in statement.targets] == ["OPENCENSUS"]
    if (
        not is_own
        or not isinstance(statement, ast.Assign)
        or any(each.rule in _MIDDLEWARES for other in file.files.values() for each in other.uses)
    ):
        return Keep("changes with the middleware that reads it")
    if not any(_INSTRUMENTATION in other.source for other in file.files.values()):
        return Keep("no middleware that reads it is among these files")
    going = [statement, *_only_for(statement, file)]
    file.covered.update(each for part in going for node in ast.walk(part) for each in file.by_node.get(node, ()) if each != use)
    return [file.delete(part) for part in going]


def _only_for(statement: ast.Assign, file: File) -> list[ast.stmt]:
    """Return the statements that bind a text of OpenCensus to a name which a setting alone reads."""
    found = []
    for node in ast.walk(statement.value):
        slot = file.slot(node) if isinstance(node, ast.Name) else None
        value = file.only_value(slot)
        if slot is None or slot.loads != [node] or value is None or not any(use.rule == "N005" for use in file.by_node.get(value, ())):
            continue
        if not any(home.reads(slot.name) not in ([], [node]) for home in file.files.values()):
            found.append(file.statement(value))
    return found


def settings_of_object(app: str, file: File) -> Settings | Keep | None:
    """Return the settings of the module or class that an application of Flask is configured from; None where it is configured otherwise.

    Args:
        app: Source of the application.
        file: Where it gets its middleware.
    """
    for node in ast.walk(file.tree):
        if not isinstance(node, ast.Call) or ast.unparse(node.func) != f"{app}.config.from_object" or len(node.args) != 1:
            continue
        other, owner = _object_named(node.args[0], file)
        for statement in owner.body if owner is not None else ():
            if isinstance(statement, ast.Assign) and [ast.unparse(target) for target in statement.targets] == ["OPENCENSUS"]:
                found = trace_settings(statement.value)
                if isinstance(found, Keep):
                    return found
                # What code says there, it says with the names of that file or class.
                names = _Names(other, owner, node.args[0]) if isinstance(owner, ast.ClassDef) else None
                parts = {key: names.visit(copy.deepcopy(value)) if names is not None else value for key, value in found.parts.items()}
                is_text = all(_is_text(value, node.args[0]) for value in parts.values())
                return Settings(parts) if is_text else Keep("settings in another file, that are no text")
    return None


class _Names(ast.NodeTransformer):
    """Puts the texts of a class in the places of its names, and its attributes in those of others.

    Args:
        file: Where the class is.
        owner: The class.
        shown: What its attributes are read of where they go.
    """

    def __init__(self, file: File, owner: ast.ClassDef, shown: ast.expr) -> None:
        self._values = {
            target.id: statement.value
            for statement in owner.body
            if isinstance(statement, ast.Assign)
            for target in statement.targets
            if isinstance(target, ast.Name) and file.only_value(file.slot(target)) is statement.value
        }
        self._shown = shown

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Return what stands for a name."""
        value = self._values.get(node.id)
        if value is None:
            return node
        return value if _is_text(value, self._shown) else ast.Attribute(self._shown, node.id, ast.Load())


def _is_text(node: ast.expr, shown: ast.expr) -> bool:
    """Return whether an expression is made of literals, and of attributes of a class that is known where it goes."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _is_text(node.left, shown) and _is_text(node.right, shown)
    if isinstance(node, ast.Attribute):
        return node.value is shown
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True


def _object_named(node: ast.expr, file: File) -> tuple[File, ast.Module | ast.ClassDef | None]:
    """Return the module or class that an expression names, and its file; None for another one."""
    module = _module_named(node, file)
    if module is not None:
        return module, module.tree
    slot = file.slot(node)
    store = slot.only_store if slot is not None else None
    origin = file.origin(store) if isinstance(store, ast.alias) else None
    if origin is not None:
        file, slot = origin
        store = slot.only_store
    return file, store if isinstance(store, ast.ClassDef) else None


def _module_named(node: ast.expr, file: File) -> File | None:
    """Return the file of the run that is a module, by its name in text or by the name that an import gives it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return file.module_file(0, node.value)
    slot = file.slot(node)
    alias = slot.only_store if slot is not None else None
    statement = file.parents.get(alias) if isinstance(alias, ast.alias) else None
    if isinstance(alias, ast.alias) and isinstance(statement, ast.ImportFrom):
        return file.module_file(statement.level, f"{statement.module}.{alias.name}" if statement.module else alias.name)
    return file.module_file(0, alias.name) if isinstance(alias, ast.alias) and isinstance(statement, ast.Import) else None


def dictionary(node: ast.expr) -> dict[str, ast.expr] | None:
    """Return the keys and values of a dictionary in code; None for another expression, or one with keys that are no text."""
    if not isinstance(node, ast.Dict):
        return None
    found = {}
    for key, value in zip(node.keys, node.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            return None
        found[key.value] = value
    return found


class Settings(NamedTuple):
    """What `OPENCENSUS["TRACE"]` says."""

    parts: dict[str, ast.expr]
    """`sampler`, `exporter`, `propagator`, `excludelist_paths`, `excludelist_hostnames`."""


def trace_settings(node: ast.expr) -> Settings | Keep:
    """Return the settings of a dictionary `OPENCENSUS`."""
    outer = dictionary(node)
    inner = dictionary(outer["TRACE"]) if outer is not None and "TRACE" in outer else {} if outer is not None else None
    if inner is None:
        return Keep("the settings are not written out here")
    parts = {}
    for key, value in inner.items():
        if key in _PARTS:
            parts[_PARTS[key]] = value
        elif key in _PATHS:
            parts.setdefault("excludelist_paths", value)
        elif key in _HOSTS:
            parts.setdefault("excludelist_hostnames", value)
    return Settings(parts)


def excluded_urls(node: ast.expr | None) -> str | Ask:
    """Return the argument for excluded paths, with its comma: OpenCensus has the beginnings of paths, OpenTelemetry expressions to search for in URLs."""
    if node is None:
        return ""
    every = node.elts if isinstance(node, (ast.List, ast.Tuple, ast.Set)) else None
    paths = [each.value for each in every if isinstance(each, ast.Constant) and isinstance(each.value, str)] if every is not None else None
    if every is None or paths is None or len(paths) != len(every):
        return Ask("Which paths are not to be traced? `excluded_urls` has regular expressions, with commas between them.")
    if any(path.startswith("/") for path in paths):
        return Ask(
            "Are paths that begin with a slash to be left out? OpenCensus leaves none of them out: it compares without the first slash."
        )
    if any("," in path for path in paths):
        return Ask("How is a path with a comma to be left out? `excluded_urls` takes commas for separators.")
    if not paths:
        return ""
    expressions = ",".join(f"^https?://[^/]+/{re.escape(path)}" for path in paths)
    return f', excluded_urls={"r" if chr(92) in expressions else ""}"{expressions}"'


def source(node: ast.expr) -> Source | Keep:
    """Return the expression of a component, which may be written as text, also as an f-string, or as texts and names that `+` joins.

    The replacement fields of an f-string, and what is joined, become names, which `written` puts back.
    """
    text, fields = "", dict[str, str]()
    parts = _joined(node)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value
    elif parts:
        for each in parts:
            name = f"field_{len(fields)}_"
            if isinstance(each, ast.Constant):
                text += str(each.value)
            elif isinstance(each, (ast.Name, ast.Attribute)):
                fields[name] = ast.unparse(each)
                text += name
            else:
                return Keep("text that is made of more than names and texts")
    elif isinstance(node, ast.JoinedStr):
        for part in node.values:
            if isinstance(part, ast.Constant):
                text += str(part.value)
            elif isinstance(part, ast.FormattedValue) and part.conversion == -1 and part.format_spec is None:
                name = f"field_{len(fields)}_"
                fields[name] = ast.unparse(part.value)
                text += name
            else:
                return Keep("an f-string with formats")
    else:
        return Source(node, {}, node, is_text=False)
    try:
        body = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return Keep("text that is no expression")
    if parts and any(isinstance(each, ast.Name) and each.id in fields for each in ast.walk(body)):
        return Keep("text whose values have quotes of their own")
    return Source(body, fields, node, is_text=True)


def _joined(node: ast.expr) -> list[ast.expr]:
    """Return what `+` joins to a text; nothing for another expression."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Add):
        return []
    parts = [part for side in (node.left, node.right) for part in (_joined(side) or [side])]
    return parts if any(isinstance(each, ast.Constant) and isinstance(each.value, str) for each in parts) else []


class _Text(NamedTuple):
    """The text of a setting, as the source of options."""

    found: Source

    def render(self, node: ast.expr) -> str:
        """Return the source of an expression in it, in which fields of the f-string around it are their values again."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return _text(node, self.found)
        text = ast.unparse(node)
        for field, inner in self.found.fields.items():
            text = text.replace(field, inner)
        return text


def exporter_arguments(node: ast.expr, file: File, at: ast.stmt) -> list[str] | Ask | Keep:
    """Return the arguments of `configure` that stand for an exporter, in code or in text, at a statement."""
    found = source(node)
    if isinstance(found, Keep):
        return found
    if not found.is_text:
        return tracers.exporter_arguments(node, file, at)
    call = found.node
    if not isinstance(call, ast.Call):
        call = ast.Call(call, [], [])
    if _name(call.func) != f"opencensus.{_AZURE}":
        return Keep("its exporter is not one of Application Insights")
    arguments = []
    for keyword in call.keywords:
        if keyword.arg == "connection_string":
            arguments.append(f"connection_string={_text(keyword.value, found)}")
        elif keyword.arg == "instrumentation_key":
            arguments.append(f"connection_string={_text(keyword.value, found, 'InstrumentationKey=')}")
        elif (argument := options.option(keyword, _Text(found), "traces")) is not None:
            arguments.append(argument)
    return arguments if not call.args else Keep("the exporter gets its options by place")


def sampler(node: ast.expr, file: File, use: Found) -> str:
    """Return the source of a sampler for `configure`.

    Raises:
        Refused: It has no counterpart.
    """
    found = source(node)
    if isinstance(found, Keep):
        raise Refused(found)
    if not found.is_text:
        return file.render(node)
    call = found.node if isinstance(found.node, ast.Call) else ast.Call(found.node, [], [])
    name = _name(call.func).rpartition(".")[2]
    if name in {"AlwaysOnSampler", "AlwaysOffSampler"}:
        return file.need(f"from {_SAMPLING} import {'ALWAYS_ON' if name == 'AlwaysOnSampler' else 'ALWAYS_OFF'}", use.node)
    if name != "ProbabilitySampler" or not _name(call.func).startswith("opencensus."):
        raise Refused(Keep("its sampler is the program's own"))
    rate = file.argument(call, 0, "rate")
    if rate is None:
        return samplers.default_sampler(file, use)
    if isinstance(rate, ast.Constant) and isinstance(rate.value, (int, float)) and rate.value >= 1:
        return file.need(f"from {_SAMPLING} import ALWAYS_ON", use.node)
    based, ratio = (file.need(f"from {_SAMPLING} import {each}", use.node) for each in ("ParentBased", "TraceIdRatioBased"))
    text = ast.unparse(rate)
    for field, inner in found.fields.items():
        text = text.replace(field, inner)
    return f"{based}({ratio}({text}))"


def is_default_propagator(node: ast.expr, file: File) -> bool:
    """Return whether a propagator, in code or in text, is that of the W3C's headers."""
    found = source(node)
    if isinstance(found, Keep):
        return False
    if found.is_text:
        return ast.unparse(found.node).removesuffix("()") == f"opencensus.{_PROPAGATOR}"
    call = node if isinstance(node, ast.Call) else None
    if call is None or file.symbol(call) != _PROPAGATOR:
        return False
    file.covered.update(use for each in ast.walk(node) for use in file.by_node.get(each, ()))
    return True


def _name(node: ast.expr) -> str:
    return ast.unparse(node) if isinstance(node, (ast.Attribute, ast.Name)) else ""


def _text(node: ast.expr, found: Source, before: str = "") -> str:
    """Return the source of a text inside the text of a setting, with the fields of the f-string around it."""
    value = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
    if isinstance(node, ast.Name) and node.id in found.fields:
        value = node.id
    if value is None:
        raise Refused(Keep("the connection string is not a text"))
    whole = found.fields.get(value)
    if whole is not None and not before:
        return whole
    if not any(field in value for field in found.fields):
        return _literal(before + value)
    text = _literal(before + value.replace("{", "{{").replace("}", "}}"))
    for field, inner in found.fields.items():
        if '"' in inner or "\\" in inner:
            raise Refused(Keep("an f-string with quotes in its fields"))
        text = text.replace(field, f"{{{inner}}}")
    return f"f{text}"


def _literal(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


REWRITERS: dict[str, Rewriter] = {
    "N005": source_text,
    "W018": setting,
}
