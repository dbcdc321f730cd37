"""Exporters of other makers behind `LegacyExporterProcessor`: OpenTelemetry's take their places, where that is asked for by the rule's id."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from opencensus_compat.rewrite.context import Ask, Refused
from opencensus_compat.rewrite.rules.exporters import legacy
from opencensus_compat.rewrite.rules.exporters.options import IN_STARS
from opencensus_compat.rewrite.rules.metrics import exporters as metrics
from opencensus_compat.scan import strings
from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.scan.python_uses import Found

_OTLP = "from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter"
_OTLP_PORT = "4318"
_OPTIONS = "ext.datadog.traces.Options"
_UNNAMED = '"my_service"'
"""The service of a program that names none, at Zipkin and Jaeger."""
_GIVEN = "What is the option `{}` for? OpenTelemetry's exporter has none of this name: write its line by hand."


class _Parameter(NamedTuple):
    """What a maker's exporter takes, in its order."""

    names: tuple[str, ...]
    without: frozenset[str]
    """Those for which there is nothing in OpenTelemetry, and that a person must see to."""


class _New(NamedTuple):
    """What takes the place of an exporter."""

    text: str
    resource: list[tuple[str, str]]
    """Key and value of the resource's attributes, as source."""


def _zipkin(given: dict[str, ast.expr], use: Found, file: File) -> _New:
    parts = [given.get(name) for name in ("protocol", "host_name", "port", "endpoint")]
    url = _joined(["", "://", ":", "", ""], parts, ["http", "localhost", "9411", "/api/v2/spans"], file)
    slot = file.slot(use.node)
    is_last = slot is not None and slot.loads == [use.node]
    name = file.need("from opentelemetry.exporter.zipkin.json import ZipkinExporter", use.node, takes_over=is_last)
    more = [f"local_node_{each}={file.render(given[each])}" for each in ("ipv4", "ipv6") if each in given]
    return _New(f"{name}({', '.join([f'endpoint={url}', *more])})", [_service(given, file)])


def _jaeger(given: dict[str, ast.expr], use: Found, file: File) -> _New:
    return _New(_otlp(given.get("host_name", given.get("agent_host_name")), use, file), [_service(given, file)])


def _agent(given: dict[str, ast.expr], use: Found, file: File) -> _New:
    endpoint = given.get("endpoint")
    if endpoint is not None and not (isinstance(endpoint, ast.Constant) and isinstance(endpoint.value, str) and ":" in endpoint.value):
        raise Refused(Ask(BY_ID["V004"].question))
    host = ast.Constant(str(endpoint.value).rpartition(":")[0]) if isinstance(endpoint, ast.Constant) else None
    more = [('"host.name"', file.render(given["host_name"]))] if "host_name" in given else []
    return _New(_otlp(host, use, file), [_service(given, file), *more])


def _stackdriver(given: dict[str, ast.expr], use: Found, file: File) -> _New:
    name = file.need("from opentelemetry.exporter.cloud_trace import CloudTraceSpanExporter", use.node)
    project = f"project_id={file.render(given['project_id'])}" if "project_id" in given else ""
    return _New(f"{name}({project})", [])


def _datadog(given: dict[str, ast.expr], use: Found, file: File) -> _New:
    options = given.get("options")
    if not isinstance(options, ast.Call) or file.symbol(options) != _OPTIONS or file.has_stars(options):
        raise Refused(Ask("Which service and agent are in the options? Write them where the exporter is made."))
    known = _arguments(options, ("service", "trace_addr", "global_tags"), file)
    tags, address = known.get("global_tags"), known.get("trace_addr")
    if tags is not None and not (isinstance(tags, ast.Dict) and None not in tags.keys):
        raise Refused(Ask("Which tags have all spans? Attributes of the resource take their places."))
    if address is not None and not (isinstance(address, ast.Constant) and isinstance(address.value, str)):
        raise Refused(Ask("Which agent is meant? `OTLPSpanExporter(endpoint=...)` takes the URL of its OTLP receiver."))
    host = ast.Constant(str(address.value).partition(":")[0]) if isinstance(address, ast.Constant) else None
    pairs = zip(tags.keys, tags.values, strict=True) if isinstance(tags, ast.Dict) else ()
    more = [(file.text(key), file.render(value)) for key, value in pairs if key is not None]
    return _New(_otlp(host, use, file), [*([_service(known, file)] if "service" in known else []), *more])


_MAKERS: dict[str, tuple[_Parameter, Callable[[dict[str, ast.expr], Found, File], _New]]] = {
    "ext.zipkin.trace_exporter.ZipkinExporter": (
        _Parameter(("service_name", "host_name", "port", "endpoint", "protocol", "transport", "ipv4", "ipv6"), frozenset()),
        _zipkin,
    ),
    "ext.jaeger.trace_exporter.JaegerExporter": (
        _Parameter(
            (
                "service_name",
                "host_name",
                "port",
                "username",
                "password",
                "endpoint",
                "agent_host_name",
                "agent_port",
                "agent_endpoint",
                "transport",
            ),
            frozenset({"username", "password"}),
        ),
        _jaeger,
    ),
    "ext.ocagent.trace_exporter.TraceExporter": (
        _Parameter(("service_name", "host_name", "endpoint", "client", "transport"), frozenset({"client"})),
        _agent,
    ),
    "ext.stackdriver.trace_exporter.StackdriverExporter": (
        _Parameter(("client", "project_id", "transport"), frozenset({"client"})),
        _stackdriver,
    ),
    "ext.datadog.traces.DatadogTraceExporter": (_Parameter(("options", "transport"), frozenset()), _datadog),
}
"""Exporter -> what it takes, and what writes its counterpart."""


def exporter(use: Found, file: File) -> Outcome:
    """`LegacyExporterProcessor(ZipkinExporter(...))` → `BatchSpanProcessor(...)` with OpenTelemetry's exporter, where its rule is asked for."""
    if ".stats_exporter." in use.symbol:
        return metrics.kept(use, file)
    question = Ask(BY_ID[use.rule].question)
    call = file.call(use.node)
    if call is not None and use.symbol == _OPTIONS and file.symbol(file.parents[call]) in _MAKERS:
        return []
    if use.rule not in file.accepted or call is None or use.symbol not in _MAKERS:
        return question
    adapter = legacy.adapter(call, file)
    provider = _provider(adapter, file) if adapter is not None else None
    if adapter is None or provider is None or file.value(call.func).meaning == "subclass":
        return question
    (names, without), write = _MAKERS[use.symbol]
    given = _arguments(call, names, file)
    for name in sorted(without & given.keys()):
        return Ask(_GIVEN.format(name))
    new = write(given, use, file)
    for each in [*call.args, *(keyword.value for keyword in call.keywords)]:
        file.cover(each)
    processor = file.need("from opentelemetry.sdk.trace.export import BatchSpanProcessor", use.node)
    return [file.replace(adapter.func, processor), file.replace(call, new.text), *_with_resource(provider, new.resource, use, file)]


def _provider(adapter: ast.Call, file: File) -> ast.Call | None:
    """Return the call that makes the provider or pipeline which hands its spans on; None where that is not known, or it has a resource already."""
    add = file.parents.get(adapter)
    if isinstance(add, ast.Call) and strings.tail(add.func) == "through":
        return add if not add.keywords else None
    owner = add.func.value if isinstance(add, ast.Call) and isinstance(add.func, ast.Attribute) else None
    made = file.only_value(file.slot(owner)) if isinstance(owner, ast.Name) else None
    return made if isinstance(made, ast.Call) and all(each.arg != "resource" for each in made.keywords) else None


def _with_resource(provider: ast.Call, attributes: list[tuple[str, str]], use: Found, file: File) -> list[Edit]:
    if not attributes:
        return []
    resource = file.need("from opentelemetry.sdk.resources import Resource", use.node)
    text = f"resource={resource}.create({{{', '.join(f'{key}: {value}' for key, value in attributes)}}})"
    at = file.end(provider) - 1
    return [file.splice(at, at, f", {text}" if provider.args or provider.keywords else text, provider)]


def _arguments(call: ast.Call, names: tuple[str, ...], file: File) -> dict[str, ast.expr]:
    """Return what a call is given, by name; what is None is not given.

    Raises:
        Refused: It is not known what that is.
    """
    if file.has_stars(call):
        raise Refused(IN_STARS)
    found = {name: node for at, name in enumerate(names) if (node := file.argument(call, at, name)) is not None}
    for keyword in call.keywords:
        if keyword.arg not in names:
            raise Refused(Ask(_GIVEN.format(keyword.arg)))
    return {name: node for name, node in found.items() if not (isinstance(node, ast.Constant) and node.value is None)}


def _service(given: dict[str, ast.expr], file: File) -> tuple[str, str]:
    node = given.get("service_name", given.get("service"))
    return '"service.name"', _UNNAMED if node is None else file.render(node)


def _otlp(host: ast.expr | None, use: Found, file: File) -> str:
    """Return the source of an exporter by OTLP, to the usual port of a host; to where the environment says, where no host is given."""
    name = file.need(_OTLP, use.node)
    if host is None or (isinstance(host, ast.Constant) and host.value in {"localhost", "127.0.0.1"}):
        return f"{name}()"
    return f"{name}(endpoint={_joined(['http://', f':{_OTLP_PORT}/v1/traces'], [host], [''], file)})"


def _joined(texts: list[str], nodes: list[ast.expr | None], defaults: list[str], file: File) -> str:
    """Return the source of a text that is made of texts and of expressions between them.

    Args:
        texts: What stands before, between and behind the expressions.
        nodes: The expressions; None for those that are not given.
        defaults: The text of each that is not given.
        file: Their file.

    Raises:
        Refused: One of them cannot stand in an f-string.
    """
    whole, is_formatted = texts[0], False
    for node, default, after in zip(nodes, defaults, texts[1:], strict=True):
        if node is None:
            part = default
        elif isinstance(node, ast.Constant) and isinstance(node.value, (str, int)) and not set(str(node.value)) & set('{}"\\\n'):
            part = str(node.value)
        elif isinstance(node, (ast.Name, ast.Attribute)):
            part, is_formatted = f"{{{file.render(node)}}}", True
        else:
            raise Refused(Ask("Which URL is it? `endpoint=` of OpenTelemetry's exporter takes the whole of it."))
        whole += part + after
    return f'{"f" if is_formatted else ""}"{whole}"'


REWRITERS: dict[str, Rewriter] = dict.fromkeys(("V001", "V002", "V004", "V005"), exporter)
ACCEPTABLE = frozenset({*REWRITERS, "B003", "S001", "W014", "W015", "X003"})
"""Rules that `--include` takes by their ids: these, that of classes on a log handler which others make, that of measures made for
each value, those of interceptors of gRPC and of Google's client libraries."""
