"""Measures and views: a measure with its view is an instrument, whose kind is the view's aggregation."""

from __future__ import annotations

import ast
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Keep, Refused
from opencensus_compat.rewrite.following.held import held
from opencensus_compat.rewrite.following.index import of_program
from opencensus_compat.rewrite.following.made import called, is_of_nobody, is_simple, loads, made, readers, target
from opencensus_compat.rewrite.rules.metrics import legacy, metric_names, per_call, view_makers
from opencensus_compat.rewrite.rules.metrics import parts as stats_parts
from opencensus_compat.rewrite.rules.metrics.legacy import REGISTER_EXPORTER
from opencensus_compat.rewrite.rules.metrics.tags import text_of
from opencensus_compat.scan import strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.scan.python_uses import Found

MEASURES = ("stats.measure.MeasureInt", "stats.measure.MeasureFloat")
_VIEW = "stats.view.View"
_TEXTS = ("name", "description")
_PARTS = frozenset(f"{each}.{name}" for each in (*MEASURES, "stats.measure.BaseMeasure", _VIEW) for name in _TEXTS)
REGISTER = "stats.view_manager.ViewManager.register_view"
NEW_METRICS_EXPORTER = "ext.azure.metrics_exporter.new_metrics_exporter"
METRICS_EXPORTER = "ext.azure.metrics_exporter.MetricsExporter"
PROMETHEUS = "ext.prometheus.stats_exporter.new_stats_exporter"
EXPORTERS = frozenset({NEW_METRICS_EXPORTER, METRICS_EXPORTER, PROMETHEUS})
"""What makes exporters that become readers of a meter provider."""
_READ_BACK = ("measure_to_view_map", "ViewManager.get_all_exported_views")
PUTS = frozenset({"stats.measurement_map.MeasurementMap.measure_int_put", "stats.measurement_map.MeasurementMap.measure_float_put"})
_AGGREGATION = "stats.aggregation."
_KINDS = {
    "CountAggregation": "counter",
    "SumAggregation": "counter",
    "LastValueAggregation": "gauge",
    "DistributionAggregation": "histogram",
}
_SUPPORTED_BY_NAME = frozenset({"name", "description", "columns", "measure", "aggregation"})
_BEGINS_WITH = {"CountAggregation": "count", "SumAggregation": "sum", "LastValueAggregation": "value"}
_WIDTH = 88


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A view of these files."""

    file: File
    call: ast.Call

    def part(self, position: int, name: str) -> ast.expr:
        """Return an argument.

        Raises:
            Refused: It is not given.
        """
        found = self.file.argument(self.call, position, name)
        if found is None or self.file.has_stars(self.call):
            raise Refused(Ask("Which arguments has this view?"))
        return found

    @property
    def aggregation(self) -> tuple[File, ast.Call]:
        """The call that makes its aggregation.

        Raises:
            Refused: It is not known.
        """
        found = made(self.file, self.part(4, "aggregation"))
        if found is None or found[0].symbol(found[1]).removeprefix(_AGGREGATION) not in _KINDS:
            raise Refused(Ask("Which aggregation has this view?"))
        return found

    @property
    def kind(self) -> str:
        """The name of its aggregation's class."""
        home, call = self.aggregation
        return home.symbol(call).removeprefix(_AGGREGATION)

    @property
    def columns(self) -> set[str]:
        """Its tag keys.

        Raises:
            Refused: They are not known.
        """
        node = self.part(2, "columns")
        found = made_list(self.file, node)
        keys = [text_of(each, found[0]) for each in found[1].elts] if found is not None else [None]
        if None in keys:
            raise Refused(Ask("Which tag keys has this view? Others of a tag map are no attributes."))
        return {key for key in keys if key is not None}


def made_list(file: File, node: ast.expr) -> tuple[File, ast.List | ast.Tuple] | None:
    """Return the list that an expression is or holds."""
    from opencensus_compat.rewrite.following.made import stored

    found: tuple[File, ast.expr] | None = (file, node)
    while found is not None and not isinstance(found[1], (ast.List, ast.Tuple)):
        found = stored(*found)
    return found if found is not None and isinstance(found[1], (ast.List, ast.Tuple)) else None  # type: ignore[return-value] # it is one


def views_of(measure: ast.Call, file: File) -> list[View]:
    """Return the views of a measure that are registered.

    Raises:
        Refused: A view's measure is not known, or one is made but not registered.
    """
    views = _views_by_measure(file)
    if views is None:
        raise Refused(Ask("There is a view whose measure is only known when the program runs: is it this one's?"))
    found = views.get(measure, [])
    if any(is_of_several and not view_makers.is_for_each(view.call, view.file) for view, is_of_several in found):
        raise Refused(Ask("One view is made for several measures: where is the instrument of each to be made?"))
    if any(view.call not in _registered(file) for view, _ in found):
        raise Refused(Ask("Is its view registered? Without that OpenCensus records nothing."))
    return [view for view, _ in found]


@of_program
def _views_by_measure(file: File) -> dict[ast.expr, list[tuple[View, bool]]] | None:
    """Return measure -> the views that are made for it, and whether for others, too; None where the measure of a view is not known."""
    found: dict[ast.expr, list[tuple[View, bool]]] = {}
    for home in file.files.values():
        for call in called(home, _VIEW):
            view = View(home, call)
            measures = held(home, view.part(3, "measure"))
            if measures is None:
                return None
            for measure in {each for _, each in measures}:
                found.setdefault(measure, []).append((view, len(measures) > 1))
    return found


def _check_readers(file: File) -> None:
    """Raise where the program reads back what it recorded, or records measures that are only known when it runs."""
    if reason := _obstacle(file):
        raise Refused(Keep(reason))


@of_program
def _obstacle(file: File) -> str:
    for home in file.files.values():
        for use in home.uses:
            line = getattr(use.node, "lineno", 1)
            if use.rule in {"S008", "S010"} and any(name in use.symbol for name in _READ_BACK):
                return f"{os.path.relpath(home.path)}:{line} reads back what was recorded"
            call = home.call(use.node) if use.symbol in PUTS else None
            given = home.argument(call, 0, "measure") if call is not None else None
            if (
                call is not None
                and held(home, given) is None
                and not is_of_nobody(home.slot(given) if isinstance(given, ast.Name) else None, home)
            ):
                return f"{os.path.relpath(home.path)}:{line} records measures that are only known when it runs"
    return ""


def is_unread(node: ast.AST, file: File) -> bool:
    """Return whether `mmap.measure_to_view_map.get_metrics(now)` has a result that nothing reads."""
    call = file.call(node)
    if call is None or not file.symbol(call).endswith(".measure_to_view_map.get_metrics"):
        return False
    if not all(
        is_simple(each) or strings.tail(each) in {"utcnow", "now"} for each in [*call.args, *(each.value for each in call.keywords)]
    ):
        return False
    parent = file.parents.get(call)
    whole = parent if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id == "list" else call
    place = target(file, whole)
    is_of_class = isinstance(file.owner(node), ast.ClassDef)
    return file.is_alone(whole) or (isinstance(place, ast.Name) and not is_of_class and not readers(file, place))


@of_program
def _registered(file: File) -> set[ast.expr]:
    """Return the calls that make the views which a program registers."""
    calls = [(home, home.argument(call, 0, "view")) for home in file.files.values() for call in called(home, REGISTER)]
    return {view for home, given in calls for _, view in held(home, given) or ()}


def instrument(view: View, unit: str, file: File, node: ast.AST, indentation: str, before: int) -> str:
    """Return the expression that makes the instrument of a view.

    Args:
        view: The view.
        unit: The source of its unit.
        file: Where it is to stand.
        node: The place there.
        indentation: Of the statement.
        before: Signs before the expression on its line.

    Raises:
        Refused: It cannot stand there.
    """
    home, aggregation = view.aggregation
    kind = home.symbol(aggregation).removeprefix(_AGGREGATION)
    parts = [view_makers.at_call(view.part(at, each), view.call, node, view.file) for at, each in enumerate(_TEXTS)]
    bounds = home.argument(aggregation, 0, "boundaries") if kind == "DistributionAggregation" else None
    if (aggregation.args or aggregation.keywords) and bounds is None and not _is_never_sent(kind, aggregation):
        raise Refused(Ask("Which value does its aggregation begin with? An instrument begins with 0."))
    _check_names(parts + ([(home, bounds)] if bounds is not None else []), file, node)
    (of_name, name_part), (of_text, text_part) = parts
    if name_part is not view.part(0, "name"):
        # What the calls give is no name that the exporter could be told.
        metric_names.name(view.part(0, "name"), view.file)
    texts = [metric_names.name(name_part, of_name), f"unit={unit}", f"description={of_text.text(text_part)}"]
    if bounds is not None:
        texts.append(f"explicit_bucket_boundaries_advisory={_bounds(bounds, home)}")
    elif kind == "DistributionAggregation":
        # Without boundaries there is one bucket.
        texts.append("explicit_bucket_boundaries_advisory=[]")
    name = file.need("from opentelemetry import metrics", node)
    return create(f"{name}.get_meter(__name__).create_{_KINDS[kind]}", texts, indentation, before, file)


def _bounds(node: ast.expr, file: File) -> str:
    """Return the source of the bounds of a distribution, without those that OpenCensus drops: it has no bucket up to 0."""
    if not isinstance(node, (ast.List, ast.Tuple)):
        return file.text(node)
    first = next((at for at, each in enumerate(node.elts) if not _is_at_most_0(each)), len(node.elts))
    return f"[{', '.join(map(file.text, node.elts[first:]))}]" if first else file.text(node)


def _is_at_most_0(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return isinstance(node.operand, ast.Constant)
    return isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and node.value <= 0


def _is_never_sent(kind: str, aggregation: ast.Call) -> bool:
    """Return whether nothing is sent of what an aggregation begins with: it is 0, or the first record takes its place."""
    given = [*aggregation.args, *(each.value for each in aggregation.keywords if each.arg == _BEGINS_WITH.get(kind))]
    if len(given) != 1 or len(given) < len(aggregation.args) + len(aggregation.keywords):
        return False
    is_nothing = isinstance(given[0], ast.Constant) and given[0].value in {0, None}
    return is_nothing or (kind == "LastValueAggregation" and is_simple(given[0]) and not isinstance(given[0], ast.Starred))


def create(function: str, texts: list[str], indentation: str, before: int, file: File) -> str:
    """Return a call, each argument on a line of its own where one line would be longer than the file's."""
    line = f"{function}({', '.join(texts)})"
    longest = max([_WIDTH, *map(len, file.source.decode("utf-8").splitlines())])
    if before + len(line) <= longest:
        return line
    inner = f"{indentation}    "
    return file.line_end.join([f"{function}(", *(f"{inner}{each}," for each in texts), f"{indentation})"])


def _check_names(nodes: list[tuple[File, ast.expr]], file: File, place: ast.AST) -> None:
    for home, node in nodes:
        for each in ast.walk(node):
            if not isinstance(each, ast.Name):
                continue
            slot = home.slot(each)
            is_seen = home is file and (
                slot is None or all(not isinstance(store, ast.expr) or file.start(store) < file.start(place) for store in slot.stores)
            )
            if not is_seen or (slot is not None and slot.owner is not file.tree and slot.owner is not file.owner(place)):
                raise Refused(Ask(f"`{each.id}` of its view is not known here: where is the instrument to be made?"))


def measure(use: Found, file: File) -> Outcome:
    """`MeasureInt(...)` with one view → its instrument; with several, each view is one."""
    call = file.call(use.node)
    if use.symbol in _PARTS and isinstance(use.node, ast.Attribute) and call is None:
        return _text(use.node, MEASURES, file)
    if use.symbol not in MEASURES or call is None:
        return Ask("What is done with the measure besides views and recording?")
    views = views_of(call, file)
    _check_readers(file)
    if not views:
        return Ask("No view of it is in these files, and without one nothing is sent: is it needed?")
    if per_call.is_made_for_each_value(call, file) and "S001" not in file.accepted:
        return Ask(per_call.QUESTION)
    place = target(file, call)
    if place is None and (len(views) > 1 or not isinstance(file.parents.get(call), ast.Dict)):
        return Ask("Who else holds the measure?")
    statement = file.statement(call)
    if len(views) > 1 or _is_at_view(views[0], call, file):
        return [file.delete(statement)]
    indentation = file.indentation(statement)
    return [file.replace(call, instrument(views[0], _unit(views[0], call, file), file, call, indentation, _column(call, file)))]


def _text(node: ast.Attribute, kinds: tuple[str, ...], file: File) -> Outcome:
    """The name or description of a measure or view → its text."""
    found = held(file, node.value)
    if found is None or len(found) != 1 or not isinstance(node.ctx, ast.Load):
        return Ask("Whose name is this?")
    home, call = found[0]
    if not isinstance(call, ast.Call) or home.symbol(call) not in kinds or home.has_stars(call):
        return Ask("Whose name is this?")
    given = home.argument(call, _TEXTS.index(node.attr), node.attr)
    if given is None:
        return Ask("Whose name is this?")
    is_text = isinstance(given, ast.Constant) and isinstance(given.value, str)
    if not is_text:
        slot = home.slot(given) if isinstance(given, ast.Name) else None
        if slot is None or (home.only_value(slot) is None and (slot.parameter is None or len(slot.stores) > 1)):
            return Ask("Its name is made as the program runs: is it the same here?")
        _check_names([(home, given)], file, node)
    return [file.replace(node, home.text(given))]


def _column(node: ast.AST, file: File) -> int:
    return file.start(node) - file.line_start(node)


def _is_at_view(view: View, of_measure: ast.Call, file: File) -> bool:
    """Return whether the instrument is made where the view is: below the measure, which nothing reads before."""
    place, of_view = target(file, of_measure), target(view.file, view.call)
    if view.file is not file or place is None or of_view is None:
        return False
    block, statement = file.body_of(file.statement(of_measure)), file.statement(view.call)
    start, end = file.end(of_measure), file.start(statement)
    return statement in block and start < end and not any(start < file.start(each) < end for each in loads(file, place))


def _unit(view: View, call: ast.Call, file: File) -> str:
    if view.kind == "CountAggregation":
        return '"1"'
    unit = file.argument(call, 2, "unit")
    return metric_names.unit(unit, file) if unit is not None and not (isinstance(unit, ast.Constant) and unit.value is None) else '"1"'


def view(use: Found, file: File) -> Outcome:
    """A view goes where its measure becomes the instrument; of several, each becomes one."""
    call = file.call(use.node)
    if use.symbol in _PARTS and isinstance(use.node, ast.Attribute) and call is None:
        return _text(use.node, (_VIEW,), file)
    if use.symbol != _VIEW or call is None:
        return Ask("What is done with the view besides its registration?")
    found = held(file, View(file, call).part(3, "measure"))
    is_for_each = found is not None and len(found) > 1 and view_makers.is_for_each(call, file)
    if found is None or (len(found) > 1 and not is_for_each) or not isinstance(found[0][1], ast.Call):
        return Ask("Which measure has this view?")
    home, of_measure = found[0][0], found[0][1]
    views = views_of(of_measure, home)
    place = target(file, call)
    if len(views) > 1:
        if home is not file or place is None or file.owner(call) is not file.owner(of_measure):
            return Ask("Its measure has several views: which variables are to hold their instruments?")
        unit = _unit(View(file, call), of_measure, file)
        statement = file.statement(call)
        text = instrument(View(file, call), unit, file, call, file.indentation(statement), _column(call, file))
        _check_loads(place, file)
        return [file.replace(call, text), *_out_of_lists(place, file)]
    if place is not None:
        _check_loads(place, file)
        lists = _out_of_lists(place, file)
        statement = file.statement(call)
        holder = target(home, of_measure)
        if home is file and holder is not None and _is_at_view(View(file, call), of_measure, file):
            name = file.text(holder)
            indentation = file.indentation(statement)
            unit = _unit(View(file, call), of_measure, file)
            text = instrument(View(file, call), unit, file, call, indentation, len(indentation) + len(name) + 3)
            return [file.replace(statement, f"{name} = {text}"), *lists]
        return [file.delete(statement), *lists]
    parent = file.parents.get(call)
    if isinstance(parent, (ast.List, ast.Tuple)) and target(file, parent) is not None:
        holder = target(file, parent)
        assert holder is not None
        if not all(isinstance(each, ast.Call) and file.symbol(each) == _VIEW for each in parent.elts):
            return Ask("What else does the list hold?")
        _check_loads(holder, file)
        return [file.delete(file.statement(call))] if parent.elts[0] is call else []
    return []


def _check_loads(place: ast.expr, file: File) -> None:
    """Raise where something else than a registration reads a variable."""
    for home, load in readers(file, place) if isinstance(place, ast.Name) else [(file, each) for each in loads(file, place)]:
        node: ast.AST = load
        parent = home.parents.get(node)
        if isinstance(parent, ast.Attribute) and home.symbol(parent) in _PARTS:
            continue
        while isinstance(parent, (ast.List, ast.Tuple, ast.keyword)):
            node, parent = parent, home.parents.get(parent)
        if isinstance(parent, ast.For) and parent.iter is node and _only_registers(parent, home):
            continue
        if isinstance(parent, ast.Call) and parent.func is not node and (home.symbol(parent) == REGISTER or _is_helper(parent, home)):
            continue
        holder = target(home, node)
        if isinstance(holder, ast.Name) and isinstance(node, (ast.List, ast.Tuple)) and home is file and _are_views(node, home):
            _check_loads(holder, home)
            continue
        raise Refused(Ask(f"`{home.text(load)}` is read in line {load.lineno}{f' of {home.path}' if home is not file else ''}: what for?"))


def _only_registers(loop: ast.For, file: File) -> bool:
    """Return whether a loop does nothing but register the views that it goes through, so that it goes."""
    statement = loop.body[0]
    call = statement.value if isinstance(statement, ast.Expr) and len(loop.body) == 1 and not loop.orelse else None
    return isinstance(call, ast.Call) and (file.symbol(call) == REGISTER or _is_helper(call, file))


def _are_views(node: ast.List | ast.Tuple, file: File) -> bool:
    found = [made(file, each) for each in node.elts]
    return all(each is not None and each[0].symbol(each[1]) == _VIEW for each in found)


def _out_of_lists(place: ast.expr, file: File) -> list[Edit]:
    """Return the edits that take away the lists in variables which hold a view; it sees to those that it is the first of."""
    lists = [file.parents.get(load) for load in loads(file, place)]
    firsts = [each for each in lists if isinstance(each, (ast.List, ast.Tuple)) and each.elts[0] in loads(file, place)]
    return [file.delete(file.statement(each)) for each in firsts if target(file, each) is not None]


def aggregation(use: Found, file: File) -> Outcome:
    """An aggregation goes with its view: the kind of the instrument says it."""
    call = file.call(use.node)
    if call is None or use.symbol.removeprefix(_AGGREGATION) not in _KINDS:
        return Ask("What is done with the aggregation besides views?")
    place = target(file, call)
    if place is None:
        return []
    for load in loads(file, place):
        parent = file.parents.get(load)
        parent = file.parents.get(parent) if isinstance(parent, ast.keyword) else parent
        if not (isinstance(parent, ast.Call) and file.symbol(parent) == _VIEW):
            return Ask(f"It is read in line {load.lineno}: what for?")
    return [file.delete(file.statement(call))]


def registration(use: Found, file: File) -> Outcome:
    """`register_view(...)` and `register_exporter(...)` go, with the loop around."""
    call = file.call(use.node)
    if use.symbol not in {REGISTER, REGISTER_EXPORTER} or call is None:
        return Ask("What is the view manager asked for here?")
    if legacy.keeps(call, file):
        return [] if legacy.has_metrics(file) else Keep("goes with the exporter that stays")
    if use.symbol == REGISTER_EXPORTER and not is_known(call, file) and not legacy.is_registered(call, file):
        return Ask("Which reader of a meter provider takes the place of this exporter? OpenTelemetry's metrics do not come to it.")
    if not file.is_alone(call):
        return Keep("its result is used")
    statement: ast.stmt = file.statement(call)
    given = call.args[0] if call.args else None
    if isinstance(given, ast.Call) and file.symbol(given).startswith("ext.azure.metrics_exporter."):
        return []
    slot = file.slot(given) if isinstance(given, ast.Name) else None
    if use.symbol == REGISTER and slot is not None and slot.parameter is not None:
        return _helper(file.function(call), file)
    above = file.parents.get(statement)
    if isinstance(above, ast.For) and above.body == [statement] and not above.orelse:
        through = file.slot(above.iter) if isinstance(above.iter, ast.Name) else None
        if through is not None and through.parameter is not None:
            return _helper(file.function(call), file)
        return [file.delete(above)]
    made_here = made(file, given) if use.symbol == REGISTER else None
    if made_here is not None and made_here[0] is file and file.function(made_here[1]) is file.function(call):
        whole_maker = view_makers.without(made_here[1], file)
        if whole_maker is not None:
            return whole_maker
    manager = file.slot(use.node.value) if isinstance(use.node, ast.Attribute) else None
    if manager is not None and manager.parameter is not None and stats_parts.of_parameter(manager.parameter, file) is not None:
        whole = _helper(file.function(call), file)
        if isinstance(whole, list):
            return whole
    return [file.delete(statement)]


def is_known(call: ast.Call, file: File) -> bool:
    """Return whether `register_exporter(...)` gets an exporter whose metrics a reader of a meter provider gets instead."""
    found = held(file, file.argument(call, 0, "exporter"))
    return found is not None and all(home.symbol(each) in EXPORTERS for home, each in found)


def _helper(function: ast.AST | None, file: File) -> Outcome:
    """Return the edits that take away a function which only registers what it gets, and the calls of it."""
    question = Ask("What else does the function do that registers this view?")
    calls = _calls_of(function, file)
    if calls is None or not isinstance(function, ast.FunctionDef):
        return question
    for statement in _flat(function.body):
        is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        node = statement.value if isinstance(statement, (ast.Assign, ast.Expr)) else None
        if any(isinstance(each, ast.Call) and legacy.keeps(each, file) for each in ast.walk(statement)):
            return question
        is_ours = any(
            file.symbol(each).startswith(("stats.view_manager.", "stats.stats.")) for each in (node, node and file.call(node)) if each
        )
        if not (is_text or is_ours or (isinstance(node, ast.Call) and file.symbol(node) == REGISTER)):
            return question
    edits = [file.delete(function)]
    for call in calls:
        statement = file.statement(call)
        above = file.parents.get(statement)
        is_loop = isinstance(above, ast.For) and above.body == [statement] and not above.orelse
        edits.append(file.delete(above if is_loop and isinstance(above, ast.For) else statement))
    return edits


def _flat(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements, and those of loops through variables in their places."""
    for each in statements:
        if isinstance(each, ast.For) and isinstance(each.iter, ast.Name) and not each.orelse:
            yield from _flat(each.body)
        else:
            yield each


def _is_helper(call: ast.Call, file: File) -> bool:
    """Return whether a call is of a function that registers what it gets; its use says whether it does more."""
    slot = file.slot(call.func)
    function = slot.only_store if slot is not None else None
    return any(file.function(each) is function for each in called(file, REGISTER)) and _calls_of(function, file) is not None


def _calls_of(function: ast.AST | None, file: File) -> list[ast.Call] | None:
    """Return the calls of a function of a module, each a statement; None where it is used in other ways or files."""
    if not isinstance(function, ast.FunctionDef) or file.parents.get(function) is not file.tree or function.decorator_list:
        return None
    slot = file.bindings.module.get(function.name)
    if slot is None or slot.stores != [function]:
        return None
    elsewhere = any(
        strings.tail(node) == function.name
        for home in file.files.values()
        for node in ([*home.kinds[ast.Name], *home.kinds[ast.Attribute]] if home is not file else ())
    )
    is_imported = bool(file.files.aliases(function.name))
    calls = [file.call(load) for load in slot.loads]
    if elsewhere or is_imported or not calls:
        return None
    return [call for call in calls if call is not None and file.is_alone(call)] if all(calls) and all(map(file.is_alone, calls)) else None  # type: ignore[arg-type] # none is None


REWRITERS: dict[str, Rewriter] = {
    "S001": measure,
    "S002": view,
    **dict.fromkeys(("S003", "S004", "S005", "S006", "S007"), aggregation),
    "S008": registration,
}
