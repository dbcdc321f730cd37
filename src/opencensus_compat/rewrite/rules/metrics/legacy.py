"""Exporters of stats that stay, of other makers and the program's own: which they are, and where a thread reads `stats.stats` for them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.following.held import held
from opencensus_compat.rewrite.following.made import made, readers, stored, target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opencensus_compat.rewrite.context import File

REGISTER_EXPORTER = "stats.view_manager.ViewManager.register_exporter"
THREAD = "metrics.transport.get_exporter_thread"
_STATS = "stats.stats.stats"
_AZURE = "ext.azure."
_PROMETHEUS = "ext.prometheus."
_PUSHED = frozenset({"export", "emit", "on_register_view"})
"""Methods of exporters that get each record as it is made."""
_CHANGING = frozenset({"S001", "S002"})


def places(file: File) -> list[tuple[File, ast.Call]]:
    """Return the calls of a program that have a thread read `stats.stats` for an exporter which stays, in their order."""
    found = [(home, call) for home in file.files.values() for call in _calls(home) if is_place(call, home)]
    return sorted(found, key=lambda each: (each[0].path, each[0].start(each[1])))


def _calls(file: File) -> Iterator[ast.Call]:
    for use in file.uses:
        call = file.call(use.node)
        if call is not None and (use.symbol == THREAD or (use.rule[0] == "V" and ".stats_exporter." in use.symbol)):
            yield call


def is_place(call: ast.Call, file: File) -> bool:
    """Return whether a call has a thread read `stats.stats` for an exporter that stays."""
    symbol = file.symbol(call)
    if symbol != THREAD:
        return symbol.endswith(".stats_exporter.new_stats_exporter") and not symbol.startswith((_AZURE, _PROMETHEUS))
    producers = file.argument(call, 0, "metric_producers")
    if not isinstance(producers, (ast.List, ast.Tuple)) or len(producers.elts) != 1:
        return False
    return _is_stats(producers.elts[0], file) and stays(file.argument(call, 1, "exporter"), file)


def _is_stats(node: ast.expr, file: File) -> bool:
    if file.symbol(node) == _STATS:
        return True
    found = stored(file, node)
    return found is not None and found[0].symbol(found[1]) == _STATS


def stays(node: ast.expr | None, file: File) -> bool:
    """Return whether an expression holds an exporter that only a thread calls, with `export_metrics`, and that is not Azure's."""
    found = made(file, node)
    if found is None:
        return False
    home, call = found
    symbol = home.symbol(call)
    if symbol:
        return ".stats_exporter." in symbol and not symbol.startswith((_AZURE, _PROMETHEUS))
    owner = _class_of(call.func, home)
    if owner is None or owner[1].keywords or any(not (isinstance(each, ast.Name) and each.id == "object") for each in owner[1].bases):
        return False
    names = {each.name for each in owner[1].body if isinstance(each, ast.FunctionDef)}
    return "export_metrics" in names and not names & _PUSHED


def _class_of(node: ast.expr, file: File) -> tuple[File, ast.ClassDef] | None:
    slot = file.slot(node) if isinstance(node, ast.Name) else None
    home, store = file, slot.stores[0] if slot is not None and len(slot.stores) == 1 else None
    if isinstance(store, ast.alias):
        origin = file.origin(store)
        home, store = (origin[0], origin[1].stores[0]) if origin is not None and len(origin[1].stores) == 1 else (file, None)
    return (home, store) if isinstance(store, ast.ClassDef) else None


def keeps(call: ast.Call, file: File) -> bool:
    """Return whether `register_exporter(...)` is what keeps an exporter that stays: threads hold theirs weakly, and no variable of a module has it."""
    node = file.argument(call, 0, "exporter")
    slot = file.slot(node) if isinstance(node, ast.Name) else None
    is_of_module = slot is not None and slot.owner is file.tree and len(slot.stores) == 1
    return is_registered(call, file) and not is_of_module


def is_registered(call: ast.Call, file: File) -> bool:
    """Return whether `register_exporter(...)` gets an exporter that stays, which OpenCensus calls by no method."""
    if file.symbol(call) != REGISTER_EXPORTER:
        return False
    node = file.argument(call, 0, "exporter")
    found = held(file, node)
    if found is not None and all(home.symbol(each).endswith(".stats_exporter.new_stats_exporter") for home, each in found):
        return all(is_place(each, home) for home, each in found if isinstance(each, ast.Call))
    return stays(node, file) and any(made(home, home.argument(each, 1, "exporter")) == made(file, node) for home, each in places(file))


def is_needed(node: ast.expr, file: File, depth: int = 4) -> bool:
    """Return whether an expression is a part of OpenCensus's stats that an exporter which stays needs: a thread reads it, or it keeps the exporter."""
    parent = file.parents.get(node)
    call = file.parents.get(parent) if isinstance(parent, (ast.List, ast.Tuple)) else None
    call = file.parents.get(call) if isinstance(call, ast.keyword) else call
    if isinstance(call, ast.Call) and file.symbol(call) == THREAD:
        return is_place(call, file)
    while isinstance(parent, ast.Attribute):
        node, parent = parent, file.parents.get(parent)
    if isinstance(parent, ast.Call) and parent.func is node:
        return keeps(parent, file)
    place = target(file, node)
    return place is not None and depth > 0 and any(is_needed(load, home, depth - 1) for home, load in readers(file, place))


def has_metrics(file: File) -> bool:
    """Return whether something of the program is still to become an instrument."""
    return any(use.rule in _CHANGING for home in file.files.values() for use in home.uses if use.node in home.parents)


def is_first(call: ast.Call, file: File) -> bool:
    """Return whether a call is the first of those that have a thread read `stats.stats`."""
    every = places(file)
    return bool(every) and every[0] == (file, call)


def are_served_by(call: ast.Call, file: File) -> bool:
    """Return whether what a call sets is set wherever an exporter that stays is made: no branch, loop or function around it is another one."""
    around = _blocks(call, file)
    return all(home is file and around <= _blocks(place, home) for home, place in places(file))


def _blocks(node: ast.AST, file: File) -> set[int]:
    """Return the blocks that an expression stands in, but those of `with`."""
    statements = [
        each for each in [file.statement(node), *file.up(file.statement(node))] if isinstance(each, (ast.stmt, ast.ExceptHandler))
    ]
    return {id(file.body_of(each)) for each in statements if not isinstance(file.parents.get(each), (ast.With, ast.AsyncWith))}
