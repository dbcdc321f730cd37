"""Dicts of objects that functions and other files read by single keys."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from opencensus_compat.rewrite.imports import starred
from opencensus_compat.rewrite.rules.made import readers, stored, target

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File


class Kept(NamedTuple):
    """A dict that is bound to one variable of its file."""

    file: File
    node: ast.Dict

    def values(self) -> list[tuple[File, ast.expr]]:
        """Return what it holds, also what is set later; with their files."""
        found: list[tuple[File, ast.expr]] = [(self.file, each) for each in self.node.values]
        place = target(self.file, self.node)
        for home, load in readers(self.file, place) if place is not None else []:
            written = home.parents.get(home.parents[load]) if _is_written(load, home) else None
            if isinstance(written, ast.Assign):
                found.append((home, written.value))
        return found


def lookups(file: File, node: ast.Dict) -> list[tuple[File, ast.expr]]:
    """Return what reads single values of a dict, in all files of a program; none where anything else is done with it.

    Args:
        file: Its file.
        node: The dict, as its variable is bound to it.
    """
    return _reads(file, node) or []


def _reads(file: File, node: ast.Dict) -> list[tuple[File, ast.expr]] | None:
    """Return what reads single values of a dict; None where anything else is done with it."""
    place = target(file, node)
    slot = file.slot(place) if place is not None else None
    if place is None or slot is None or slot.stores != [place]:
        return None
    for home in file.files.values():
        # What gets it by `import *` has no variable that could be followed.
        if any(home.slot(each) is None for each in home.reads(slot.name)) and (starred(home, slot.name) or (home, None))[1] is slot:
            return None
    found: list[tuple[File, ast.expr]] = []
    for home, load in readers(file, place):
        read = _read(load, home)
        if read is not None:
            found.append((home, read))
        elif not _is_written(load, home) and not _is_asked_for_a_key(load, home):
            return None
    return found


def dictionary(file: File, node: ast.expr) -> Kept | None:
    """Return the dict that an expression reads or sets a single value of; None for another expression."""
    place = node.value if isinstance(node, ast.Subscript) else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
        place = node.func.value
    found = stored(file, place) if isinstance(place, (ast.Name, ast.Attribute)) else None
    if found is None or not isinstance(found[1], ast.Dict):
        return None
    kept = Kept(found[0], found[1])
    reads = _reads(*kept)
    is_set = isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
    return kept if reads is not None and (is_set or any(read is node for _, read in reads)) else None


def _read(load: ast.expr, file: File) -> ast.expr | None:
    parent = file.parents.get(load)
    if isinstance(parent, ast.Subscript) and parent.value is load and isinstance(parent.ctx, ast.Load):
        return parent
    call = file.call(parent) if isinstance(parent, ast.Attribute) and parent.attr == "get" else None
    return call if call is not None and len(call.args) == 1 and not call.keywords else None


def _is_written(load: ast.expr, file: File) -> bool:
    parent = file.parents.get(load)
    if not isinstance(parent, ast.Subscript) or parent.value is not load or not isinstance(parent.ctx, ast.Store):
        return False
    return isinstance(file.parents.get(parent), ast.Assign)


def _is_asked_for_a_key(load: ast.expr, file: File) -> bool:
    parent = file.parents.get(load)
    is_last = isinstance(parent, ast.Compare) and parent.comparators == [load]
    return is_last and isinstance(parent, ast.Compare) and isinstance(parent.ops[0], (ast.In, ast.NotIn))
