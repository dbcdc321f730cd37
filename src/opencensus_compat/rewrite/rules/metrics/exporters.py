"""Exporters of metrics: `configure` with the signal, where they are made."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Keep, Refused
from opencensus_compat.rewrite.following.held import held
from opencensus_compat.rewrite.following.made import called, is_subclass, loads, made, readers, target
from opencensus_compat.rewrite.rules.exporters import processors, setups
from opencensus_compat.rewrite.rules.exporters.options import milliseconds, options
from opencensus_compat.rewrite.rules.metrics import legacy, metric_names, parts, readings, stats_readers
from opencensus_compat.rewrite.rules.metrics.legacy import REGISTER_EXPORTER
from opencensus_compat.rewrite.rules.metrics.views import (
    EXPORTERS,
    METRICS_EXPORTER,
    NEW_METRICS_EXPORTER,
    PROMETHEUS,
    PUTS,
    REGISTER,
    is_known,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opencensus_compat.rewrite.context import File, Outcome, Rewriter
    from opencensus_compat.rewrite.edits import Edit
    from opencensus_compat.scan.python_uses import Found

_THREAD = legacy.THREAD
_TASK = "metrics.transport.PeriodicMetricTask."
_METRICS = frozenset({"S001", "M001", "M002"})
_POINTS = (".GaugePointLong.set", ".GaugePointLong.add", ".GaugePointDouble.set", ".GaugePointDouble.add")
_PRODUCERS = frozenset({"metrics.export.gauge.Registry", "stats.stats.stats"})

_MAKER = "Which exporter of OpenTelemetry's takes its place? It stays: `LegacyStatsReader` hands the instruments to it."
_STANDARD = Ask("Which of the standard metrics are wanted? The program changes or reads them, and `observe_legacy` sends all of them.")
_IDLE = Ask(
    "Nothing hands this exporter its metrics, so that it sends none: delete the line, or write `new_metrics_exporter(...)`, which sends those of all views."
)


def exporter(use: Found, file: File) -> Outcome:
    """`new_metrics_exporter(...)` → `configure(..., signals=["metrics"])`; `MetricsExporter` and its thread likewise."""
    call = file.call(use.node)
    if is_subclass(use, file):
        return Keep("a class of the program stands on the exporter")
    if isinstance(use.node, ast.Attribute) and use.symbol.startswith(_TASK) and _is_kept(use.node.value, file):
        return [] if legacy.has_metrics(file) else Keep("goes with the exporter that stays")
    if call is None:
        return Ask("What is the exporter's class or function used for here?")
    if use.symbol == _THREAD:
        return kept(use, file) if legacy.is_place(call, file) else _thread(call, file)
    if use.symbol not in {NEW_METRICS_EXPORTER, METRICS_EXPORTER}:
        return Ask("What is done with the exporter besides its registration?")
    threads = [each for each in called(file, _THREAD) if _exporter_of(each, file) is call]
    if use.symbol == METRICS_EXPORTER and len(threads) != 1:
        holder = target(file, call)
        is_idle = file.is_alone(call) if holder is None else not readers(file, holder)
        return _IDLE if is_idle else Ask("Who hands the exporter its metrics?")
    place = target(file, call)
    statement = file.statement(call)
    taken_out: list[Edit] = []
    if place is not None:
        taken_out = handed(place, file)
    elif not (file.is_alone(call) or _is_in_registration(call, file) or threads):
        return Ask("Who else gets the exporter?")
    setups.check(call, file)
    at = before_records(call, statement, file)
    in_memory, edits, before = readings.argument(file, at)
    for_legacy, made_before = stats_readers.beside(use, call, at, file)
    arguments = [f"metric_readers=[{', '.join([*in_memory, *for_legacy])}]"] if in_memory or for_legacy else []
    arguments += metric_names.argument(file, call.func)
    lines = [*before, *made_before, *configuration(call, file, threads[0] if threads else None, at, arguments)]
    text = f"{file.line_end}{file.indentation(statement)}".join(lines)
    return [
        *edits,
        *taken_out,
        *([file.replace(statement, text)] if at is statement else [file.insert_before(at, text), file.delete(statement)]),
    ]


def _is_kept(node: ast.expr, file: File) -> bool:
    """Return whether an expression holds the thread of an exporter that stays."""
    found = held(file, node)
    return found is not None and all(isinstance(call, ast.Call) and legacy.is_place(call, home) for home, call in found)


def kept(use: Found, file: File) -> Outcome:
    """`new_stats_exporter(...)` of another maker stays, and so does the thread of an exporter of the program: a reader hands the instruments to them."""
    call = file.call(use.node)
    if call is None or not legacy.is_place(call, file):
        return [] if legacy.has_metrics(file) else Keep("goes with the exporter that has it")
    if not legacy.has_metrics(file):
        return Keep("stays: `LegacyStatsReader` hands OpenTelemetry's instruments to it") if use.symbol == _THREAD else Ask(_MAKER)
    homes = list(file.files.values())
    if stats_readers.others(file) or not legacy.is_first(call, file):
        return []
    if not legacy.are_served_by(call, file):
        return Ask("Which of the exporters is made first? The meter provider, which they share, is set there.")
    if any(word in home.source for word in (b"set_meter_provider(", b"configure(") for home in homes):
        return Ask("Where is the meter provider made? `metric_readers=[LegacyStatsReader()]` of it serves the exporters that stay.")
    statement = file.statement(call)
    at = before_records(call, statement, file, is_made_there=False)
    name, line = stats_readers.made_for(use, at, file)
    api = file.need("from opentelemetry import metrics", use.node)
    provider = file.need("from opentelemetry.sdk.metrics import MeterProvider", use.node)
    joint = f"{file.line_end}{file.indentation(at)}"
    return [file.insert_before(at, joint.join([line, f"{api}.set_meter_provider({provider}(metric_readers=[{name}]))"]))]


def together(files: Iterable[File]) -> Iterator[tuple[Found, Found]]:
    """Yield, in pairs, what gets metrics and the metrics that come to it nowhere else.

    These are an exporter and the metrics of its file, where some are recorded before it is made; registrations and what they get; and exporters of other
    makers with all metrics, since they read OpenCensus's views and no meter provider.
    """
    files = list(files)
    for file in files:
        for use in file.uses:
            call = file.call(use.node)
            if use.symbol in {NEW_METRICS_EXPORTER, METRICS_EXPORTER, PROMETHEUS} and call is not None:
                if _first_record(file.statement(call), file) is not None:
                    yield from ((use, other) for other in file.uses if other.rule in _METRICS)
            elif use.symbol == REGISTER_EXPORTER and call is not None:
                found = made(file, file.argument(call, 0, "exporter"))
                yield from ((use, other) for other in (found[0].by_node.get(found[1].func, ()) if found is not None else ()))
            elif use.symbol == REGISTER and call is not None:
                yield from ((use, other) for home, made in held(file, file.argument(call, 0, "view")) or [] for other in _uses(made, home))
            if _is_of_others(use, call, file):
                # One of Azure's sets the provider with the reader of those that stay.
                yield from ((use, other) for home in files for other in home.uses if other.rule in _METRICS or other.symbol in EXPORTERS)


def _uses(node: ast.expr, file: File) -> list[Found]:
    return file.by_node.get(node.func, []) if isinstance(node, ast.Call) else []


def _is_of_others(use: Found, call: ast.Call | None, file: File) -> bool:
    """Return whether a use makes, registers or runs an exporter that is not Azure's."""
    if call is None:
        return False
    if use.symbol == REGISTER_EXPORTER:
        return not is_known(call, file) and not legacy.is_registered(call, file)
    if legacy.is_place(call, file):
        return True
    if use.symbol == _THREAD:
        of_exporter = _exporter_of(call, file)
        return of_exporter is None or file.symbol(of_exporter) != METRICS_EXPORTER
    return use.rule[0] == "V" and ".stats_exporter." in use.symbol


def _first_record(statement: ast.stmt, file: File) -> ast.stmt | None:
    """Return the first statement before one, in its block, that records a value; None for none."""
    block = file.body_of(statement)
    return next((each for each in block[: block.index(statement)] if _records(each, file)), None)


def before_records(call: ast.Call, statement: ast.stmt, file: File, *, is_made_there: bool = True) -> ast.stmt:
    """Return the statement in whose place or before which `configure` stands: an instrument without a provider keeps nothing of what it records.

    Args:
        call: What makes the exporter.
        statement: Its statement.
        file: Its file.
        is_made_there: Whether what the exporter is made with is needed there.

    Raises:
        Refused: What the exporter is made with is only known after something was recorded.
    """
    at = _first_record(statement, file)
    if at is None:
        return statement
    for each in ast.walk(call) if is_made_there else ():
        slot = file.slot(each) if isinstance(each, ast.Name) else None
        places = [store for store in slot.stores if isinstance(store, (ast.Name, ast.alias))] if slot is not None else []
        if any(file.start(at) <= file.start(store) < file.start(statement) for store in places):
            raise Refused(Ask("Where are values recorded first? `configure` has to stand before that, and what it needs is made later."))
    return at


def _records(statement: ast.stmt, file: File, depth: int = 2) -> bool:
    """Return whether a statement records a value, or puts one into a map, as far as this file says."""
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return False
    for each in ast.walk(statement):
        if any(use.symbol in PUTS or use.symbol.endswith(_POINTS) for use in file.by_node.get(each, ())):
            return True
        slot = file.slot(each.func) if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) else None
        function = slot.only_store if slot is not None else None
        if depth and isinstance(function, ast.FunctionDef) and any(_records(inner, file, depth - 1) for inner in function.body):
            return True
    return False


def handed(place: ast.expr, file: File) -> list[Edit]:
    """Return the edits that take an exporter out of the calls which hand it to functions that register it.

    Raises:
        Refused: More is done with it.
    """
    edits: list[Edit] = []
    for load in loads(file, place):
        if processors.addition(load, file) is not None:
            continue
        parent = file.parents.get(load)
        parent = file.parents.get(parent) if isinstance(parent, ast.keyword) else parent
        if isinstance(parent, ast.Call) and parent.func is not load and file.symbol(parent) in {REGISTER_EXPORTER, _THREAD}:
            continue
        found = parts.taken_out(load, file)
        if found is None:
            raise Refused(Ask(f"The exporter is read in line {load.lineno}: what for?"))
        edits += found
    return edits


def _is_in_registration(call: ast.Call, file: File) -> bool:
    parent = file.parents.get(call)
    parent = file.parents.get(parent) if isinstance(parent, ast.keyword) else parent
    return isinstance(parent, ast.Call) and file.symbol(parent) == REGISTER_EXPORTER and file.is_alone(parent)


def configuration(call: ast.Call, file: File, thread: ast.Call | None, at: ast.stmt, more: list[str]) -> list[str]:
    """Return the statements that take the place of an exporter.

    Args:
        call: What makes the exporter.
        file: Its file.
        thread: What exports by it; None where registering does.
        at: The statement that `configure` takes the place of, or stands before.
        more: Arguments of `configure` besides.

    Raises:
        Refused: An option of it has no counterpart.
    """
    given = options(call, file, "metrics")
    interval = file.argument(thread, 2, "interval") if thread is not None else None
    if thread is not None:
        given = [each for each in given if not each.startswith("export_interval_millis=")]
    if interval is not None and not (isinstance(interval, ast.Constant) and interval.value is None):
        given.append(f"export_interval_millis={milliseconds(interval, file)}")
    if thread is None and not any(each.startswith("export_interval_millis=") for each in given):
        given.append(f"export_interval_millis={setups.DEFAULT_INTERVAL_MILLIS}")
    name = file.need("from appinsights_exporter import configure", call.func)
    given.insert(sum(each.startswith(("connection_string=", "credential=")) for each in given), 'signals=["metrics"]')
    given += [*processors.argument(call, file, at), *more]
    texts = [f"{name}({', '.join(given)})"]
    standard = next((each.value for each in call.keywords if each.arg == "enable_standard_metrics"), None)
    if file.symbol(call) == NEW_METRICS_EXPORTER and not (isinstance(standard, ast.Constant) and not standard.value):
        if file.files.has({"A011"}):
            raise Refused(_STANDARD)
        counters = f"{file.need('from appinsights_exporter import performance_counters', call.func)}.observe_legacy()"
        is_asked = standard is not None and not isinstance(standard, ast.Constant)
        inner = f"if {file.render(standard)}:{file.line_end}{file.indentation(at)}    " if is_asked and standard is not None else ""
        if inner and not file.begins_line(at):
            raise Refused(Ask("Are the standard metrics of machine and process wanted?"))
        texts.append(f"{inner}{counters}")
    return texts


def _exporter_of(thread: ast.Call, file: File) -> ast.Call | None:
    found = made(file, file.argument(thread, 1, "exporter"))
    return found[1] if found is not None and found[0] is file else None


def _thread(call: ast.Call, file: File) -> Outcome:
    """The thread goes: the reader of the provider reads all instruments."""
    of_exporter = _exporter_of(call, file)
    producers = file.argument(call, 0, "metric_producers")
    if of_exporter is None or file.symbol(of_exporter) != METRICS_EXPORTER or not isinstance(producers, (ast.List, ast.Tuple)):
        return Ask("Which exporter exports which producers?")
    for each in producers.elts:
        found = made(file, each)
        if not (found is not None and found[0].symbol(found[1]) in _PRODUCERS) and file.symbol(each) not in _PRODUCERS:
            return Ask("Which metrics does this producer bring?")
    place = target(file, call)
    if place is None and not file.is_alone(call):
        return Keep("the thread is used")
    if place is not None and loads(file, place):
        return Ask("What else is done with the thread? `shutdown()` of what `configure` returns ends the export.")
    # The exporter's own use writes the statement if both are in one.
    statement = file.statement(call)
    return [] if file.statement(of_exporter) is statement else [file.delete(statement)]


REWRITERS: dict[str, Rewriter] = {"A010": exporter}
