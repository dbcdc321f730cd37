"""Measurement maps: where they are made, what keeps them, and what they keep from one record to the next."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite import removal
from opencensus_compat.rewrite.context import Ask, Refused
from opencensus_compat.rewrite.following import kept
from opencensus_compat.rewrite.following.held import held
from opencensus_compat.rewrite.following.index import of_program
from opencensus_compat.rewrite.following.made import made, readers, target
from opencensus_compat.rewrite.rules.exporters.several import is_once
from opencensus_compat.rewrite.rules.metrics import readings
from opencensus_compat.rewrite.rules.metrics.views import PUTS

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome
    from opencensus_compat.rewrite.edits import Edit

NEW = "stats.stats_recorder.StatsRecorder.new_measurement_map"
MAP = "stats.measurement_map.MeasurementMap"
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def deletion(call: ast.Call, file: File) -> Outcome:
    """`mmap = stats_recorder.new_measurement_map()` goes, and what dicts keep of it."""
    place = target(file, call)
    reads = below(call, file)
    if place is None and not reads:
        return Ask("Who else puts something into this map?")
    edits = [file.delete(file.statement(call))] if place is not None else _out_of_dict(call, file)
    for home, load in [*(readers(file, place) if place is not None else []), *reads]:
        parent = home.parents.get(load)
        above = home.parents.get(parent) if isinstance(parent, ast.Attribute) else None
        is_read_back = any(each.rule == readings.RULE for each in home.by_node.get(above, ())) if above is not None else False
        if isinstance(parent, ast.Attribute) and (parent in home.by_node or is_read_back):
            continue
        is_out = home is file and target(home, load) is not None and any(read is load for _, read in reads)
        goes = (
            [file.delete(file.statement(load))] if is_out else _out_of_dict(load, file) if home is file and _of_dict(load, file) else None
        )
        if goes is None:
            return Ask(f"The map is read in line {load.lineno}{f' of {home.path}' if home is not file else ''}: what for?")
        edits += goes
    return edits


def _out_of_dict(node: ast.expr, file: File) -> list[Edit]:
    """Return the edits that keep an expression out of a dict, which keeps the others."""
    parent = file.parents[node]
    return [removal.value_of_dict(parent, node, file) if isinstance(parent, ast.Dict) else file.delete(file.statement(node))]


def _of_dict(node: ast.expr, file: File) -> list[tuple[File, ast.expr]]:
    """Return what reads an expression out of the dict that it is put into; none for another expression."""
    parent = file.parents.get(node)
    if isinstance(parent, ast.Dict) and node in parent.values:
        return kept.lookups(file, parent, node)
    to = parent.targets[0] if isinstance(parent, ast.Assign) and parent.value is node and len(parent.targets) == 1 else None
    found = kept.dictionary(file, to) if to is not None else None
    return kept.lookups(*found) if found is not None and not found.is_asked_for_keys() else []


def below(call: ast.Call, file: File) -> list[tuple[File, ast.expr]]:
    """Return what reads a map out of the dicts that keep it."""
    place = target(file, call)
    holders = [load for home, load in readers(file, place) if home is file] if place is not None else [call]
    return [read for each in holders for read in _of_dict(each, file)]


def new(call: ast.Call, file: File) -> tuple[File, ast.Call] | None:
    """Return the call that makes the map of another call, and its file; None where that is not one."""
    return of(call.func.value, file) if isinstance(call.func, ast.Attribute) else None


def of(node: ast.expr, file: File) -> tuple[File, ast.Call] | None:
    """Return the call that makes the map of an expression, and its file; None where that is not one."""
    found = held(file, node)
    home, call = found[0] if found is not None and len(found) == 1 else (file, None)
    return (home, call) if isinstance(call, ast.Call) and home.symbol(call) == NEW else None


def puts_of(new_map: tuple[File, ast.Call], file: File) -> list[tuple[File, ast.Call]]:
    """Return all calls that put something into a map, with their files."""
    return _puts(file).get(new_map, [])


@of_program
def _puts(file: File) -> dict[tuple[File, ast.Call], list[tuple[File, ast.Call]]]:
    """Return call that makes a map -> those that put something into it, each with its file."""
    found: dict[tuple[File, ast.Call], list[tuple[File, ast.Call]]] = {}
    calls = ((home, home.call(use.node)) for home in file.files.values() for use in home.uses if use.symbol in PUTS)
    for home, call in calls:
        if call is not None and (made := new(call, home)) is not None:
            found.setdefault(made, []).append((home, call))
    return found


def is_fresh(home: File, call: ast.Call, record: ast.Call, file: File) -> bool:
    """Return whether a map is made anew for each record.

    Args:
        home: The file of the call that makes it.
        call: That call.
        record: The record.
        file: Its file.
    """
    return (
        home is file
        and file.owner(call) is file.owner(record)
        and all(each in list(file.up(call)) for each in file.up(record) if isinstance(each, _LOOPS))
        and not below(call, file)
    )


def is_of_one_measure(put: ast.Call, new_map: tuple[File, ast.Call], file: File) -> bool:
    """Return whether a map that stays has one measure at this place: the only one that is made there, or one that is made, and kept, beside it."""
    node = measure(put, file)
    found = held(file, node)
    if found is None or (len(found) == 1 and is_once(found[0][1], found[0][0])):
        return True
    if len(found) > 1:
        return False
    (home, call), (other, beside) = found[0], new_map
    loops = [[each for each in home.up(one) if isinstance(each, _LOOPS)] for one in (call, beside)]
    is_beside = home is other and home.owner(call) is home.owner(beside) and loops[0] == loops[1]
    base = put.func.value if isinstance(put.func, ast.Attribute) else put
    return is_beside and _records(node, file) == _records(base, file)


def _records(node: ast.expr, file: File) -> set[str]:
    """Return the source of the keys by which an expression is read from dicts, or of the records that it is read from."""
    slot = file.slot(node) if isinstance(node, ast.Name) else None
    parents = [file.parents.get(store) for store in slot.stores] if slot is not None else []
    values = [each.value for each in parents if isinstance(each, ast.Assign)] if slot is not None else [node]
    found = set()
    for each in values:
        holder = kept.place(each)
        is_inner = holder is not None and (isinstance(holder, ast.Name) or kept.place(holder) is not None) and kept.records(file, each)
        key = (kept.key(holder) or holder) if is_inner and holder is not None else kept.key(each)
        if key is not None:
            found.add(ast.unparse(key))
    return found


def identity(put: ast.Call, file: File) -> object:
    """Return what is the same for two measurements of one measure."""
    node = measure(put, file)
    found = made(file, node)
    return found[1] if found is not None else (file.path, ast.unparse(node))


def measure(put: ast.Call, file: File) -> ast.expr:
    """Return the measure of a measurement.

    Raises:
        Refused: It is not known.
    """
    found = file.argument(put, 0, "measure")
    if found is None or file.has_stars(put):
        raise Refused(Ask("Which measure gets this value?"))
    return found
