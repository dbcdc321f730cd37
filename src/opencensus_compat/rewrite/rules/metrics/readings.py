"""Metrics that a program reads back: a reader in memory beside the exporter, and OpenTelemetry's data points in the places of OpenCensus's."""

from __future__ import annotations

import ast
import itertools
from typing import TYPE_CHECKING, NamedTuple

from opencensus_compat.rewrite.context import Ask, Refused
from opencensus_compat.rewrite.following.made import called, is_simple, readers, target
from opencensus_compat.rewrite.rules.metrics.views import EXPORTERS, View, is_unread
from opencensus_compat.scan import strings
from opencensus_compat.scan.rules import BY_ID

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.scan.python_uses import Found

RULE = "S013"
_VIEW, _REGISTER = "stats.view.View", "stats.view_manager.ViewManager.register_view"
_SETS = (b"set_meter_provider(", b"configure(", b"register_exporter(", b"get_exporter_thread(")
_SHOWN = frozenset({"print", "pprint", "str", "repr", "vars", "pformat", "debug", "info", "warning", "error", "format"})
"""Functions that show what they get."""
_FUNCTIONS = (ast.Lambda, ast.arguments)
_READER = "from opentelemetry.sdk.metrics.export import InMemoryMetricReader"
_POINTS = "data.data_points"
_DESCRIPTOR = frozenset({"name", "description", "unit"})
_BY_TAGS = frozenset({"tag_value_aggregation_data_map", "_tag_value_aggregation_data_map"})
_AGGREGATED = {
    "CountAggregation": {"count_data": "value"},
    "SumAggregation": {"sum_data": "value"},
    "LastValueAggregation": {"value": "value"},
    "DistributionAggregation": {"count_data": "count", "counts_per_bucket": "bucket_counts", "bounds": "explicit_bounds"},
}
"""Aggregation -> attribute of its data -> that of a data point."""


class _Read(NamedTuple):
    """What is read back, and what kind of object it is."""

    node: ast.expr
    kind: str


def together(files: Iterable[File]) -> Iterator[tuple[Found, Found]]:
    """Yield, in pairs, what can only change together where a program reads back what it records: the measures, their exporter and the reads."""
    uses = [use for file in files for use in file.uses if use.rule in {RULE, "S001", "A010", "V003"}]
    if any(use.rule == RULE for use in uses):
        yield from itertools.pairwise(uses)


def reading(use: Found, file: File) -> Outcome:
    """`mmap.measure_to_view_map.get_metrics(now)` → the metrics that a reader in memory has; `view_manager.get_view(name)` → the metric of a view."""
    if is_unread(use.node, file):
        return [file.delete(file.statement(use.node))]
    call = file.call(use.node)
    method = strings.tail(use.node) if isinstance(use.node, ast.expr) else ""
    if call is None or method not in {"get_metrics", "get_view"} or any(isinstance(each, _FUNCTIONS) for each in file.up(call)):
        return Ask(_question())
    name = reader(file)
    first = _first(file)
    edits = [] if first is not use else _made_alone(use, name, file)
    if method == "get_view":
        given = file.argument(call, 0, "view_name")
        if given is None or not is_simple(given):
            return Ask("Which view is read back?")
        parts = [f"metric.name == {file.text(given)}"]
        text = _listed(name, parts, "next(", ", None)", call, file)
        return [*edits, file.replace(call, text), *_followed(_Read(call, "view"), file)]
    if not all(is_simple(each) or _is_now(each) for each in [*call.args, *(keyword.value for keyword in call.keywords)]):
        return Ask(_question())
    parent = file.parents.get(call)
    is_list = isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id == "list" and parent.args == [call]
    whole = parent if is_list and isinstance(parent, ast.Call) else call
    names = _names(file)
    test = f"metric.name == {names[0]}" if len(names) == 1 else f"metric.name in ({', '.join(names)})"
    return [*edits, file.replace(whole, _listed(name, [test], "[", "]", whole, file)), *_followed(_Read(whole, "metrics"), file)]


def _question() -> str:
    return BY_ID["S010"].question


def _is_now(node: ast.expr) -> bool:
    return strings.tail(node) in {"utcnow", "now"}


def reader(file: File) -> str:
    """Return the name of the reader of a program, which this file makes.

    Raises:
        Refused: It cannot be made in this file.
    """
    homes = {home.path for home in file.files.values() for use in home.uses if use.rule == RULE and use.node in home.parents}
    exporters = [(home, call) for home in file.files.values() for symbol in EXPORTERS for call in called(home, symbol)]
    homes |= {home.path for home, _ in exporters}
    if homes != {file.path} or len(exporters) > 1:
        raise Refused(Ask("In which file is what is read back recorded and exported? One `InMemoryMetricReader` can be made there."))
    return file.free_name("reader")


def argument(file: File, at: ast.stmt) -> tuple[list[str], list[Edit], list[str]]:
    """Return what an exporter of metrics needs where the program reads back what it records.

    Args:
        file: The file of the exporter.
        at: The statement that becomes `configure`.

    Returns: Readers of its provider, edits elsewhere, and statements before it.
    """
    if not any(use.rule == RULE and not is_unread(use.node, home) for home in file.files.values() for use in home.uses):
        return [], [], []
    name = reader(file)
    line = f"{name} = {file.need(_READER, at)}()"
    top = _top(at, file)
    if top is at:
        return [name], [], [line]
    return [name], [file.insert_before(top, line)], []


def _top(node: ast.AST, file: File) -> ast.stmt:
    """Return the statement of a module that a node is or stands in."""
    found = node if file.parents.get(node) is file.tree else next(each for each in file.up(node) if file.parents.get(each) is file.tree)
    assert isinstance(found, ast.stmt)
    return found


def _first(file: File) -> Found:
    return min((use for use in file.uses if use.rule == RULE), key=lambda use: file.start(use.node))


def _made_alone(use: Found, name: str, file: File) -> list[Edit]:
    """Return the edits that make the reader and its provider, where no exporter does it."""
    if any(True for symbol in EXPORTERS for _ in called(file, symbol)):
        return []
    registered = sorted((_top(call, file) for call in called(file, _REGISTER)), key=file.start)
    if any(word in home.source for word in _SETS for home in file.files.values()) or not registered:
        raise Refused(Ask("Which meter provider has the program? `MeterProvider(metric_readers=[...])` takes an `InMemoryMetricReader`."))
    made = f"{name} = {file.need(_READER, use.node)}()"
    provider = file.need("from opentelemetry.sdk.metrics import MeterProvider", use.node)
    metrics = file.need("from opentelemetry import metrics", use.node)
    line = f"{metrics}.set_meter_provider({provider}(metric_readers=[{name}]))"
    return [file.insert_before(registered[0], f"{made}{file.line_end}{line}")]


def _names(file: File) -> list[str]:
    """Return the names of all views of the program, as source."""
    views = [View(home, call) for home in file.files.values() for call in called(home, _VIEW)]
    parts = [(view.file, view.part(0, "name")) for view in views]
    if not parts or not all(isinstance(part, ast.Constant) for _, part in parts):
        raise Refused(Ask("Which views are read back?"))
    return list(dict.fromkeys(home.text(part) for home, part in parts))


def _listed(name: str, tests: list[str], opening: str, closing: str, node: ast.expr, file: File) -> str:
    """Return the expression that finds metrics by name."""
    indent = file.indentation(file.statement(node))
    lines = [
        "metric",
        f'for resource in getattr({name}.get_metrics_data(), "resource_metrics", ())',
        "for scope in resource.scope_metrics",
        "for metric in scope.metrics",
        *(f"if {test}" for test in tests),
    ]
    if opening == "next(":
        inner = f"{file.line_end}{indent}        ".join(lines)
        return f"next({file.line_end}{indent}    ({file.line_end}{indent}        {inner}{file.line_end}{indent}    ),{file.line_end}{indent}    None,{file.line_end}{indent})"
    inner = f"{file.line_end}{indent}    ".join(lines)
    return f"{opening}{file.line_end}{indent}    {inner}{file.line_end}{indent}{closing}"


def _followed(read: _Read, file: File) -> list[Edit]:
    """Return the edits of all that is read of an object.

    Raises:
        Refused: Something else is done with it.
    """
    edits: list[Edit] = []
    pending = [read]
    while pending:
        changes, more = _done_with(pending.pop(), file)
        edits += changes
        pending += more
    return edits


def _done_with(read: _Read, file: File) -> tuple[list[Edit], list[_Read]]:
    node, kind = read
    parent = file.parents.get(node)
    match parent, kind:
        case (ast.Expr(), _):
            return [], []
        case (ast.Assign() | ast.AnnAssign() | ast.NamedExpr(), _) if (place := target(file, node)) is not None and isinstance(
            place, ast.Name
        ):
            slot = file.slot(place)
            if (
                slot is not None
                and slot.stores == [place]
                and not isinstance(slot.owner, ast.ClassDef)
                and all(home is file for home, _ in readers(file, place))
            ):
                return [], [_Read(load, kind) for load in slot.loads]
        case (ast.Subscript(), "metrics") if parent.value is node and len(_names(file)) == 1:
            return [], [_Read(parent, "metric")]
        case (ast.Subscript(), "series_list" | "series_points" | "by_tags") if parent.value is node:
            return _taken_out(parent, kind, file)
        case (ast.For() | ast.comprehension(), "metrics" | "series_list" | "series_points") if parent.iter is node:
            inner = {"metrics": "metric", "series_list": "series", "series_points": "point"}[kind]
            edits = [file.replace(node, f"[{_of(node, file)}]")] if kind == "series_points" else []
            return edits, _loads(parent.target, inner, file)
        case (ast.Attribute(), _):
            return _attribute(parent, kind, file)
        case (ast.Call() | ast.FormattedValue(), _) if _is_shown(node, parent):
            return [], []
        case (ast.If() | ast.While() | ast.UnaryOp() | ast.BoolOp() | ast.Compare(), "metrics" | "view"):
            return [], []
    raise Refused(Ask(_question()))


def _is_shown(node: ast.expr, parent: ast.AST) -> bool:
    return isinstance(parent, ast.FormattedValue) or (
        isinstance(parent, ast.Call) and parent.func is not node and strings.tail(parent.func) in {*_SHOWN, "len"}
    )


def _of(node: ast.expr, file: File) -> str:
    """Return the source of the series whose points are read."""
    assert isinstance(node, ast.Attribute)
    if not isinstance(node.value, ast.Name):
        raise Refused(Ask(_question()))
    return file.text(node.value)


def _loads(place: ast.expr, kind: str, file: File) -> list[_Read]:
    slot = file.slot(place) if isinstance(place, ast.Name) else None
    if slot is None or len(slot.stores) > 1:
        raise Refused(Ask(_question()))
    return [_Read(load, kind) for load in slot.loads]


def _taken_out(parent: ast.Subscript, kind: str, file: File) -> tuple[list[Edit], list[_Read]]:
    if kind == "series_list":
        return [], [_Read(parent, "series")]
    if kind == "by_tags":
        return [], [_Read(parent, "aggregated")]
    # A data point of OpenTelemetry is a series with its one point.
    points = parent.value
    is_first = isinstance(parent.slice, ast.Constant) and parent.slice.value == 0
    if not is_first or not isinstance(points, ast.Attribute):
        raise Refused(Ask(_question()))
    return [file.splice(file.end(points.value), file.end(parent), "", parent)], [_Read(parent, "point")]


def _attribute(node: ast.Attribute, kind: str, file: File) -> tuple[list[Edit], list[_Read]]:
    above = file.parents.get(node)
    end = file.end(node.value)
    match kind, node.attr:
        case "metric", "time_series":
            return [file.splice(end, file.end(node), f".{_POINTS}", node)], [_Read(node, "series_list")]
        case "metric", "descriptor" if isinstance(above, ast.Attribute) and above.attr in _DESCRIPTOR:
            return [file.splice(end, file.end(above), f".{above.attr}", node)], []
        case "series", "points":
            return [], [_Read(node, "series_points")]
        case "point", "value" if isinstance(above, ast.Attribute) and above.attr in {"value", "count", "sum"}:
            return [file.splice(end, file.end(above), f".{above.attr}", node)], []
        case "point", "value" if above is not None and _is_shown(node, above):
            return [], []
        case "view", attribute if attribute in _BY_TAGS and isinstance(node.value, ast.Name):
            owner = file.text(node.value)
            text = f"{{tuple(point.attributes.values()): point for point in {owner}.{_POINTS}}}"
            return [file.replace(node, text)], [_Read(node, "by_tags")]
        case "by_tags", "items" | "values" if isinstance(above, ast.Call) and not above.args:
            return [], _of_items(above, node.attr, file)
        case "by_tags", "keys" if isinstance(above, ast.Call):
            return [], []
        case "aggregated", attribute if len(kinds := _kinds(file)) == 1 and attribute in _AGGREGATED[kinds[0]]:
            return [file.rename(node, _AGGREGATED[kinds[0]][attribute])], []
    raise Refused(Ask(_question()))


def _of_items(call: ast.Call, method: str, file: File) -> list[_Read]:
    loop = file.parents.get(call)
    if not isinstance(loop, (ast.For, ast.comprehension)) or loop.iter is not call:
        raise Refused(Ask(_question()))
    place = loop.target
    if method == "items":
        if not isinstance(place, ast.Tuple) or len(place.elts) != 2:
            raise Refused(Ask(_question()))
        place = place.elts[1]
    return _loads(place, "aggregated", file)


def _kinds(file: File) -> list[str]:
    """Return the aggregations of all views of the program."""
    return sorted({View(home, call).kind for home in file.files.values() for call in called(home, _VIEW)})


REWRITERS: dict[str, Rewriter] = {RULE: reading}
