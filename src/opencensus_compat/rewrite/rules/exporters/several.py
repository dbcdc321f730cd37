"""Exporters that stay: whether one provider can hand spans to them, or each needs a pipeline."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, TypeAlias

from opencensus_compat.rewrite.following import calls
from opencensus_compat.rewrite.following.made import is_azure
from opencensus_compat.rewrite.rules.exporters import handed
from opencensus_compat.rewrite.rules.exporters.providers import Taker, is_first
from opencensus_compat.scan import strings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opencensus_compat.rewrite.context import File

Taken: TypeAlias = "tuple[File, Taker, list[tuple[File, ast.expr]]]"
"""A tracer or middleware with its file, and the calls that make its exporter, with theirs."""


def are_beyond_one_provider(every: list[Taken]) -> bool:
    """Return whether one process has exporters that stay, and one provider could not serve all that is there.

    Args:
        every: The tracers and middlewares of the program that have exporters.
    """
    groups: dict[frozenset[ast.expr], list[Taken]] = {}
    for each in every:
        groups.setdefault(frozenset(call for _, call in each[2]), []).append(each)
    staying = {makers: users for makers, users in groups.items() if stay(users[0][2])}
    for makers, users in staying.items():
        if len(stay(users[0][2])) < len(makers) or _is_beyond_one_place(users):
            return True
        if len(groups) > 1:
            near = {home.path for user in users for home in loaded_together(user[0])}
            if any(home.path in near for other, others in groups.items() if other != makers for home, _, _ in others):
                return True
    return False


def _is_beyond_one_place(users: list[Taken]) -> bool:
    """Return whether there is no one place that runs once and sets the provider for tracers and middlewares with the same exporters."""
    file, first, found = users[0]
    parts = [handed.of_attribute(each.exporter, home) for home, each, _ in users]
    if any(part is not None for part in parts):
        values = [part.value() if part is not None else None for part in parts]
        is_told = all(part is not None and handed.sampler_kind(part, file) is not None for part in parts)
        return not is_told or not all(value is not None and is_once(value[1], value[0]) for value in values)
    user, exporter = first.node, first.exporter
    is_beside = isinstance(exporter, ast.Call) or is_in_reach(exporter, user, file)
    if len(users) == 1 and is_beside and isinstance(user, ast.Call):
        return not is_first(user, file) or not is_once(user, file)
    kinds = {each.kind(home) for home, each, _ in users}
    return len(kinds) > 1 or None in kinds or len(found) > 1 or not is_once(found[0][1], found[0][0])


def is_in_reach(node: ast.AST | None, user: ast.AST, file: File) -> bool:
    """Return whether an exporter is a variable of the function or module that makes the tracer, or what that is handed."""
    slot = file.slot(node) if node is not None else None
    return slot is not None and slot.owner is file.owner(user) and not any(isinstance(store, ast.alias) for store in slot.stores)


def is_once(node: ast.AST, file: File, depth: int = 4) -> bool:
    """Return whether an expression is evaluated at most once in a process, as far as the program's own calls tell."""
    for each in file.up(node):
        if isinstance(each, (ast.For, ast.AsyncFor, ast.While, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            return False
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)):
            owner = file.parents.get(each)
            name = owner.name if isinstance(owner, ast.ClassDef) and each.name == "__init__" else each.name
            if not depth or any(strings.tail(other) not in {"staticmethod", "classmethod"} for other in each.decorator_list):
                return False
            is_made = name != each.name
            named = [(home, read) for home, read in file.files.reads(name) if not (is_made and calls.is_of_types(read, home))]
            found = [calls.making(read, home) if is_made else home.call(read) for home, read in named]
            return not named or (len(named) == 1 and found[0] is not None and is_once(named[0][1], named[0][0], depth - 1))
    return True


def stay(found: list[tuple[File, ast.expr]]) -> list[tuple[File, ast.Call]]:
    """Return those of some exporters that stay."""
    return [(home, call) for home, call in found if isinstance(call, ast.Call) and not is_azure(home, call)]


def loaded_together(file: File) -> list[File]:
    """Return the files that one process may load with a file: some file of the program imports both, directly or not."""
    imports = {path: home.imported() for path, home in file.files.items()}
    importers: dict[str, list[str]] = {}
    for path, found in imports.items():
        for other in found:
            importers.setdefault(other, []).append(path)
    above = _reached([file.path], lambda path: importers.get(path, ()))
    below = _reached(above, imports.__getitem__)
    return [home for path, home in file.files.items() if path in below]


def _reached(paths: Iterable[str], steps: Callable[[str], Iterable[str]]) -> set[str]:
    """Return some files and those to which steps lead from them, one or several."""
    reached = set(paths)
    pending = list(reached)
    while pending:
        for found in steps(pending.pop()):
            if found not in reached:
                reached.add(found)
                pending.append(found)
    return reached
