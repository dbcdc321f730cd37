"""Exporters of metrics to Prometheus: a reader of a meter provider, and the server of Prometheus's client."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Keep
from opencensus_compat.rewrite.following.made import made, target
from opencensus_compat.rewrite.rules.metrics import exporters, legacy, readings, views

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.scan.python_uses import Found

_OPTIONS = "ext.prometheus.stats_exporter.Options"
_PORT = "8000"
"""Where OpenCensus's exporter serves unless it is told otherwise."""
_SETS = (b"set_meter_provider(", b"configure(")


def exporter(use: Found, file: File) -> Outcome:
    """`new_stats_exporter(Options(namespace="shop"))` → a provider with a `PrometheusMetricReader(prefix="shop")`."""
    call = file.call(use.node)
    if use.symbol == _OPTIONS and call is not None:
        parent = file.parents.get(call)
        is_given = isinstance(parent, ast.Call) and file.symbol(parent) == views.PROMETHEUS
        return None if is_given else Ask("Which exporter has these options? Write them where it is made.")
    if call is None or use.symbol != views.PROMETHEUS:
        return Keep("by hand: PrometheusMetricReader")
    options = made(file, file.argument(call, 0, "option"))
    if options is None or options[0] is not file or file.symbol(options[1]) != _OPTIONS or file.has_stars(options[1]):
        return Ask("Which namespace and port has this exporter?")
    homes = list(file.files.values())
    if (
        any(each.rule == "A010" for home in homes for each in home.uses)
        or legacy.places(file)
        or any(word in home.source for word in _SETS for home in homes)
    ):
        return Ask("Which exporter sets the meter provider? `metric_readers=[PrometheusMetricReader()]` of it serves Prometheus besides.")
    place = target(file, call)
    namespace, port, address, registry = (
        file.argument(options[1], at, name) for at, name in enumerate(("namespace", "port", "address", "registry"))
    )
    if place is None or namespace is None or registry is not None:
        return Ask("Which registry of Prometheus has the metrics?")
    handed = exporters.handed(place, file)
    return [*handed, *_served(use, call, [namespace, port, address], file)]


def _served(use: Found, call: ast.Call, options: list[ast.expr | None], file: File) -> list[Edit]:
    namespace, port, address = (file.text(each) if each is not None else "" for each in options)
    for each in call.args:
        file.cover(each)
    statement = file.statement(call)
    at = exporters.before_records(call, statement, file)
    readers, edits, before = readings.argument(file, at)
    start = file.need("from prometheus_client import start_http_server", use.node)
    api = file.need("from opentelemetry import metrics", use.node)
    provider = file.need("from opentelemetry.sdk.metrics import MeterProvider", use.node)
    reader = f"{file.need('from opentelemetry.exporter.prometheus import PrometheusMetricReader', use.node)}(prefix={namespace})"
    listed = ", ".join([reader, *readers])
    lines = [
        *before,
        f"{start}({port or _PORT}{f', addr={address}' if address else ''})",
        f"{api}.set_meter_provider({provider}(metric_readers=[{listed}]))",
    ]
    text = f"{file.line_end}{file.indentation(statement)}".join(lines)
    return [*edits, *([file.replace(statement, text)] if at is statement else [file.insert_before(at, text), file.delete(statement)])]


REWRITERS: dict[str, Rewriter] = {"V003": exporter}
