"""Telemetry processors of exporters: an argument of `configure`, in the order in which the exporter gets them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from opencensus_compat.rewrite.context import Ask, Keep, Refused
from opencensus_compat.rewrite.following.made import is_exporter_class, loads, target

if TYPE_CHECKING:
    from opencensus_compat.rewrite.context import File, Outcome
    from opencensus_compat.scan.python_uses import Found

_ADD = "add_telemetry_processor"
_HANDLERS = "ext.azure.log_exporter."
_SPANS = ("T01", "T02", "T04")


def addition(load: ast.AST, file: File) -> ast.Call | None:
    """Return the call that adds a processor to what an expression holds; None for another use of it."""
    parent = file.parents.get(load)
    return file.call(parent) if isinstance(parent, ast.Attribute) and parent.attr == _ADD else None


def argument(made: ast.Call, file: File, at: ast.stmt) -> list[str]:
    """Return the argument of `configure` for the processors of an exporter; nothing where it has none.

    Args:
        made: The call that makes the exporter.
        file: Its file.
        at: The statement before which, or in whose place, `configure` is called.

    Raises:
        Refused: A person must say what becomes of one.
    """
    place = target(file, made)
    calls = [call for load in loads(file, place) if (call := addition(load, file)) is not None] if place is not None else []
    calls.sort(key=file.start)
    others = sum(addition(load, file) is None for load in loads(file, place)) if place is not None else 0
    found = [_source(call, file, at, is_shared=others > 1) for call in calls]
    return [f"telemetry_processors=[{', '.join(found)}]"] if found else []


def _source(call: ast.Call, file: File, at: ast.stmt, *, is_shared: bool) -> str:
    given = file.argument(call, 0, "processor")
    # A lambda that stood in two calls of `configure` would be two functions, which contradict each other.
    kinds = (ast.Name, ast.Attribute) if is_shared else (ast.Name, ast.Attribute, ast.Lambda)
    if given is None or len(call.args) + len(call.keywords) != 1 or not isinstance(given, kinds):
        raise Refused(
            Ask("Which function is the telemetry processor? Give it a name, that `configure(telemetry_processors=[...])` can take.")
        )
    statement = file.statement(call)
    block = file.body_of(at)
    if not file.is_alone(call) or statement not in block:
        raise Refused(Ask("When does the exporter get this processor? `configure(telemetry_processors=[...])` has it from the beginning."))
    first, last = sorted((block.index(at), block.index(statement)))
    between = block[first : last + 1]
    if any(use.rule.startswith(_SPANS) for each in between for node in ast.walk(each) for use in file.by_node.get(node, ())):
        raise Refused(Ask("Are items wanted that the processor does not see? It is added after some of them: add it before."))
    if block.index(at) < block.index(statement) and not _is_known(given, file, at):
        raise Refused(
            Ask("Where is this processor made? `configure(telemetry_processors=[...])` needs it above the line that makes the exporter.")
        )
    return file.render(given)


def _is_known(node: ast.expr, file: File, at: ast.stmt) -> bool:
    """Return whether a name is bound before a statement runs."""
    root = node
    while isinstance(root, ast.Attribute):
        root = root.value
    slot = file.slot(root)
    if slot is None:
        return isinstance(root, (ast.Name, ast.Lambda))
    return len(slot.stores) == 1 and (file.start(slot.stores[0]) < file.start(at) or slot.owner is not file.owner(at))


def _is_of_subclass(owner: ast.expr, file: File) -> bool:
    """Return whether an exporter gets a processor in a class that stands on it, which stays."""
    is_self = (isinstance(owner, ast.Name) and owner.id == "self") or (isinstance(owner, ast.Call) and ast.unparse(owner.func) == "super")
    around = file.class_around(owner)
    return is_self and around is not None and is_exporter_class(around, file)


def processor(use: Found, file: File) -> Outcome:
    """`handler.add_telemetry_processor(...)` stays: the new handlers have it. On other exporters it becomes an argument of `configure`."""
    if use.symbol.startswith(_HANDLERS) or file.call(use.node) is None:
        return []
    owner = use.node.value if isinstance(use.node, ast.Attribute) else None
    if owner is not None and (file.value(owner).name.startswith(_HANDLERS) or _is_of_subclass(owner, file)):
        return []
    call = file.call(use.node)
    if owner is None or call is None or not file.is_alone(call) or not isinstance(owner, (ast.Name, ast.Attribute)):
        return Keep("telemetry processors of this exporter")
    # The rule of the exporter writes the argument, or refuses the whole.
    return [file.delete(file.statement(call))]
